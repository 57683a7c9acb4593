"""What must happen before anything else does."""

from __future__ import annotations

import os
import subprocess
import sys

ASKED = """
import sys
from sigmawatch.app import start
early = "numpy" in sys.modules
sys.argv = ["sigmawatch", "--version"]
try:
    start.main()
finally:
    import os, resource
    core, _ = resource.getrlimit(resource.RLIMIT_CORE)
    print(core, "early" if early else "in time", os.environ["NUMPY_MADVISE_HUGEPAGE"])
"""


def test_numpy_finds_the_setting_when_it_is_imported_and_the_operators_word_stands() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "NUMPY_MADVISE_HUGEPAGE"}
    assert _said(environment).endswith("in time 0")
    assert _said({**environment, "NUMPY_MADVISE_HUGEPAGE": "1"}).endswith("in time 1")


def test_a_process_that_dies_leaves_no_image_of_its_memory() -> None:
    """SECURITY.md, S40: "core off"."""
    assert _said(dict(os.environ)).startswith("0 ")


def test_a_command_loads_only_what_it_needs() -> None:
    """The command line is there before any of what serves: half of the processor's time of a
    command that asks a program, or answers by itself, was spent on importing the rest."""
    look = "import sys, sigmawatch.app.cli; print(*{one.split('.')[0] for one in sys.modules})"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "typer" in loaded
    assert not loaded & {"aiohttp", "apsw", "litestar", "numpy", "prometheus_client", "uvicorn"}


def _said(environment: dict[str, str]) -> str:
    command = [sys.executable, "-c", ASKED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]
