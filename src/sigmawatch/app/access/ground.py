"""What users, logins and keys of one program stand on: the book, the database, one lock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from sigmawatch.app.access.book import AccessBook
from sigmawatch.domain.account import Session, User
from sigmawatch.domain.api_key import ApiKey
from sigmawatch.domain.errors import Refused
from sigmawatch.ports.access import AccessStore, Passwords, Pepper
from sigmawatch.ports.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """database: which it is, for people. changing: held by whoever decides something by what the
    book says and then stores it. following: by whoever reads it back, so that what was read first
    is not taken last."""

    book: AccessBook
    ledger: Ledger
    store: AccessStore
    passwords: Passwords
    pepper: Pepper
    database: str = "the database"
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    following: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check_pepper(self, *, making: bool = False) -> None:
        """Raises Refused where good keys were made under another pepper than ours, which knows none
        of them. making: a key, for which a pepper would be made where we have none."""
        stored, now_ms = await self.store.pepper(), self.book.time.now_ms()
        ours = self.pepper.mark
        if not stored or stored == ours or not (ours or making):
            return
        if any(key.holds(now_ms) for key in self.book.keys):
            raise Refused(
                f"the API keys of {self.database} were made under another pepper than the one in "
                f"{self.pepper.place}: bring the right one there (programs that share a database "
                "need the same), or move the wrong one away; where the right one is lost, revoke "
                "every key and make them anew"
            )

    async def follow(self) -> None:
        """Take over what is stored."""
        async with self.following:
            users, sessions = await self.store.users(), await self.store.sessions()
            self.book.take(users, sessions=sessions, keys=await self.store.keys())

    async def took(
        self,
        *,
        users: Iterable[User] = (),
        sessions: Iterable[Session] = (),
        keys: Iterable[ApiKey] = (),
    ) -> None:
        """These were stored by ourselves just now: nothing has to be read back for them."""
        async with self.following:
            self.book.put(users=users, sessions=sessions, keys=keys)
