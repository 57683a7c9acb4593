"""Doing what is asked once, however often it is asked under one key.

    with asking(asked):            every transaction within notes that `asked` is carried out
        ...

The note is part of the very transaction that does the work, so after a crash either both stand or
neither does: what was carried out is never done again, though its answer may be lost. Answers are
sealed by the vault, as they may hold what is told once only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sigmawatch.domain.errors import Refused
from sigmawatch.ports.channel_store import Vault
from sigmawatch.ports.ledger import Ledger, Transaction
from sigmawatch.ports.once import Answered, Asked, OnceStore

ANSWER_CHARS_MAX = 100_000

# Whose question the running task works on. It has to reach the transaction through every service
# between, none of which has anything to do with it.
_asked: ContextVar[Asked | None] = ContextVar("asked", default=None)


async def _note_asked(transaction: Transaction) -> None:
    """A part of every transaction."""
    if (asked := _asked.get()) is not None:
        await transaction.once.note(asked)


@contextmanager
def asking(asked: Asked) -> Iterator[None]:
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


class Once:
    """What was asked of late, and what was answered."""

    def __init__(self, store: OnceStore, *, ledger: Ledger, vault: Vault) -> None:
        self._store, self._ledger, self._vault = store, ledger, vault
        ledger.before_commit = _note_asked

    async def find(self, asked: Asked) -> Answered | None:
        """What is known under the key, whatever the question was."""
        return await self._store.find(asked.owner, asked.key)

    def opened(self, asked: Asked, answered: Answered) -> str | None:
        """The answer; None where it is not known."""
        if answered.sealed is None:
            return None
        try:
            return self._vault.open(answered.sealed, owner=_owner(asked))
        except Refused:  # sealed under a key that was let go
            return None

    async def forget(self, asked: Asked) -> None:
        """It was refused; what was noted all the same (as who was refused) was no work."""
        if await self.find(asked) is not None:
            async with self._ledger.transaction() as transaction:
                await transaction.once.forget(asked)

    async def keep(self, asked: Asked, answer: str) -> None:
        """From now on it was answered so; of a long answer only that it was carried out."""
        async with self._ledger.transaction() as transaction:
            if len(answer) <= ANSWER_CHARS_MAX:
                sealed = self._vault.seal(answer, owner=_owner(asked))
                await transaction.once.answer(asked, sealed)
            else:
                await transaction.once.note(asked)


def _owner(asked: Asked) -> str:
    return f"answer {asked.owner} {asked.key}"
