"""Who may do what, as it is stored: users, sessions, keys, and the log of what they did.

No password, session id or key can be got from here: passwords are argon2id hashes, session ids
SHA-256, keys HMAC under a pepper that is not in the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sigmawatch.domain.account import Session, User
from sigmawatch.domain.api_key import ApiKey
from sigmawatch.domain.audit import Deed, Row


class AccessRepository(Protocol):
    """Changes. Neighbours see them."""

    async def put_user(self, user: User) -> User:
        """A new one gets its id; else what is there of that id is replaced."""
        ...

    async def put_session(self, session: Session) -> None:
        """A new one, or its end."""
        ...

    async def put_key(self, key: ApiKey) -> None:
        """A new one, or the same one revoked, exposed or shortened."""
        ...

    async def touch(
        self, *, sessions: Mapping[bytes, int], keys: Mapping[str, int], now_ms: int
    ) -> None:
        """When each was last used, and how late it is (`AccessStore.time_ms`); neighbours need not
        know. Nothing goes back."""
        ...

    async def prune(self, *, sessions_before_ms: int) -> None:
        """Forget sessions that began before then."""
        ...

    async def put_pepper(self, mark: int) -> None:
        """From now on keys are made under the pepper of that mark."""
        ...


class AuditRepository(Protocol):
    """The log's end. There is no other change of it."""

    async def append(self, deed: Deed) -> Row: ...


class AccessStore(Protocol):
    """What was committed."""

    async def users(self) -> Sequence[User]:
        """By id."""
        ...

    async def sessions(self) -> Sequence[Session]:
        """By their begin; those that ended too, for a while."""
        ...

    async def keys(self) -> Sequence[ApiKey]:
        """By their begin; revoked ones too."""
        ...

    async def pepper(self) -> int:
        """The mark of the pepper under which keys are made; 0 where none was."""
        ...

    async def time_ms(self) -> int:
        """The latest moment that was ever stored here; 0 at first."""
        ...

    async def audit(self, *, before: int | None = None, limit: int = 100) -> Sequence[Row]:
        """Rows with numbers below `before`, newest first."""
        ...

    async def audit_after(self, number: int, *, limit: int) -> Sequence[Row]:
        """Rows with numbers above, oldest first."""
        ...

    async def audit_count(self) -> int:
        """How many rows were ever written, as is noted apart from them."""
        ...


class Passwords(Protocol):
    """Argon2id. Slow on purpose: a few at a time, off the event loop."""

    async def hash(self, password: str) -> str:
        """Raises Busy where too many wait."""
        ...

    async def match(self, password: str, hashed: str | None) -> bool:
        """Whether it is the one that was hashed; False for None, and as late. Raises Busy."""
        ...


class Pepper(Protocol):
    """The secret under which keys are hashed; not in the database, nor in its backups."""

    @property
    def place(self) -> str:
        """Where it is, or is to be, for people."""
        ...

    @property
    def mark(self) -> int:
        """Tells peppers apart, and tells nothing of one; 0 where there is none yet."""
        ...

    def digest(self, key: str) -> bytes | None:
        """HMAC-SHA-256; None where there is no pepper yet, and so no key of ours."""
        ...

    def new_digest(self, key: str) -> bytes:
        """As `digest`; the pepper is made where it is missing. Raises Refused."""
        ...
