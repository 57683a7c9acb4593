"""Access over a real database; only the clock is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.passwords import ArgonPasswords
from sigmawatch.adapters.pepper import FolderPepper
from sigmawatch.app.access.access import Access, AccessPorts
from sigmawatch.app.access.logins import Attempt, LoggedIn
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import COMMAND_LINE, Caller, Role

START_MS = 1_795_248_000_000  # 2026-11-21T08:00:00Z
PASSWORD = "correct horse battery staple"
OPERATOR = Actor(caller=COMMAND_LINE, request_id="r0")


@dataclass(kw_only=True)
class House:
    """One installation while it runs."""

    folder: Path
    clock: VirtualClock
    ledger: SqliteLedger
    access: Access

    async def user(self, name: str, role: Role = Role.EDITOR) -> Caller:
        """A new user, as they come when they are logged in."""
        users = self.access.users
        user = await users.add(name, role, password=PASSWORD, by=OPERATOR)
        return Caller.user(user.id, role=role, name=name)

    async def log_in(
        self, name: str, password: str = PASSWORD, *, address: str = "::1"
    ) -> LoggedIn:
        attempt = Attempt(name=name, password=password, address=address)
        return await self.access.logins.log_in(attempt)

    async def told(self) -> list[tuple[str, str, str]]:
        """Who did what to what, the oldest first."""
        rows = await self.access.auditing.page(before=None, limit=1_000)
        return [(row.deed.who, row.deed.what, row.deed.about) for row in reversed(rows)]


Enter = Callable[..., Awaitable[House]]


@pytest.fixture
async def enter(tmp_path: Path) -> AsyncIterator[Enter]:
    """Opens the installation of this test; the one before is closed first."""
    stack = AsyncExitStack()

    async def entered(start_ms: int = START_MS, *, folder: str = "data") -> House:
        await stack.aclose()
        clock, where = VirtualClock(start_ms), tmp_path / folder
        ledger = await SqliteLedger.open(where, clock=clock)
        stack.push_async_callback(ledger.close)
        ports = AccessPorts(store=ledger.access, passwords=ArgonPasswords(),
                            pepper=FolderPepper(where))  # fmt: skip
        access = Access(ports, ledger=ledger, clock=clock, folder=where)
        await access.follow()
        return House(folder=where, clock=clock, ledger=ledger, access=access)

    async with stack:
        yield entered
        await stack.aclose()


@pytest.fixture
async def house(enter: Enter) -> House:
    return await enter()
