"""Keeps what a start builds out of Python's garbage collections.

A start makes a few hundred thousand objects that live as long as the program. While it lasts
collections find nothing (100,000 series: a second or two of a restart); afterwards a full one would
look at everything again, 130 to 190 ms in which nobody is answered. For the process that serves
only: whoever builds several programs in one process would never get their memory back.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def starting() -> Iterator[None]:
    """No collections within; what there is at its end is never looked at again."""
    gc.disable()
    try:
        yield
        gc.collect()
        gc.freeze()
    finally:
        gc.enable()
