"""Delivery, row by row (SEMANTICS.md 8)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from tests.notifying.world import LATER, START_MS, World, a_world, notice, settings_of

from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import FANOUT, INBOX, NoticeKind, NoticeStatus
from sigmawatch.domain.window import DAY_MS, HOUR_MS
from sigmawatch.ports.channel import Answer, Sent

FIRING, RESOLVED, REMINDER = NoticeKind.FIRING, NoticeKind.RESOLVED, NoticeKind.REMINDER
DELIVERED, DEAD, MERGED = NoticeStatus.DELIVERED, NoticeStatus.DEAD, NoticeStatus.MERGED


async def rule(world: World, *channels: str) -> None:
    async with world.ledger.transaction() as transaction:
        await transaction.rules.put("hot", text="price > 1", origin="api", enabled=True,
                                    settings=settings_of(*channels))  # fmt: skip


async def test_without_any_channel_the_inbox_is_told(world: World) -> None:
    """SEMANTICS.md 8: "An in-app inbox is a channel that always works."."""
    await world.put(notice())
    await world.settled()
    [received], unread = await world.ledger.delivery.inbox()
    message = msgspec.json.decode(received.message)
    assert message["title"] == "Firing: hot · KRAKEN:BTC/USD price 301 USD"
    assert (unread, received.name) == (1, notice(channel=INBOX).id)
    assert [one.status for one in await world.deliveries()] == [DELIVERED, DELIVERED]


async def test_a_notice_goes_to_the_channels_of_the_version_of_its_rule(world: World) -> None:
    ops, chat = world.services.make("ops"), world.services.make("chat")
    await rule(world, "ops", "chat")  # version 2
    await rule(world, "chat")  # version 3
    await world.put(notice(version=2))
    await world.settled()
    assert ops.ids == [notice(channel="ops").id]
    assert chat.ids == [notice(channel="chat").id]


async def test_a_rule_without_channels_goes_by_its_severity(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", routes={"critical": ["ops"]}) as world:
        ops = world.services.make("ops")
        await world.put(notice(severity="critical"), notice(series_id=2, severity="warning"))
        await world.settled()
        assert ops.ids == [notice(channel="ops").id]
        assert await world.statuses(INBOX) == [DELIVERED]


@pytest.mark.parametrize(
    ("answer", "plain_too", "status"),
    [
        (Answer.ACCEPTED, False, DELIVERED),
        (Answer.LATER, False, NoticeStatus.RETRY_WAIT),
        (Answer.REFUSED, False, DEAD),
        (Answer.MALFORMED, True, DEAD),
        (Answer.GONE, False, DEAD),
    ],
)
async def test_what_an_answer_makes_of_a_notice(
    world: World, answer: Answer, plain_too: bool, status: NoticeStatus
) -> None:
    ops = world.services.make("ops", behaviour=lambda _: Sent(answer=answer, detail="so"))
    await world.put(notice(channel="ops"))
    await world.settled()
    [kept] = await world.deliveries("ops")
    assert (kept.status, kept.detail, kept.attempts) == (status, "so", 1 + plain_too)
    assert [plain for _, _, plain in ops.heard] == [False, True][: 1 + plain_too]


async def test_what_passes_as_plain_text_is_delivered(world: World) -> None:
    """SEMANTICS.md 8: "one plain-text attempt where formatting may be the cause"."""
    malformed = Sent(answer=Answer.MALFORMED, detail="400")
    ops = world.services.make("ops")
    ops.behaviour = lambda _: Sent(answer=Answer.ACCEPTED, detail="200") if ops.heard[-1][2] else (
        malformed)  # fmt: skip
    await world.put(notice(channel="ops"))
    await world.settled()
    assert await world.statuses("ops") == [DELIVERED]


async def test_410_disables_the_channel_and_says_so(world: World) -> None:
    """SEMANTICS.md 8: "410 disables the channel, with a notice."."""
    world.services.make("ops", behaviour=lambda _: Sent(answer=Answer.GONE, detail="410"))
    await world.put(notice(channel="ops"), notice(channel="ops", series_id=2))
    await world.settled()
    assert world.services.disabled == {"ops": "410"}
    statuses = await world.deliveries("ops")
    assert [(one.status, one.detail) for one in statuses] == [
        (DEAD, "410"), (DEAD, "ops is disabled: 410")
    ]  # fmt: skip
    [received], _ = await world.ledger.delivery.inbox()
    assert "ops is disabled: 410" in msgspec.json.decode(received.message)["title"]


async def test_a_notice_to_a_channel_that_is_not_there_is_a_dead_letter(world: World) -> None:
    await world.put(notice(channel="nowhere"))
    await world.settled()
    [kept] = await world.deliveries("nowhere")
    assert (kept.status, kept.detail) == (DEAD, "there is no channel nowhere")


async def test_a_failing_channel_is_asked_again_by_the_schedule_until_it_takes_it(
    world: World,
) -> None:
    """SEMANTICS.md 8: "0 s, 2 s, 10 s, 30 s, 2 m, 10 m, ... jitter ± 50 %"."""
    ops = world.services.make("ops", behaviour=lambda _: LATER)
    await world.put(notice(channel="ops"))
    await world.settled(for_s=300)
    waits = [b - a for a, b in zip([START_MS, *(at for at, _, _ in ops.heard)],
                                   [at for at, _, _ in ops.heard], strict=False)]  # fmt: skip
    assert len(waits) == 5
    for wait_ms, planned_s in zip(waits, (0, 2, 10, 30, 120), strict=True):
        assert 500 * planned_s <= wait_ms <= 1_500 * planned_s + 1_000
    ops.behaviour = lambda _: Sent(answer=Answer.ACCEPTED, detail="200")
    await world.settled(for_s=900)
    assert await world.statuses("ops") == [DELIVERED]
    assert len(set(ops.ids)) == 1, "every attempt has the same id"


async def test_a_retry_after_holds_the_whole_channel(world: World) -> None:
    busy = Sent(answer=Answer.LATER, detail="429", wait_ms=40_000)
    ops = world.services.make("ops", behaviour=lambda _: busy)
    await world.put(notice(channel="ops"))
    await world.settled(for_s=10)
    ops.behaviour = lambda _: Sent(answer=Answer.ACCEPTED, detail="200")
    await world.put(notice(channel="ops", series_id=2))
    await world.settled(for_s=29)
    assert len(ops.heard) == 1
    await world.settled(for_s=2)
    assert await world.statuses("ops") == [DELIVERED, DELIVERED]


async def test_a_reminder_waits_for_the_firing_before_it(world: World) -> None:
    """RELIABILITY.md P12: "nothing overtakes a retry"."""
    ops = world.services.make("ops", behaviour=lambda _: LATER)
    await world.put(notice(channel="ops"))
    await world.settled()
    ops.behaviour = lambda _: Sent(answer=Answer.ACCEPTED, detail="200")
    await world.put(notice(REMINDER, channel="ops", ordinal=1))
    await world.settled()
    assert len(ops.heard) == 1
    await world.settled(for_s=5)
    assert [message.kind for _, message, _ in ops.heard] == [FIRING, FIRING, REMINDER]


async def test_a_firing_that_was_over_before_it_could_be_told_is_one_fired_and_resolved(
    world: World,
) -> None:
    """SEMANTICS.md 8: "An undelivered *firing* whose episode resolved becomes one"."""
    ops = world.services.make("ops", behaviour=lambda _: LATER)
    await world.put(notice(channel="ops"))
    await world.settled()
    ops.behaviour = lambda _: Sent(answer=Answer.ACCEPTED, detail="200")
    await world.put(notice(REMINDER, channel="ops", ordinal=1),
                    notice(RESOLVED, channel="ops", ordinal=2))  # fmt: skip
    await world.settled(for_s=5)
    assert ops.titles[1:] == ["Fired and resolved: hot · KRAKEN:BTC/USD price 301 USD"]
    assert await world.statuses("ops") == [MERGED, MERGED, DELIVERED]


async def test_a_resolved_after_a_delivered_firing_is_just_that(world: World) -> None:
    ops = world.services.make("ops")
    await world.put(notice(channel="ops"))
    await world.settled()
    await world.put(notice(RESOLVED, channel="ops", ordinal=1))
    await world.settled()
    assert [title.split(":")[0] for title in ops.titles] == ["Firing", "Resolved"]


async def test_what_exceeds_a_channels_limit_is_one_digest_that_names_all_of_it(
    world: World,
) -> None:
    """SEMANTICS.md 8: "Rate limits turn overflow into a digest, never a drop."."""
    ops = world.services.make("ops", per_minute=12)  # three at once
    names = [f"KRAKEN:X{n}/USD price" for n in range(30)]
    await world.put(*(notice(channel="ops", series_id=n, series=name)
                      for n, name in enumerate(names, start=1)))  # fmt: skip
    await world.settled(for_s=60)
    assert [message.kind for _, message, _ in ops.heard] == [FIRING, FIRING, NoticeKind.DIGEST]
    digest = ops.heard[-1][1]
    assert digest.title == "28 notices: 28 firing"
    told = "\n".join([*ops.titles, *digest.lines])
    assert all(f"{name} " in told for name in names)
    assert (await world.statuses("ops")).count(MERGED) == 28
    await world.put(notice(RESOLVED, channel="ops", series_id=30, ordinal=1))
    await world.settled(for_s=60)
    assert ops.titles[-1].startswith("Resolved:"), "a digest has told of it"


async def test_within_a_minute_a_channel_gets_no_more_than_it_takes(world: World) -> None:
    ops = world.services.make("ops", per_minute=12)
    for n in range(40):
        await world.put(notice(channel="ops", series_id=n + 1))
        await world.settled(for_s=5)
    at = [at_ms for at_ms, _, _ in ops.heard]
    assert max(sum(one <= other < one + 60_000 for other in at) for one in at) <= 12
    await world.settled(for_s=60)
    assert set(await world.statuses("ops")) == {DELIVERED, MERGED}


async def test_a_channel_that_hangs_delays_no_other_and_is_left_after_15_s(world: World) -> None:
    """RELIABILITY.md P24: "one bad channel never delays another (> 1 s)"."""
    bad, good = world.services.make("bad"), world.services.make("good")
    bad.hangs = True
    await world.put(*(notice(channel=name, series_id=n) for name in ("bad", "good")
                      for n in range(1, 6)))  # fmt: skip
    await world.settled()
    assert len(good.heard) == 5
    assert {at for at, _, _ in good.heard} == {START_MS}
    await world.settled(for_s=16)
    first, *others = await world.deliveries("bad")
    assert (first.attempts, first.unsure_count) == (1, 1)
    assert first.detail == "no answer within 15 s"
    assert {one.attempts for one in others} == {0}, "they wait with their channel"
    bad.hangs = False
    await world.settled(for_s=10)
    assert set(await world.statuses("bad")) == {DELIVERED}


async def test_a_channel_that_breaks_is_its_own_fault_and_nobody_elses(world: World) -> None:
    def broken(message: Message) -> Sent:
        raise ZeroDivisionError

    world.services.make("bad", behaviour=broken)
    good = world.services.make("good")
    await world.put(notice(channel="bad"), notice(channel="good"))
    await world.settled()
    [kept] = await world.deliveries("bad")
    assert kept.detail == "the channel broke: ZeroDivisionError"
    assert len(good.heard) == 1


async def test_a_critical_notice_that_fails_for_a_minute_also_goes_to_the_fallback(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 8: "A critical notice failing for 60 s also goes to the fallback channel."."""
    async with a_world(tmp_path / "data", notify={"fallback": "sms"}) as world:
        world.services.make("ops", behaviour=lambda _: LATER)
        sms = world.services.make("sms")
        await world.put(notice(channel="ops", severity="critical"),
                        notice(channel="ops", series_id=2))  # fmt: skip
        await world.settled(for_s=59)
        assert sms.heard == []
        await world.settled(for_s=7)
        assert sms.ids == [notice(channel="sms").id]
        await world.settled(for_s=60)
        assert len(sms.heard) == 1


async def test_a_critical_dead_letter_goes_to_the_fallback_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", notify={"fallback": "sms"}) as world:
        world.services.make("ops", behaviour=lambda _: Sent(answer=Answer.REFUSED, detail="404"))
        sms = world.services.make("sms")
        await world.put(notice(channel="ops", severity="critical"))
        await world.settled()
        assert len(sms.heard) == 1


async def test_after_24_hours_a_notice_expires_with_its_reason(world: World) -> None:
    ops = world.services.make("ops", behaviour=lambda _: LATER)
    await world.put(notice(channel="ops"))
    await world.settled()
    for _ in range(30):
        await world.clock.advance_to_ms(world.clock.now_ms() + 3_600_000)
        await world.settled()
    [kept] = await world.deliveries("ops")
    assert kept.status is NoticeStatus.EXPIRED
    assert "503" in kept.detail
    assert ops.heard[-1][0] - START_MS < 24 * 3_600_000


async def test_a_dead_letter_is_sent_again_when_somebody_asks(world: World) -> None:
    ops = world.services.make("ops", behaviour=lambda _: Sent(answer=Answer.REFUSED, detail="404"))
    await world.put(notice(channel="ops"))
    await world.settled()
    [dead] = await world.deliveries("ops")
    ops.behaviour = lambda _: Sent(answer=Answer.ACCEPTED, detail="200")
    assert await world.notifying.send_again(dead.number)
    await world.settled()
    assert await world.statuses("ops") == [DELIVERED]
    assert not await world.notifying.send_again(dead.number)


async def test_after_a_restart_the_first_answer_makes_good_what_had_failed_before(
    tmp_path: Path,
) -> None:
    """RELIABILITY.md P11: what waits by its schedule does not wait for a channel that answers."""
    async with a_world(tmp_path) as before:
        before.services.make("ops", behaviour=lambda _: LATER)
        await before.put(notice(channel="ops"))
        await before.settled(for_s=180)
        at_ms = before.clock.now_ms()
    async with a_world(tmp_path, start_ms=at_ms) as after:
        after.services.make("ops")
        await after.put(notice(channel="ops", series_id=2, at_ms=at_ms))
        await after.settled(for_s=5)
        assert await after.statuses("ops") == [DELIVERED, DELIVERED]


async def test_when_a_channel_answers_again_its_backlog_drains_at_once(world: World) -> None:
    """RELIABILITY.md P11: "after healing, backlog of 1,000 drains in <= 5 min"."""
    ops = world.services.make("ops", behaviour=lambda _: LATER)
    await world.put(*(notice(channel="ops", series_id=n + 1) for n in range(1_000)))
    await world.settled(for_s=60)
    ops.behaviour = lambda _: Sent(answer=Answer.ACCEPTED, detail="200")
    await world.settled(for_s=240)
    assert set(await world.statuses("ops")) <= {DELIVERED, MERGED}
    assert await world.statuses(FANOUT) == []


async def test_a_backlog_takes_a_transaction_a_message_and_few_to_be_addressed(
    world: World,
) -> None:
    """RELIABILITY.md P11: a backlog "drains"; an attempt is recorded before it is made, in the
    transaction that records what came of the one before."""
    ops, count = world.services.make("ops", per_minute=60_000.0), 700
    await rule(world, "ops")
    commits: list[int] = []

    async def counting(_: object) -> None:
        commits.append(1)

    await world.put(*(notice(series_id=one, version=2) for one in range(1, count + 1)))
    vars(world.ledger)["before_commit"] = counting
    await world.settled(for_s=2.0)
    assert ops.ids == [notice(series_id=one, channel="ops").id for one in range(1, count + 1)]
    assert set(await world.statuses("ops")) == {DELIVERED}
    claims = 4 * count // 50
    assert len(commits) <= count + claims, "twice as many where each is recorded by itself"


async def test_what_a_kill_left_begun_counts_as_unsure_also_where_its_end_came_since(
    world: World,
) -> None:
    """RELIABILITY.md 2.0: "the number of duplicates is at most the number of unknown outcomes"."""
    world.services.make("ops")
    async with world.ledger.transaction() as transaction:
        await transaction.outbox.put([notice(channel="ops")])
        leases = await transaction.outbox.claim("ops", now_ms=START_MS, rows_max=1)
        await transaction.outbox.begin(leases, now_ms=START_MS)  # and nobody knows what came of it
    await world.put(notice(RESOLVED, ordinal=1, channel="ops"))
    await world.settled(for_s=60.0)
    firing, resolved = await world.deliveries("ops")
    assert (firing.status, firing.unsure_count) == (MERGED, 1)
    assert resolved.status is DELIVERED


async def test_what_came_into_the_inbox_goes_when_its_days_are_over(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", notify={"inbox_days": 3}) as world:
        pruning = asyncio.create_task(world.notifying._prune_for_ever())
        await world.put(*(notice(series_id=one) for one in range(1, 451)))
        await world.settled(for_s=60.0)
        later_ms = START_MS + 2 * DAY_MS
        await world.clock.advance_to_ms(later_ms)
        await world.put(notice(series_id=9_999, at_ms=later_ms))
        await world.settled(for_s=HOUR_MS / 1_000)
        assert len((await world.ledger.delivery.inbox(limit=1_000))[0]) == 451
        await world.clock.advance_to_ms(START_MS + 3 * DAY_MS + 2 * HOUR_MS)
        async with asyncio.timeout(60):
            while len((await world.ledger.delivery.inbox(limit=1_000))[0]) > 1:
                await world.settled(for_s=HOUR_MS / 1_000)
        [left], _ = await world.ledger.delivery.inbox()
        assert left.name == notice(series_id=9_999, channel=INBOX, at_ms=later_ms).id
        pruning.cancel()
        await asyncio.wait([pruning])
