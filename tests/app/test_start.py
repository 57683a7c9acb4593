"""What must happen before NumPy is imported does."""

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
    import os
    print("early" if early else "in time", os.environ["NUMPY_MADVISE_HUGEPAGE"])
"""


def test_numpy_finds_the_setting_when_it_is_imported_and_the_operators_word_stands() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "NUMPY_MADVISE_HUGEPAGE"}
    assert _said(environment) == "in time 0"
    assert _said({**environment, "NUMPY_MADVISE_HUGEPAGE": "1"}) == "in time 1"


def _said(environment: dict[str, str]) -> str:
    command = [sys.executable, "-c", ASKED]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]
