"""The users of one installation: made, changed and disabled; never removed.

Whoever is given another role or password, or is disabled, is logged out everywhere: what they came
by before is worth nothing any more. There is always an admin who can log in.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from sigmawatch.app.access.ground import Ground
from sigmawatch.domain.account import USERS_MAX, Session, User, new_password, user_name
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import CallerKind, Role
from sigmawatch.domain.errors import Conflict, Invalid, NotFound
from sigmawatch.ports.ledger import Transaction


class Users:
    """Changes are durable before they are seen."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    @property
    def all(self) -> Sequence[User]:
        """By name."""
        return sorted(self._ground.book.users.values(), key=lambda user: user.name)

    def named(self, name: str) -> User | None:
        folded = name.strip().lower()
        found = (user for user in self._ground.book.users.values() if user.name == folded)
        return next(found, None)

    def find(self, name: str) -> User:
        """Raises NotFound, with near names."""
        found = self.named(name)
        if found is None:
            names = [user.name for user in self.all]
            close = difflib.get_close_matches(name.strip().lower(), names, n=5, cutoff=0.5)
            allowed = ", ".join(close or names[:5]) or "there is none yet"
            raise NotFound(f"there is no user {name[:64]!r}", field="user", allowed=allowed)
        return found

    async def add(
        self, name: str, role: Role, *, password: str, by: Actor, only_first: bool = False
    ) -> User:
        """A new one; the first is an admin, and made with the set-up token (`only_first`) or by
        the command line. Raises Conflict where the name is taken, or it is not the first; Invalid,
        Busy."""
        name = user_name(name)
        hashed = await self._ground.passwords.hash(new_password(password, name=name))
        async with self._ground.changing:
            self._check_first(role, by=by, only_first=only_first)
            return await self._made(name, role, password=hashed, by=by)

    async def add_tied(self, name: str, role: Role, *, tie: str, by: Actor) -> User:
        """A new one who signs in by a provider, and has no password here. Raises Conflict where the
        name is taken, or they would be the first; Invalid."""
        async with self._ground.changing:
            if not self._ground.book.guarded:
                raise Conflict("the first user is made with the set-up token", field="name")
            return await self._made(user_name(name), role, password=tie, by=by)

    async def _made(self, name: str, role: Role, *, password: str, by: Actor) -> User:
        """While nobody else changes anything. password: as it is stored."""
        ground = self._ground
        if self.named(name) is not None:
            raise Conflict(f"there is a user {name} already", field="name")
        if len(ground.book.users) >= USERS_MAX:
            raise Invalid(f"there are {USERS_MAX:,} users already", field="name")
        now_ms = ground.book.time.now_ms()
        user = User(name=name, role=role, password=password, made_ms=now_ms, changed_ms=now_ms)
        async with ground.ledger.transaction() as transaction:
            user = await transaction.access.put_user(user)
            await transaction.audit.append(by.did("user.add", f"user {name}", after=_said(user)))
        await ground.took(users=[user])
        return user

    def _check_first(self, role: Role, *, by: Actor, only_first: bool) -> None:
        if self._ground.book.guarded:
            if only_first:
                raise Conflict("there is a user already", field="name")
            return
        if role is not Role.ADMIN:
            raise Invalid("the first user is an admin: from then on only an admin makes users",
                          field="role", allowed=Role.ADMIN)  # fmt: skip
        if by.caller.kind is CallerKind.LOCAL and not only_first:
            raise Conflict("the first user is made with the set-up token, which proves whose the "
                           "installation is", field="name",
                           allowed="`sigmawatch user add`, or POST /api/v1/setup")  # fmt: skip

    async def change(
        self, name: str, *, role: Role | None = None, disabled: bool | None = None, by: Actor
    ) -> User:
        """What is None stays. Raises NotFound, and Conflict where no admin would be left."""
        async with self._ground.changing:
            user = self.find(name)
            new = replace(user, role=user.role if role is None else role,
                          disabled=user.disabled if disabled is None else disabled)  # fmt: skip
            if new == user:
                return user
            self._check_admin_left(new)
            return await self._put(user, new, by=by, what="user.change")

    async def set_password(self, name: str, password: str, *, by: Actor) -> User:
        """Raises NotFound, Invalid, Busy."""
        user = self.find(name)
        hashed = await self._ground.passwords.hash(new_password(password, name=user.name))
        async with self._ground.changing:
            user = self.find(name)
            return await self._put(
                user, replace(user, password=hashed), by=by, what="user.password"
            )

    async def _put(self, user: User, new: User, *, by: Actor, what: str) -> User:
        """Stored, and logged out everywhere."""
        ground = self._ground
        new = replace(new, changed_ms=ground.book.time.now_ms())
        deed = by.did(what, f"user {user.name}", before=_said(user), after=_said(new))
        async with ground.ledger.transaction() as transaction:
            await transaction.access.put_user(new)
            ended = await self.end_sessions(transaction, user.id)
            await transaction.audit.append(deed)
        await ground.took(users=[new], sessions=ended)
        return new

    async def end_sessions(self, transaction: Transaction, user_id: int) -> Sequence[Session]:
        """All that have not ended; as they are when that is stored."""
        now_ms = self._ground.book.time.now_ms()
        ended = [replace(one, ended_ms=now_ms) for one in self._ground.book.sessions.values()
                    if one.user_id == user_id and one.ended_ms is None]  # fmt: skip
        for session in ended:
            await transaction.access.put_session(session)
        return ended

    def _check_admin_left(self, new: User) -> None:
        after = {**self._ground.book.users, new.id: new}.values()
        if not any(user.role is Role.ADMIN and not user.disabled for user in after):
            raise Conflict(f"{new.name} is the last admin", field="user",
                           allowed="make another one first")  # fmt: skip


def _said(user: User) -> dict[str, object]:
    """What is digested of a user. The hash of a password tells that it is another one."""
    return {"name": user.name, "role": str(user.role), "disabled": user.disabled,
            "password": user.password}  # fmt: skip
