"""Questions that are answered once, in a ledger: a row each, by who asked and their key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.once import KEPT_MAX, KEPT_MS, Answered, Asked

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.alert_reads import Read
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


class Once:
    """Fulfils ports.once.OnceRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql
        self.kept_max = KEPT_MAX

    async def note(self, asked: Asked) -> None:
        await self._put("note_question", asked)

    async def answer(self, asked: Asked, sealed: bytes) -> None:
        await self._put("put_answer", asked, sealed=sealed)

    async def forget(self, asked: Asked) -> None:
        row = {"owner": asked.owner, "key": asked.key}
        await self._transaction.run(
            lambda session: session.execute(self._sql["forget_question"], row).fetchall()
        )

    async def _put(self, statement: str, asked: Asked, **more: bytes) -> None:
        now_ms = self._transaction.clock.now_ms()
        row = {"owner": asked.owner, "key": asked.key, "digest": asked.digest, "now_ms": now_ms,
               **more}  # fmt: skip

        def work(session: Session) -> None:
            let_go = {"before_ms": now_ms - KEPT_MS, "kept": self.kept_max}
            session.execute(self._sql["let_questions_go"], let_go).fetchall()
            session.execute(self._sql[statement], row).fetchall()

        await self._transaction.run(work)


class OnceReads:
    """Fulfils ports.once.OnceStore."""

    def __init__(self, read: Read, *, sql: Mapping[str, str], clock: Clock) -> None:
        self._read, self._sql, self._clock = read, sql, clock

    async def find(self, owner: str, key: str) -> Answered | None:
        row: dict[str, str | int] = {
            "owner": owner, "key": key, "after_ms": self._clock.now_ms() - KEPT_MS,
        }  # fmt: skip
        return await self._read(partial(_found, sql=self._sql, row=row))


def _found(
    session: Session, *, sql: Mapping[str, str], row: Mapping[str, str | int]
) -> Answered | None:
    for digest, sealed in session.execute(sql["find_question"], row).fetchall():
        return Answered(
            digest=bytes(digest), sealed=None if sealed is None else bytes(sealed)
        )  # fmt: skip
    return None
