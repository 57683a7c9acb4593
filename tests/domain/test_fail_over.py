"""Which of several venues is shown: decisions of one slot after another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.errors import ExpressionInvalid
from sigmawatch.domain.fail_over import PATIENCE, Standing, decided
from sigmawatch.domain.formula import parse_formula, print_formula
from sigmawatch.domain.window import Interval

MINUTE = Interval(60_000)


def course(*read: str, held: Sequence[int] = (), let: Sequence[int] = ()) -> str:
    """What is shown slot by slot, 1 for the first venue. read: of each venue a line, `x` where it
    was read; held, let: slots before which somebody asks to keep away from the first, or to let it
    back."""
    before, told = Standing(), ""
    blank = "x" + "." * (len(read) - 1)  # the first one was well before
    past = [first * PATIENCE.slots + line for first, line in zip(blank, read, strict=True)]
    for slot in range(len(read[0])):
        if slot in held or slot in let:
            before = Standing(place=before.place, held=slot in held)
        seen = [[each == "x" for each in line[slot + 1 : slot + 1 + PATIENCE.slots]]
                for line in past]  # fmt: skip
        before = decided(before, seen)
        told += str(before.place + 1)
    return told


@pytest.mark.parametrize(
    ("read", "shown"),
    [
        (("xxxx", "xxxx"), "1111"),
        (("x.xx", "xxxx"), "1111"),  # one slot is no outage
        (("x...", "xxxx"), "1122"),  # after two in which another one was read
        (("x...", "x..x"), "1111"),  # the other one was not
        (("x....", "x..xx"), "11112"),
        (("x...", "....", "xxxx"), "1133"),  # the first backup that is there
        (("....xx", "....xx"), "111111"),  # nobody was read: we were down
        (("...xxxxxxxxxxx", "xxxxxxxxxxxxxx"), "12222222222211"),  # back after ten in a row
        (("...xxxxx.xxxxx", "xxxxxxxxxxxxxx"), "12222222222222"),  # which begin anew
        (("...xxxxx", "xxxxx..."), "12222211"),  # sooner where there is nobody else
    ],
)
def test_a_venue_is_left_after_two_slots_and_shown_again_after_ten(
    read: tuple[str, ...], shown: str
) -> None:
    assert course(*read) == shown


def test_who_is_kept_away_from_is_not_shown_until_let_back() -> None:
    every = ("x" * 8, "x" * 8, "x" * 8)
    assert course(*every, held=[2], let=[6]) == "11222211"
    assert course("x" * 8, "." * 8, held=[2], let=[6]) == "11111111"  # there is nobody else
    assert course("xxxx....", "xxxxx...", "xxxxxxxx", held=[2]) == "11222233"


@given(
    st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=60),
    st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)),
)  # fmt: skip
def test_nobody_begins_to_be_shown_in_a_slot_in_which_it_was_not_read(
    slots: list[list[bool]], held: set[int], let: set[int]
) -> None:
    """A seam always has a value: no return crosses it (SEMANTICS.md 5)."""
    lines = ["".join("x" if row[at] else "." for row in slots) for at in range(3)]
    shown = "1" + course(*lines, held=sorted(held), let=sorted(let - held))
    for slot, (before, after) in enumerate(pairwise(shown)):
        assert before == after or slots[slot][int(after) - 1]


@given(st.integers(0, 7), st.booleans())
def test_what_stands_is_told_by_one_number(place: int, held: bool) -> None:
    standing = Standing(place=place, held=held)
    assert Standing.of(standing.code, 8) == standing


@pytest.mark.parametrize(
    ("text", "canonical", "unit"),
    [
        ("failover(kraken:xbt/usd, coinbase:btc/usd)",
         "failover(KRAKEN:BTC/USD, COINBASE:BTC/USD)", "USD per BTC"),
        ("FailOver( KRAKEN:BTC/USD:volume_24h_base,BINANCE:BTC/USD:volume_24h_base )",
         "failover(KRAKEN:BTC/USD:volume_24h_base, BINANCE:BTC/USD:volume_24h_base)", "BTC"),
    ],
)  # fmt: skip
def test_a_fail_over_is_a_formula_that_reads_back_as_itself(
    text: str, canonical: str, unit: str
) -> None:
    formula = parse_formula(text, interval=MINUTE)
    assert (print_formula(formula), formula.unit, formula.fail_over) == (canonical, unit, True)
    assert parse_formula(canonical, interval=MINUTE) == formula


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("failover(KRAKEN:BTC/USD)", "between 2 and 8 venues"),
        ("failover(KRAKEN:BTC/USD, KRAKEN:BTC/USD)", "another venue's"),
        ("failover(KRAKEN:BTC/USD, DERIVED:BTC/USD)", "none is derived"),
        ("failover(KRAKEN:BTC/USD, COINBASE:BTC/EUR)", "is not price of BTC/USD"),
        ("failover(KRAKEN:BTC/USD, COINBASE:BTC/USD:bid)", "is not price of BTC/USD"),
        ("failover(KRAKEN:BTC/USD:trades, COINBASE:BTC/USD:trades)", "no level that venues tell"),
        ("failover(KRAKEN:A/B:volume_24h_ref, COINBASE:A/B:volume_24h_ref)", "no level"),
        ("failover(KRAKEN:BTC/USD, 2)", "name a venue's series"),
        ("failover KRAKEN:BTC/USD", "'(' is missing"),
        ("2 * failover(KRAKEN:BTC/USD, COINBASE:BTC/USD)", "stands alone"),
        ("failover(KRAKEN:BTC/USD, COINBASE:BTC/USD) * 2", "expected"),
    ],
)
def test_what_cannot_be_stitched_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(ExpressionInvalid, match=problem.replace("(", r"\(")):
        parse_formula(text, interval=MINUTE)


def test_slots_too_short_to_be_held_for_a_day_have_no_fail_over() -> None:
    with pytest.raises(ExpressionInvalid, match="too short"):
        parse_formula("failover(KRAKEN:BTC/USD, COINBASE:BTC/USD)", interval=Interval(1_000))
