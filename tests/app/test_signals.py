"""How `run` ends: real signals to a child process, waits bounded by its own output."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.pace import allowed_s
from tests.processes import started

ENDS_WITHIN_S = 2.0

WORK = """
import asyncio, time
from sigmawatch.app.cli.signals import until_signalled

async def work():
    print("working", flush=True)
    try:
        {body}
    finally:
        print("cleaning", flush=True)
        {cleaning}
        print("cleaned", flush=True)

asyncio.run(until_signalled(work()))
print("ended", flush=True)
"""


pytestmark = pytest.mark.timeout(60)


@contextmanager
def child(body: str, cleaning: str = "pass") -> Iterator[subprocess.Popen[str]]:
    code = WORK.format(body=body, cleaning=cleaning)
    with started([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        yield process


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    started = time.monotonic()
    assert process.stdout is not None
    output = process.stdout.read()
    process.wait()
    assert time.monotonic() - started < allowed_s(ENDS_WITHIN_S)
    return process.returncode, output.splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_normal_end_and_everything_is_put_away(number: signal.Signals) -> None:
    with child("await asyncio.Future()") as process:
        process.send_signal(number)
        assert ended(process) == (0, ["cleaning", "cleaned", "ended"])


def test_a_second_signal_ends_at_once() -> None:
    with child("await asyncio.Future()", "await asyncio.sleep(60)") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "cleaning\n"
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert process.stdout.read() == ""
        assert time.monotonic() - started < allowed_s(1.0)


def test_what_does_not_let_go_is_left_after_two_seconds() -> None:
    with child("await asyncio.Future()", "time.sleep(60)") as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, ["cleaning"])


def test_a_blocked_event_loop_does_not_keep_it_either() -> None:
    with child("sum(0 for _ in iter(int, 1))") as process:
        process.send_signal(signal.SIGTERM)
        assert ended(process) == (0, [])


def test_an_error_of_the_work_is_no_normal_end() -> None:
    with child("raise ValueError") as process:
        code, output = ended(process)
        assert (code, output) == (1, ["cleaning", "cleaned"])
