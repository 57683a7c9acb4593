"""Access, whole: what the program builds, reads back and keeps, and what handlers ask.

What the door noted is stored by and by: refusals and exposed keys every NOTE_MS, uses and how late
it is every TOUCH_MS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from sigmawatch.app.access.auditing import Auditing
from sigmawatch.app.access.book import AccessBook
from sigmawatch.app.access.delays import Delays
from sigmawatch.app.access.ground import Ground
from sigmawatch.app.access.keys import Keys
from sigmawatch.app.access.logins import Logins
from sigmawatch.app.access.setup import Setup
from sigmawatch.app.access.signing_in import SignIns
from sigmawatch.app.access.time import AccessTime
from sigmawatch.app.access.users import Users
from sigmawatch.app.oidc_config import OidcConfig
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.window import DAY_MS, MINUTE_MS
from sigmawatch.ports.access import AccessStore, Passwords, Pepper
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.identity import IdentityProvider
from sigmawatch.ports.ledger import Ledger

KEEP_MS = 1_000
NOTE_MS = 5_000
TOUCH_MS = MINUTE_MS

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPorts:
    """The outside of access. database: which it is, for people."""

    store: AccessStore
    passwords: Passwords
    pepper: Pepper
    database: str = "the database"
    provider: IdentityProvider | None = None


class Access:
    """folder: of the data. oidc: how people sign in by the provider, if there is one. Who is who is
    in `book`; the rest by what it is about."""

    def __init__(
        self, ports: AccessPorts, *, ledger: Ledger, clock: Clock, folder: Path,
        oidc: OidcConfig | None = None,
    ) -> None:  # fmt: skip
        self.book = AccessBook(ports.pepper, time=AccessTime(clock))
        self._clock = clock
        self._ground = Ground(book=self.book, ledger=ledger, store=ports.store,
                              passwords=ports.passwords, pepper=ports.pepper,
                              database=ports.database)  # fmt: skip
        self.users = Users(self._ground)
        self.keys = Keys(self._ground)
        delays = Delays(clock.monotonic_ms)
        self.logins = Logins(self._ground, users=self.users, delays=delays)
        self.sign_ins: SignIns | None = None
        if ports.provider is not None and oidc is not None:
            self.sign_ins = SignIns(ports.provider, oidc, users=self.users, logins=self.logins)
        self.setup = Setup(self._ground, users=self.users, folder=folder)
        self.auditing = Auditing(self._ground)
        self._begun = False
        now_ms = clock.monotonic_ms()  # all three are due
        self._noted_ms, self._touched_ms = now_ms - NOTE_MS, now_ms - TOUCH_MS
        self._pruned_ms = now_ms - DAY_MS

    async def follow(self) -> None:
        """Take over what is stored: at a start, and where another program changed it. Raises
        Refused at a start under another pepper than that of the keys."""
        self.book.time.remember(await self._ground.store.time_ms())
        await self._ground.follow()
        if not self._begun:
            await self._ground.check_pepper()
            self._begun = True

    async def keep_for_ever(self) -> None:
        """Store what was noted; what cannot be stored now is tried again."""
        failing = False
        while True:
            await self._clock.sleep_until_ms(self._clock.now_ms() + KEEP_MS)
            try:
                await self.keep()
                failing = False
            except Unavailable as exc:
                if not failing:
                    log.warning("access_not_kept", reason=str(exc))
                failing = True

    async def keep(self) -> None:
        """Store what the door has noted so far. Raises Unavailable; then it is kept in mind."""
        book = self.book
        now_ms = self._clock.monotonic_ms()
        if (book.denials or book.exposed) and now_ms - self._noted_ms >= NOTE_MS:
            await self._keep_notes()
            self._noted_ms = now_ms
        if now_ms - self._touched_ms >= TOUCH_MS and (book.sessions or book.keys):
            sessions, keys = dict(book.used_sessions), dict(book.used_keys)
            async with self._ground.ledger.transaction() as transaction:
                await transaction.access.touch(
                    sessions=sessions, keys=keys, now_ms=book.time.now_ms()
                )
            self._touched_ms = now_ms
            await self._follow_uses()
        if now_ms - self._pruned_ms >= DAY_MS and book.sessions:
            await self.logins.forget_old()
            self._pruned_ms = now_ms

    async def _follow_uses(self) -> None:
        """What is stored need not be kept in mind."""
        await self._ground.follow()
        book = self.book
        book.used_sessions = {
            one: used_ms for one, used_ms in book.used_sessions.items()
            if one in book.sessions and used_ms > book.sessions[one].used_ms
        }  # fmt: skip
        stored = {key.id: key.used_ms or 0 for key in book.keys}
        book.used_keys = {one: used_ms for one, used_ms in book.used_keys.items()
                          if used_ms > stored.get(one, used_ms)}  # fmt: skip

    async def _keep_notes(self) -> None:
        book = self.book
        denials, exposed = dict(book.denials), set(book.exposed)
        now_ms = book.time.now_ms()
        async with self._ground.changing, self._ground.ledger.transaction() as transaction:
            for (_, operation), caller in denials.items():
                deed = Actor(caller=caller).did("refused", operation)
                await transaction.audit.append(deed)
            for key_id in exposed:
                key = book.key(key_id)
                if key is not None:
                    await transaction.access.put_key(replace(key, exposed_ms=now_ms))
                    await transaction.audit.append(OURSELVES.did("key.exposed", f"key {key_id}"))
        for named in denials:
            book.denials.pop(named, None)
        book.exposed -= exposed
        if exposed:
            await self._ground.follow()
