"""What users, logins and keys of one program stand on: the book, the database, one lock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sigmawatch.app.access.book import AccessBook
from sigmawatch.ports.access import AccessStore, Passwords, Pepper
from sigmawatch.ports.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """changing: held by whoever decides something by what the book says and then stores it.
    following: by whoever reads it back, so that what was read first is not taken last."""

    book: AccessBook
    ledger: Ledger
    store: AccessStore
    passwords: Passwords
    pepper: Pepper
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    following: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def follow(self) -> None:
        """Take over what is stored."""
        async with self.following:
            users, sessions = await self.store.users(), await self.store.sessions()
            self.book.take(users, sessions=sessions, keys=await self.store.keys())
