"""Logging in and out: a name and a password become a session, whose id only the browser has.

SECURITY.md, Sessions: a new id at every login; unknown names, disabled users and wrong passwords
are told alike and as late (S01, S11).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sigmawatch.app.access.book import session_hash
from sigmawatch.app.access.delays import Delays
from sigmawatch.app.access.ground import Ground
from sigmawatch.app.access.users import Users
from sigmawatch.domain.account import LASTS_MS, Session, User, normal_password
from sigmawatch.domain.audit import Actor, Deed, clipped
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import NotProven

TOKEN_BYTES = 32
SESSIONS_MAX = 50  # of one user; the oldest gives way
_NAME_CHARS_MAX, _PASSWORD_CHARS_MAX = 64, 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Somebody wants in. address: where they are; instead_of: what they came by, which ends."""

    name: str
    password: str
    address: str
    request_id: str = ""
    instead_of: Caller | None = None

    def __repr__(self) -> str:
        return f"Attempt(name={self.name!r}, address={self.address!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """token: the session's id, for the browser alone."""

    token: str
    session: Session
    user: User

    def __repr__(self) -> str:
        return f"LoggedIn(user={self.user.name!r})"


class Logins:
    """Begins and ends sessions."""

    def __init__(self, ground: Ground, *, users: Users, delays: Delays) -> None:
        self._ground = ground
        self._users = users
        self._delays = delays

    async def log_in(self, attempt: Attempt) -> LoggedIn:
        """Raises NotProven, TooSoon, Busy."""
        name = attempt.name.strip().lower()[:_NAME_CHARS_MAX]
        user = self._users.named(name)
        known = self._ground.book.known_from(user.id if user else 0, attempt.address)
        place = (name, attempt.address if known else "")
        self._delays.begin(place)
        password = normal_password(attempt.password[:_PASSWORD_CHARS_MAX])
        hashed = None if user is None or user.disabled else user.hashed
        right = await self._ground.passwords.match(password, hashed)
        if not right or user is None:
            self._ground.book.denied(Caller.anonymous(), f"login as {clipped(name)}")
            raise NotProven("the name or the password is wrong")
        self._delays.right(place)
        return await self.enter(user.id, attempt)

    async def enter(self, user_id: int, attempt: Attempt) -> LoggedIn:
        """A session for whoever has proven to be that user. Raises NotProven."""
        async with self._ground.changing:
            user = self._ground.book.users[user_id]
            if user.disabled:  # while the password was looked at
                raise NotProven("the name or the password is wrong")
            token, session = self._new(user, attempt.address)
            changed = [*self._giving_way(user_id, instead_of=attempt.instead_of), session]
            async with self._ground.ledger.transaction() as transaction:
                for one in changed:
                    await transaction.access.put_session(one)
                await transaction.audit.append(Deed(
                    who=user.name, what="session.begin", about=f"from {clipped(attempt.address)}",
                    request_id=attempt.request_id,
                ))  # fmt: skip
            await self._ground.took(sessions=changed)
            return LoggedIn(token=token, session=session, user=user)

    def _new(self, user: User, address: str) -> tuple[str, Session]:
        token, now_ms = secrets.token_urlsafe(TOKEN_BYTES), self._ground.book.time.now_ms()
        session = Session(hash=session_hash(token), user_id=user.id, address=address,
                          made_ms=now_ms, used_ms=now_ms)  # fmt: skip
        return token, session

    def _giving_way(self, user_id: int, *, instead_of: Caller | None) -> Sequence[Session]:
        """Sessions that end where a new one begins."""
        now_ms = self._ground.book.time.now_ms()
        standing = self.of_user(user_id)
        old = standing[: max(0, len(standing) - SESSIONS_MAX + 1)]
        if instead_of is not None and instead_of.session is not None:
            replaced = self._ground.book.sessions.get(bytes.fromhex(instead_of.session))
            old = [*old, *([replaced] if replaced is not None else [])]
        return [replace(one, ended_ms=now_ms) for one in old if one.ended_ms is None]

    def of_user(self, user_id: int) -> list[Session]:
        """Those that are good now, the oldest first."""
        book, now_ms = self._ground.book, self._ground.book.time.now_ms()
        found = [replace(one, used_ms=book.last_use_ms(one)) for one in book.sessions.values()
                 if one.user_id == user_id]  # fmt: skip
        return sorted((one for one in found if one.holds(now_ms)), key=lambda one: one.made_ms)

    async def log_out(self, by: Actor, *, everywhere: bool = False) -> None:
        """The session that asks ends, or every one of its user."""
        caller = by.caller
        assert caller.user_id is not None
        async with self._ground.changing:
            now_ms, ended = self._ground.book.time.now_ms(), list[Session]()
            async with self._ground.ledger.transaction() as transaction:
                if everywhere:
                    ended += await self._users.end_sessions(transaction, caller.user_id)
                elif own := self._ground.book.sessions.get(bytes.fromhex(caller.session or "")):
                    ended.append(replace(own, ended_ms=now_ms))
                    await transaction.access.put_session(ended[0])
                await transaction.audit.append(
                    by.did("session.end", "everywhere" if everywhere else "this one")
                )
            await self._ground.took(sessions=ended)

    async def set_own_password(
        self, by: Actor, *, current: str, new: str, address: str
    ) -> LoggedIn:
        """By whoever knows the present one. Every session ends; a new one begins. Raises NotProven,
        TooSoon, Invalid, Busy."""
        caller = by.caller
        assert caller.user_id is not None
        user = self._ground.book.users[caller.user_id]
        place = (user.name, f"session {caller.session}")
        self._delays.begin(place)
        password = normal_password(current[:_PASSWORD_CHARS_MAX])
        if not await self._ground.passwords.match(password, user.hashed):
            raise NotProven("the present password is another one")
        self._delays.right(place)
        await self._users.set_password(user.name, new, by=by)
        attempt = Attempt(name=user.name, password="", address=address, request_id=by.request_id)
        return await self.enter(user.id, attempt)

    async def forget_old(self) -> None:
        """Sessions that ended or could not be good any more, a while after."""
        before_ms = self._ground.book.time.now_ms() - 2 * LASTS_MS
        async with self._ground.ledger.transaction() as transaction:
            await transaction.access.prune(sessions_before_ms=before_ms)
