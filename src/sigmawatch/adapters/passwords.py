"""Passwords: argon2id with 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet;
SECURITY.md, API keys: "at most 2 in parallel").

One takes some 20 ms of a processor, in a thread, outside Python's lock. Fulfils
ports.access.Passwords.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sigmawatch.domain.errors import Busy

MEMORY_KIB = 19 * 1_024
PASSES = 2
PARALLEL_MAX = 2
WAITING_MAX = 64  # a second or so; who comes then is told to come again
# Of nobody's password: who does not exist is answered as late as who does.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBwYXNzd29yZA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

T = TypeVar("T")


class ArgonPasswords:
    """Hashes and compares, PARALLEL_MAX at a time."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
        self._running = asyncio.Semaphore(PARALLEL_MAX)
        self._waiting_count = 0

    async def hash(self, password: str) -> str:
        return await self._slowly(lambda: self._hasher.hash(password))

    async def match(self, password: str, hashed: str | None) -> bool:
        def compare() -> bool:
            try:
                return self._hasher.verify(hashed or _NOBODY, password)
            except (VerificationError, InvalidHashError):
                return False

        return await self._slowly(compare) and hashed is not None

    async def _slowly(self, work: Callable[[], T]) -> T:
        if self._waiting_count >= WAITING_MAX:
            raise Busy("too many passwords are being looked at", retry_after_s=1)
        self._waiting_count += 1
        try:
            async with self._running:
                return await asyncio.to_thread(work)
        finally:
            self._waiting_count -= 1
