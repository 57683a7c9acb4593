"""Rules and series that come, change and go while the tracker runs (SEMANTICS.md 6, 7)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.alerting.live import MINUTE, NAN, S0, Live, living

from sigmawatch.app.collector import PARTITION
from sigmawatch.domain.alert import Acknowledgement
from sigmawatch.domain.calendar import parse_calendar
from sigmawatch.domain.errors import StorageUnavailable
from sigmawatch.domain.expression import Logic, Test
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.rule import MEDIAN_SERIES_MAX

FIRED = [("firing", 1)]


class Raises(Test):
    """A test that nobody can judge."""

    __hash__ = Test.__hash__


async def reasons(live: Live) -> list[str]:
    return [one.reason for one in await live.episodes()]


async def test_an_edit_closes_what_is_not_true_any_more_and_keeps_the_rest(tmp_path: Path) -> None:
    """ "condition edited | true now: episode stays open; else closed with reason"."""
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(5, 5), (11, 25)])
        await live.rule("price > 20")
        await live.pass_slots(S0 + 2, [(11, 25), (11, 19)])  # 19 is in the band of the new one
        first, second = await live.episodes()
        assert (first.closed_ms, first.reason) == (
            MINUTE.open_ms(S0 + 2), "the condition was edited"
        )  # fmt: skip
        assert (second.closed_ms, second.version) == (None, 1)
        assert await live.line() == [("firing", 1), ("firing", 1), ("resolved", 2)]


async def test_a_cosmetic_edit_keeps_the_state(tmp_path: Path) -> None:
    """ "Cosmetic edits (text, channels, reminder) keep the state"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10 for 2m")
        await live.pass_slots(S0, [(5,), (11,)])
        await live.rule("price > 10 for 2m", note="sell", channels=("ops",), reminder_ms=120_000)
        await live.pass_slots(S0 + 2, [(11,), (11,), (11,), (11,)])
        assert await live.line() == [("firing", 3), ("reminder", 5)]
        assert (await live.told())[0].receipt.note == "sell"


async def test_an_edit_while_we_were_down_is_an_edit(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(5,), (11,)])
        await live.rule("price > 20")
    async with living(tmp_path, now_ms=MINUTE.open_ms(S0 + 2) + 2_000) as live:
        await live.pass_slots(S0 + 2, [(11,)])
        assert await reasons(live) == ["the condition was edited"]


async def test_an_edit_back_before_the_next_slot_changes_nothing(tmp_path: Path) -> None:
    """ "a reload never resets an unchanged rule"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10 for 2m")
        await live.pass_slots(S0, [(5,), (11,)])
        await live.rule("price > 20 for 2m")
        await live.rule("price > 10 for 2m")
        await live.alerting.changed()
        await live.pass_slots(S0 + 2, [(11,), (11,)])
        assert await live.line() == [("firing", 3)]


async def test_a_disabled_rule_closes_what_is_open_and_tells_it_once(tmp_path: Path) -> None:
    """ "disabled, deleted, expired, delisted | … close with reason; *resolved* only if *firing* was
    sent"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(5,), (11,)])
        await live.rule("price > 10", enabled=False)
        await live.pass_slots(S0 + 2, [(11,), (11,)])
        assert await live.line() == [*FIRED, ("resolved", 2)]
        assert await reasons(live) == ["the rule was disabled"]
        assert await live.ledger.alerts.states() == []
        await live.rule("price > 10")
        await live.pass_slots(S0 + 4, [(11,)])
        assert (await live.line())[2:] == [("firing", 4)]


async def test_a_removed_rule_ends_even_where_we_were_killed_before_it_did(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(5,), (11,)])
        await live.remove()
    async with living(tmp_path, now_ms=MINUTE.open_ms(S0 + 2) + 2_000) as live:
        await live.pass_slots(S0 + 2, [(11,)])
        assert await live.line() == [*FIRED, ("resolved", 2)]
        assert await reasons(live) == ["the rule was deleted"]
        assert await live.ledger.alerts.states() == []


async def test_an_expired_rule_ends_at_the_slot_it_says(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10", valid_until_ms=MINUTE.open_ms(S0 + 3))
        await live.pass_slots(S0, [(5,), (11,), (11,), (11,), (5,), (11,)])
        assert await live.line() == [*FIRED, ("resolved", 3)]
        assert await reasons(live) == ["the rule has expired"]


async def test_new_matches_of_a_pattern_join_and_are_judged_from_then_on(tmp_path: Path) -> None:
    """ "new matches join by themselves"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10", target="kraken:*/USD")
        await live.pass_slots(S0, [(11,)])
        await live.enroll("KRAKEN:BBB", "COINBASE:CCC")
        await live.pass_slots(S0 + 1, [(11, 11, 11)])
        assert [one.receipt.series for one in await live.told()] == [
            "KRAKEN:AAA/USD price", "KRAKEN:BBB/USD price"
        ]  # fmt: skip


async def test_a_series_that_is_tracked_no_more_leaves_with_its_episode(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB") as live:
        await live.rule("price > 10 for 1m", cooldown_ms=0)
        slot = await live.pass_slots(S0, [(11, 11), (11, 11)])
        gone = live.series[0]
        async with live.ledger.transaction() as transaction:
            await transaction.catalogue.remove(gone.id)
        live.catalogue.drop(gone.id)
        await live.tracker.retire(gone)
        live.series = live.series[1:]
        await live.pass_slots(slot, [(11,), (5,)])
        told = [(str(one.kind), one.receipt.series, one.receipt.reason)
                for one in await live.told()][2:]  # fmt: skip
        assert told == [
            ("resolved", "KRAKEN:AAA/USD price", "the series is not tracked any more"),
            ("resolved", "KRAKEN:BBB/USD price", "the clear condition holds"),
        ]


async def test_an_episode_of_a_series_that_was_let_go_while_we_were_down_does_not_last_for_ever(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(11, 11)])
        async with live.ledger.transaction() as transaction:
            await transaction.catalogue.remove(live.series[0].id)
    async with living(tmp_path, now_ms=MINUTE.open_ms(S0 + 1) + 2_000) as live:
        await live.pass_slots(S0 + 1, [(11,)])
        assert await reasons(live) == ["the series is not tracked any more", ""]


async def test_a_series_that_leaves_the_target_ends_and_the_others_go_on(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", "COINBASE:AAA") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(11, 11)])
        await live.rule("price > 10", target="coinbase:*/USD")
        await live.pass_slots(S0 + 1, [(11, 11), (5, 5)])
        assert await reasons(live) == [
            "the series is not among those of the rule any more", "the clear condition holds"
        ]  # fmt: skip


async def test_a_delisted_market_closes_and_stays_quiet(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB") as live:
        await live.rule("price > 10", cooldown_ms=0)
        slot = await live.pass_slots(S0, [(11, 5), (11, 5)])
        live.missing = Reason.DELISTED
        await live.pass_slots(slot, [(NAN, 5)] * 4)
        assert await reasons(live) == ["the market was delisted"]
        assert [kind for kind, _ in await live.line()] == ["firing", "resolved"]


async def test_one_broken_rule_never_stops_the_others_and_says_why(tmp_path: Path) -> None:
    """RELIABILITY.md P34: "one broken rule never stops the others; error shown at the rule"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        broken = await live.rule("price > 10", name="a-broken")
        good = await live.rule("price > 10", name="b-good")
        async with live.ledger.transaction() as transaction:
            await transaction.rules.put("c-torn", text="price >", settings="{}", origin="api",
                                        enabled=True)  # fmt: skip
        nowhere = (parse_calendar("10:00-11:00 Mars/Olympus"),)
        await live.rule("price > 10", name="d-zone", mute=nowhere)
        judge = live.alerting.judge
        ruling = judge.in_force.ruling(broken.id, MINUTE)
        assert not isinstance(ruling, str)
        both = Logic(left=ruling.condition.test, operator="and", right=Raises())
        raises = replace(ruling.condition, test=both)
        judge.in_force._rulings[broken.id, MINUTE.ms] = replace(ruling, condition=raises)
        await live.pass_slots(S0, [(5,), (11,)])
        assert [one.notice.rule_id for one in await live.told()] == [good.id]
        assert judge.errors.keys() == {broken.id, broken.id + 2, broken.id + 3}
        await live.alerting.changed()


async def test_an_acknowledged_episode_reminds_nobody_also_after_a_restart(tmp_path: Path) -> None:
    """ "acknowledge stops reminders of this episode"."""
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB") as live:
        await live.rule("price > 10", reminder_ms=120_000)
        await live.pass_slots(S0, [(11, 11)])
        seen = (await live.episodes())[0].id
        async with live.ledger.transaction() as transaction:
            assert await transaction.alerts.acknowledge(seen, Acknowledgement(by="me", at_ms=1))
    async with living(tmp_path, now_ms=MINUTE.open_ms(S0 + 1) + 2_000) as live:
        await live.pass_slots(S0 + 1, [(11, 11)] * 4)
        told = [(str(one.kind), one.receipt.series) for one in await live.told()][2:]
        assert told == [("reminder", "KRAKEN:BBB/USD price")] * 2


async def test_what_could_not_be_stored_is_decided_again_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEMANTICS.md 8: "Nothing is shown or sent before it is synced to disk." """
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10 for 1m")
        await live.pass_slots(S0, [(5,), (11,)])
        transaction = live.ledger.transaction
        failing = [True]

        def full(*, bulk: bool = False) -> object:
            if not bulk and failing[0]:
                raise StorageUnavailable("no room")
            return transaction(bulk=bulk)

        vars(live.ledger)["transaction"] = full
        await live.pass_slots(S0 + 2, [(11,)])
        assert await live.line() == []
        failing[0] = False
        await live.pass_slots(S0 + 3, [(11,), (5,)])
        assert await live.line() == [("firing", 2), ("resolved", 4)]


async def test_a_rule_waits_for_what_it_reads_and_holds_up_no_other(tmp_path: Path) -> None:
    """SEMANTICS.md 6: "judges slot k once: when all its inputs for k are committed"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.enroll("KRAKEN:AAA", metric="volume_24h_quote")
        await live.rule("price > 10 and volume_24h_quote > 7", name="reads", target="*:*/*")
        await live.rule("price > 10", name="alone", target="*:*/*")
        await live.pass_slots(S0, [(5, 9)])
        price, volume = live.frames(S0 + 1, (11, 9))
        await live.clock.advance_to_ms(MINUTE.open_ms(S0 + 2) + 1_000, turns=5)
        await live.bus.publish(PARTITION, [price])
        await live.clock.advance_to_ms(MINUTE.open_ms(S0 + 2) + 10_000, turns=5)  # the deadline
        await live.shown(S0 + 1)
        assert [one.receipt.rule for one in await live.told()] == ["alone"]
        await live.bus.publish(PARTITION, [volume])
        before = live.tracker.snapshot.sequence
        await live.clock.advance_to_ms(MINUTE.open_ms(S0 + 2) + 25_000, turns=5)
        await live.tracker.changed(before)
        assert [(one.receipt.rule, one.slot - S0) for one in await live.told()] == [
            ("alone", 1), ("reads", 1)
        ]  # fmt: skip


async def test_a_median_whose_target_outgrows_it_goes_on_for_those_it_had(tmp_path: Path) -> None:
    """DESIGN.md: "`median` only for rules over <= 1,000 series"; SEMANTICS.md 6: "new matches join
    by themselves". Who was judged is not let go for who comes."""
    names = [f"KRAKEN:M{number}" for number in range(MEDIAN_SERIES_MAX)]
    calm = (100.0,) * len(names)
    async with living(tmp_path, *names, before=[calm] * 20) as live:
        await live.rule("price > 3 * median(20m)", cooldown_ms=0)
        await live.pass_slots(S0, [calm, (500.0, *calm[1:])])
        assert (await live.line(), live.alerting.errors) == ([("firing", 1)], {})
        await live.enroll("KRAKEN:LAST")
        await live.pass_slots(S0 + 2, [(*calm, 100.0)] * 2)
        assert await live.line() == [("firing", 1), ("resolved", 2)]
        [told] = live.alerting.errors.values()
        assert "at most 1,000 series, its target has 1,001" in told
        await live.pass_slots(S0 + 4, [(*calm[1:], 500.0, 500.0)])
        assert await live.line() == [("firing", 1), ("resolved", 2), ("firing", 4)]
