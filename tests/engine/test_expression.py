"""What rules say of series: three-valued, over windows that end before the judged slot or with it
(SEMANTICS.md 6)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.rule_oracle import One, TooCloseError
from tests.engine.rule_world import Arrays, an_array
from tests.examples import examples

from sigmawatch.domain import expression as tree
from sigmawatch.domain.expression import Condition, Quantity, Statistic, Test, Value, Window
from sigmawatch.domain.rule import default_clear, print_node
from sigmawatch.domain.rule_reader import read_condition
from sigmawatch.engine.expression import FALSE, TRUE, UNKNOWN, judge, measure

NAN = float("nan")
MINUTE_MS = 60_000


def a_world(values: list[float], **more: object) -> Arrays:
    """One series; the last value is the judged slot's. Enough of the past for any look-back."""
    column = np.array([NAN] * 10 + values)[:, None]
    base = an_array(1, slots=len(column), seed=1)
    fields = {"others": base.others, "ages_s": base.ages_s, "stales": base.stales,
              "ranks": base.ranks, "moved": base.moved, **more}  # fmt: skip
    return Arrays(values=column, **fields)  # type: ignore[arg-type]


def said(line: str, values: list[float], **more: object) -> int:
    (verdict,) = judge([read_condition(line)], a_world(values, **more))
    assert verdict.dtype == np.int8
    return int(verdict[0])


def test_the_founding_request_compares_with_the_hour_before() -> None:
    """"**the judged slot is not in its own baseline**"."""  # fmt: skip
    hour = [2.0] * 60
    assert said("price > 3 * mean(1h)", [*hour, 6.5]) == TRUE
    assert said("price > 3 * mean(1h)", [*hour, 6.0]) == FALSE  # "Comparison is strict"
    assert said("price > 3 * mean[1h]", [*hour, 6.1]) == FALSE  # this one holds the slot
    assert said("price > 3 * mean(1h)", [900.0, *hour, 6.5]) == TRUE  # nor what was earlier


@pytest.mark.parametrize(
    ("known", "verdict"), [(60, TRUE), (48, TRUE), (47, UNKNOWN), (0, UNKNOWN)]
)
def test_a_baseline_needs_four_fifths_of_its_window(known: int, verdict: int) -> None:
    assert said("price > 3 * mean(1h)", [NAN] * (60 - known) + [2.0] * known + [7.0]) == verdict


def test_a_baseline_never_has_fewer_than_four_values() -> None:
    assert said("price > mean(4m)", [1.0, 1.0, 1.0, 1.0, 2.0]) == TRUE
    assert said("price > mean(4m)", [1.0, NAN, 1.0, 1.0, 2.0]) == UNKNOWN


@pytest.mark.parametrize(
    ("line", "past", "now", "verdict"),
    [
        ("value > 3 * mean(1h)", 0.0, 5.0, UNKNOWN),
        ("value > mean(1h) * 3", -1.0, 5.0, UNKNOWN),
        ("value / mean(1h) > 3", 0.0, 5.0, UNKNOWN),
        ("value / (mean(1h) - 9) > 3", 2.0, 5.0, UNKNOWN),
        ("value > mean(1h) / 2", -1.0, 5.0, UNKNOWN),
        ("zscore(1h) > 3", 2.0, 5.0, UNKNOWN),
        ("value > mean(1h) + 3 * sigma_abs(1h)", 2.0, 5.0, UNKNOWN),
        ("value > mean(1h)", -1.0, 5.0, TRUE),
        ("value - mean(1h) > 3", 0.0, 5.0, TRUE),
        ("value / change(1h) > 3", 6.0, 5.0, FALSE),
        ("value / (value - 5) > 3", 2.0, 5.0, UNKNOWN),
    ],
)
def test_a_baseline_of_zero_or_less_is_no_measure(
    line: str, past: float, now: float, verdict: int
) -> None:
    """As SEMANTICS.md 6 has it: "A baseline <= 0 in a ratio, or an unknown operand, makes its
    comparison **unknown**"."""
    assert said(line, [past] * 60 + [now]) == verdict


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("value > 1", UNKNOWN), ("value != 1", UNKNOWN), ("not value > 1", UNKNOWN),
        ("value > 1 and stale", UNKNOWN), ("value > 1 or stale", TRUE),
        ("value > 1 and not stale", FALSE), ("value > 1 or not stale", UNKNOWN),
        ("value > 1 or value <= 1", UNKNOWN), ("crosses_above(3)", UNKNOWN),
        ("crosses_above(1)", FALSE),
    ],
)  # fmt: skip
def test_what_is_unknown_stays_so_until_the_rest_decides(line: str, verdict: int) -> None:
    """"and/or/not are Kleene"."""  # fmt: skip
    assert said(line, [2.0, NAN], stales=np.array([True])) == verdict


@pytest.mark.parametrize(
    ("line", "values", "verdict"),
    [
        ("crosses_above(5)", [5.0, 6.0], TRUE),
        ("crosses_above(5)", [6.0, 7.0], FALSE),
        ("crosses_above(5)", [4.0, 5.0], FALSE),
        ("crosses_below(5)", [5.0, 4.0], TRUE),
        ("crosses_below(5)", [4.0, 3.0], FALSE),
        ("crosses_above(5)", [NAN, 6.0], UNKNOWN),
        ("crosses_above(5)", [NAN, 4.0], FALSE),
        ("crosses_above(max(4m))", [9.0, 1.0, 1.0, 1.0, 1.0, 2.0], TRUE),
    ],
)
def test_a_crossing_is_the_slot_in_which_it_came_to_be(
    line: str, values: list[float], verdict: int
) -> None:
    assert said(line, values) == verdict


def test_a_metric_over_a_span_is_compared_with_the_spans_before_it() -> None:
    """"a mean over it uses the non-overlapping 5 m spans before it"."""  # fmt: skip
    hour = [1.0, 0.0, 0.0, 0.0, 1.0] * 12
    quiet = said("traded_quote[5m] > 3 * mean(1h)", [*hour, 1.0, 1.0, 1.0, 1.0, 2.0], flow=True)
    loud = said("traded_quote[5m] > 3 * mean(1h)", [*hour, 1.0, 1.0, 1.0, 1.0, 2.1], flow=True)
    assert (quiet, loud) == (FALSE, TRUE)
    part = said("traded_quote[5m] > 0", [*hour, 1.0, NAN, 1.0, 1.0, 2.0], flow=True)
    assert part == UNKNOWN  # the sum of what is known would be too little


def test_a_level_over_a_span_is_its_close() -> None:
    assert said("price[5m] == 4", [9.0, 9.0, 9.0, 4.0, NAN]) == TRUE
    assert said("price[5m] == 4", [9.0, 4.0, NAN, NAN, NAN]) == UNKNOWN


def test_a_change_reaches_back_at_most_two_slots_before_its_moment() -> None:
    """"then = last close at or before T - W; unknown if that close is older than 2 slots before
    it"."""  # fmt: skip
    assert said("change_pct(4m) == 50", [4.0, NAN, NAN, NAN, NAN, 6.0, NAN]) == TRUE
    assert said("change_pct(4m) == 50", [4.0, NAN, NAN, NAN, NAN, NAN, NAN, 6.0]) == UNKNOWN
    assert said("change(4m) == 2", [4.0, 9.0, 9.0, 9.0, 6.0]) == TRUE


def test_another_venue_confirms_within_percent() -> None:
    others = np.full((12, 1), 100.0)
    assert said("confirmed_by(kraken, 1)", [5.0, 101.0], others=others) == TRUE
    assert said("confirmed_by(kraken, 1)", [5.0, 101.005], others=others) == FALSE
    assert said("confirmed_by(kraken, 1)", [5.0, 101.0], others=others * NAN) == UNKNOWN


def test_an_excess_is_the_change_less_the_markets() -> None:
    moved = np.array([2.0])
    assert said("excess_change(4m) == 48", [4.0, 9.0, 9.0, 9.0, 6.0], moved=moved) == TRUE
    assert said("excess_change(4m, quote) > 48", [4.0, 9.0, 9.0, 9.0, 6.0], moved=moved) == FALSE
    assert said("excess_change(4m) > 0", [NAN, 9.0, 9.0, 9.0, 6.0], moved=moved) == UNKNOWN
    nobody = np.array([NAN])
    assert said("excess_change(4m) > 0", [4.0, 9.0, 9.0, 9.0, 6.0], moved=nobody) == UNKNOWN


def test_what_grows_beyond_all_numbers_is_unknown() -> None:
    assert said("value * value > 1", [1e200]) == UNKNOWN
    assert said("value * value - value * value < 1", [1e200]) == UNKNOWN


def test_equal_parts_of_all_conditions_are_computed_once() -> None:
    asked: list[tuple[int, ...]] = []

    class Counted(Arrays):
        def moments(self, count, *, span, lag, channels):  # type: ignore[no-untyped-def]
            asked.append((count, span, lag))
            return super().moments(count, span=span, lag=lag, channels=channels)

        def close(self, *, span, lag):  # type: ignore[no-untyped-def]
            asked.append((span, lag))
            return super().close(span=span, lag=lag)

    world = a_world([1.0] * 100)
    counted = Counted(**{name: getattr(world, name) for name in Arrays.__dataclass_fields__})
    lines = ["value > 3 * mean(1h)", "mean(1h) < 2 or zscore(1h) > 1", "mean[1h] > max(value, 1h)",
             "change(4m) > 1", "abs(change(4m)) > 2"]  # fmt: skip
    judge([read_condition(line) for line in lines], counted)
    assert asked == [(60, 1, 1), (60, 1, 0), (1, 0), (1, 4)]


# The oracle. Windows are short, so that a day of slots need not be made for each example.

WINDOWS_MS = [count * MINUTE_MS for count in (4, 6, 10)]
SLOTS = 60
constants = st.integers(0, 6).map(lambda value: tree.Number(value=float(value)))
spans = st.sampled_from(WINDOWS_MS)
plain_windows = st.builds(
    Window, statistic=st.sampled_from(Statistic), window_ms=spans, with_slot=st.booleans()
)
leaves: st.SearchStrategy[Quantity] = st.one_of(
    constants,
    st.just(Value()),
    st.just(tree.Companion(name="bid")),
    st.just(tree.Age()),
    st.just(tree.Duration(ms=300_000)),
    plain_windows,
    st.builds(tree.Change, window_ms=spans, percent=st.booleans()),
    st.builds(tree.Excess, window_ms=spans, among=st.sampled_from([None, *tree.Among])),
    st.sampled_from(tree.RankKey).map(
        lambda by: tree.Rank(by=by, window_ms=600_000 if by.windowed else None)
    ),
)
operators = st.sampled_from(["+", "-", "*", "/"])
past = st.one_of(
    st.just(Value()),
    st.just(tree.Companion(name="bid", span_ms=2 * MINUTE_MS)),
    st.just(tree.Companion(name="bid")),
    plain_windows,
    st.builds(tree.Arithmetic, left=st.just(Value()), operator=operators, right=plain_windows),
)
amounts: st.SearchStrategy[Quantity] = st.recursive(
    st.one_of(
        leaves,
        st.builds(Window, statistic=st.sampled_from(Statistic), of=past, window_ms=spans),
        st.builds(tree.Change, of=past, window_ms=spans),
    ),
    lambda inner: st.one_of(
        st.builds(tree.Absolute, of=inner),
        st.builds(tree.Negative, of=inner),
        st.builds(tree.Arithmetic, left=inner, operator=operators, right=inner),
    ),
    max_leaves=3,
)
relations = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
truths: st.SearchStrategy[Test] = st.recursive(
    st.one_of(
        st.builds(tree.Comparison, left=amounts, operator=relations, right=amounts),
        st.just(tree.Stale()),
        st.builds(tree.Crosses, above=st.booleans(), level=st.one_of(constants, plain_windows)),
        st.builds(tree.ConfirmedBy, venue=st.just("OTHER"), within_pct=st.just(12.0)),
    ),
    lambda inner: st.one_of(
        st.builds(tree.Not, of=inner),
        st.builds(tree.Logic, left=inner, operator=st.sampled_from(["and", "or"]), right=inner),
    ),
    max_leaves=3,
)
CODES = {None: UNKNOWN, False: FALSE, True: TRUE}
worlds = st.builds(
    lambda seed, flow: an_array(8, slots=SLOTS, seed=seed, flow=flow),
    st.integers(0, 10_000), st.booleans(),
)  # fmt: skip


@examples(150)
@given(worlds, st.lists(truths, min_size=1, max_size=3), st.sampled_from([1, 2]))
def test_every_rule_says_what_the_slow_definition_says(
    world: Arrays, tests: list[Test], span: int
) -> None:
    metric = "price" if span > 1 else None
    both = [tree.Logic(left=_always(), operator="and", right=test) for test in tests]
    conditions = [
        Condition(test=test, metric=metric, span_ms=span * MINUTE_MS if metric else None)
        for test in both
    ]
    for condition, verdict in zip(conditions, judge(conditions, world), strict=True):
        for row in range(world.rows):
            one = world.one(row, span=span)
            assert _agrees(one, condition.test, verdict[row]), (row, print_node(condition.test))


def _always() -> Test:
    """True of every series, and names the value before all else."""
    named = tree.Comparison(left=Value(), operator="==", right=Value())
    age = tree.Comparison(left=tree.Age(), operator=">=", right=tree.Number(value=0.0))
    return tree.Logic(left=named, operator="or", right=age)


def _agrees(one: One, test: Test, code: int) -> bool:
    try:
        return CODES[one.test(test)] == code
    except TooCloseError:
        return True


@examples(100)
@given(worlds, amounts)
def test_every_quantity_is_what_the_slow_definition_is(world: Arrays, quantity: Quantity) -> None:
    found = measure(quantity, world)
    for row in range(world.rows):
        try:
            exact = world.one(row, span=1).number(quantity, SLOTS - 1)
        except TooCloseError:
            continue
        slow = NAN if exact is None else exact
        assert found[row] == pytest.approx(slow, rel=1e-6, abs=1e-6, nan_ok=True)


@examples(50)
@given(worlds, truths)
def test_a_rule_never_fires_and_clears_at_once(world: Arrays, test: Test) -> None:
    condition = Condition(test=tree.Logic(left=_always(), operator="and", right=test))
    fires, clears = judge([condition, default_clear(condition)], world)
    assert not ((fires == TRUE) & (clears == TRUE)).any()
