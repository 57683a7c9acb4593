"""What becomes of alerts when we were down, paused, or the clock stepped (SEMANTICS.md 7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.alerting.live import MINUTE, NAN, S0, Live, living

from sigmawatch.domain.window import MINUTE_MS

LONG = 40  # slots that we are down


async def live_at(live: Live, slot: int, *prices: float) -> None:
    """Slots that we were down for are waited for no longer than their venue fills them."""
    await live.pass_slots(slot, [prices] * 3)


async def test_what_still_fires_after_we_were_down_is_told_once_and_why_late(
    tmp_path: Path,
) -> None:
    """ "Still true: always sent, once ("since hh:mm, while the tracker was down")": a rule that was
    pending when we went down, and whose slots were filled in since."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10 for 2m")
        await live.pass_slots(S0, [(5,), (11,)])
    back = S0 + 2 + LONG
    filled = [(11.0,)] * LONG
    async with living(tmp_path, now_ms=MINUTE.open_ms(back) + 2_000, filled=filled) as live:
        await live_at(live, back, 11.0)
        [told] = await live.told()
        assert (str(told.kind), told.receipt.withheld) == ("firing", ("late",))
        assert told.receipt.opened == S0 + 3
        [episode] = await live.episodes()
        assert episode.opened_ms == MINUTE.open_ms(S0 + 3)


async def test_what_came_and_went_while_we_were_down_is_history_only(tmp_path: Path) -> None:
    """ "Closed while down and older than `max_lateness` (15 min): history only"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(5,), (5,)])
    back = S0 + 2 + LONG
    filled = [(11.0,)] * 4 + [(5.0,)] * (LONG - 4)
    async with living(tmp_path, now_ms=MINUTE.open_ms(back) + 2_000, filled=filled) as live:
        await live_at(live, back, 5.0)
        assert await live.told() == []
        [episode] = await live.episodes()
        assert (episode.opened_ms, episode.closed_ms) == (
            MINUTE.open_ms(S0 + 2), MINUTE.open_ms(S0 + 6)
        )  # fmt: skip


async def test_what_was_told_and_is_over_now_is_told_to_be_over(tmp_path: Path) -> None:
    """ "Announced before, now false: *resolved* is sent"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(5,), (11,)])
    back = S0 + 2 + LONG
    filled = [(5.0,)] * LONG
    async with living(tmp_path, now_ms=MINUTE.open_ms(back) + 2_000, filled=filled) as live:
        await live_at(live, back, 5.0)
        told = [(str(one.kind), one.receipt.withheld) for one in await live.told()]
        assert told == [("firing", ()), ("resolved", ("late",))]
        [episode] = await live.episodes()
        assert episode.closed_ms == MINUTE.open_ms(S0 + 2)


async def test_a_gap_of_which_nothing_is_known_is_unknown_and_tells_nothing(
    tmp_path: Path,
) -> None:
    """ "Time is slot time and advances without data": the cooldown ran, the episode is the same."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10", cooldown_ms=10 * MINUTE_MS)
        await live.pass_slots(S0, [(11,), (5,), (11,)])  # closed, then reopened in its cooldown
        assert await live.line() == [("firing", 0), ("resolved", 1)]
    back = S0 + 3 + LONG
    async with living(tmp_path, now_ms=MINUTE.open_ms(back) + 2_000) as live:
        await live_at(live, back, 5.0)
        assert await live.line() == [("firing", 0), ("resolved", 1)]
        [episode] = await live.episodes()
        assert (episode.reopened_count, episode.closed_ms) == (1, MINUTE.open_ms(back))


@pytest.mark.parametrize("step_ms", [-3_600_000, -1_000, 1_000, 3_600_000, 86_400_000])
async def test_a_step_of_the_clock_fires_nothing_and_loses_nothing(
    tmp_path: Path, step_ms: int
) -> None:
    """RELIABILITY.md P14: "no false alert, no lost alert, `for` and cooldown unaffected": what was
    true before the step and is true after it is told once."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10")
        slot = await live.pass_slots(S0, [(5,), (11,), (11,)])
        live.clock.step_wall_ms(step_ms)
        after = max(slot, MINUTE.slot(live.clock.now_ms()))
        await live.pass_slots(after, [(11,), (11,), (11,)])
        assert await live.line() == [("firing", 1)]
        [episode] = await live.episodes()
        assert episode.closed_ms is None


async def test_a_pause_of_ten_minutes_is_one_gap_and_no_storm(tmp_path: Path) -> None:
    """RELIABILITY.md P31: "no alert storm": a pause is a gap like any other."""
    names = [f"KRAKEN:A{number:02}" for number in range(12)]
    async with living(tmp_path, *names) as live:
        await live.rule("price > 10")
        await live.rule("stale", name="silent")
        slot = await live.pass_slots(S0, [[5.0] * 12] * 3)
        live.clock.step_wall_ms(10 * MINUTE_MS)
        await live.pass_slots(slot + 10, [[5.0] * 12] * 3)
        assert await live.told() == []
        assert all(one.closed_ms is not None for one in await live.episodes())


async def test_timers_freeze_over_two_missing_slots_and_a_third_ends_them(tmp_path: Path) -> None:
    """ "unknown ≤ 2 slots: unchanged, `for`, `clear_for` freeze"."""
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB") as live:
        await live.rule("price > 10 for 3m", target="kraken:AAA/USD")
        gap = (NAN, 5.0)
        await live.pass_slots(S0, [(11, 5), (11, 5), gap, gap, (11, 5), (11, 5)])
        assert await live.line() == [("firing", 5)]
