"""Ranks (SEMANTICS.md 3), against a naive reference on random tables."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.rank_oracle import (
    MARKETS,
    Told,
    board_told,
    mixed,
    ranks,
    series_of,
    why_and_key,
)
from tests.engine.world import MINUTE, NAN, START, a_frame, a_patch, a_series, a_table, fed

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.domain.series import Block
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS
from sigmawatch.engine.freshness import State
from sigmawatch.engine.ranking import EXCLUDED, Why, rank
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.standings import KEYS

NUMBERS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1.0 + 4e-13, 1.0 + 8e-13, 1.0 + 3e-12, -1.0, 5e-324, 1e300]),
    st.floats(-1e6, 1e6),
    st.just(NAN),
)
METRICS_RANKED = ("price", "traded_quote", "spread_bp", "volume_24h_ref")
BY = (*KEYS, "spread_bp", "volume_24h_ref", "traded_quote")
TELLINGS = st.builds(
    Told,
    market=st.integers(0, len(MARKETS) - 1),
    metric=st.sampled_from(METRICS_RANKED),
    state=st.sampled_from([State.FRESH] * 4 + list(State)),
    reason=st.sampled_from([Reason.OBSERVED] * 4 + list(Reason)),
    n=st.sampled_from([0, 9, 10, 11, 12, 29, 30, 47, 48, 60]),
    sign_change=st.sampled_from([False, False, True]),
    **dict.fromkeys(
        ("value", "surge", "sigma_abs", "sigma_rel", "sigma_ret", "change_pct"), NUMBERS
    ),
)


@given(
    told=st.lists(TELLINGS, max_size=12, unique_by=lambda one: (one.market, one.metric)),
    metric=st.sampled_from(METRICS_RANKED),
    expected=st.sampled_from([10, 12, 20, 60]),
    chosen=st.none() | st.sets(st.integers(1, 12)),
)
def test_every_ranking_is_that_of_a_naive_reference(
    told: list[Told], metric: str, expected: int, chosen: set[int] | None
) -> None:
    """SEMANTICS.md 3, every key of it; rank_oracle is written from its text alone."""
    board, series = board_told(told, expected=expected), series_of(told)
    peers = None if chosen is None else [board.layout.rows[i] for i in chosen if i <= len(told)]
    for by in BY:
        found = board.ranking(metric, by, window_ms=expected * MINUTE_MS, peers=peers)
        judged = {
            place: why_and_key(told, place, by=by, expected=expected, chosen=chosen)
            for place, one in enumerate(told)
            if one.metric == metric and (chosen is None or place + 1 in chosen)
        }
        names = [one.name for one in series]
        first, second = (
            ranks({place: key for place, (why, key) in judged.items() if why is wanted}, names)
            for wanted in (Why.RANKED, Why.PROVISIONAL)
        )
        for place, one in enumerate(series):
            row = board.layout.rows[one.id]
            assert Why(found.why[row]) == judged.get(place, (Why.NOT_A_PEER, 0))[0]
            assert found.rank[row] == first.get(place, 0)
            assert found.provisional[row] == second.get(place, 0)
            assert found.ties(row) == list(first.values()).count(first.get(place, -1))
        places = {board.layout.rows[one.id]: place for place, one in enumerate(series)}
        assert [places[row] for row in found.order.tolist()] == list(first)
        assert [places[row] for row in found.provisional_order.tolist()] == list(second)
        assert (found.of, found.provisional_of) == (len(first), len(second))
        assert found.excluded == sum(why in EXCLUDED for why, _ in judged.values())
        assert found.mixed_units == mixed(series, first, metric=metric, by=by)


def ranked(*key: float) -> list[int]:
    order = np.arange(len(key), dtype=np.int32)
    column = np.array(key)
    found = rank(
        "value",
        column,
        rows=order.astype(np.intp),
        why=np.zeros(len(key), np.uint8),
        name_order=order,
    )
    return [int(one) for one in found.rank]


def test_rank_one_is_the_largest_and_ties_share_the_better_rank() -> None:
    """SEMANTICS.md 3: "Ties share the better rank ("1, 2, 2, 4")"."""
    assert ranked(4.0, 3.0, 3.0, 1.0) == [1, 2, 2, 4]


def test_equality_goes_on_along_a_chain() -> None:
    assert ranked(1.0, 1.0 + 9e-13, 1.0 + 18e-13, 1.0 + 30e-13) == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("key", "ranks"),
    [
        ((0.0, -0.0, 0.0), [1, 1, 1]),  # constant markets: none stands before another
        ((-1.0, -1.0 - 4e-13, -2.0), [1, 1, 3]),
        ((1.0, -1.0), [1, 2]),
        ((1e-13, 0.0), [1, 2]),  # relative: next to zero nothing is near
        ((1.5e308, -1.5e308, 1.5e308), [1, 3, 1]),
        ((1.0, 1.0 - 1.5e-12), [1, 2]),
    ],
)
def test_equal_is_within_a_millionth_of_a_millionth_of_the_larger(
    key: tuple[float, ...], ranks: list[int]
) -> None:
    """SEMANTICS.md 3: "equal means within 1e-12 relative"."""
    assert ranked(*key) == ranks


def test_the_text_of_a_rank_names_how_many_were_ranked() -> None:
    order = np.arange(3, dtype=np.int32)
    why = np.array([Why.RANKED, Why.STALE, Why.RANKED], np.uint8)
    key, rows = np.array([1.0, NAN, 2.0]), np.arange(3)
    found = rank("value", key, rows=rows, why=why, name_order=order)
    assert [found.text(row) for row in range(3)] == ["2/2", None, "1/2"]


def board_of(columns: dict[str, list[float]], *, slots: int = 60) -> Board:
    """One series for each column; a column is one value a slot, NaN for an outage."""
    table = a_table(len(columns))
    fed(table, {START + at: [c[at] for c in columns.values()] for at in range(slots)})
    return table.close(START + slots - 1)


def wave(size: float, level: float = 100.0, *, known: int = 60, slots: int = 60) -> list[float]:
    """A wave whose first slots are missing so that `known` are there."""
    return [NAN] * (slots - known) + [level + size * (-1.0) ** at for at in range(known)]


def test_deviations_need_enough_values_and_coverage() -> None:
    """SEMANTICS.md 3: "σ keys need n ≥ min(30, 0.8 × expected), at least 10, and coverage ≥ 80 %".
    "Enough n with less coverage is `provisional`"."""
    counts = [60, 48, 47, 30, 29, 9, 0]
    board = board_of({str(n): wave(1.0 + n / 100, known=n) for n in counts[:-1]})
    found = board.ranking("price", "sigma_abs", window_ms=HOUR_MS)
    assert [Why(w).name for w in found.why] == [
        "RANKED", "RANKED", "PROVISIONAL", "PROVISIONAL", "TOO_FEW", "TOO_FEW",
    ]  # fmt: skip
    assert found.rank.tolist() == [1, 2, 0, 0, 0, 0]
    assert found.provisional.tolist() == [0, 0, 1, 2, 0, 0]


@pytest.mark.parametrize(("minutes", "least"), [(60, 48), (20, 16), (12, 10), (10, 10)])
def test_a_short_window_needs_eight_tenths_of_its_slots_and_never_below_ten(
    minutes: int, least: int
) -> None:
    table = a_table(2)
    for at in range(minutes):
        there = [1.0 if minutes - at <= least - one else NAN for one in (0, 1)]
        table.apply(a_frame(START + at, [at * value for value in there]))
    slot = START + minutes - 1
    board = table.close(slot).with_window(table.statistics(minutes * MINUTE_MS, slot))
    found = board.ranking("price", "sigma_abs", window_ms=minutes * MINUTE_MS)
    assert found.why[0] == Why.RANKED
    assert found.why[1] != Why.RANKED


def test_a_series_whose_values_change_sign_has_no_relative_rank() -> None:
    table = a_table(2, metric="volume_24h_base")
    for at in range(60):
        table.apply(a_frame(START + at, [(-1.0) ** at, 5.0 + at]))
    board = table.close(START + 59)
    found = board.ranking("volume_24h_base", "sigma_rel", window_ms=HOUR_MS)
    assert (found.why.tolist(), found.of) == ([Why.SIGN_CHANGE, Why.RANKED], 1)
    assert board.ranking("volume_24h_base", "sigma_abs", window_ms=HOUR_MS).of == 2


def test_change_pct_is_ranked_where_both_ends_are_known_whatever_the_coverage() -> None:
    board = board_of(
        {
            "thin": [100.0] * 3 + [NAN] * 60 + [120.0],
            "cut": [NAN] * 10 + [100.0] * 54,
            "flat": [100.0] * 64,
        },
        slots=64,
    )
    found = board.ranking("price", "change_pct", window_ms=HOUR_MS)
    assert found.rank.tolist() == [1, 0, 2]
    assert found.why[1] == Why.UNKNOWN


def test_stale_frozen_suspect_and_delisted_series_are_excluded_and_counted() -> None:
    table = a_table(6)
    for at in range(60):
        marks = [0] * 6
        values = [100.0 + at % 7] * 6
        if at > 30:
            marks[1] = Reason.UNCHANGED  # frozen: the others move
        if at > 55:
            marks[2] = Reason.OUTAGE  # stale
        if at == 59:
            marks[3], marks[4] = Reason.SUSPECT, Reason.DELISTED
        table.apply(a_frame(START + at, values, marks))
    found = table.close(START + 59).ranking("price", "sigma_abs", window_ms=HOUR_MS)
    assert [Why(w).name for w in found.why] == [
        "RANKED", "FROZEN", "STALE", "SUSPECT", "DELISTED", "RANKED",
    ]  # fmt: skip
    assert (found.of, found.excluded) == (2, 4)


def test_latest_value_keys_need_a_value_of_the_slot() -> None:
    board = board_of({"there": wave(1.0), "gone": [*wave(1.0)[:-1], NAN]})
    for by in ("value", "price", "surge"):
        found = board.ranking("price", by)
        assert found.why.tolist() == [Why.RANKED, Why.UNKNOWN]


def test_peers_narrow_the_universe() -> None:
    board = board_of({"a": wave(3.0), "b": wave(2.0), "c": wave(1.0)})
    mask = np.array([False, True, True])
    for peers in (mask, (1, 2)):
        found = board.ranking("price", "sigma_abs", window_ms=HOUR_MS, peers=peers)
        assert (found.rank.tolist(), found.of) == ([0, 1, 2], 2)
        assert found.why[0] == Why.NOT_A_PEER
    nobody = board.ranking("price", "sigma_abs", window_ms=HOUR_MS, peers=())
    assert (nobody.of, nobody.rank.tolist()) == (0, [0, 0, 0])


def test_two_reads_of_one_board_are_one_ranking() -> None:
    board = board_of({"a": wave(3.0), "b": wave(2.0)})
    for by, peers in (("sigma_rel", None), ("surge", (0,)), ("value", None)):
        assert board.ranking("price", by, peers=peers) is board.ranking("price", by, peers=peers)
    assert board.ranking("price", "value", peers=(0,)) is not board.ranking("price", "value")


def test_an_unknown_key_or_a_window_that_is_not_held_is_refused() -> None:
    board = board_of({"a": wave(1.0)})
    with pytest.raises(Invalid, match="unknown key 'moon'"):
        board.ranking("price", "moon")
    with pytest.raises(Invalid, match="no statistics over 600000 ms"):
        board.ranking("price", window_ms=10 * MINUTE_MS)
    assert board.ranking("bid").of == 0


def two_metrics() -> Board:
    table = a_table(3)
    table.add_block(Block(id=2, venue="KRAKEN", metric="spread_bp", interval=MINUTE))
    for place, series_id in enumerate((11, 12)):
        table.add(a_series(series_id, place=place, metric="spread_bp", block_id=2))
    for at in range(60):
        table.apply(a_frame(START + at, [1.0, 2.0, 3.0]))
        table.apply(a_frame(START + at, [7.0, 9.0], block_id=2))
    return table.close(START + 59)


def test_a_metric_may_be_ranked_by_another_metric_of_the_same_market() -> None:
    board = two_metrics()
    found = board.ranking("price", "spread_bp")
    assert found.rank.tolist() == [2, 1, 0, 0, 0]
    assert found.why.tolist() == [
        Why.RANKED, Why.RANKED, Why.UNKNOWN, Why.NOT_A_PEER, Why.NOT_A_PEER,
    ]  # fmt: skip
    assert board.ranking("spread_bp", "value").rank.tolist() == [0, 0, 0, 2, 1]


def test_amounts_of_several_currencies_are_marked_mixed() -> None:
    """SEMANTICS.md 1: "over several quote currencies is marked `mixed_units`"."""
    table = a_table(2, windows_ms=(HOUR_MS,))
    third = a_series(3)
    euro = dataclasses.replace(third.market, quote="EUR")
    table.add(dataclasses.replace(third, market=euro))
    fed(table, {START + at: [1.0 + at % 3] * 3 for at in range(60)})
    board = table.close(START + 59)

    def mixed(by: str, peers: tuple[int, ...] | None = None) -> bool:
        return board.ranking("price", by, window_ms=HOUR_MS, peers=peers).mixed_units

    assert mixed("sigma_abs")
    assert mixed("value")
    assert not mixed("sigma_abs", (0, 1))
    assert not mixed("sigma_rel")
    assert not mixed("surge")


def test_formulas_of_several_units_are_marked_mixed_and_reference_volumes_never() -> None:
    def mixed(metric: str, formulas: Sequence[str | None], quotes: Sequence[str]) -> bool:
        table = a_table(0, metric=metric, windows_ms=(HOUR_MS,))
        for place, (formula, quote) in enumerate(zip(formulas, quotes, strict=True)):
            one = a_series(place + 1, metric=metric)
            market = dataclasses.replace(one.market, quote=quote)
            table.add(dataclasses.replace(one, market=market, formula=formula))
        fed(table, {START + at: [1.0 + at % 3] * len(quotes) for at in range(60)})
        return table.close(START + 59).ranking(metric, "value", window_ms=HOUR_MS).mixed_units

    price, ratio = "KRAKEN:BTC/USD", "KRAKEN:BTC/USD / KRAKEN:ETH/USD"
    assert mixed("formula", (price, ratio), ("USD", "USD"))
    assert not mixed("formula", (price, f"2 * {price}"), ("USD", "EUR"))
    assert not mixed("volume_24h_ref", (None, None), ("USD", "EUR"))


def test_ties_are_in_order_of_their_names_not_of_their_ids() -> None:
    table = a_table(1)
    for series_id, number in ((50, 9), (51, 3), (52, 5)):
        one = a_series(series_id, place=series_id - 40)
        market = dataclasses.replace(one.market, base=f"B{number}", native=f"B{number}")
        table.add(dataclasses.replace(one, market=market))
    values = [NAN if at not in (0, 10, 11, 12) else 1.0 for at in range(13)]
    fed(table, {START: values})
    board = table.close(START)
    order = board.ranking("price", "value").order
    assert [board.series[row].market.base for row in order] == ["B3", "B5", "B9", "C0001"]


def test_a_coarse_value_is_ranked_like_any_other() -> None:
    table = a_table(1)
    coarse = Reason.OBSERVED | Flag.FILLED | Flag.COARSE
    table.apply(a_patch(START, [100.0 + at % 9 for at in range(60)], coarse))
    board = table.close(START + 59)
    assert board.ranking("price", "sigma_abs", window_ms=HOUR_MS).of == 1
    assert board.statistics[DAY_MS].coarse[0]
    assert not math.isnan(board.statistics[HOUR_MS].sigma_ret[0])
