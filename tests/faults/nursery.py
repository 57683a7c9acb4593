"""Lives of the ledger that begin at once and are ended at an exact system call.

`python -m tests.faults.nursery` imports everything once and forks a life for every line it reads
(FOLDER LENGTH BUG; "sound" for none); another module may `serve` lives of its own. A newborn waits
for the line "go", when strace stands by; what it tells goes to the file FOLDER.told. strace counts
calls by name and thread, and kills on entering the one asked for, before the kernel does it. (Not
with --seccomp-bpf, under which it kills nobody.)
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.faults.broken_lives import BUGS
from tests.faults.ledger_life import LedgerLife, main
from tests.faults.tracer import traced

ROOT = Path(__file__).parents[2]
LIFE_S = 60.0  # a whole one takes a second on a quiet machine

# What changes a disk. Killed on entering one of these, a process leaves the disk as every call
# before it had left it; the calls between make no difference to what is found.
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "rename", "unlink")


class Point(NamedTuple):
    """The number-th `call` of whichever thread gets that far first."""

    call: str
    number: int


@dataclass(frozen=True, slots=True)
class Life:
    """How a life went. told: its lines; killed: at the point, not by itself."""

    told: Sequence[str]
    killed: bool


class Nursery:
    """The warm process. One life at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def calls(self, folder: Path, length: str) -> list[Point]:
        """Where a life can be killed: it is lived to its end, and its calls are counted."""
        log = folder.with_suffix(".calls")
        options = ("-o", str(log), "-e", f"trace={','.join(CALLS)}")
        life = await self._live(folder, length, bug="sound", strace=options)
        assert life.told[-1] == "closed"
        return points_in(log.read_text(), CALLS)

    async def killed(self, folder: Path, length: str, *, at: Point, bug: str = "sound") -> Life:
        """A life that ends at that point."""
        inject = f"inject={at.call}:signal=SIGKILL:when={at.number}"
        options = ("-o", os.devnull, "-e", f"trace={at.call}", "-e", inject)
        return await self._live(folder, length, bug=bug, strace=options)

    async def _live(self, folder: Path, length: str, *, bug: str, strace: Sequence[str]) -> Life:
        killed = await self.lived(f"{folder} {length} {bug}", strace=strace)
        return Life(_told(folder).read_text().splitlines(), killed)

    async def lived(self, line: str, *, strace: Sequence[str]) -> bool:
        """A life of what the line says; whether it was killed."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{line}\n".encode())
        pid = int(await process.stdout.readline())
        async with traced(pid, *strace) as tracer:
            process.stdin.write(b"go\n")
            try:
                async with asyncio.timeout(LIFE_S):
                    status = int(await process.stdout.readline())
            except BaseException:  # else the warm process would wait for it for ever
                os.kill(pid, signal.SIGKILL)
                raise
            await tracer.wait()
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or status == 0, f"ended with status {status}"
        return killed


def points_in(log: str, calls: Sequence[str]) -> list[Point]:
    """Where the life that strace wrote the log of could have been killed."""
    found = Counter(re.findall(r"^(\d+) +(\w+)\(", log, re.MULTILINE))
    most = {call: max(n for (_, c), n in found.items() if c == call) for _, call in found}
    return [Point(call, k) for call in calls for k in range(1, most.get(call, 0) + 1)]


@asynccontextmanager
async def nursery(module: str = "tests.faults.nursery") -> AsyncIterator[Nursery]:
    """A warm process, gone afterwards. module: what it runs; it calls `serve`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module,
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Nursery(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()  # nobody asks any more: it ends, and who waits for "go"
        await process.wait()


def _told(folder: Path) -> Path:
    return folder.with_suffix(".told")


def serve(live: Callable[[str], None]) -> None:
    """Fork a life for every line, and say its process and how it ended."""
    for line in sys.stdin:
        held, release = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(release)
            os.read(held, 1)
            live(line)
            os._exit(0)
        print(pid, flush=True)
        sys.stdin.readline()  # go
        os.close(release)
        _, status = os.waitpid(pid, 0)
        os.close(held)
        print(status, flush=True)


def _live(line: str) -> None:
    where, length, bug = line.split()
    folder = Path(where)
    told = os.open(_told(folder), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    life = BUGS.get(bug, LedgerLife)(folder, tell=lambda line: os.write(told, f"{line}\n".encode()))
    main(life, length)


if __name__ == "__main__":
    serve(_live)
