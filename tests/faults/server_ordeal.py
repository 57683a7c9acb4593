"""What the program goes through on a PostgreSQL server: both are killed, the server restarts, fails
over, freezes, and the line between them breaks in every way a line can.

The judge reads the server's tables by psycopg and decodes bodies itself (oracle.py).
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import psycopg
from tests.faults.lives import Life, alive
from tests.faults.oracle import Stored
from tests.faults.proxy import Proxy
from tests.faults.reader import read_until_gone
from tests.faults.test_kill import LONGEST_S, SHORTEST_S, Ordeal
from tests.pace import allowed_s
from tests.postgres import PostgresServer

BACK_WITHIN_S = 10.0  # RELIABILITY.md P25: "reconnect <= 10 s"
SERIES_MIN = 30
_COMMITS = "SELECT value FROM meta WHERE key = 'commit_number'"
_DOUBLED = """
    SELECT 'frame', block_id, slot, revision FROM frames GROUP BY 2, 3, 4 HAVING count(*) > 1
    UNION ALL
    SELECT 'patch', series_id, from_slot, revision FROM patches
    GROUP BY 2, 3, 4 HAVING count(*) > 1
"""


class StoredOnServer(Stored):
    """The tables of a server that nobody writes to now. doubled: what is there twice."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            self._read(connection.execute)
            self.doubled = connection.execute(_DOUBLED).fetchall()


@dataclass(kw_only=True)
class ServerOrdeal(Ordeal):
    """One database, the line to it, and the clients' log. back_s: how long after the end of each
    fault something new was committed. faults: what happened, how often."""

    server: PostgresServer
    proxy: Proxy
    faults: Counter[str] = field(default_factory=Counter)
    back_s: list[float] = field(default_factory=list)

    async def begin(self) -> None:
        """A first life, until it tracks something of every venue."""
        async with alive(self.folder, program=self.program) as life:
            while len(self.log.ids) < SERIES_MIN:
                await self.log.look(life.url)

    async def live_through(self, *names: str) -> None:
        """Start, be read, suffer some faults, be killed; half of the time together with the
        server."""
        started_s = time.monotonic()
        suffered: list[str] = []
        try:
            async with alive(self.folder, program=self.program) as life:
                self.starts_s.append(time.monotonic() - started_s)
                async with asyncio.TaskGroup() as group:
                    group.create_task(read_until_gone(life.url, self.log, self.dice))
                    for name in names:
                        suffered.append(name)
                        await self._suffer(name)
                    await self._moment()
                    await self._end(life)
        except BaseException as error:
            error.add_note(f"seed {self.seed}, this life: {suffered}, before: {self.faults}")
            raise

    async def _suffer(self, name: str) -> None:
        await self._moment()
        self.faults[name] += 1
        await FAULTS[name](self)
        over_s = time.monotonic()
        await asyncio.to_thread(self._await_commit)
        self.back_s.append(time.monotonic() - over_s)

    async def _end(self, life: Life) -> None:
        together = self.dice.random() < 0.5
        if together:
            self.faults["program and server killed"] += 1
            await asyncio.to_thread(self.server.stop, signal.SIGKILL)
            await self._moment()
        else:
            self.faults["program killed"] += 1
        try:
            life.kill()
        finally:
            if together:
                await asyncio.to_thread(self.server.start)

    async def _moment(self) -> None:
        await asyncio.sleep(self.dice.uniform(SHORTEST_S, LONGEST_S))

    def _await_commit(self) -> None:
        """Until something new is in the tables."""
        until_s = time.monotonic() + allowed_s(3 * BACK_WITHIN_S)
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            before = connection.execute(_COMMITS).fetchone()
            while connection.execute(_COMMITS).fetchone() == before:
                assert time.monotonic() < until_s, f"seed {self.seed}: it does not come back"
                time.sleep(0.01)

    def stored(self) -> StoredOnServer:
        return StoredOnServer(self.server.url)

    @property
    def kills(self) -> int:
        return sum(
            count * (1 + (name == "program and server killed"))
            for name, count in self.faults.items()
            if name.endswith("killed")
        )

    async def restarted(self, how: signal.Signals) -> None:
        await asyncio.to_thread(self.server.stop, how)
        await self._moment()
        await asyncio.to_thread(self.server.start)

    async def sessions_ended(self) -> None:
        await asyncio.to_thread(
            self.server.say, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name LIKE 'sigmawatch %'",
        )  # fmt: skip

    async def read_only(self) -> None:
        """As where an operator has the server refuse writes for a while."""
        for statement in ("ALTER SYSTEM SET default_transaction_read_only = on",
                          "ALTER SYSTEM RESET default_transaction_read_only"):  # fmt: skip
            await asyncio.to_thread(self.server.say, statement)
            await asyncio.to_thread(self.server.say, "SELECT pg_reload_conf()")
            await self._moment()

    async def failed_over(self) -> None:
        """The server comes back as a standby, and is promoted."""
        await asyncio.to_thread(self.server.stand_by)
        await self._moment()
        await asyncio.to_thread(self.server.say, "SELECT pg_promote()")

    async def frozen(self) -> None:
        self.server.freeze()
        await asyncio.sleep(self.dice.uniform(3.0, 8.0))
        self.server.thaw()

    async def line(self, fault: Callable[[], None]) -> None:
        fault()

    async def slow(self, *, delay_s: float, dripping: bool) -> None:
        self.proxy.delay_s, self.proxy.dripping = delay_s, dripping
        await asyncio.sleep(2 * LONGEST_S)
        self.proxy.delay_s, self.proxy.dripping = 0.0, False


FAULTS: Mapping[str, Callable[[ServerOrdeal], Awaitable[None]]] = {
    "server killed": lambda one: one.restarted(signal.SIGKILL),
    "server stopped fast": lambda one: one.restarted(signal.SIGINT),
    "server stopped at once": lambda one: one.restarted(signal.SIGQUIT),
    "sessions ended": ServerOrdeal.sessions_ended,
    "read only": ServerOrdeal.read_only,
    "failed over": ServerOrdeal.failed_over,
    "frozen": ServerOrdeal.frozen,
    "cut before commit": lambda one: one.proxy.cut_commit("before"),
    "cut after commit": lambda one: one.proxy.cut_commit("after"),
    "lines cut": lambda one: one.line(one.proxy.cut),
    "lines half closed": lambda one: one.line(one.proxy.half_close),
    "lines forgotten": lambda one: one.line(one.proxy.forget),
    "delayed": lambda one: one.slow(delay_s=0.05, dripping=False),
    "dripping": lambda one: one.slow(delay_s=0.0, dripping=True),
}
