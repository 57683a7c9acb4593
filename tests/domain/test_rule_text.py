"""A rule's line and its tree: "it is parsed to a tree and printed back in canonical form"."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.rule_trees import EXAMPLES, conditions, quantities
from tests.examples import examples

from sigmawatch.domain.errors import ExpressionInvalid
from sigmawatch.domain.expression import (
    Arithmetic,
    Companion,
    Comparison,
    Condition,
    Logic,
    Negative,
    Not,
    Number,
    Rank,
    RankKey,
    Stale,
    Statistic,
    Value,
    Window,
)
from sigmawatch.domain.expression_printer import print_node
from sigmawatch.domain.expression_words import RULE, TEXT_MAX
from sigmawatch.domain.rule import parse_condition, print_condition
from sigmawatch.domain.rule_reader import read_condition
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS

HOUR_MEAN = Window(statistic=Statistic.MEAN, window_ms=HOUR_MS)


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_examples_of_the_semantics_stand_in_canonical_form(line: str) -> None:
    assert print_condition(parse_condition(line + "   # and a comment")) == line


def test_the_founding_request_is_a_comparison_with_a_multiple_of_the_hour_before() -> None:
    right = Arithmetic(left=Number(value=3.0), operator="*", right=HOUR_MEAN)
    test = Comparison(left=Value(), operator=">", right=right)
    assert parse_condition("price > 3 * mean(1h)") == Condition(test=test, metric="price")


def test_for_covers_the_whole_condition() -> None:
    condition = parse_condition("spread_bp > 40 or stale for 5m")
    assert condition.for_ms == 5 * MINUTE_MS
    assert isinstance(condition.test, Logic)


@examples(60)
@given(conditions())
def test_a_tree_survives_its_text(condition: Condition) -> None:
    text = print_condition(condition)
    assert read_condition(text) == condition
    assert print_condition(read_condition(text)) == text


@given(quantities())
def test_no_pair_of_parentheses_is_idle(quantity: object) -> None:
    """Taking any pair away changes the tree, or leaves no rule."""
    named = Arithmetic(left=Value(), operator="+", right=quantity)  # type: ignore[arg-type]
    text = print_condition(Condition(test=Comparison(left=named, operator="<", right=Value())))
    whole = read_condition(text)
    for opened, closed in _pairs(text):
        shorter = text[:opened] + text[opened + 1 : closed] + text[closed + 1 :]
        with contextlib.suppress(ExpressionInvalid):
            assert read_condition(shorter) != whole


def _pairs(text: str) -> list[tuple[int, int]]:
    """Offsets of parentheses that group; those of a function follow a letter."""
    opened: list[int] = []
    pairs = []
    for at, char in enumerate(text):
        if char == "(":
            opened.append(at)
        elif char == ")":
            start = opened.pop()
            if not text[start - 1 : start].isalpha() and text[start - 1 : start] != "_":
                pairs.append((start, at))
    return pairs


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("3*mean( 1h )<Price", "3 * mean(1h) < price"),
        ("price[1m] > 1 and price[60s] < 2", "price[1m] > 1 and value < 2"),
        ("NOT (value > 1) AND (stale)", "not value > 1 and stale"),
        ("not (stale or value > 1)", "not (stale or value > 1)"),
        ("value - (1 - 2) > (1 * 2) / (3 * 4)", "value - (1 - 2) > 1 * 2 / (3 * 4)"),
        ("-(value + 1) > -value", "-(value + 1) > -value"),
        ("stale or (stale and stale) or (stale or stale)",
         "stale or stale and stale or (stale or stale)"),
        ("value > 1.50e3", "value > 1500"),
        ("value > 1e-3", "value > 0.001"),
        ("value > 1e18", "value > 1e+18"),
        ("value > mean(60m)", "value > mean(1h)"),
        ("confirmed_by(kraken, 1.0)", "confirmed_by(KRAKEN, 1)"),
        ("age > 300s", "age > 5m"),
        ("Excess_Change(60m)>1", "excess_change(1h) > 1"),
        ("excess_change(60m,Quote)>1", "excess_change(1h, quote) > 1"),
    ],
)  # fmt: skip
def test_every_way_to_write_a_rule_is_printed_in_one(written: str, canonical: str) -> None:
    assert print_condition(read_condition(written)) == canonical
    assert print_condition(read_condition(canonical)) == canonical


def test_and_binds_tighter_than_or_and_not_tighter_than_both() -> None:
    found = read_condition("stale or not stale and stale").test
    both = Logic(left=Not(of=Stale()), operator="and", right=Stale())
    assert found == Logic(left=Stale(), operator="or", right=both)


def test_a_sign_belongs_to_its_factor_and_differences_go_from_left_to_right() -> None:
    assert print_node(read_condition("-value * 2 - 3 - 4 > 0").test) == "-value * 2 - 3 - 4 > 0"
    found = read_condition("-value - 3 > 0").test
    assert isinstance(found, Comparison)
    assert found.left == Arithmetic(left=Negative(of=Value()), operator="-",
                                    right=Number(value=3.0))  # fmt: skip


def test_square_brackets_end_with_the_slot_and_round_ones_before_it() -> None:
    found = read_condition("mean[1h] > mean(1h)").test
    assert isinstance(found, Comparison)
    assert isinstance(found.left, Window)
    assert found.left.with_slot
    assert found.right == HOUR_MEAN


def test_a_rank_by_a_latest_value_has_no_window() -> None:
    assert read_condition("rank(surge) < 3").test == Comparison(
        left=Rank(by=RankKey.SURGE), operator="<", right=Number(value=3.0)
    )


@pytest.mark.parametrize(
    ("line", "own", "companions"),
    [
        ("traded_ref[5m] > 3 * mean(1h) and value > 50000", ("traded_ref", 300_000), []),
        ("price > bid and price > 1", ("price", None), [("bid", None)]),
        ("price > 1 and price[5m] < 2", ("price", None), [("price", 300_000)]),
        ("abs(change_pct(1h)) > 5 and volume_24h_ref > 100000", None, [("volume_24h_ref", None)]),
        ("3 * mean(1h) < price", None, [("price", None)]),
        ("crosses_above(ask) or price > 1", None, [("ask", None), ("price", None)]),
        ("stale or spread_bp > 40", None, [("spread_bp", None)]),
        ("rank(surge) < 3 and trades[5m] > 9", None, [("trades", 300_000)]),
        ("mean(price, 1h) < value and abs(bid) > 1", ("price", None), [("bid", None)]),
    ],
)
def test_a_leading_metric_is_the_rules_own_and_every_other_a_companion(
    line: str, own: tuple[str, int | None] | None, companions: list[tuple[str, int | None]]
) -> None:
    """"A leading metric name selects the rule's own series"."""  # fmt: skip
    found = read_condition(line)
    assert (found.metric, found.span_ms) == (own or (None, None))
    named = [one for one in found.test.walk() if isinstance(one, Companion)]
    assert [(one.name, one.span_ms) for one in named] == companions


@pytest.mark.parametrize(
    ("line", "message", "position"),
    [
        ("price > mean(1x)", "mean(1x): unknown unit 'x', use s, m, h, d", 13),
        ("volume > 3", "volume: say `traded_quote[5m]` or `volume_24h_quote`", 0),
        ("medan(1h) > 3", "medan: unknown function, did you mean median?", 0),
        ("value > pric", "pric: unknown metric, did you mean price?", 8),
        ("rank(sigma_re, 1h) < 3", "rank(sigma_re: unknown key, did you mean sigma_rel?", 5),
        ("rank(surge, 1h) < 3", "rank(surge: write rank(surge)", 5),
        ("rank(sigma_rel) < 3", "rank(sigma_rel): write rank(sigma_rel, 24h)", 5),
        ("price > 3 for 2m for 3m", "for: `for` stands once, last", 17),
        ("price > 3 for 2m and stale", "and: `for` stands once, last", 17),
        ("(price > 3 for 2m) or stale", "(price > 3 for: ')' is missing", 11),
        ("price > 3 for 8d", "8d: `for` is at most 7d", 14),
        ("price > 1_000", "1_000: a number is written without underscores", 8),
        ("price > 1e999", "1e999: the number is too large", 8),
        ("price > .5", "'.': a number begins with a digit, as 0.5", 8),
        ("price = 3", "'=': compare with ==", 6),
        ("price >", "the end: a value is missing here", 7),
        ("", "the end: a value is missing here", 0),
        ("price > mean", "mean: a window is missing, as mean(1h)", 8),
        ("price > mean(60)", "mean(60): a window is missing, as mean(1h)", 15),
        ("price > mean(1.5h)", "mean(1.5h): '1.5h' is no span of time", 13),
        ("stale > 3", "stale: true or false stands where a number is needed", 0),
        ("price and stale", "price: a number stands where a condition is needed", 0),
        ("mean(stale, 1h) > 3", "stale: true or false stands where a number is needed", 5),
        ("1 < price < 3", "<: a comparison has two sides, join two with and", 10),
        ("value[5m] > 1", "value[: value stands alone", 5),
        ("change_pct(value, 1h) > 1", "change_pct(value: change_pct is of the rule's own", 11),
        ("confirmed_by(kraken, 0)", "confirmed_by(kraken, 0): percent is a number above 0", 21),
        ("confirmed_by(5, 1)", "confirmed_by(5: a venue is missing", 13),
        ("excess_change(value, 1h) > 1", "excess_change(value: a span of time is needed", 14),
        (
            "excess_change(1h, base) > 1",
            "excess_change(1h, base): among whom? use quote, venue",
            18,
        ),
        ("price > 3\nand stale", "'\\n': write one line", 9),
        ("price > mean(" + "9" * 1_000 + "m)", "mean(9999", 13),
        ("KRAKEN:BTC/USD > 3", "':': the market stands in the rule's target", 6),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(
    line: str, message: str, position: int
) -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        read_condition(line)
    assert str(refused.value).startswith(message)
    assert refused.value.position == position
    assert line[position:].lower().startswith(refused.value.word)
    assert refused.value.field == "condition"
    assert len(str(refused.value)) < 300


def test_a_caret_points_at_the_offending_word() -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        read_condition("value > pric")
    assert refused.value.caret == "value > pric\n        ^"


def test_a_rule_is_bounded_in_length_depth_and_parts() -> None:
    nested = "(" * RULE.nesting_max + "stale" + ")" * RULE.nesting_max
    assert read_condition(nested).test == Stale()
    many = " or ".join(["stale"] * (RULE.parts_max // 2))
    assert print_condition(read_condition(many)) == many
    beside = " or ".join(["(stale)"] * (RULE.nesting_max + 1))
    assert print_condition(read_condition(beside)) == beside.translate(dict.fromkeys(b"()"))
    for text, message in [
        (f"({nested})", "nests at most 32 deep"),
        ("not " * 33 + "stale", "nests at most 32 deep"),
        ("-" * 33 + "1 > 0", "nests at most 32 deep"),
        (f"{many} or stale", "at most 200 parts"),
        (f"stale{' ' * TEXT_MAX}", "at most 2,000 characters, this one has 2,005"),
    ]:
        with pytest.raises(ExpressionInvalid, match=message):
            read_condition(text)


words = st.sampled_from(
    "price value age stale mean sigma_ret zscore change change_pct rank abs crosses_above "
    "confirmed_by kraken sigma_rel and or not for ( ) [ ] , + - * / < > <= == != 3 1e5 5m 1h 24h "
    "volume 1x é \x00 # '".split()
)


@given(st.one_of(st.text(max_size=80), st.lists(words, max_size=40).map(" ".join)))
def test_whatever_is_written_is_a_rule_or_refused(text: str) -> None:
    refused = refusal(text)
    if refused is None:
        assert_stands(text)
        return
    assert "\n" not in str(refused)
    assert len(str(refused)) < 300
    assert 0 <= refused.position <= len(text)
    assert refused.caret.count("\n") == 1


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_rule_with_a_few_slips_is_a_rule_or_refused(line: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line)))
        cut = data.draw(st.integers(0, 3))
        line = line[:at] + data.draw(st.one_of(words, st.characters())) + line[at + cut :]
    if refusal(line) is None:
        assert_stands(line)


def refusal(text: str) -> ExpressionInvalid | None:
    try:
        parse_condition(text)
    except ExpressionInvalid as refused:
        return refused
    return None


def assert_stands(text: str) -> None:
    condition = parse_condition(text)
    assert parse_condition(print_condition(condition)) == condition
