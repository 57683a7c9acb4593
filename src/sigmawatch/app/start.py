"""Where the process begins: what must stand before NumPy is imported, then the command line.

NumPy asks the kernel for huge pages by default and reads only here that it should not. Our arrays
are written row by row: they gain nothing from them, and a restart of 100,000 series spends a third
of its time on the kernel's search for free ones (8.7 s instead of 5.7; closes are alike).
https://numpy.org/doc/stable/reference/global_state.html

A process that dies leaves no image of its memory, where every secret lies open (SECURITY.md, S40).
"""

from __future__ import annotations

import os
import resource


def main() -> None:
    """The entry point of `sigmawatch`. Who set the variable knows better."""
    os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    from sigmawatch.app import cli  # noqa: PLC0415 - NumPy comes with what a command does

    cli.main()
