"""The inbox and subscriptions in a ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.calendar import parse_calendar
from sigmawatch.domain.subscription import Following, Follows, Subscription
from sigmawatch.ports.delivery import Received

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


class Inbox:
    """Fulfils ports.delivery.InboxRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, name: str, *, severity: Severity, message: str, rule_id: int = 0) -> None:
        row = {"name": name, "rule_id": rule_id, "severity": str(severity), "message": message,
               "now_ms": self._transaction.clock.now_ms()}  # fmt: skip

        def work(session: Session) -> None:
            session.execute(self._sql["put_in_inbox"], row).fetchall()

        await self._transaction.run(work)

    async def mark_read(self, *, through: int, owner: str = "") -> int:
        row = {"through": through, "owner": owner, "now_ms": self._transaction.clock.now_ms()}

        def work(session: Session) -> int:
            return len(session.execute(self._sql["mark_read"], row).fetchall())

        return await self._transaction.run(work)

    async def prune(self, *, before_ms: int, rows_max: int) -> int:
        bounds = {"before_ms": before_ms, "rows": rows_max}

        def work(session: Session) -> int:
            return len(session.execute(self._sql["prune_inbox"], bounds).fetchall())

        return await self._transaction.run(work)


class Subscriptions:
    """Fulfils ports.delivery.SubscriptionRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, following: Following) -> Subscription:
        now_ms = self._transaction.clock.now_ms()
        row = {"owner": following.owner, "address": following.address,
               "follows": str(following.follows), "target": following.target,
               "severity": str(following.severity),
               "mute": json.dumps([str(window) for window in following.mute]),
               "now_ms": now_ms, "owner_id": following.owner_id}  # fmt: skip

        def work(session: Session) -> int:
            number: int = value(session.execute(self._sql["put_subscription"], row))
            self._transaction.note_catalogue(session)
            return number

        number = await self._transaction.run(work)
        return Subscription(id=number, following=following, made_ms=now_ms)

    async def confirm(self, number: int) -> bool:
        return await self._changed("confirm_subscription", number)

    async def end(self, number: int) -> bool:
        return await self._changed("end_subscription", number)

    async def _changed(self, name: str, number: int) -> bool:
        row = {"id": number, "now_ms": self._transaction.clock.now_ms()}

        def work(session: Session) -> bool:
            self._transaction.note_catalogue(session)
            return bool(session.execute(self._sql[name], row).fetchall())

        return await self._transaction.run(work)


def read_inbox(session: Session, *, statement: str, bindings: dict[str, object]) -> list[Received]:
    """Messages, newest first."""
    return [
        Received(number=number, name=name, owner=owner, severity=Severity(severity),
                 message=message, came_ms=came_ms, read_ms=read_ms)
        for number, name, owner, severity, message, came_ms, read_ms
        in session.execute(statement, bindings)
    ]  # fmt: skip


def read_subscriptions(session: Session, *, statement: str) -> list[Subscription]:
    """Those that stand, by number."""
    return [_subscription(row) for row in session.execute(statement)]


def _subscription(row: Sequence[Any]) -> Subscription:
    number, owner, address, follows, target, severity, mute, made_ms, confirmed_ms, owner_id = row
    following = Following(
        owner=owner, address=address, follows=Follows(follows), target=target,
        severity=Severity(severity), mute=tuple(map(parse_calendar, json.loads(mute))),
        owner_id=owner_id,
    )  # fmt: skip
    return Subscription(id=number, following=following, made_ms=made_ms, confirmed_ms=confirmed_ms)
