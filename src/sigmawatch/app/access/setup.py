"""The first admin: made by whoever holds the one-time token that only this machine's user can read.

SECURITY.md, Bootstrap: 256 bit, printed once, 0600 in the data folder, valid 30 min, single use.
It lies in `setup.token`, so that a program that runs honours the one a command has issued anew.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sigmawatch.app.access.ground import Ground
from sigmawatch.app.access.users import Users
from sigmawatch.domain.account import User
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, CallerKind, Role
from sigmawatch.domain.errors import Conflict, NotProven, Refused
from sigmawatch.domain.window import MINUTE_MS

NAME = "setup.token"
VALID_MS = 30 * MINUTE_MS
TOKEN_BYTES = 32


class _Issued(msgspec.Struct, frozen=True):
    token: str
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdmin:
    """Who is to be the first, as somebody asks for it."""

    token: str
    name: str
    password: str

    def __repr__(self) -> str:
        return f"FirstAdmin(name={self.name!r})"


class Setup:
    """folder: where the token lies."""

    def __init__(self, ground: Ground, *, users: Users, folder: Path) -> None:
        self._ground = ground
        self._users = users
        self._path = folder / NAME

    def issue(self) -> str:
        """A new token; the one before is good no more. Raises Conflict once there is a user,
        Refused where it cannot be kept."""
        if self._ground.book.guarded:
            raise Conflict("there is a user already", field="user",
                           allowed="`sigmawatch user password NAME`")  # fmt: skip
        issued = _Issued(secrets.token_urlsafe(TOKEN_BYTES),
                         self._ground.book.time.now_ms() + VALID_MS)  # fmt: skip
        try:
            _write(self._path, msgspec.json.encode(issued))
        except OSError as exc:
            raise Refused(f"{self._path} cannot be written: {exc.strerror}") from exc
        return issued.token

    def standing(self) -> str:
        """The token that is good now, else a new one."""
        issued = self._issued()
        return self.issue() if issued is None else issued.token

    async def first_admin(self, wanted: FirstAdmin, *, request_id: str) -> User:
        """Raises NotProven, Conflict where another one was first, Invalid, Busy."""
        issued = self._issued()
        if issued is None or not hmac.compare_digest(issued.token.encode(), wanted.token.encode()):
            raise NotProven("this token is none of ours, was used already, or is too old")
        actor = Actor(
            caller=Caller(kind=CallerKind.LOCAL, scopes=Role.ADMIN.scopes, name="set-up token"),
            request_id=request_id,
        )
        user = await self._users.add(
            wanted.name, Role.ADMIN, password=wanted.password, by=actor, only_first=True
        )
        self.withdraw()
        return user

    def withdraw(self) -> None:
        """No token is good any more."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _issued(self) -> _Issued | None:
        """The one that is good now."""
        try:
            issued = msgspec.json.decode(self._path.read_bytes(), type=_Issued)
        except (OSError, msgspec.DecodeError):
            return None
        good = not self._ground.book.guarded and issued.token.isascii()
        return issued if good and self._ground.book.time.now_ms() < issued.until_ms else None


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    draft.replace(path)
