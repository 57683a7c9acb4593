"""A formula's line and its tree: what can be written, and what it means (SEMANTICS.md 1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.formula_trees import formulas
from tests.examples import examples

from sigmawatch.domain.errors import ExpressionInvalid
from sigmawatch.domain.expression import Arithmetic, Companion, Composite, Quantity
from sigmawatch.domain.expression_printer import print_node
from sigmawatch.domain.expression_words import FORMULA, TEXT_MAX
from sigmawatch.domain.formula import Formula, parse_formula, print_formula
from sigmawatch.domain.formula_reader import read_formula
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
BTC, ETH = "KRAKEN:BTC/USD", "KRAKEN:ETH/USD"
EXAMPLES = (
    "KRAKEN:BTC/USD - COINBASE:BTC/USD",
    "KRAKEN:XAU/USD / KRAKEN:BTC/USD",
    "composite(BTC/USD)",
    "100 * (KRAKEN:BTC/USD / composite(BTC/USD) - 1)",
    "KRAKEN:BTC/USD:traded_quote[5m]",
    "zscore(KRAKEN:BTC/USD / KRAKEN:ETH/USD, 6h)",
)
_ADVICE = ", divide them, or multiply by a price that converts, as KRAKEN:USDT/USD"


def parsed(text: str) -> Formula:
    return parse_formula(text, interval=MINUTE)


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_formulas_of_the_semantics_stand_in_canonical_form(line: str) -> None:
    """"A **derived** series is a formula over others (a cross-venue spread, GOLD/BTC, a composite
    price)"."""  # fmt: skip
    assert print_formula(parsed(f"{line}  # and a comment")) == line


@examples(60)
@given(formulas())
def test_a_tree_survives_its_text(quantity: Quantity) -> None:
    text = print_node(quantity)
    assert read_formula(text) == quantity
    assert print_node(read_formula(text)) == text


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("kraken:xbt/usd", "KRAKEN:BTC/USD"),
        ("Kraken:BTC/USD:PRICE", "KRAKEN:BTC/USD"),
        ("KRAKEN:BTC/USD:Traded_Quote[300s]", "KRAKEN:BTC/USD:traded_quote[5m]"),
        ("KRAKEN:BTC/USD[5m]", "KRAKEN:BTC/USD[5m]"),
        ("KRAKEN:XAU/USD/KRAKEN:BTC/USD", "KRAKEN:XAU/USD / KRAKEN:BTC/USD"),
        ("KRAKEN:BTC/USD/2/2", "KRAKEN:BTC/USD / 2 / 2"),
        ("KRAKEN:BTC/USD-KRAKEN:BTC/USD*1", "KRAKEN:BTC/USD - KRAKEN:BTC/USD * 1"),
        ("-KRAKEN:1INCH/USD.M", "-KRAKEN:1INCH/USD.M"),
        ("Composite( xbt/usd )", "composite(BTC/USD)"),
        ("composite\t(BTC/USD)/composite(ETH/USD)", "composite(BTC/USD) / composite(ETH/USD)"),
        ("composite(BTC/USD,2.50)", "composite(BTC/USD, 2.5)"),
        ("composite(BTC/USD, 5)", "composite(BTC/USD)"),
        (
            "Composite(kraken:btc/usd,coinbase:xbt/usd)",
            "composite(KRAKEN:BTC/USD, COINBASE:BTC/USD)",
        ),
        (
            "composite(KRAKEN:BTC/USD, BINANCE:BTC/USDT*KRAKEN:USDT/USD, 1)",
            "composite(KRAKEN:BTC/USD, BINANCE:BTC/USDT * KRAKEN:USDT/USD, 1)",
        ),
        ("MEAN(KRAKEN:BTC/USD,60m)", "mean(KRAKEN:BTC/USD, 1h)"),
        ("(KRAKEN:BTC/USD - KRAKEN:BTC/USD) / 3", "(KRAKEN:BTC/USD - KRAKEN:BTC/USD) / 3"),
        ("((KRAKEN:币安人生/usdt))", "KRAKEN:币安人生/USDT"),
    ],
)
def test_every_way_to_write_a_formula_is_printed_in_one(written: str, canonical: str) -> None:
    assert print_formula(parsed(written)) == canonical
    assert print_formula(parsed(canonical)) == canonical


def test_the_slash_of_a_name_is_no_division() -> None:
    found = read_formula("KRAKEN:A/B/KRAKEN:C/D/composite(E/F)")
    divided = Arithmetic(
        left=Companion(name="KRAKEN:A/B:price"),
        operator="/",
        right=Companion(name="KRAKEN:C/D:price"),
    )
    composite = Composite(name="composite(E/F)")
    assert found == Arithmetic(left=divided, operator="/", right=composite)


def test_a_formula_says_which_series_it_is_of() -> None:
    formula = parsed(
        "kraken:xbt/usd:ask - mean(KRAKEN:BTC/USD:price, 1h) + KRAKEN:BTC/USD:ask[5m] "
        "- composite(BTC/USD) + composite(XBT/USD)"
    )
    assert formula.series == ("KRAKEN:BTC/USD:ask", "KRAKEN:BTC/USD:price")
    assert formula.composites == ("BTC/USD",)
    assert formula.needed == formula.series


def test_what_only_a_composite_of_several_reads_is_not_needed() -> None:
    formula = parsed(f"composite({BTC}, BINANCE:BTC/USDT * KRAKEN:USDT/USD) / COINBASE:BTC/USD")
    assert formula.needed == ("COINBASE:BTC/USD:price",)
    assert formula.agreed == (
        (("KRAKEN:BTC/USD:price",), ("BINANCE:BTC/USDT:price", "KRAKEN:USDT/USD:price")),
    )


@pytest.mark.parametrize(
    ("line", "minutes"),
    [
        (BTC, 2),
        (f"{BTC}:traded_quote[5m]", 7),
        (f"mean({BTC}, 1h) - change({BTC}, 2h)", 122),
        (f"mean({BTC}:trades[5m] / mean({BTC}:trades[5m], 1h), 2h)", 187),
        ("composite(BTC/USD) * 2", 17),
        (f"mean(composite({BTC}, COINBASE:BTC/USD), 1h)", 77),
    ],
)
def test_a_formula_says_how_far_it_looks_back(line: str, minutes: int) -> None:
    """With the 2 slots that a level stands for."""
    assert parsed(line).reach_ms == minutes * MINUTE_MS
    assert parsed(line).reach_slots == minutes


@pytest.mark.parametrize(("slot_ms", "slots"), [(1_000, 900), (10_000, 90), (HOUR_MS, 15)])
def test_a_composite_sees_who_stands_still_for_a_quarter_of_an_hour(
    slot_ms: int, slots: int
) -> None:
    """15 slots, and no less: in 15 s not everybody trades."""
    formula = parse_formula("composite(BTC/USD)", interval=Interval(slot_ms))
    assert formula.reach_slots == slots + 2


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        (BTC, "USD per BTC"),
        (f"{BTC} - COINBASE:BTC/USD:bid", "USD per BTC"),
        (f"KRAKEN:XAU/USD / {BTC}", "BTC per XAU"),
        ("BINANCE:BTC/USDT * KRAKEN:USDT/USD", "USD per BTC"),
        ("BINANCE:BTC/USDT * KRAKEN:USDT/USD - COINBASE:BTC/USD", "USD per BTC"),
        (f"{BTC}:traded_quote / {BTC}:traded_base - {BTC}", "USD per BTC"),
        (f"{BTC} * {BTC}:volume_24h_base + {ETH}:volume_24h_quote", "USD"),
        (f"{BTC} / COINBASE:BTC/USDT - 1", "USD per USDT"),
        (f"{BTC} / COINBASE:BTC/USD - 1", "ratio"),
        (f"zscore({BTC}, 1h) + sigma_rel({ETH}, 1h)", "ratio"),
        (f"{BTC}:spread_bp - mean({BTC}:spread_bp, 1h)", "basis points"),
        (f"{BTC}:trades / {BTC}:traded_base", "count per BTC"),
        (f"{BTC}:volume_24h_ref", "reference currency"),
        (f"1 / {BTC}", "BTC per USD"),
        (f"{BTC}:trades / ({BTC}:trades * {BTC}:trades)", "1 per count"),
        (f"{BTC} * {ETH}", "USD^2 per BTC per ETH"),
        ("DERIVED:A/B:formula - KRAKEN:BTC/USD", "DERIVED:A/B:formula's unit"),
        ("DERIVED:A/B:formula / DERIVED:A/B:formula", "ratio"),
    ],
)
def test_a_formula_comes_to_a_unit(line: str, unit: str) -> None:
    assert parsed(line).unit == unit


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{BTC} + {BTC}:spread_bp",
         f"{BTC} + {BTC}:spread_bp: USD per BTC cannot be added to basis points"),
        (f"{BTC} - BINANCE:BTC/USDT",
         f"{BTC} - BINANCE:BTC/USDT: USD per BTC cannot be reduced by USDT per BTC" + _ADVICE),
        (f"{BTC} - {ETH}", f"{BTC} - {ETH}: USD per BTC cannot be reduced by USD per ETH, divide"),
        (f"{BTC}:volume_24h_ref - {BTC}:volume_24h_quote", f"{BTC}:volume_24h_ref - {BTC}:volume"),
        (f"{BTC} / 0", f"{BTC} / 0: nothing is divided by 0"),
        ("3 * 4", "3 * 4: no series is named"),
        (f"mean(3, 1h) + {BTC}", "mean(3, 1h): 3 is the same at all times"),
        (f"mean({BTC}, 3m)", f"mean({BTC}, 3m): holds 3 values and needs 4, use 4m or more"),
        (f"mean({BTC}, 90s)", f"mean({BTC}, 90s): a window is a multiple of 1m up to 24h"),
        (f"mean({BTC}:trades[5m], 15m)", f"mean({BTC}:trades[5m], 15m): holds 3 values and needs"),
        (f"change({BTC}, 25h)", f"change({BTC}, 25h): a window is a multiple of 1m up to 24h"),
        (f"{BTC}:trades[90s]", f"{BTC}:trades[90s]: a value's span is a multiple of 1m up to 24h"),
        (f"mean(mean({BTC}, 23h), 2h)", f"mean(mean({BTC}, 23h), 2h): looks back 25h, at most 24h"),
        (f"mean(mean(mean({BTC}, 1h), 1h), 1h)", "mean(mean(mean(KRAKEN:BTC/USD, 1h), 1h), 1h): "),
        (f"sigma_ret({BTC}:trades, 1h)", f"sigma_ret({BTC}:trades, 1h): trades is a flow and has"),
        (f"{BTC} + 5m", "5m: a span of time stands in a window only"),
        (f"composite({BTC}, BINANCE:BTC/USDT)",
         "BINANCE:BTC/USDT: USDT per BTC cannot agree with USD per BTC" + _ADVICE),
        (f"composite({BTC}, {BTC})", f"{BTC}: stands twice in a composite"),
        (f"composite({BTC}, 3 * 2)", "3 * 2: no series is named in it"),
        (f"composite({BTC}, composite(BTC/USD))", "composite(BTC/USD): a composite stands in no"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_reason(line: str, message: str) -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        parsed(line)
    assert str(refused.value).startswith(message)
    assert refused.value.field == "formula"


def test_a_price_that_converts_is_advised_for_currencies_only() -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        parsed(f"{BTC} + {BTC}:spread_bp")
    assert str(refused.value).endswith("USD per BTC cannot be added to basis points")


def test_a_formula_looks_back_a_day_at_most() -> None:
    assert parsed(f"mean({BTC} * mean({BTC}, 4h), 20h)").reach_ms == DAY_MS + 2 * MINUTE_MS


def test_windows_are_counted_in_the_slots_of_the_series() -> None:
    parse_formula(f"mean({BTC}, 4s)", interval=Interval(1_000))
    with pytest.raises(ExpressionInvalid, match="use 4h or more"):
        parse_formula(f"mean({BTC}, 3h)", interval=Interval(HOUR_MS))


def test_slots_of_a_few_seconds_are_held_for_two_hours() -> None:
    parse_formula(f"mean({BTC}, 2h)", interval=Interval(5_000))
    with pytest.raises(ExpressionInvalid, match="looks back 3h, slots of 5s are held for 2h"):
        parse_formula(f"mean({BTC}, 3h)", interval=Interval(5_000))
    parse_formula(f"mean({BTC}, 3h)", interval=Interval(10_000))


@pytest.mark.parametrize(
    ("line", "message", "position"),
    [
        ("", "the end: a value is missing here", 0),
        ("BTC/USD", "btc: name a series, as KRAKEN:BTC/USD, or a pair, as composite(BTC/USD)", 0),
        ("kraken:btc-usd", "':': a series is written KRAKEN:BTC/USD:price", 6),
        ("1 + KRAKEN:BTC/USD:volume", "KRAKEN:BTC/USD:volume: say `traded_quote[5m]`", 4),
        ("KRAKEN:BTC/USD:pric", "KRAKEN:BTC/USD:pric: unknown metric, did you mean price?", 0),
        ("composite(KRAKEN:BTC/USD)", "composite: a composite is of a pair or of two prices", 0),
        ("composite(KRAKEN:BTC/USD, 2)", "composite: a composite is of a pair or of two", 0),
        ("composite", "composite: a composite is of a pair or of two prices or more, as comp", 0),
        ("composite(BTC/USD, 0)", "composite(BTC/USD, 0): percent is a number above 0 and up", 19),
        (
            "composite(BTC/USD, KRAKEN:BTC/USD)",
            "composite(BTC/USD, KRAKEN:BTC/USD): percent is",
            19,
        ),
        ("composite(BTC/USD, 2", "composite(BTC/USD, 2: ')' is missing", 20),
        (
            "composite(KRAKEN:BTC/USD, COINBASE:BTC/USD, 101)",
            "composite(KRAKEN:BTC/USD, COINBASE:BTC/USD, 101): percent is a number",
            44,
        ),
        ("composite(BTC/USD)[5m]", "[: expected + - * / or the end", 18),
        ("mean(1h)", "mean(1h): of what? write mean(KRAKEN:BTC/USD, 1h)", 5),
        ("mean[1h]", "mean: of what? write mean(KRAKEN:BTC/USD, 1h)", 0),
        ("change(1h)", "change(1h): of what? write change(KRAKEN:BTC/USD, 1h)", 7),
        ("mean(KRAKEN:BTC/USD)", "mean(KRAKEN:BTC/USD): a window is missing", 19),
        ("mean(KRAKEN:BTC/USD, 1x)", "mean(KRAKEN:BTC/USD, 1x): unknown unit 'x', use s,", 21),
        ("KRAKEN:BTC/USD[1x]", "KRAKEN:BTC/USD[1x]: unknown unit 'x'", 15),
        ("value * 2", "value: this is of rules; name a series", 0),
        ("rank(surge)", "rank: this is of rules; name a series", 0),
        ("medan(KRAKEN:BTC/USD, 1h)", "medan: unknown function, did you mean median?", 0),
        ("KRAKEN:BTC/USD > 3", ">: expected + - * / or the end", 15),
        ("KRAKEN:BTC/USD KRAKEN:BTC/USD", "KRAKEN:BTC/USD: expected + - * / or the end", 15),
        ("KRAKEN:BTC/USD\n+ 1", "'\\n': write one line", 14),
        ("(KRAKEN:BTC/USD", "(KRAKEN:BTC/USD: ')' is missing", 15),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(
    line: str, message: str, position: int
) -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        parsed(line)
    assert str(refused.value).lower().startswith(message.lower())
    assert refused.value.position == position
    assert line[position:].lower().startswith(refused.value.word.lower())


def test_a_formula_is_bounded_in_length_depth_and_parts() -> None:
    deepest = "(" * FORMULA.nesting_max + BTC + ")" * FORMULA.nesting_max
    assert print_formula(parsed(deepest)) == BTC
    longest = " + ".join([BTC] * (FORMULA.parts_max // 2))
    assert print_formula(parsed(longest)) == longest
    for text, message in [
        (f"({deepest})", "a formula nests at most 16 deep"),
        (f"{longest} + {BTC}", "a formula has at most 60 parts"),
        (BTC + " " * TEXT_MAX, "a formula is at most 2,000 characters, this one has 2,014"),
    ]:
        with pytest.raises(ExpressionInvalid, match=message):
            parsed(text)


words = st.sampled_from(
    "KRAKEN:BTC/USD kraken:eth/usd:bid X:Y/Z:traded_base [5m] composite(A/B) composite ( ) , + - "
    "* / mean zscore median change abs 3 1e5 5m 1h 24h value rank > : # é \x00 '".split()
)


@given(st.one_of(st.text(max_size=80), st.lists(words, max_size=40).map(" ".join)))
def test_whatever_is_written_is_a_formula_or_refused(text: str) -> None:
    assert_stands_or_refused(text)


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_formula_with_a_few_slips_is_a_formula_or_refused(line: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line)))
        cut = data.draw(st.integers(0, 3))
        line = line[:at] + data.draw(st.one_of(words, st.characters())) + line[at + cut :]
    assert_stands_or_refused(line)


def assert_stands_or_refused(text: str) -> None:
    refused = refusal(text)
    if refused is None:
        formula = parsed(text)
        assert parsed(print_formula(formula)) == formula
        assert formula.series or formula.composites
        return
    assert "\n" not in str(refused)
    assert len(str(refused)) < 400
    assert 0 <= refused.position <= len(text)


def refusal(text: str) -> ExpressionInvalid | None:
    try:
        parsed(text)
    except ExpressionInvalid as refused:
        return refused
    return None
