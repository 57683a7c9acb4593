"""A suite never hangs, and says at once what failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONFTEST = """
from tests import watch

pytest_plugins = ["tests.watch"]
watch.AFTER_ITS_LIMIT_S = 0.5
"""

INI = """
[pytest]
timeout = 60
asyncio_default_fixture_loop_scope = function
"""

HANGS_AT_ITS_END = """
import threading

import pytest


@pytest.fixture
def thing():
    yield
    threading.Event().wait()


@pytest.mark.timeout(1)
def test_that_fails(thing):
    assert "this" == "that"


def test_the_next():
    pass
"""

HANGS_AFTER_ITS_TIME = """
import contextlib
import threading

import pytest


@pytest.mark.timeout(1)
def test_that_swallows_the_end_of_its_time():
    with contextlib.suppress(BaseException):
        threading.Event().wait()
    threading.Event().wait()


def test_the_next():
    pass
"""


FAILS = """
def test_that_fails():
    assert "this" == "that"


def test_the_next():
    print("the second")
"""


@pytest.mark.parametrize(
    ("suite", "hanging"),
    [
        pytest.param(HANGS_AT_ITS_END, "thing", id="while it cleans up after a failure"),
        pytest.param(
            HANGS_AFTER_ITS_TIME,
            "test_that_swallows_the_end_of_its_time",
            id="after its time was up",
        ),
    ],
)
def test_a_test_that_hangs_ends_its_process_and_shows_where(
    tmp_path: Path, suite: str, hanging: str
) -> None:
    done = _run(tmp_path, suite, "-n1")
    assert done.returncode == 1
    assert f"in {hanging}" in done.stderr  # its stack
    assert "crashed while running" in done.stdout
    assert "1 passed" in done.stdout  # the next one ran, in another process


def test_a_failure_is_told_when_it_fails(tmp_path: Path) -> None:
    said = _run(tmp_path, FAILS, "-s").stdout
    assert "assert 'this' == 'that'" in said.partition("the second")[0]
    assert said.count("assert 'this' == 'that'") == 3  # there, at the end, and in the summary


def _run(folder: Path, suite: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text(INI)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider",
         *arguments, "test_suite.py"],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
