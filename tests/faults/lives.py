"""The program's lives: started as users start it, killed with SIGKILL, started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
SOUND = ("-c", "from sigmawatch.app.cli import main; main()")
START_WITHIN_S = 300.0  # else it hangs; how soon it is ready is P09's matter
LAST_WORDS_WITHIN_S = 5.0


@dataclass(kw_only=True)
class Life:
    """One process that is ready. pid: ours to kill."""

    process: asyncio.subprocess.Process
    url: str = ""
    wrapped: bool = False  # by a command that ends when the program does
    killed: bool = False
    last_words: deque[str] = field(default_factory=lambda: deque(maxlen=60))

    def cpu_s(self) -> float:
        """Processor time so far. Linux only."""
        return sum(map(_cpu_s, self._pids()))

    def _pids(self) -> list[int]:
        return _children(self.process.pid) if self.wrapped else [self.process.pid]

    def kill(self) -> None:
        """SIGKILL, to a process that has not ended by itself."""
        if self.killed:
            return
        assert self.process.returncode is None, "".join(self.last_words)
        self.killed = True
        for pid in self._pids():
            os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def alive(
    folder: Path, *, program: Sequence[str] = SOUND, before: Sequence[str] = (),
    ready: bool = True,
) -> AsyncIterator[Life]:  # fmt: skip
    """The program over `folder`, from the moment it is ready, else that it serves; it is dead
    afterwards. before: a command that runs it and ends with it, as strace."""
    process = await asyncio.create_subprocess_exec(
        *before, sys.executable, *program, "run", "--port", "0", "--log", "json",
        "--config", str(folder / "sigmawatch.toml"), "--data", str(folder / "data"),
        cwd=ROOT, env=environment(), stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    life = Life(process=process, wrapped=bool(before))
    assert process.stderr is not None
    try:
        async with asyncio.timeout(START_WITHIN_S):
            life.url = await _address(process.stderr, life)
            if ready:
                await _ready(life.url)
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(_listen(process.stderr, life))
            try:
                yield life
            except BaseException:  # it may be ending by itself, and say why
                await asyncio.wait([listening], timeout=LAST_WORDS_WITHIN_S)
                raise
            life.kill()
    except BaseException as error:
        error.add_note(f"the program's last words:\n{''.join(life.last_words)}")
        raise
    finally:
        if process.returncode is None:
            life.kill()
        await process.wait()


def delayed(sync_ms: int) -> Sequence[str]:
    """A command that makes every sync of the program after it take so much longer."""
    syncs = f"inject=fdatasync,fsync:delay_enter={1_000 * sync_ms}"
    return ("strace", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", "trace=fdatasync,fsync",
            "-e", syncs)  # fmt: skip


def killed_at(call: str, number: int) -> Sequence[str]:
    """A command that kills the program after it on entering the number-th `call` of a thread."""
    return ("strace", "-f", "-o", os.devnull, "-e", f"trace={call}",
            "-e", f"inject={call}:signal=SIGKILL:when={number}")  # fmt: skip


def _children(pid: int) -> list[int]:
    """None where it has ended just now."""
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def environment() -> Mapping[str, str]:
    """Ours without what is meant for the tests: the program refuses settings it does not know."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SIGMAWATCH_")}


async def _address(stderr: asyncio.StreamReader, life: Life) -> str:
    while line := await stderr.readline():
        life.last_words.append(line.decode(errors="replace"))
        if line.startswith(b"{") and (event := json.loads(line))["event"] == "started":
            return str(event["url"])
    raise AssertionError(f"ended before it served: {''.join(life.last_words)}")


async def _listen(stderr: asyncio.StreamReader, life: Life) -> None:
    while line := await stderr.readline():
        life.last_words.append(line.decode(errors="replace"))


async def _ready(url: str) -> None:
    """As a load balancer finds out: by asking."""
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
                await answer.read()
