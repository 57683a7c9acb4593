"""What every ledger promises of the outbox (SEMANTICS.md 8, RELIABILITY.md P10, P12)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.contracts.conftest import Database
from tests.contracts.test_alerts import OPEN_MS, notice, ready

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.notice import LEASE_MS, Delivery, Notice, NoticeKind, NoticeStatus, Outcome
from sigmawatch.domain.subscription import Following
from sigmawatch.ports.delivery import Backlog

DELIVERED = Outcome(status=NoticeStatus.DELIVERED)


async def put(ledger: SqlLedger, *notices: Notice) -> None:
    async with ledger.transaction() as transaction:
        await transaction.outbox.put(notices)


async def claim(
    ledger: SqlLedger, lane: str = "ops", *, now_ms: int = OPEN_MS, rows_max: int = 100
) -> Sequence[Delivery]:
    async with ledger.transaction() as transaction:
        return await transaction.outbox.claim(lane, now_ms=now_ms, rows_max=rows_max)


async def begin(ledger: SqlLedger, lease: Delivery) -> bool:
    async with ledger.transaction() as transaction:
        return bool(await transaction.outbox.begin([lease], now_ms=OPEN_MS))


async def settle(ledger: SqlLedger, lease: Delivery, outcome: Outcome = DELIVERED) -> bool:
    async with ledger.transaction() as transaction:
        return bool(await transaction.outbox.settle([(lease, outcome)], now_ms=OPEN_MS))


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
    reminder, mailed = notice(NoticeKind.REMINDER), notice(channel="mail")
    await put(ledger, notice(), reminder, mailed, notice(series_id=2))
    first = await claim(ledger)
    assert [one.notice for one in first] == [notice(), notice(series_id=2)]
    assert [one.notice for one in await claim(ledger, "mail")] == [mailed]
    later = Outcome(status=NoticeStatus.RETRY_WAIT, next_ms=OPEN_MS + 2_000, detail="503")
    assert await settle(ledger, first[0], later)
    assert await claim(ledger) == [], "the retry is not due, and what follows it waits"
    [again] = await claim(ledger, now_ms=OPEN_MS + 2_000)
    assert (again.notice, again.detail, again.fence) == (notice(), "503", 2)
    assert await settle(ledger, again, Outcome(status=NoticeStatus.DEAD, detail="404"))
    assert [one.notice for one in await claim(ledger)] == [reminder]


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
    await put(ledger, *(notice(channel=f"@{place}") for place in range(3)))
    assert await claim(ledger, "@", now_ms=OPEN_MS - 1) == []
    assert [one.notice.channel for one in await claim(ledger, "@", rows_max=2)] == ["@0", "@1"]
    assert [one.notice.channel for one in await claim(ledger, "@", rows_max=2)] == ["@2"]


async def test_an_end_is_an_end_and_open_notices_are_listed_in_their_order(
    database: Database,
) -> None:
    ledger = await ready(database)
    ends = [status for status in NoticeStatus if not status.open]
    await put(ledger, *(notice(channel=f"@{status}") for status in ends), notice(channel="@last"))
    for lease, status in zip(await claim(ledger, "@", rows_max=len(ends)), ends, strict=True):
        assert await settle(ledger, lease, Outcome(status=status))
    assert [one.notice.channel for one in await ledger.alerts.deliveries()] == ["@last"]
    assert [one.notice.channel for one in await claim(ledger, "@", now_ms=2**60)] == ["@last"]
    assert len(await ledger.alerts.deliveries(open=False)) == len(ends) + 1


async def test_what_is_over_before_anybody_was_told_is_merged_into_its_end(
    database: Database,
) -> None:
    """SEMANTICS.md 8: "An undelivered *firing* whose episode resolved becomes one"."""
    ledger = await ready(database)
    await put(ledger, notice(), notice(NoticeKind.REMINDER))
    [lease] = await claim(ledger)
    assert await settle(ledger, lease, Outcome(status=NoticeStatus.RETRY_WAIT, next_ms=OPEN_MS))
    await put(ledger, notice(NoticeKind.RESOLVED), notice(series_id=2))
    assert [one.notice.kind for one in await claim(ledger)] == [
        NoticeKind.RESOLVED, NoticeKind.FIRING
    ]  # fmt: skip
    episode = notice().episode
    assert [(one.kind, one.status) for one in await ledger.delivery.fates(episode, "ops")] == [
        (NoticeKind.FIRING, NoticeStatus.MERGED),
        (NoticeKind.REMINDER, NoticeStatus.MERGED),
        (NoticeKind.RESOLVED, NoticeStatus.LEASED),
    ]


async def test_nothing_of_a_lane_goes_before_an_open_digest(database: Database) -> None:
    """A digest tells of many states; what comes after one of them must not overtake it."""
    ledger = await ready(database)
    await put(ledger, notice(NoticeKind.DIGEST, series_id=7), notice(), notice(channel="mail"))
    [digest] = await claim(ledger)
    assert digest.notice.kind is NoticeKind.DIGEST
    assert await claim(ledger) == []
    assert len(await claim(ledger, "mail")) == 1
    assert await settle(ledger, digest)
    assert [one.notice for one in await claim(ledger)] == [notice()]


async def test_what_waits_for_a_channel_that_answers_again_is_due_at_once(
    database: Database,
) -> None:
    ledger = await ready(database)
    await put(ledger, notice(), notice(channel="mail"))
    later = Outcome(status=NoticeStatus.RETRY_WAIT, next_ms=OPEN_MS + 3_600_000)
    for lane in ("ops", "mail"):
        [lease] = await claim(ledger, lane)
        assert await settle(ledger, lease, later)
    async with ledger.transaction() as transaction:
        await transaction.outbox.hurry("ops", now_ms=OPEN_MS + 1)
    assert len(await claim(ledger, now_ms=OPEN_MS + 1)) == 1
    assert await claim(ledger, "mail", now_ms=OPEN_MS + 1) == []


async def test_attempts_that_nobody_is_sure_of_are_counted(database: Database) -> None:
    """RELIABILITY.md 2.0: "each is counted and shown": a time-out, and a crash after the begin."""
    ledger = await ready(database)
    await put(ledger, notice())
    [lease] = await claim(ledger)
    assert await begin(ledger, lease)
    timed_out = Outcome(status=NoticeStatus.RETRY_WAIT, next_ms=OPEN_MS, unsure=True)
    assert await settle(ledger, lease, timed_out)
    [lease] = await claim(ledger)
    assert await begin(ledger, lease)  # and here we are killed
    [lease] = await claim(ledger, now_ms=OPEN_MS + LEASE_MS)
    assert lease.unsure_count == 2
    [lease] = await claim(ledger, now_ms=OPEN_MS + 2 * LEASE_MS)  # never begun
    assert await settle(ledger, lease)
    assert await ledger.delivery.counts() == ({NoticeStatus.DELIVERED: 1}, 2)


async def test_a_dead_letter_can_be_sent_again_and_nothing_else_can(database: Database) -> None:
    ledger = await ready(database)
    await put(ledger, notice())
    [lease] = await claim(ledger)

    async def send_again() -> bool:
        async with ledger.transaction() as transaction:
            return await transaction.outbox.send_again(lease.number, now_ms=OPEN_MS)

    assert not await send_again()
    assert await settle(ledger, lease, Outcome(status=NoticeStatus.DEAD, detail="404"))
    [dead] = await ledger.delivery.deliveries(status=NoticeStatus.DEAD)
    assert dead.number == lease.number
    assert await send_again()
    assert [one.notice for one in await claim(ledger)] == [notice()]


async def test_what_ended_long_ago_is_let_go_and_what_is_open_never(database: Database) -> None:
    ledger = await ready(database)
    await put(ledger, *(notice(channel=f"@{place}") for place in range(4)))
    leases = await claim(ledger, "@", rows_max=3)
    for lease in leases:
        assert await settle(ledger, lease)

    async def pruned(before_ms: int) -> int:
        async with ledger.transaction() as transaction:
            return await transaction.outbox.prune(before_ms=before_ms, rows_max=2)

    assert await pruned(OPEN_MS) == 0
    assert [await pruned(OPEN_MS + 1) for _ in range(3)] == [2, 1, 0]
    assert [one.notice.channel for one in await ledger.alerts.deliveries(open=False)] == ["@3"]


async def test_every_lane_says_when_it_is_due_next_and_what_is_overdue(
    database: Database,
) -> None:
    ledger = await ready(database)
    await put(ledger, notice(), notice(series_id=2), notice(channel="@4"))
    lanes = await ledger.delivery.lanes()
    assert lanes["ops"] == Backlog(next_ms=OPEN_MS, count=2, oldest_ms=OPEN_MS)
    assert lanes.keys() == {"ops", "@"}
    first, second = await ledger.delivery.overdue("ops", before_ms=OPEN_MS, after=0, limit=9)
    later = await ledger.delivery.overdue("ops", before_ms=OPEN_MS, after=first.number, limit=9)
    assert later == [second]
    assert await ledger.delivery.overdue("ops", before_ms=OPEN_MS - 1, after=0, limit=9) == []


async def test_the_inbox_takes_a_message_once_and_knows_what_was_read(database: Database) -> None:
    ledger = await ready(database)
    for name in ("a", "b", "a"):
        async with ledger.transaction() as transaction:
            await transaction.inbox.put(name, severity=Severity.WARNING, message="{}")
    found, unread = await ledger.delivery.inbox()
    assert ([one.name for one in found], unread) == (["b", "a"], 2)
    async with ledger.transaction() as transaction:
        assert await transaction.inbox.mark_read(through=found[1].number) == 1
    left, unread = await ledger.delivery.inbox(unread=True)
    assert ([one.name for one in left], unread) == (["b"], 1)
    older, _ = await ledger.delivery.inbox(before=found[0].number)
    assert [one.name for one in older] == ["a"]


async def test_a_subscription_is_confirmed_once_and_ended_once(database: Database) -> None:
    ledger = await ready(database)
    following = Following.of("a@example.org", target="pattern:kraken:*/usd",
                             severity="warning", mute=("22:00-07:00 Europe/Berlin",))  # fmt: skip
    async with ledger.transaction() as transaction:
        made = await transaction.subscriptions.put(following)
    assert await ledger.delivery.subscriptions() == [made]
    async with ledger.transaction() as transaction:
        assert await transaction.subscriptions.confirm(made.id)
        assert not await transaction.subscriptions.confirm(made.id)
    [kept] = await ledger.delivery.subscriptions()
    assert (kept.following, kept.confirmed_ms) == (following, database.clock.now_ms())
    async with ledger.transaction() as transaction:
        assert await transaction.subscriptions.end(made.id)
        assert not await transaction.subscriptions.end(made.id)
        assert not await transaction.subscriptions.confirm(made.id)
        assert (await transaction.subscriptions.put(following)).id == made.id + 1
    assert [one.id for one in await ledger.delivery.subscriptions()] == [made.id + 1]


async def test_of_the_inbox_the_oldest_go_a_few_at_a_time_and_no_number_comes_again(
    database: Database,
) -> None:
    ledger = await ready(database)
    for number in range(5):
        async with ledger.transaction() as transaction:
            await transaction.inbox.put(f"n{number}", severity=Severity.INFO, message="{}")
    found, _ = await ledger.delivery.inbox()
    newest_ms = max(one.came_ms for one in found)

    async def pruned(before_ms: int) -> int:
        async with ledger.transaction() as transaction:
            return await transaction.inbox.prune(before_ms=before_ms, rows_max=3)

    assert await pruned(min(one.came_ms for one in found)) == 0
    assert [await pruned(newest_ms + 1) for _ in range(3)] == [3, 1, 0]
    left, _ = await ledger.delivery.inbox()
    assert [one.name for one in left] == ["n4"], "else its number would be given again"
