"""A tracer never holds up the test that started it."""

from __future__ import annotations

import asyncio
import signal

import pytest
from tests.faults import tracer


async def test_a_tracer_that_does_not_let_go_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracer, "LETS_GO_WITHIN_S", 0.1)
    deaf = await asyncio.create_subprocess_exec(
        "sh", "-c", "trap '' INT; echo attached >&2; exec sleep 600", stderr=asyncio.subprocess.PIPE
    )
    assert deaf.stderr is not None
    await deaf.stderr.readline()
    await tracer.let_go(deaf)
    assert deaf.returncode == -signal.SIGKILL
