"""Accounts: users, their passwords and their sessions.

A user is never removed, only disabled: what they own and what they did keeps its name. Times are
those of access (app.access.time), which never go back. Imports domain.caller, errors, window.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field

from sigmawatch.domain.caller import Role
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import DAY_MS, HOUR_MS

USERS_MAX = 10_000
PASSWORD_CHARS_MIN, PASSWORD_CHARS_MAX = 12, 256
PASSWORD_ALLOWED = f"{PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters, any at all"
IDLE_MS = 12 * HOUR_MS
LASTS_MS = 7 * DAY_MS
NAME_ALLOWED = "1 to 64 small letters, digits, and . _ @ + - but at its begin"
_TIE = "oidc$"  # no argon2 hash begins so
_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}", re.ASCII)


def user_name(text: str) -> str:
    """A user's name, in small letters. Raises Invalid where it could not be one."""
    folded = text.strip().lower()
    if not _NAME.fullmatch(folded):
        raise Invalid(f"{text[:40]!r} is no name of a user", field="name", allowed=NAME_ALLOWED)
    return folded


def normal_password(text: str) -> str:
    """A password as it is hashed, the same from every keyboard (NFKC, as NIST SP 800-63B, 3.1.1.2
    asks)."""
    return unicodedata.normalize("NFKC", text)


def new_password(text: str, *, name: str) -> str:
    """A password that somebody chose, as it is hashed. Long ones are good ones: nothing is said of
    their characters (NIST SP 800-63B, 3.1.1.2). Raises Invalid, which does not quote it."""
    password = normal_password(text)
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        raise Invalid(f"a password of {len(password)} characters", field="password",
                      allowed=PASSWORD_ALLOWED)  # fmt: skip
    if name in password.lower() and len(password) < len(name) + PASSWORD_CHARS_MIN:
        raise Invalid("the password holds the user's name and little else", field="password",
                      allowed=PASSWORD_ALLOWED)  # fmt: skip
    if len(set(password)) < PASSWORD_CHARS_MIN // 3:
        raise Invalid("the password is the same few characters again and again", field="password",
                      allowed=PASSWORD_ALLOWED)  # fmt: skip
    return password


def tie_to(issuer: str, subject: str) -> str:
    """What is stored of somebody whom an issuer vouches for, in place of a password."""
    named = f"{len(issuer)} {issuer} {subject}"
    return _TIE + hashlib.sha256(named.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """id: 0 until it is stored. password: its argon2id hash, as that function writes it, or the tie
    (`tie_to`) to who says who they are; empty while there is neither: then nobody logs in by this
    name."""

    id: int = 0
    name: str
    role: Role
    password: str = field(default="", repr=False)
    disabled: bool = False
    made_ms: int
    changed_ms: int

    def __post_init__(self) -> None:
        assert self.name == user_name(self.name)
        assert self.made_ms <= self.changed_ms

    @property
    def hashed(self) -> str | None:
        """Of their password; None where they have none."""
        return None if self.password.startswith(_TIE) else self.password or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who logged in. hash: SHA-256 of its id, which the browser alone has. address: from
    where they logged in. used_ms: when it was last used, as far as that is stored."""

    hash: bytes
    user_id: int
    address: str
    made_ms: int
    used_ms: int
    ended_ms: int | None = None

    def holds(self, now_ms: int) -> bool:
        """Whether it is good at a moment: SECURITY.md, "idle 12 h, absolute 7 days"."""
        fresh = now_ms < self.used_ms + IDLE_MS and now_ms < self.made_ms + LASTS_MS
        return self.ended_ms is None and fresh
