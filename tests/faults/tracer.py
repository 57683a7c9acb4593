"""strace beside a process that runs already: it delays, fails or counts its system calls.

https://man7.org/linux/man-pages/man1/strace.1.html
"""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

STRACE = shutil.which("strace")
LETS_GO_WITHIN_S = 5.0

needs_strace = pytest.mark.skipif(STRACE is None, reason="no strace: no syscall-exact kills")


@asynccontextmanager
async def traced(pid: int, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """All threads of the process, until the end of the block; it runs free again after it."""
    assert STRACE is not None
    tracer = await asyncio.create_subprocess_exec(
        STRACE, "-f", "-p", str(pid), *options, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert tracer.stderr is not None
        attached = await tracer.stderr.readline()
        assert b"attached" in attached, attached
        yield tracer
    finally:
        await let_go(tracer)


async def let_go(tracer: asyncio.subprocess.Process) -> None:
    """One that is told to let go of a process that is dying waits for its first thread, while that
    thread waits for the others, for ever (strace 6.1). The kernel lets go of what a dead one held.
    """
    try:
        async with asyncio.timeout(LETS_GO_WITHIN_S):
            if tracer.returncode is None:
                tracer.send_signal(signal.SIGINT)
            await tracer.wait()
    except TimeoutError:
        tracer.kill()
        await tracer.wait()
