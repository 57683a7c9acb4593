"""What keeps a rule from telling, and what becomes of it afterwards (SEMANTICS.md 7)."""

from __future__ import annotations

from pathlib import Path

from tests.alerting.live import MINUTE, NAN, S0, T0, Live, living

from sigmawatch.domain.calendar import parse_calendar
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.silence import Silence

THREE = ("KRAKEN:AAA", "KRAKEN:BBB", "COINBASE:AAA")


async def silence(
    live: Live, *, until: int, rule: str | None = None, target: str = "*:*/*"
) -> None:
    """Up to the end of the slot before `until`."""
    async with live.ledger.transaction() as transaction:
        await transaction.silences.add(Silence(
            target=parse_target([target]), rule=rule, from_ms=T0, by="me",
            until_ms=MINUTE.open_ms(until),
        ))  # fmt: skip
    await live.alerting.changed()


async def test_what_fires_when_a_silence_ends_is_told_once_and_what_is_over_is_not(
    tmp_path: Path,
) -> None:
    """ "When a mute, silence or suppression ends, what still fires is sent once ("since …")"."""
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB", "COINBASE:CCC") as live:
        await live.rule("price > 10")
        await silence(live, until=S0 + 4, target="kraken:*/*")
        await live.pass_slots(S0, [(5, 5, 5), (11, 11, 11), (11, 5, 11), (11, 5, 11), (11, 5, 11)])
        told = await live.told()
        assert [(one.receipt.series, one.slot - S0) for one in told] == [
            ("COINBASE:CCC/USD price", 1), ("KRAKEN:AAA/USD price", 3)
        ]  # fmt: skip
        assert told[1].receipt.withheld == ("silenced",)
        assert told[1].receipt.opened == S0 + 1
        assert len(await live.episodes()) == 3


async def test_a_silence_of_one_rule_is_of_that_rule_alone(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10", name="one")
        await live.rule("price > 10", name="other")
        await silence(live, until=S0 + 9, rule="one")
        await live.pass_slots(S0, [(5,), (11,)])
        assert [one.receipt.rule for one in await live.told()] == ["other"]


async def test_a_mute_window_holds_back_by_the_end_of_the_slot(tmp_path: Path) -> None:
    """ "inside iff the local clock time is in [from, to)": a slot is judged at its end."""
    assert T0 % 86_400_000 == 38_400_000, "S0 opens at 10:40 UTC"
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10", mute=(parse_calendar("10:41-10:43 UTC"),))
        await live.pass_slots(S0, [(11,), (11,), (11,)])
        [told] = await live.told()
        assert (told.slot, told.receipt.withheld) == (S0 + 2, ("muted",))


async def test_a_silent_venue_is_told_of_once_and_its_series_are_not(tmp_path: Path) -> None:
    """ "at most one data notice per *venue*, not per series"; "A venue outage … suppresses its
    dependants"."""
    async with living(tmp_path, *THREE) as live:
        await live.rule("stale")
        up, down = (5.0, 6.0, 7.0), (NAN, NAN, 7.0)
        slot = await live.pass_slots(S0, [up, up, up] + [down] * 6)
        [told] = await live.told()
        assert (told.kind, told.receipt.series) == ("no_data", "KRAKEN")
        assert told.slot <= S0 + 3 + 3
        assert len(await live.episodes()) == 2  # in the history all the same
        await live.pass_slots(slot, [up, up, up])
        assert [(str(one.kind), one.receipt.series) for one in await live.told()] == [
            ("no_data", "KRAKEN"), ("resolved", "KRAKEN")
        ]  # fmt: skip


async def test_one_stale_market_of_a_venue_that_answers_is_told_of_itself(tmp_path: Path) -> None:
    async with living(tmp_path, *THREE) as live:
        await live.rule("stale")
        await live.pass_slots(S0, [(5.0, 6.0, 7.0)] * 2 + [(NAN, 6.0, 7.0)] * 5)
        assert [(str(one.kind), one.receipt.series) for one in await live.told()] == [
            ("firing", "KRAKEN:AAA/USD price")
        ]  # fmt: skip


async def test_when_nobody_answers_it_is_our_own_connection_and_told_of_once(
    tmp_path: Path,
) -> None:
    """ "A venue outage or our own loss of connectivity suppresses its dependants"."""
    async with living(tmp_path, *THREE) as live:
        await live.rule("stale")
        await live.pass_slots(S0, [(5.0, 6.0, 7.0)] * 2 + [(NAN, NAN, NAN)] * 6)
        [told] = await live.told()
        assert (str(told.kind), told.receipt.series) == ("no_data", "every venue")


async def test_a_venue_that_was_told_of_is_remembered_over_a_restart(tmp_path: Path) -> None:
    up, down = (5.0, 6.0, 7.0), (NAN, NAN, 7.0)
    async with living(tmp_path, *THREE) as live:
        await live.rule("stale")
        slot = await live.pass_slots(S0, [up, up] + [down] * 5)
    async with living(tmp_path, now_ms=MINUTE.open_ms(slot) + 2_000) as live:
        slot = await live.pass_slots(slot, [down] * 4)
        assert [str(one.kind) for one in await live.told()] == ["no_data"]
        await live.pass_slots(slot, [up] * 4)
        assert [str(one.kind) for one in await live.told()] == ["no_data", "resolved"]


async def test_what_fires_while_its_venue_is_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    async with living(tmp_path, *THREE) as live:
        await live.rule("age > 90s")  # known although nothing comes
        up = (5.0, 6.0, 7.0)
        slot = await live.pass_slots(S0, [up, up] + [(NAN, NAN, 7.0)] * 2)
        assert [one for one in await live.told() if one.receipt.series != "KRAKEN"] == []
        await live.pass_slots(slot, [(NAN, 6.0, 7.0)] * 2)
        told = [one for one in await live.told() if str(one.kind) == "firing"]
        assert [one.receipt.series for one in told] == ["KRAKEN:AAA/USD price"]
        assert told[0].receipt.withheld == ("suppressed",)


async def test_many_at_once_are_one_summary_of_the_ten_furthest(tmp_path: Path) -> None:
    """ "more than 25 % *and at least 10* of a rule's states in one slot … become one summary
    listing the top ten"."""
    names = [f"KRAKEN:A{number:02}" for number in range(12)]
    async with living(tmp_path, *names) as live:
        await live.rule("price > 10")
        quiet = [5.0] * 12
        high = [11.0 + number for number in range(12)]
        slot = await live.pass_slots(S0, [quiet, high])
        [told] = await live.told()
        assert (str(told.kind), told.receipt.counts) == ("summary", (("firing", 12),))
        assert [one.series for one in told.receipt.listed] == [
            f"KRAKEN:A{number:02}/USD price" for number in range(11, 1, -1)
        ]
        assert told.receipt.listed[0].weight == 2.2
        assert len(await live.episodes()) == 12
        await live.pass_slots(slot, [[5.0, *high[1:]]])
        assert [str(one.kind) for one in await live.told()] == ["summary", "resolved"]
