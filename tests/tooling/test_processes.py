"""What a test starts ends with it."""

from pathlib import Path

import pytest
from tests.processes import started

TESTS = Path(__file__).parents[1]


class OverError(Exception):
    """A test's time is up."""


def test_a_program_that_never_ends_holds_up_no_test_that_is_over() -> None:
    with pytest.raises(OverError), started(["sleep", "3600"]) as process:
        raise OverError
    assert process.returncode == -9


def test_every_test_starts_its_programs_so() -> None:
    """`with Popen` waits at its end for a program that nobody stops any more."""
    waiting = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if "with subprocess.Popen" in path.read_text() and path.name != "test_processes.py"
    ]
    assert waiting == ["processes.py"]
