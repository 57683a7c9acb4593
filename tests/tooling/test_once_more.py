"""A second look at a few failures, alone: what passes then is flaky, and said to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INI = """
[pytest]
timeout = 60
asyncio_default_fixture_loop_scope = function
"""
CONFTEST = 'pytest_plugins = ["tests.watch"]\n'
FLAKY = """
import pathlib

def test_that_fails_once():
    mark = pathlib.Path("was-here")
    first = not mark.exists()
    mark.touch()
    assert not first
"""
BROKEN = "\ndef test_that_always_fails():\n    assert False\n"
MANY = "".join(f"\ndef test_{number}():\n    assert False\n" for number in range(7))
ENDS = "\nimport pytest\n\ndef test_that_ends_the_suite():\n    pytest.exit('no more')\n"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("suite", "forgiven", "said"),
    [
        (FLAKY, True, "FLAKY, to be mended: test_suite.py::test_that_fails_once"),
        (BROKEN, False, "once more, alone: test_suite.py::test_that_always_fails"),
        (FLAKY + BROKEN, False, "once more, alone: test_suite.py::test_that_always_fails"),
        (MANY, False, "7 tests failed; only 1 to 6 may be accidents"),
        (FLAKY + ENDS, False, "the suite did not run to its end (exit code 2)"),
        ("import nothing_of_this_name", False, "once more, alone: test_suite.py"),
        ("", False, "the suite did not run to its end"),
    ],
    ids=["flaky", "broken", "one of each", "many", "ended", "no suite", "no tests"],
)
def test_only_a_few_that_pass_alone_are_forgiven(
    tmp_path: Path, suite: str, forgiven: bool, said: str
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text(INI)
    (tmp_path / "test_suite.py").write_text(suite)
    run(tmp_path, "pytest", "-p", "no:randomly", "-n1")
    done = run(tmp_path, "scripts.once_more")
    assert (done.returncode == 0) == forgiven, done.stdout + done.stderr
    assert said in done.stdout
    assert ("FLAKY" in done.stdout) == forgiven


def test_a_suite_that_was_never_run_is_not_forgiven(tmp_path: Path) -> None:
    done = run(tmp_path, "scripts.once_more")
    assert done.returncode == 1
    assert "did not run to its end (exit code None)" in done.stdout
