"""Reads of what is on its way, over any ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sigmawatch.adapters.ledgers.alert_reads import END_OF_TIME_MS, Read, as_bound
from sigmawatch.adapters.ledgers.inbox import read_inbox, read_subscriptions
from sigmawatch.adapters.ledgers.outbox import read_deliveries
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.notice import Delivery, NoticeKind, NoticeStatus
from sigmawatch.domain.subscription import Subscription
from sigmawatch.ports.delivery import Backlog, Fate, OwnWord, Received


class DeliveryReads:
    """Fulfils ports.delivery.DeliveryStore."""

    def __init__(self, read: Read, *, sql: Mapping[str, str]) -> None:
        self._read = read
        self._sql = sql

    async def lanes(self) -> Mapping[str, Backlog]:
        def work(session: Session) -> dict[str, Backlog]:
            rows = session.execute(self._sql["select_lanes"])
            return {lane: Backlog(next_ms=next_ms, count=count, oldest_ms=oldest_ms)
                    for lane, next_ms, count, oldest_ms in rows}  # fmt: skip

        return await self._read(work)

    async def overdue(
        self, lane: str, *, before_ms: int, after: int, limit: int
    ) -> Sequence[Delivery]:
        bounds = {"lane": lane, "before_ms": before_ms, "after": after, "rows": limit}
        statement = self._sql["select_overdue_notices"]
        return await self._read(partial(read_deliveries, statement=statement, bindings=bounds))

    async def fates(self, episode: str, channel: str) -> Sequence[Fate]:
        named = {"episode": episode, "channel": channel}

        def work(session: Session) -> list[Fate]:
            rows = session.execute(self._sql["select_fates"], named)
            return [Fate(kind=NoticeKind(kind), status=NoticeStatus(status), detail=detail)
                    for kind, status, detail in rows]  # fmt: skip

        return await self._read(work)

    async def settings(self, rule_id: int, version: int) -> str | None:
        row = {"rule_id": rule_id, "version": version}

        def work(session: Session) -> str | None:
            found: str | None = value(session.execute(self._sql["select_settings"], row))
            return found

        return await self._read(work)

    async def owner(self, rule_id: int) -> int | None:
        row = {"rule_id": rule_id}

        def work(session: Session) -> int | None:
            found: int | None = value(session.execute(self._sql["select_rule_owner"], row))
            return found

        return await self._read(work)

    async def own_words(self) -> Sequence[OwnWord]:
        def work(session: Session) -> list[OwnWord]:
            return [OwnWord(condition=condition, kind=NoticeKind(kind), episode=episode,
                            ordinal=ordinal, decided_ms=decided_ms)
                    for condition, kind, episode, ordinal, decided_ms
                    in session.execute(self._sql["select_own_notices"])]  # fmt: skip

        return await self._read(work)

    async def deliveries(
        self, *, status: NoticeStatus | None = None, before: int | None = None, limit: int = 100,
        viewer: int | None = None,
    ) -> Sequence[Delivery]:  # fmt: skip
        bounds: dict[str, object] = {
            "before": before or END_OF_TIME_MS, "rows": limit, "viewer": as_bound(viewer)
        }  # fmt: skip
        statement = self._sql["select_notices" if status is None else "select_notices_of_status"]
        if status is not None:
            bounds["status"] = str(status)
        return await self._read(partial(read_deliveries, statement=statement, bindings=bounds))

    async def delivery(self, number: int) -> Delivery | None:
        find = partial(read_deliveries, statement=self._sql["select_notice"])
        found = await self._read(partial(find, bindings={"id": number}))
        return found[0] if found else None

    async def counts(self) -> tuple[Mapping[NoticeStatus, int], int]:
        def work(session: Session) -> tuple[dict[NoticeStatus, int], int]:
            rows = session.execute(self._sql["count_notices"]).fetchall()
            counts = {NoticeStatus(status): count for status, count, _ in rows}
            return counts, sum(int(unsure) for _, _, unsure in rows)

        return await self._read(work)

    async def inbox(
        self, *, owner: str = "", unread: bool = False, before: int | None = None, limit: int = 100
    ) -> tuple[Sequence[Received], int]:
        bounds: dict[str, object] = {
            "owner": owner, "before": before or END_OF_TIME_MS, "rows": limit
        }  # fmt: skip
        statement = self._sql["select_inbox_unread" if unread else "select_inbox"]

        def work(session: Session) -> tuple[list[Received], int]:
            found = read_inbox(session, statement=statement, bindings=bounds)
            return found, value(session.execute(self._sql["count_unread"], {"owner": owner}))

        return await self._read(work)

    async def subscriptions(self) -> Sequence[Subscription]:
        statement = self._sql["select_subscriptions"]
        return await self._read(partial(read_subscriptions, statement=statement))
