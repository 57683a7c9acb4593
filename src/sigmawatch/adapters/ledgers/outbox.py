"""The outbox in a ledger: a row a notice, claimed by a conditional update.

Two claims never get the same row: transactions that write come one after the other, whatever
program they are of. Each lease has a higher fence, and only its holder's word counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.notice import (
    FANOUT,
    LEASE_MS,
    Delivery,
    Notice,
    NoticeKind,
    NoticeStatus,
    Outcome,
)

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction

NOTICES_PER_COMMIT_BITS = 20


class Outbox:
    """Fulfils ports.alerts.OutboxRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql
        self._count = 0

    async def put(self, notices: Iterable[Notice]) -> None:
        now_ms = self._transaction.clock.now_ms()
        rows = [_row(one) | {"now_ms": now_ms} for one in notices]
        first, self._count = self._count, self._count + len(rows)
        assert self._count <= 1 << NOTICES_PER_COMMIT_BITS
        if rows:
            await self._transaction.run(partial(self._put, rows=rows, first=first))

    def _put(self, session: Session, *, rows: Sequence[dict[str, object]], first: int) -> None:
        first_id = (self._transaction.commit_number << NOTICES_PER_COMMIT_BITS) + first
        numbered = [row | {"id": place} for place, row in enumerate(rows, start=first_id)]
        session.executemany(self._sql["put_notice"], numbered)

    async def claim(self, lane: str, *, now_ms: int, rows_max: int) -> Sequence[Delivery]:
        due = {"now_ms": now_ms, "lane": lane, "until_ms": now_ms + LEASE_MS}

        def work(session: Session) -> list[Delivery]:
            found: dict[int, Delivery] = {}
            while True:
                taken = due | {"rows": rows_max - len(found)}
                rows = session.execute(self._sql["claim_notices"], taken).fetchall()
                found |= {one.number: one for one in map(_delivery, rows)}
                numbers = [] if lane == FANOUT else [row[0] for row in rows]  # each for itself
                merged = self._merged(session, numbers, now_ms=now_ms)
                if not merged:
                    return [found[number] for number in sorted(found)]
                for number in merged:
                    del found[number]

        return await self._transaction.run(work)

    def _merged(self, session: Session, numbers: Sequence[int], *, now_ms: int) -> list[int]:
        """Of some that were claimed just now, those that were over before anybody was told."""
        rows = [{"id": number, "now_ms": now_ms} for number in numbers]
        if not rows:
            return []
        return [number for (number,) in session.executemany(self._sql["merge_notice"], rows)]

    async def begin(self, leases: Sequence[Delivery], *, now_ms: int) -> Sequence[Delivery]:
        until = {"now_ms": now_ms, "until_ms": now_ms + LEASE_MS}
        return await self._held("begin_attempt", [(lease, until) for lease in leases])

    async def settle(
        self, ended: Sequence[tuple[Delivery, Outcome]], *, now_ms: int
    ) -> Sequence[Delivery]:  # fmt: skip
        said = [
            (lease, {"status": str(outcome.status), "next_ms": outcome.next_ms, "now_ms": now_ms,
                     "detail": outcome.detail, "unsure": int(outcome.unsure)})
            for lease, outcome in ended
        ]  # fmt: skip
        return await self._held("settle_notice", said)

    async def hurry(self, lane: str, *, now_ms: int) -> None:
        def work(session: Session) -> None:
            session.execute(self._sql["hurry_notices"], {"lane": lane, "now_ms": now_ms}).fetchall()

        await self._transaction.run(work)

    async def send_again(self, number: int, *, now_ms: int) -> bool:
        row = {"id": number, "now_ms": now_ms}

        def work(session: Session) -> bool:
            return bool(session.execute(self._sql["send_again"], row).fetchall())

        return await self._transaction.run(work)

    async def prune(self, *, before_ms: int, rows_max: int) -> int:
        bounds = {"before_ms": before_ms, "rows": rows_max}

        def work(session: Session) -> int:
            return len(session.execute(self._sql["prune_notices"], bounds).fetchall())

        return await self._transaction.run(work)

    async def _held(
        self, name: str, said: Sequence[tuple[Delivery, Mapping[str, object]]]
    ) -> Sequence[Delivery]:  # fmt: skip
        """A statement for each lease, with what is said of it; those that it found."""
        rows = [_lease(lease) | dict(more) for lease, more in said]

        def work(session: Session) -> list[bool]:
            return [bool(session.execute(self._sql[name], row).fetchall()) for row in rows]

        held = await self._transaction.run(work) if rows else []
        return [lease for (lease, _), found in zip(said, held, strict=False) if found]


def _name(notice: Notice) -> dict[str, object]:
    return {"episode": notice.episode, "kind": str(notice.kind), "ordinal": notice.ordinal,
            "channel": notice.channel}  # fmt: skip


def _row(notice: Notice) -> dict[str, object]:
    return _name(notice) | {
        "rule_id": notice.rule_id, "series_id": notice.series_id, "decided_ms": notice.decided_ms,
        "due_ms": notice.due_ms, "receipt": notice.receipt, "lane": notice.lane,
    }  # fmt: skip


def _lease(lease: Delivery) -> dict[str, object]:
    return _name(lease.notice) | {"fence": lease.fence}


def read_deliveries(
    session: Session, *, statement: str, bindings: Mapping[str, object]
) -> list[Delivery]:
    """Notices of the outbox, in the statement's order."""
    return [_delivery(row) for row in session.execute(statement, bindings)]


def _delivery(row: Sequence[Any]) -> Delivery:
    (number, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
     status, attempts, next_ms, fence, detail, unsure, changed_ms) = row  # fmt: skip
    notice = Notice(rule_id=rule_id, series_id=series_id, episode=episode, kind=NoticeKind(kind),
                    ordinal=ordinal, channel=channel, decided_ms=decided_ms, due_ms=due_ms,
                    receipt=receipt)  # fmt: skip
    return Delivery(notice=notice, number=number, status=NoticeStatus(status), attempts=attempts,
                    next_ms=next_ms, fence=fence, detail=detail, unsure_count=unsure,
                    changed_ms=changed_ms)  # fmt: skip
