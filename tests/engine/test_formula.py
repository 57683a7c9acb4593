"""What formulas come to: over runs of slots, by the evaluator of rules (SEMANTICS.md 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.formula_trees import formulas
from tests.engine.composite_oracle import agreed
from tests.engine.rule_oracle import One, TooCloseError
from tests.examples import examples

from sigmawatch.domain import expression as tree
from sigmawatch.domain.expression import Companion, Composite, Consensus, Quantity
from sigmawatch.domain.formula import STILL_SLOTS, Formula, parse_formula, print_formula
from sigmawatch.domain.window import Interval
from sigmawatch.engine.formula import evaluate, inputs_of
from sigmawatch.engine.geometry import Column

NAN = float("nan")
MINUTE = Interval(60_000)
A, B, FLOW = "KRAKEN:A/USD", "BINANCE:A/USD", "KRAKEN:A/USD:trades"
VENUES = {"A/USD": ("KRAKEN", "COINBASE")}


def computed(line: str, **columns: Sequence[float]) -> list[float]:
    """The formula over the last slots; columns: `a`, `b`, `flow`, the other venue's `x`, and `va`,
    `vx` volumes, as far as it needs them."""
    names = {
        "a": f"{A}:price", "b": f"{B}:price", "flow": FLOW, "va": f"{A}:volume_24h_base",
        "x": "COINBASE:A/USD:price", "vx": "COINBASE:A/USD:volume_24h_base",
    }  # fmt: skip
    formula = parse_formula(line, interval=MINUTE)
    given = {names[name]: np.array(column, float) for name, column in columns.items()}
    found: list[float] = evaluate(formula, given, venues=VENUES).tolist()
    return found


def test_a_spread_is_the_difference_at_each_slot() -> None:
    assert computed(f"{A} - {B}", a=[9, 9, 5, 6], b=[9, 9, 4, 1]) == [1.0, 5.0]


def test_a_level_stands_for_two_slots_after_its_own() -> None:
    found = computed(f"{A} * 1", a=[7, NAN, NAN, NAN, 8, NAN])
    assert found == pytest.approx([7.0, NAN, 8.0, 8.0], nan_ok=True)


def test_a_window_of_a_series_counts_its_own_slots_and_none_twice() -> None:
    """As its own statistics do; where something is done to it, it stands."""
    column = [NAN, NAN, 1, 1, 1, NAN, 6, 7]
    assert computed(f"mean({A}, 5m)", a=column) == [2.25]
    assert computed(f"mean({A} * 1, 5m)", a=column) == [2.0]


def test_a_window_of_spans_counts_spans_that_do_not_overlap() -> None:
    """"a mean over it uses the non-overlapping 5 m spans before it"."""  # fmt: skip
    flow = [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 50, 50]
    assert computed(f"mean({FLOW}[2m], 8m)", flow=flow) == [9.0]
    assert computed(f"max({FLOW}[2m], 8m)", flow=flow) == [15.0]


def test_a_flow_is_of_its_own_slot_and_a_span_of_it_of_all_its_slots() -> None:
    one = computed(FLOW, flow=[1, 1, 5, NAN, 6])
    assert one == pytest.approx([5.0, NAN, 6.0], nan_ok=True)
    two = computed(f"{FLOW}[2m]", flow=[9, 9, 1, 2, 3, NAN, 4, 5])
    assert two == pytest.approx([5.0, NAN, NAN, 9.0], nan_ok=True)


def test_the_slot_is_not_in_its_own_baseline() -> None:
    """"`f(W)` covers [k - W, k): **the judged slot is not in its own baseline**"."""  # fmt: skip
    past = [0, 0, 1, 2, 3, 4]
    assert computed(f"mean({A}, 4m)", a=[*past, 100]) == [2.5]
    assert computed(f"max({A}, 4m)", a=[*past, 100, 7]) == [4.0, 100.0]
    assert computed(f"change({A}, 4m)", a=[*past, 100]) == [99.0]


def test_a_window_with_too_few_values_is_unknown() -> None:
    """"A baseline needs >= 80 % coverage"."""  # fmt: skip
    slots = [NAN] * 2 + [1.0] * 3 + [NAN] * 2
    assert np.isnan(computed(f"mean({FLOW}, 5m)", flow=[*slots, 9.0])).all()
    slots = [NAN] * 2 + [1.0, 3.0, NAN, 1.0, 3.0]
    assert computed(f"mean({FLOW}, 5m)", flow=[*slots, 9.0]) == [2.0]


@pytest.mark.parametrize("line", [f"{A} / {B}", f"{A} * {A} * 1e300 * 1e300", f"{A} / ({B} - {B})"])
def test_what_is_no_number_is_unknown(line: str) -> None:
    more = {"b": [0, 0, 0]} if B in line else {}
    assert np.isnan(computed(line, a=[5, 5, 5], **more)).all()


# Composite prices


def composed(**lately: Sequence[float]) -> list[float]:
    """The composite of A/USD over the last slots; before them nothing is known."""
    before = [NAN] * STILL_SLOTS
    return computed("composite(A/USD)", **{name: [*before, *c] for name, c in lately.items()})


def test_a_composite_weighs_each_venues_price_by_its_volume() -> None:
    found = composed(a=[100] * 4, va=[1] * 4, x=[0, 0, 104, 104], vx=[0, 0, 3, 1])
    assert found == [103.0, 102.0]


def test_a_venue_that_lacks_its_price_or_its_volume_does_not_count() -> None:
    slots = {"a": [100] * 4, "va": [1] * 4}
    assert composed(**slots, x=[NAN] * 4, vx=[3] * 4) == [100.0, 100.0]
    assert composed(**slots, x=[104] * 4, vx=[NAN] * 4) == [100.0, 100.0]
    assert composed(**slots, x=[104] * 4, vx=[0] * 4) == [100.0, 100.0]


def test_a_venue_that_fell_silent_leaves_the_composite_after_two_slots() -> None:
    found = composed(a=[100] * 5, va=[1] * 5, x=[104, 104, NAN, NAN, NAN], vx=[1] * 5)
    assert found == [102.0, 102.0, 100.0]


def test_a_composite_of_nobody_is_unknown() -> None:
    nothing = [NAN] * 3
    assert np.isnan(composed(a=nothing, va=[1] * 3, x=nothing, vx=[1] * 3))


def test_two_venues_that_disagree_leave_it_unknown() -> None:
    assert np.isnan(composed(a=[100] * 3, va=[1] * 3, x=[120] * 3, vx=[1] * 3))


def test_the_order_of_the_venues_changes_no_digit() -> None:
    formula = parse_formula("composite(A/USD)", interval=MINUTE)
    rng = np.random.default_rng(1)
    venues = ["KRAKEN", "COINBASE", "BINANCE", "X_1"]
    columns = {name: rng.random(50) for name in inputs_of(formula, {"A/USD": venues})}
    one = evaluate(formula, columns, venues={"A/USD": venues})
    other = evaluate(formula, columns, venues={"A/USD": venues[::-1]})
    assert one.tobytes() == other.tobytes()


def test_a_formula_names_every_series_it_reads() -> None:
    formula = parse_formula(f"{A} / composite(A/USD)", interval=MINUTE)
    assert inputs_of(formula, VENUES) == (
        "KRAKEN:A/USD:price", "KRAKEN:A/USD:volume_24h_base",
        "COINBASE:A/USD:price", "COINBASE:A/USD:volume_24h_base",
    )  # fmt: skip


# In one go, and slot by slot


@pytest.mark.parametrize(
    "line",
    [
        f"zscore({A} / {B}, 24h) + sigma_rel({A}, 3h)",
        f"sigma_ret({A}, 2h) * mean({FLOW}[5m], 5h)",
        f"median({A} - mean({A}, 1h), 2h) / composite(A/USD) + max({A} - {B}, 6h) / {B}",
        f"composite(A/USD) - {A}",
    ],
)
def test_each_slot_has_the_same_digits_alone_as_among_others(line: str) -> None:
    """Two trackers agree, though one computed at each close and the other filled a gap."""
    formula = parse_formula(line, interval=MINUTE)
    columns, count = some_columns(formula, count=700, seed=3)
    whole = evaluate(formula, columns, venues=VENUES)
    assert np.isfinite(whole).sum() > 100
    for at in (0, 1, 363, 364, 500, count - 1):
        until = formula.reach_slots + at + 1
        alone = {name: column[at:until] for name, column in columns.items()}
        found = evaluate(formula, alone, venues=VENUES)
        assert found.tobytes() == whole[at : at + 1].tobytes(), at
    assert len(evaluate(formula, columns_of_no_slot(formula), venues=VENUES)) == 0


def some_columns(formula: Formula, *, count: int, seed: int) -> tuple[dict[str, Column], int]:
    rng = np.random.default_rng(seed)
    columns = {}
    for name in inputs_of(formula, VENUES):
        column = 100.0 * np.exp(rng.normal(0, 1e-3, formula.reach_slots + count).cumsum())
        column[rng.random(len(column)) < 0.01] = np.nan
        columns[name] = column
    return columns, count


def columns_of_no_slot(formula: Formula) -> dict[str, Column]:
    return some_columns(formula, count=0, seed=1)[0]


# The oracle of rules, one slot at a time


@dataclass(frozen=True, kw_only=True)
class Naive(One):
    """By name, what each series was at each slot."""

    columns: Mapping[str, Sequence[float | None]]
    values: Sequence[float | None] = ()
    elsewhere: Sequence[float | None] = field(default=())

    def _number(self, quantity: Quantity, at: int) -> float | None:
        match quantity:
            case Composite():
                return self._composite(quantity, at)
            case Consensus():
                told = [
                    [self.number(one, at - back) for back in range(STILL_SLOTS, -1, -1)]
                    for one in quantity.members
                ]
                return agreed(told, None, within_pct=quantity.within_pct)[0]
            case Companion(name=name, span_ms=span_ms) if name.endswith("trades"):
                inside = [
                    self.columns[name][at - back] for back in range((span_ms or 60_000) // 60_000)
                ]
                known = [value for value in inside if value is not None]
                return sum(known) if len(known) == len(inside) else None
            case Companion(name=name):
                return self._close(name, at)
            case _:
                return One._number(self, quantity, at)

    def counted(self, companion: Companion, at: int, *, span: int) -> float | None:
        if isinstance(companion, Composite) or companion.name.endswith("trades"):
            return self._number(companion, at)
        run = (self.columns[companion.name][at - back] for back in range(min(span, 3)))
        return next((value for value in run if value is not None), None)

    def _close(self, name: str, at: int) -> float | None:  # type: ignore[override]
        run = (self.columns[name][at - back] for back in range(3))
        return next((value for value in run if value is not None), None)

    def _composite(self, node: Composite, at: int) -> float | None:
        prices, volumes = (
            [
                [self._close(f"{venue}:{node.pair}:{metric}", at - back)
                 for back in range(STILL_SLOTS, -1, -1)]
                for venue in VENUES[node.pair]
            ]
            for metric in ("price", "volume_24h_base")
        )  # fmt: skip
        return agreed(prices, volumes, within_pct=node.within_pct)[0]


DOUBLE = tree.Arithmetic(
    left=Companion(name=f"{A}:price", span_ms=120_000), operator="*", right=tree.Number(value=2.0)
)
SPANS_MS = [count * 60_000 for count in (4, 6, 10)]
leaves: st.SearchStrategy[Quantity] = st.one_of(
    st.sampled_from([Companion(name=f"{A}:price"), Companion(name=f"{B}:price")]),
    st.just(Companion(name=f"{A}:price", span_ms=120_000)),
    st.sampled_from([None, 120_000]).map(lambda ms: Companion(name=FLOW, span_ms=ms)),
    st.sampled_from(["composite(A/USD)", "composite(A/USD, 30)"]).map(
        lambda name: Composite(name=name)
    ),
    st.sampled_from([5.0, 40.0]).map(
        lambda within: Consensus(
            members=(Companion(name=f"{A}:price"), Companion(name=f"{B}:price"), DOUBLE),
            within_pct=within,
        )
    ),
    st.integers(0, 6).map(lambda value: tree.Number(value=float(value))),
)


@examples(60)
@given(formulas(leaves, spans_ms=SPANS_MS), st.integers(0, 10_000))
def test_every_formula_is_what_the_slow_definition_is(quantity: Quantity, seed: int) -> None:
    quantity = tree.Arithmetic(left=Companion(name=f"{A}:price"), operator="-", right=quantity)
    formula = Formula.of(quantity, MINUTE, unit="")
    columns, count = small_columns(formula, seed=seed)
    found = evaluate(formula, columns, venues=VENUES)
    assert len(found) == count
    listed = {name: [None if np.isnan(each) else float(each) for each in column]
              for name, column in columns.items()}  # fmt: skip
    naive = Naive(columns=listed)
    for at in range(count):
        try:
            exact = naive.number(quantity, formula.reach_slots + at)
        except TooCloseError:
            continue
        slow = NAN if exact is None else exact
        same = pytest.approx(slow, rel=1e-6, abs=1e-6, nan_ok=True)
        assert found[at] == same, (at, print_formula(formula))


def small_columns(formula: Formula, *, seed: int) -> tuple[dict[str, Column], int]:
    """Small whole numbers, constant ones, and gaps."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 5))
    columns = {}
    for name in inputs_of(formula, VENUES):
        column = rng.integers(1, 9, formula.reach_slots + count).astype(float)
        if rng.random() < 0.2:
            column[:] = 3.0
        column[rng.random(len(column)) < rng.choice([0.0, 0.05, 0.3])] = np.nan
        columns[name] = column
    return columns, count
