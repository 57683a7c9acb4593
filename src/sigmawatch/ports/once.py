"""What was asked under a key of the caller's, and what was answered: so that who asks again, not
knowing whether the first time arrived, changes nothing twice.

Kept for KEPT_MS, and KEPT_MAX of them at most (the oldest goes first).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sigmawatch.domain.window import DAY_MS

KEPT_MS = DAY_MS
KEPT_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """owner: who asks. key: theirs. digest: of the whole question; another question under the same
    key has another one."""

    owner: str
    key: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """digest: of the question. sealed: the answer; None where the question was carried out, and
    what was answered is not known."""

    digest: bytes
    sealed: bytes | None


class OnceRepository(Protocol):
    """Questions that were carried out."""

    async def note(self, asked: Asked) -> None:
        """It is carried out if this transaction is kept. What is noted stays as it is."""
        ...

    async def answer(self, asked: Asked, sealed: bytes) -> None:
        """It was carried out, and this was answered."""
        ...

    async def forget(self, asked: Asked) -> None:
        """It was refused after all. What was answered stays."""
        ...


class OnceStore(Protocol):
    """What was asked of late."""

    async def find(self, owner: str, key: str) -> Answered | None:
        """None where nothing was asked under that key, or too long ago."""
        ...
