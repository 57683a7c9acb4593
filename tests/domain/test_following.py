"""Patterns that are followed: what people write, and who belongs to one as volumes move."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.following import Following, chosen, parse_market_pattern
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.window import Interval

MARKETS = [
    Market(venue="KRAKEN", base=f"C{place}", quote="EUR", native=f"C{place}EUR")
    for place in range(40)
]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("kraken:*/eur", "KRAKEN:*/EUR"),
        (" kraken:* ", "KRAKEN:*/*"),
        ("Kraken:xbt-*", "KRAKEN:BTC/*"),
        ("kraken:*/EUR TOP 50 by Volume_24h_quote", "KRAKEN:*/EUR top 50 by volume_24h_quote"),
        ("kraken:*  top 7 by volume_24h_ref", "KRAKEN:*/* top 7 by volume_24h_ref"),
        ("okx:BTC/* top 3 by volume_24h_base", "OKX:BTC/* top 3 by volume_24h_base"),
    ],
)
def test_a_pattern_has_one_canonical_text(written: str, canonical: str) -> None:
    pattern = parse_market_pattern(written)
    assert str(pattern) == canonical
    assert parse_market_pattern(canonical) == pattern


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("kraken:BTC/EUR", "add it by its name"),
        ("*:BTC/*", "one venue"),
        ("*/EUR", "one venue"),
        ("kraken:*/EUR:price", "beside the pattern"),
        ("kraken:*/EUR top 0 by volume_24h_ref", "1 to 1,000"),
        ("kraken:*/EUR top 2000 by volume_24h_ref", "1 to 1,000"),
        ("kraken:*/EUR top 5", "names no markets"),
        ("kraken:*/EUR top five by volume_24h_ref", "names no markets"),
        ("kraken:*/EUR top 5 by price", "not chosen by price"),
        ("kraken:*/EUR top 5 by prize", "unknown metric"),
        ("kraken:*/* top 5 by volume_24h_quote", "several currencies"),
        ("kraken:*/EUR top 5 by volume_24h_base", "several currencies"),
        ("kraken:**/EUR", "names no markets"),
        ("", "names no markets"),
    ],
)
def test_what_cannot_be_followed_is_refused_with_the_reason(written: str, hint: str) -> None:
    with pytest.raises(Invalid, match=hint):
        parse_market_pattern(written)


def names(markets: list[Market]) -> set[str]:
    return {one.native for one in markets}


def by_place(order: list[int]) -> dict[str, float]:
    """Volumes that put the markets in this order."""
    return {f"C{number}EUR": 1_000.0 - place for place, number in enumerate(order)}


def test_of_a_top_a_market_joins_at_its_place_and_leaves_below_a_fifth_more() -> None:
    pattern = parse_market_pattern("kraken:*/EUR top 10 by volume_24h_quote")
    order = list(range(40))

    def now(order: list[int], members: set[str]) -> set[str]:
        return names(chosen(pattern, MARKETS, members=members, worth=by_place(order), gone=()))

    members = now(order, set())
    assert members == {f"C{number}EUR" for number in range(10)}
    order.remove(9)
    order.insert(11, 9)  # C9 is twelfth now, C10 tenth
    assert now(order, members) == members | {"C10EUR"}
    order.remove(9)
    order.insert(12, 9)  # thirteenth
    assert now(order, members) == (members | {"C10EUR"}) - {"C9EUR"}
    assert now(order, set()) == (members | {"C10EUR"}) - {"C9EUR"}


@given(st.lists(st.permutations(range(40)), min_size=1, max_size=8), st.integers(1, 30))
def test_a_top_holds_its_number_and_at_most_a_fifth_more(
    orders: list[list[int]], count: int
) -> None:
    pattern = parse_market_pattern(f"kraken:*/EUR top {count} by volume_24h_quote")
    members: set[str] = set()
    for order in orders:
        found = chosen(pattern, MARKETS, members=members, worth=by_place(order), gone=())
        assert {f"C{number}EUR" for number in order[:count]} <= names(found)
        assert len(found) <= max(count + 1, math.ceil(1.2 * count))
        members = names(found)


def test_of_whom_nobody_knows_a_volume_that_neither_joins_nor_leaves() -> None:
    pattern = parse_market_pattern("kraken:*/EUR top 2 by volume_24h_quote")
    worth = {"C1EUR": 5.0, "C2EUR": 4.0}
    found = chosen(pattern, MARKETS, members={"C7EUR"}, worth=worth, gone=())
    assert names(found) == {"C1EUR", "C2EUR", "C7EUR"}
    kept = chosen(pattern, MARKETS, members={"C7EUR"}, worth=None, gone=())
    assert names(kept) == {"C7EUR"}
    assert not chosen(pattern, MARKETS, members={"C7EUR"}, worth=None, gone={"C7EUR"})


def test_a_market_that_does_not_trade_does_not_join_and_a_member_stays_until_it_is_gone() -> None:
    pattern = parse_market_pattern("kraken:*/EUR")
    halted = Market(venue="KRAKEN", base="H", quote="EUR", native="HEUR",
                    status=MarketStatus.HALTED)  # fmt: skip
    listed = [*MARKETS[:2], halted]
    assert names(chosen(pattern, listed, members=(), worth=None, gone=())) == {"C0EUR", "C1EUR"}
    stays = chosen(pattern, listed, members={"HEUR"}, worth=None, gone=())
    assert names(stays) == {"C0EUR", "C1EUR", "HEUR"}
    left = chosen(pattern, listed, members={"HEUR"}, worth=None, gone={"HEUR"})
    assert names(left) == {"C0EUR", "C1EUR"}


def test_what_is_followed_is_read_back_as_it_was_written() -> None:
    one = Following(
        pattern=parse_market_pattern("kraken:*/EUR top 2 by volume_24h_quote"),
        metrics=("price", "volume_24h_ref"), interval=Interval(60_000),
    ).with_members(MARKETS[:2], now_ms=17)  # fmt: skip
    assert Following.of_body(one.body()) == one
    assert one.measured == ("price", "volume_24h_quote", "volume_24h_ref")
    assert one.asks_the_same(one.with_members(MARKETS, now_ms=18))
