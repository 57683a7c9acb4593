"""What every ledger promises of the outbox (SEMANTICS.md 8, RELIABILITY.md P10, P12)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.contracts.conftest import Database
from tests.contracts.test_alerts import OPEN_MS, notice, ready

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.domain.notice import LEASE_MS, Delivery, Notice, NoticeKind, NoticeStatus, Outcome

DELIVERED = Outcome(status=NoticeStatus.DELIVERED)


async def put(ledger: SqlLedger, *notices: Notice) -> None:
    async with ledger.transaction() as transaction:
        await transaction.outbox.put(notices)


async def claim(
    ledger: SqlLedger, *, now_ms: int = OPEN_MS, rows_max: int = 100
) -> Sequence[Delivery]:
    async with ledger.transaction() as transaction:
        return await transaction.outbox.claim(now_ms=now_ms, rows_max=rows_max)


async def begin(ledger: SqlLedger, lease: Delivery) -> bool:
    async with ledger.transaction() as transaction:
        return await transaction.outbox.begin(lease, now_ms=OPEN_MS)


async def settle(ledger: SqlLedger, lease: Delivery, outcome: Outcome = DELIVERED) -> bool:
    async with ledger.transaction() as transaction:
        return await transaction.outbox.settle(lease, outcome, now_ms=OPEN_MS)


async def test_a_notice_is_claimed_by_exactly_one_of_many(database: Database) -> None:
    ledger = await ready(database)
    await put(ledger, notice())
    async with asyncio.TaskGroup() as group:
        claims = [group.create_task(claim(ledger)) for _ in range(8)]
    [[lease]] = [one.result() for one in claims if one.result()]
    assert (lease.notice, lease.status, lease.fence) == (notice(), NoticeStatus.LEASED, 1)


async def test_a_notice_offered_again_never_starts_anew(database: Database) -> None:
    """SEMANTICS.md 8: "Outbox exactly once"."""
    ledger = await ready(database)
    await put(ledger, notice())
    [lease] = await claim(ledger)
    assert await settle(ledger, lease)
    await put(ledger, notice())
    assert await claim(ledger) == []
    [kept] = await ledger.alerts.deliveries(open=False)
    assert kept.status is NoticeStatus.DELIVERED


async def test_nothing_overtakes_an_earlier_notice_of_its_state_and_channel(
    database: Database,
) -> None:
    """SEMANTICS.md 8: "Per (state, channel) order holds." """
    ledger = await ready(database)
    resolved = notice(NoticeKind.RESOLVED)
    await put(ledger, notice(), resolved, notice(channel="mail"), notice(series_id=2))
    first = await claim(ledger)
    assert [one.notice for one in first] == [notice(), notice(channel="mail"), notice(series_id=2)]
    later = Outcome(status=NoticeStatus.RETRY_WAIT, next_ms=OPEN_MS + 2_000, detail="503")
    assert await settle(ledger, first[0], later)
    assert await claim(ledger) == [], "the retry is not due, and what follows it waits"
    [again] = await claim(ledger, now_ms=OPEN_MS + 2_000)
    assert (again.notice, again.detail, again.fence) == (notice(), "503", 2)
    assert await settle(ledger, again, Outcome(status=NoticeStatus.DEAD, detail="404"))
    assert [one.notice for one in await claim(ledger)] == [resolved]


async def test_a_lease_that_ended_is_anothers_and_its_late_holder_is_refused(
    database: Database,
) -> None:
    ledger = await ready(database)
    await put(ledger, notice())
    [slow] = await claim(ledger)
    assert await begin(ledger, slow)
    assert await claim(ledger, now_ms=OPEN_MS + LEASE_MS - 1) == []
    [quick] = await claim(ledger, now_ms=OPEN_MS + LEASE_MS)
    assert (quick.attempts, quick.fence) == (1, 2)
    assert not await begin(ledger, slow)
    assert not await settle(ledger, slow)
    assert await begin(ledger, quick)
    assert await settle(ledger, quick)
    [kept] = await ledger.alerts.deliveries(open=False)
    assert (kept.attempts, kept.status) == (2, NoticeStatus.DELIVERED)


async def test_an_attempt_that_was_begun_is_known_after_a_restart(database: Database) -> None:
    """SEMANTICS.md 8: "The attempt is recorded before sending." """
    ledger = await ready(database)
    await put(ledger, notice())
    [lease] = await claim(ledger)
    assert await begin(ledger, lease)
    await ledger.close()
    ledger = await database.open()
    [kept] = await ledger.alerts.deliveries()
    assert (kept.status, kept.attempts) == (NoticeStatus.LEASED, 1)


async def test_what_is_not_due_is_left_and_a_claim_takes_no_more_than_asked(
    database: Database,
) -> None:
    ledger = await ready(database)
    await put(ledger, *(notice(channel=f"c{place}") for place in range(3)))
    assert await claim(ledger, now_ms=OPEN_MS - 1) == []
    assert [one.notice.channel for one in await claim(ledger, rows_max=2)] == ["c0", "c1"]
    assert [one.notice.channel for one in await claim(ledger, rows_max=2)] == ["c2"]


async def test_an_end_is_an_end_and_open_notices_are_listed_in_their_order(
    database: Database,
) -> None:
    ledger = await ready(database)
    ends = [status for status in NoticeStatus if not status.open]
    await put(ledger, *(notice(channel=str(status)) for status in ends), notice(channel="waits"))
    for lease, status in zip(await claim(ledger, rows_max=len(ends)), ends, strict=True):
        assert await settle(ledger, lease, Outcome(status=status))
    assert [one.notice.channel for one in await ledger.alerts.deliveries()] == ["waits"]
    assert [one.notice.channel for one in await claim(ledger, now_ms=2**60)] == ["waits"]
    assert len(await ledger.alerts.deliveries(open=False)) == len(ends) + 1
