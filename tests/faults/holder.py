"""Who wants a database for itself: python -m tests.faults.holder hold FOLDER, or claim URL [blind],
or races FOLDER [pidfile].

It says "ready", and at the line "go" it tries: "held" (or "claimed"), or "refused", how long that
took and why. Then, for every line "write", it commits: "written", or why not. "races" has two tries
at once for every line, each in a process of its own, and tells what became of both; then they are
killed. The bugs that the tests must notice: "pidfile" holds a folder by a file with a process id
alone; "blind" does not look whether its claim still stands.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import NoReturn

import structlog
from tests.contracts.samples import SLOT, frame, store, track

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers import folder as folders
from sigmawatch.adapters.ledgers.folder import DataFolder
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.errors import InUse, SigmawatchError, Superseded
from sigmawatch.ports.ledger import Claim


class ByPidFile(DataFolder):
    """Looks whether the process in the file lives, then writes its own."""

    @classmethod
    def hold(cls, path: Path, *, mounts: Path = folders.MOUNTS) -> DataFolder:
        path.mkdir(parents=True, exist_ok=True)
        note = path / "sigmawatch.pid"
        if note.exists() and Path("/proc", note.read_text()).exists():
            raise InUse("in use")
        note.write_text(str(os.getpid()))
        return cls(path, os.open(note, os.O_RDONLY))


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def tried(folder: Path) -> tuple[SqliteLedger | None, str]:
    """Open it: the ledger, and what to say."""
    began_s = time.monotonic()
    try:
        return await SqliteLedger.open(folder, clock=RealClock()), "held"
    except SigmawatchError as exc:
        return None, f"refused {time.monotonic() - began_s:.4f} {type(exc).__name__}"


def races(folder: Path, *, by_pid_file: bool) -> None:
    """Two processes a line, which try at once; both are dead before the next."""
    say("ready")
    while sys.stdin.readline():
        lines, told = os.pipe()
        start, go = os.pipe()  # a byte for each
        held, life = os.pipe()  # closed, it ends them, whoever closes it
        pids: list[int] = []
        while len(pids) < 2 and 0 not in pids:
            pids.append(os.fork())
        if 0 in pids:
            os.close(life)
            os.close(1)
            os.read(start, 1)
            try_and_wait(folder, (told, held), by_pid_file=by_pid_file)
        os.write(go, b"go")
        with os.fdopen(lines) as answers:
            say("; ".join(answers.readline().strip() for _ in pids))
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for end in (told, start, go, held, life):
            os.close(end)


def try_and_wait(folder: Path, pipes: tuple[int, int], *, by_pid_file: bool) -> NoReturn:
    """Of one process of a race."""
    kept: object
    if by_pid_file:
        try:
            kept, said = ByPidFile.hold(folder), "held"
        except InUse:
            kept, said = None, "refused 0 InUse"
    else:
        kept, said = asyncio.run(tried(folder))
    os.write(pipes[0], f"{said}\n".encode())
    os.read(pipes[1], 1)
    os._exit(kept is None)


async def hold(folder: Path) -> None:
    say("ready")
    sys.stdin.readline()
    ledger, said = await tried(folder)
    say(said)
    if ledger is None:
        return
    await track(ledger, "BTC")
    for number in count(os.getpid() * 1_000):
        if not sys.stdin.readline():
            break
        await store(ledger, frame(SLOT + number))
        say(f"written {SLOT + number}")
    await ledger.close()


async def claim(url: str, *, blind: bool) -> None:
    ledger = await PostgresLedger.open(url, clock=RealClock())
    say("ready")
    sys.stdin.readline()
    async with AsyncExitStack() as stack:
        held = await stack.enter_async_context(ledger.claimed("sealing"))
        say("claimed" if held is not None else "refused")
        sys.stdin.readline()
        try:
            await write(ledger, held, blind=blind)
        except Superseded:
            say("superseded")
        else:
            say("written")
    await ledger.close()


async def write(ledger: SqlLedger, held: Claim | None, *, blind: bool) -> None:
    assert held is not None
    async with ledger.transaction() as transaction:
        if not blind:
            await transaction.check(held)
        await transaction.frames.insert([frame(SLOT)])


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    what, where, *bug = sys.argv[1:]
    match what:
        case "claim":
            asyncio.run(claim(where, blind=bug == ["blind"]))
        case "hold":
            asyncio.run(hold(Path(where)))
        case "races":
            races(Path(where), by_pid_file=bug == ["pidfile"])
