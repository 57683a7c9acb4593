"""What candles say about slots: quiet, coarse, derived, and the rolling day."""

from __future__ import annotations

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.app.filling import Supply, Timeline, lay_out, patch_for, rolling_day
from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import Candles
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
T0 = 1_700_000_040_000 // (5 * MINUTE_MS) * (5 * MINUTE_MS)
S0 = MINUTE.slot(T0)
OBSERVED = Reason.OBSERVED | Flag.FILLED


def candles(
    rows: list[tuple[int, float, float]],
    *,
    span_ms: int = MINUTE_MS,
    complete_ms: int,
    from_ms: int = 0,
) -> Candles:
    """rows: (minutes after T0, close, base volume)."""
    return Candles(
        native="XBTUSD",
        span_ms=span_ms,
        open_ms=array("q", [T0 + minute * MINUTE_MS for minute, _, _ in rows]),
        close=array("d", [close for _, close, _ in rows]),
        volume_base=array("d", [volume for _, _, volume in rows]),
        volume_quote=array("d", [close * volume for _, close, volume in rows]),
        trades=array("d", [1.0] * len(rows)),
        quote_derived=True,
        complete_ms=complete_ms,
        from_ms=from_ms,
    )


def laid(supplies: list[Supply], *, slots: int, now_minute: float) -> Timeline:
    now_ms = T0 + round(now_minute * MINUTE_MS)
    return lay_out(supplies, MINUTE, from_slot=S0, to_slot=S0 + slots, now_ms=now_ms)


def supply(rows: list[tuple[int, float, float]], *, complete: int = 60) -> Supply:
    return Supply(candles=candles(rows, complete_ms=T0 + complete * MINUTE_MS), from_ms=T0)


def test_a_slot_in_which_nothing_traded_carries_the_previous_close_and_its_flow_is_zero() -> None:
    line = laid([supply([(0, 10.0, 1.0), (3, 12.0, 2.0)])], slots=4, now_minute=4.1)
    assert line.close.tolist() == [10.0, 10.0, 10.0, 12.0]
    assert line.flows["volume_base"].tolist() == [1.0, 0.0, 0.0, 2.0]
    carried = Reason.CARRIED | Flag.FILLED
    assert line.level_marks.tolist() == [OBSERVED, carried, carried, OBSERVED]
    quiet = Reason.NO_TRADES | Flag.FILLED
    assert line.flow_marks.tolist() == [OBSERVED, quiet, quiet, OBSERVED]


def test_a_quiet_slot_is_known_only_after_a_later_candle_or_two_more_slots() -> None:
    """SEMANTICS.md 2: "marked no_trades, once a later candle exists or 2 slots have passed"."""
    only_first = [supply([(0, 10.0, 1.0)])]
    assert np.isnan(laid(only_first, slots=2, now_minute=2.1).flows["volume_base"][1])
    assert np.isnan(laid(only_first, slots=2, now_minute=3.9).flows["volume_base"][1])
    assert laid(only_first, slots=2, now_minute=4.0).flows["volume_base"][1] == 0.0
    later = [supply([(0, 10.0, 1.0), (2, 11.0, 1.0)])]
    assert laid(later, slots=2, now_minute=2.1).flows["volume_base"][1] == 0.0


def test_before_the_first_close_a_quiet_level_is_unknown_but_the_flow_is_zero() -> None:
    line = laid([supply([(2, 10.0, 1.0)])], slots=3, now_minute=3.1)
    assert np.isnan(line.close[:2]).all()
    assert line.level_marks[:2].tolist() == [Reason.PENDING] * 2
    assert line.flows["volume_base"].tolist() == [0.0, 0.0, 1.0]


def test_a_coarse_candle_stands_in_every_slot_it_covers_and_its_flow_is_shared_out() -> None:
    wide = candles([(0, 10.0, 5.0), (5, 20.0, 10.0)], span_ms=5 * MINUTE_MS,
                   complete_ms=T0 + 10 * MINUTE_MS)  # fmt: skip
    line = laid([Supply(candles=wide, from_ms=T0)], slots=10, now_minute=20)
    assert line.close.tolist() == [10.0] * 5 + [20.0] * 5
    assert line.flows["volume_base"].tolist() == [1.0] * 5 + [2.0] * 5
    assert set(line.level_marks.tolist()) == {OBSERVED | Flag.COARSE}


def test_fine_candles_replace_what_wider_ones_said_of_the_same_slots() -> None:
    wide = candles([(0, 10.0, 5.0)], span_ms=5 * MINUTE_MS, complete_ms=T0 + 5 * MINUTE_MS)
    fine = Supply(candles=candles([(3, 11.0, 7.0)], complete_ms=T0 + 60 * MINUTE_MS),
                  from_ms=T0 + 3 * MINUTE_MS)  # fmt: skip
    line = laid([fine, Supply(candles=wide, from_ms=T0)], slots=5, now_minute=20)
    assert line.close.tolist() == [10.0, 10.0, 10.0, 11.0, 11.0]
    assert line.flows["volume_base"].tolist() == [1.0, 1.0, 1.0, 7.0, 0.0]
    assert line.level_marks.tolist() == [OBSERVED | Flag.COARSE] * 3 + [
        OBSERVED, Reason.CARRIED | Flag.FILLED,
    ]  # fmt: skip


def test_minutes_add_up_to_a_wider_slot_whose_level_is_the_last_close() -> None:
    five = Interval(5 * MINUTE_MS)
    line = lay_out(
        [supply([(0, 10.0, 1.0), (4, 12.0, 2.0), (5, 13.0, 4.0)])], five,
        from_slot=five.slot(T0), to_slot=five.slot(T0) + 2, now_ms=T0 + 60 * MINUTE_MS,
    )  # fmt: skip
    assert line.close.tolist() == [12.0, 13.0]
    assert line.flows["volume_base"].tolist() == [3.0, 4.0]


@given(
    st.lists(st.integers(0, 2_879), min_size=1, max_size=300, unique=True).map(sorted),
    st.integers(0, 10_000),
)
def test_the_rolling_day_is_the_sum_of_the_day_before_each_slots_end(
    minutes: list[int], seed: int
) -> None:
    volumes = np.random.default_rng(seed).exponential(size=len(minutes))
    rows = [(minute, 10.0, float(v)) for minute, v in zip(minutes, volumes, strict=True)]
    line = laid([supply(rows, complete=2_880)], slots=2_880, now_minute=2_890)
    values, marks = rolling_day(line, "volume_base")
    for at in (1_439, 1_440, 2_000, 2_879):
        slow = sum(v for minute, _, v in rows if at - 1_440 < minute <= at)
        assert values[at] == pytest.approx(slow, rel=1e-12, abs=1e-12)
        assert marks[at] == Reason.OBSERVED | Flag.FILLED | Flag.DERIVED
    assert np.isnan(values[:1_439]).all()


def test_a_rolling_day_with_a_hole_in_it_is_unknown() -> None:
    first = supply([(0, 10.0, 1.0)], complete=1)
    rest = Supply(candles=candles([(1_500, 10.0, 1.0)], complete_ms=T0 + 1_500 * MINUTE_MS),
                  from_ms=T0 + 10 * MINUTE_MS)  # fmt: skip
    line = laid([first, rest], slots=1_501, now_minute=1_501)
    values, _ = rolling_day(line, "volume_base")
    assert np.isnan(values[:1_449]).all()
    assert values[1_450] == 0.0


def series(metric: str) -> Series:
    market = Market(venue="KRAKEN", base="BTC", quote="USD", native="XXBTZUSD")
    return Series(id=7, market=market, metric=metric, interval=MINUTE, block_id=1, place=0)


def test_a_patch_covers_only_what_is_told_within_the_slots_asked_for() -> None:
    line = laid([supply([(2, 10.0, 1.0), (4, 11.0, 1.0)])], slots=6, now_minute=6.5)
    patch = patch_for(series("price"), line, from_slot=S0, to_slot=S0 + 6, now_ms=T0 + 390_000)
    assert patch is not None
    assert (patch.from_slot, patch.revision) == (S0 + 2, S0 + 6)
    assert np.frombuffer(patch.values, "<f8").tolist() == [10.0, 10.0, 11.0]
    assert patch_for(series("price"), line, from_slot=S0, to_slot=S0 + 2, now_ms=T0) is None


def test_a_quote_flow_from_an_average_price_is_derived_but_a_quiet_zero_is_not() -> None:
    line = laid([supply([(0, 10.0, 2.0), (2, 10.0, 1.0)])], slots=3, now_minute=3.5)
    patch = patch_for(series("traded_quote"), line, from_slot=S0, to_slot=S0 + 3, now_ms=T0)
    assert patch is not None
    assert np.frombuffer(patch.values, "<f8").tolist() == [20.0, 0.0, 10.0]
    assert list(patch.marks) == [
        OBSERVED | Flag.DERIVED, Reason.NO_TRADES | Flag.FILLED, OBSERVED | Flag.DERIVED,
    ]  # fmt: skip


def test_a_day_of_rolling_volume_needs_two_days_of_candles() -> None:
    assert DAY_MS // MINUTE_MS == 1_440
    line = laid([supply([(0, 10.0, 1.0)])], slots=1_000, now_minute=1_010)
    assert np.isnan(rolling_day(line, "volume_base")[0]).all()


def test_what_lies_before_the_venues_reach_is_unknown_not_quiet() -> None:
    """EXCHANGES.md 4: Kraken returns 707..711 candles although 720 were asked for."""
    short = candles([(4, 10.0, 1.0)], complete_ms=T0 + 60 * MINUTE_MS,
                    from_ms=T0 + 2 * MINUTE_MS)  # fmt: skip
    line = laid([Supply(candles=short, from_ms=T0)], slots=5, now_minute=20)
    assert np.isnan(line.flows["volume_base"][:2]).all()
    assert line.flows["volume_base"][2:].tolist() == [0.0, 0.0, 1.0]
