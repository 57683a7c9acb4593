"""Who has a part in a composite, and what they come to (docs/reference/formulas.md)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.composite_oracle import agreed
from tests.examples import examples

from sigmawatch.domain.formula import STILL_SLOTS, parse_formula
from sigmawatch.domain.window import Interval
from sigmawatch.engine.composite import Part, pooled
from sigmawatch.engine.formula import evaluate, inputs_of, pools
from sigmawatch.engine.geometry import Column

NAN = float("nan")
MINUTE = Interval(60_000)
FAR, STILL, TAKEN = Part.FAR, Part.STILL, Part.TAKEN


def now(*members: float, within_pct: float = 5.0) -> tuple[float, list[Part]]:
    """What members come to whose past nobody knows, and the part of each."""
    prices = np.full((len(members), STILL_SLOTS + 1), NAN)
    prices[:, -1] = members
    return last(prices, within_pct=within_pct)


def last(
    prices: Column, volumes: Column | None = None, *, within_pct: float = 5.0
) -> tuple[float, list[Part]]:
    whole = pooled(prices, volumes, within_pct=within_pct, still=STILL_SLOTS)
    return float(whole.value[-1]), [Part(part) for part in whole.parts[:, -1].tolist()]


@pytest.mark.parametrize(
    ("members", "value", "parts"),
    [
        ((100.0, 101.0, 102.0), 101.0, [TAKEN] * 3),
        ((100.0, 101.0, 130.0), 100.5, [TAKEN, TAKEN, FAR]),
        ((100.0, 100.0, 1.0), 100.0, [TAKEN, TAKEN, FAR]),
        ((100.0, 95.0, 105.0), 100.0, [TAKEN] * 3),
        ((100.0, 94.9, 105.1), NAN, [TAKEN, FAR, FAR]),
        ((100.0, 104.0), 102.0, [TAKEN, TAKEN]),
        ((100.0, 115.0), NAN, [FAR, FAR]),
        ((100.0, 100.0, 150.0, 150.0), NAN, [FAR] * 4),
        ((100.0, 100.0, 100.0, 150.0), 100.0, [TAKEN] * 3 + [FAR]),
        ((100.0, NAN, NAN), 100.0, [TAKEN, Part.MISSING, Part.MISSING]),
        ((100.0, NAN, 130.0), NAN, [FAR, Part.MISSING, FAR]),
        ((NAN, NAN), NAN, [Part.MISSING] * 2),
        ((-100.0, -101.0, -130.0), -100.5, [TAKEN, TAKEN, FAR]),
    ],
)
def test_those_near_the_median_count_where_they_are_most_of_those_present(
    members: Sequence[float], value: float, parts: list[Part]
) -> None:
    found, told = now(*members)
    assert found == pytest.approx(value, nan_ok=True)
    assert told == parts


def test_how_near_is_said_by_the_formula() -> None:
    assert now(100.0, 101.0, 110.0, within_pct=10.0)[0] == pytest.approx(311 / 3)
    assert now(100.0, 100.0, 101.0, within_pct=0.5) == (100.0, [TAKEN, TAKEN, FAR])


def a_past(*changes: Sequence[float]) -> Column:
    """Members over STILL_SLOTS + 1 slots, the last of them as given."""
    rows = [[row[0]] * (STILL_SLOTS + 1 - len(row)) + list(row) for row in changes]
    return np.array(rows, float)


def test_who_stands_still_while_half_of_the_others_move_is_left_out() -> None:
    """SEMANTICS.md 4, `frozen`: "whole payload unchanged for max(15 slots, ...) while >= 50 % of
    the venue's other markets moved"; here the others are the members."""
    assert last(a_past([100], [101, 102], [102])) == (102.0, [STILL, TAKEN, STILL])
    assert last(a_past([100], [101], [102])) == (101.0, [TAKEN] * 3)
    assert last(a_past([100], [101], [102], [99, 100])) == (100.75, [TAKEN] * 4)
    assert last(a_past([100, 101], [101, 102])) == (101.5, [TAKEN] * 2)


def test_fourteen_slots_are_not_still() -> None:
    moving = [101.0, 102.0] * 8
    just = [99.0] + [100.0] * STILL_SLOTS
    assert last(np.array([just, moving]))[1] == [TAKEN, TAKEN]
    longer = [100.0] * (STILL_SLOTS + 1)
    assert last(np.array([longer, moving]))[1] == [STILL, TAKEN]


def test_who_was_away_meanwhile_is_not_still() -> None:
    prices = a_past([100], [101, 102])
    prices[0, 3] = NAN
    assert last(prices)[1] == [TAKEN, TAKEN]


def test_a_volume_that_moves_is_a_market_that_lives() -> None:
    prices, volumes = a_past([100], [101, 102]), a_past([5], [7])
    assert last(prices, volumes)[1] == [STILL, TAKEN]
    volumes[0, -3] = 5.5
    assert last(prices, volumes)[1] == [TAKEN, TAKEN]


def test_volumes_weigh_and_none_is_no_part() -> None:
    prices = a_past([100, 100], [104, 104], [90, 90])
    volumes = a_past([3, 3], [1, 1], [0, 0])
    value, parts = last(prices, volumes)
    assert (value, parts) == (101.0, [TAKEN, TAKEN, Part.NO_VOLUME])


numbers = st.one_of(st.none(), st.integers(1, 12).map(float))
flat = st.integers(8, 12).map(lambda value: [float(value)] * (STILL_SLOTS + 1))
columns = st.one_of(
    flat,
    st.lists(numbers, min_size=STILL_SLOTS + 1, max_size=STILL_SLOTS + 1),
    st.tuples(flat, numbers).map(lambda both: [*both[0][:-1], both[1]]),
)


@examples(200)
@given(
    st.lists(st.tuples(columns, columns), min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from([5.0, 25.0, 60.0]),
)
def test_every_composite_is_what_the_slow_definition_is(
    members: list[tuple[list[float | None], list[float | None]]], weighed: bool, within_pct: float
) -> None:
    prices, volumes = ([row[which] for row in members] for which in (0, 1))
    expected, parts = agreed(prices, volumes if weighed else None, within_pct=within_pct)
    found, told = last(
        np.array(prices, float), np.array(volumes, float) if weighed else None,
        within_pct=within_pct,
    )  # fmt: skip
    assert [part.name.lower() for part in told] == parts
    assert found == pytest.approx(NAN if expected is None else expected, rel=1e-12, nan_ok=True)


# In formulas

LINE = "composite(KRAKEN:A/USD, COINBASE:A/USD, BINANCE:A/USDT * KRAKEN:USDT/USD)"


def told(line: str, slots: int = 3, **prices: Sequence[float]) -> dict[str, Column]:
    """Columns of a formula's series, by venue; what is not named stands at 1."""
    formula = parse_formula(line, interval=MINUTE)
    length = formula.reach_slots + slots
    found = {}
    for name in inputs_of(formula, {"A/USD": ("KRAKEN", "COINBASE")}):
        column = np.full(length, 1.0)
        given_ = prices.get(name.split(":")[0].lower()) if ":A/" in name else None
        if given_ is not None and name.endswith("price"):
            column[:] = NAN
            column[length - len(given_) :] = given_
        found[name] = column
    return found


def test_quantities_of_one_unit_agree_slot_by_slot() -> None:
    formula = parse_formula(LINE, interval=MINUTE)
    columns = told(LINE, kraken=[100, 100, 100], coinbase=[101, 101, NAN], binance=[102, 150, 104])
    assert evaluate(formula, columns).tolist() == [101.0, 100.5, pytest.approx(305 / 3)]


def test_a_window_over_a_composite_is_of_its_slots() -> None:
    line = f"mean({LINE}, 4m)"
    found = evaluate(
        parse_formula(line, interval=MINUTE),
        told(line, slots=1, kraken=[100, 101, 102, 103, 999], coinbase=[100, 101, 102, 103, 999],
             binance=[100, 101, 102, 50, 999]),
    )  # fmt: skip
    assert found.tolist() == [101.5]


def test_a_composite_tells_who_has_a_part_and_why_not() -> None:
    columns = told(LINE, kraken=[100, 100], coinbase=[NAN, NAN], binance=[101, 150])
    (pool,) = pools(parse_formula(LINE, interval=MINUTE), columns)
    assert (pool.text, pool.pair, pool.within_pct) == (LINE, None, 5.0)
    assert np.isnan(pool.value)
    rows = [(one.name, one.part, one.weight) for one in pool.members]
    assert rows == [
        ("KRAKEN:A/USD", FAR, None),
        ("COINBASE:A/USD", Part.MISSING, None),
        ("BINANCE:A/USDT * KRAKEN:USDT/USD", FAR, None),
    ]
    assert [one.apart_pct for one in pool.members] == pytest.approx([-20.0, NAN, 20.0], nan_ok=True)


def test_a_pairs_composite_tells_of_its_venues_by_name() -> None:
    line = "composite(A/USD, 2)"
    columns = told(line, kraken=[100, 101], coinbase=[100, 102])
    venues = {"A/USD": ("KRAKEN", "COINBASE")}
    (pool,) = pools(parse_formula(line, interval=MINUTE), columns, venues=venues)
    assert (pool.text, pool.pair, pool.value, pool.within_pct) == (line, "A/USD", 101.5, 2.0)
    assert [(one.name, one.value, one.weight) for one in pool.members] == [
        ("COINBASE:A/USD", 102.0, 1.0), ("KRAKEN:A/USD", 101.0, 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize("line", [LINE, f"mean({LINE}, 1h) / composite(A/USD, 3)"])
def test_each_slot_has_the_same_digits_alone_as_among_others(line: str) -> None:
    formula = parse_formula(line, interval=MINUTE)
    venues = {"A/USD": ("KRAKEN", "COINBASE")}
    rng, count = np.random.default_rng(4), 90
    columns = {}
    for name in inputs_of(formula, venues):
        column = 100.0 * np.exp(rng.normal(0, 2e-2, formula.reach_slots + count))
        column[rng.random(len(column)) < 0.1] = NAN
        columns[name] = np.ones(len(column)) if "USDT/USD" in name else column
    whole = evaluate(formula, columns, venues=venues)
    assert np.isfinite(whole).sum() > 0
    for at in (0, 1, 44, count - 1):
        until = formula.reach_slots + at + 1
        alone = {name: column[at:until] for name, column in columns.items()}
        assert evaluate(formula, alone, venues=venues).tobytes() == whole[at : at + 1].tobytes()
