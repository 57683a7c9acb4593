"""When a rule clears by itself (SEMANTICS.md 6, default `clear`)."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.domain.rule_trees import conditions
from tests.examples import examples

from sigmawatch.domain.errors import ExpressionInvalid
from sigmawatch.domain.expression import Condition, Not
from sigmawatch.domain.rule import (
    default_clear,
    parse_clearing,
    parse_condition,
    print_clearing,
    print_condition,
)
from sigmawatch.domain.rule_reader import read_condition


@pytest.mark.parametrize(
    ("line", "clear"),
    [
        ("price > 3 * mean(1h)", "not price > 2.7 * mean(1h)"),
        ("rank(sigma_rel, 24h) <= 10", "not rank(sigma_rel, 24h) <= 11"),
        ("abs(change_pct(15m)) > 5 for 2m", "not abs(change_pct(15m)) > 4.5"),
        ("change_pct(1h) < -5", "not change_pct(1h) < -4.5"),
        ("change_pct(1h) > -5", "not change_pct(1h) > -5.5"),
        ("value > 0", "not value > 0"),
        ("value == 5 or value != 5", "not (value == 5 or value != 5)"),
        ("crosses_above(100) and stale", "not (crosses_above(100) and stale)"),
        ("age > 5m", "not age > 270s"),
        ("age > 5s", "not age > 5s - 0.1 * abs(5s)"),
        ("value > mean(1h)", "not value > mean(1h) - 0.1 * abs(mean(1h))"),
        ("value < 2 * mean(1h)", "not value < 2.2 * mean(1h)"),
        ("value > 2 * zscore(1h)", "not value > 2 * zscore(1h) - 0.1 * abs(2 * zscore(1h))"),
        ("not (value > 10)", "not not value > 11"),
        ("not (stale or not value > 10)", "not not (stale or not value > 9)"),
        ("traded_ref[5m] > 3 * mean(1h) and value > 50000",
         "not (traded_ref[5m] > 2.7 * mean(1h) and value > 45000)"),
    ],
)  # fmt: skip
def test_a_rule_clears_ten_per_cent_beyond(line: str, clear: str) -> None:
    """"not(condition with every ordered comparison's right side b moved by 10 % of |b| toward
    clearing: `>` b - 0.1|b|, `<` b + 0.1|b|; rank <= 10 clears at > 11; crossings, `stale`,
    equality and b = 0 unmoved)"."""  # fmt: skip
    assert print_condition(default_clear(read_condition(line))) == clear


def test_a_default_clear_is_itself_a_rule() -> None:
    clear = default_clear(parse_condition("price > 3 * mean(1h) or value < mean[1h] for 5m"))
    assert parse_condition(print_condition(clear)) == clear
    assert clear.for_ms == 0


@examples(30)
@given(conditions())
def test_every_condition_has_a_clear_condition(condition: Condition) -> None:
    clear = default_clear(condition)
    assert isinstance(clear.test, Not)
    assert read_condition(print_condition(clear)) == clear


@pytest.mark.parametrize(
    ("line", "clear", "printed"),
    [
        ("price > 3 * mean(1h)", "price < 2 * mean(1h)", "value < 2 * mean(1h)"),
        ("price > 3 * mean(1h) for 5m", "abs(change_pct(15m)) < 1", "abs(change_pct(15m)) < 1"),
        ("traded_ref[5m] > 100", "not stale and traded_ref[5m] < 50", "not stale and value < 50"),
        ("traded_ref[5m] > 100", "traded_ref[15m] < 50", "traded_ref[15m] < 50"),
        ("value > 2 and not stale", "price < 1", "price < 1"),
    ],
)
def test_a_clear_of_its_own_is_of_the_rules_series_and_spans(
    line: str, clear: str, printed: str
) -> None:
    condition = parse_condition(line)
    clearing = parse_clearing(clear, of=condition)
    assert (clearing.metric, clearing.span_ms) == (condition.metric, condition.span_ms)
    assert print_clearing(clearing) == printed
    assert parse_clearing(printed, of=condition) == clearing


@pytest.mark.parametrize(
    ("clear", "why"),
    [("value < 2 for 5m", "clear_for"), ("value < 2 3", "or the end"), ("value", "compare it"),
     ("value < 2 * mean(1s)", "multiple"), ("value < age", "cannot be compared")],
)  # fmt: skip
def test_a_clear_that_cannot_be_judged_is_refused_with_its_place(clear: str, why: str) -> None:
    with pytest.raises(ExpressionInvalid, match=why) as refused:
        parse_clearing(clear, of=parse_condition("price > 3"))
    assert refused.value.text == clear
