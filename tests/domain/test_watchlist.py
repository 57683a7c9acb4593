"""Names of many markets at once: what people write, what is meant, what is printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import PATTERNS_MAX, Watchlist, parse_pattern
from sigmawatch.domain.window import Interval


def a_series(name: str) -> Series:
    venue, pair, metric = name.split(":")
    base, quote = pair.split("/")
    market = Market(venue=venue, base=base, quote=quote, native=f"{base}{quote}")
    return Series(id=1, market=market, metric=metric, interval=Interval(60_000), block_id=1,
                  place=0)  # fmt: skip


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("KRAKEN:BTC/USD", "KRAKEN:BTC/USD"),
        (" kraken : xbt-usd ", "KRAKEN:BTC/USD"),
        ("kraken:btc_usd:PRICE", "KRAKEN:BTC/USD:price"),
        ("kraken:*/usd", "KRAKEN:*/USD"),
        ("*:BTC/*:price", "*:BTC/*:price"),
        ("BTC/USD", "*:BTC/USD"),
        ("btc-usd:price", "*:BTC/USD:price"),
        ("kraken:*", "KRAKEN:*/*"),
        ("k*:*:volume_*", "K*:*/*:volume_*"),
        ("*:*:*", "*:*/*"),
        ("BINANCE:1000*/USDT", "BINANCE:1000*/USDT"),
    ],
)
def test_a_pattern_has_one_canonical_text(written: str, canonical: str) -> None:
    assert str(parse_pattern(written)) == canonical
    assert parse_pattern(canonical) == parse_pattern(written)


@pytest.mark.parametrize(
    "written",
    ["", ":", "kraken:", "BTCUSD", "kraken:btcusd", "kraken:a/b/c", "a:b:c:d", "kraken:B C/USD",
     "kraken:**/USD", "kraken:*a*b*c*d*/USD", "9:BTC/USD", "kraken:BTC/", "kraken:B?C/USD",
     "kraken:BTC/USD:nonsense", "kraken:BTC/USD:volume", "kraken:BTC/USD:x*", f"a:{'b' * 65}/c",
     "kraken:B\nC/USD"],
)  # fmt: skip
def test_what_names_no_market_is_refused_with_what_would_do(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_pattern(written)
    assert refused.value.field
    assert refused.value.allowed


@pytest.mark.parametrize(
    ("pattern", "series", "meant"),
    [
        ("kraken:*/USD", "KRAKEN:BTC/USD:price", True),
        ("kraken:*/USD", "KRAKEN:BTC/USDT:price", False),
        ("kraken:*/USD*", "KRAKEN:BTC/USDT:price", True),
        ("kraken:*/USD", "BINANCE:BTC/USD:price", False),
        ("*:BTC/*:price", "BINANCE:BTC/USDT:price", True),
        ("*:BTC/*:price", "BINANCE:BTC/USDT:bid", False),
        ("*:B*C/*", "BINANCE:BTC/USDT:bid", True),
        ("*:B*C/*", "BINANCE:BTCX/USDT:bid", False),
        ("*:B.C/*", "BINANCE:BTC/USDT:bid", False),
        ("*:B.*/*", "BINANCE:BTC/USDT:bid", False),
        ("*:B.*/*", "BINANCE:B.C/USDT:bid", True),
        ("btc/usd", "KRAKEN:BTC/USD:trades", True),
        ("*:*:volume_*", "KRAKEN:BTC/USD:volume_24h_quote", True),
        ("*:*:volume_*", "KRAKEN:BTC/USD:traded_quote", False),
        # "Input accepts ... other aliases and renames"
        ("kraken:MATIC/USD", "KRAKEN:POL/USD:price", True),
        ("kraken:MATIC/USD", "KRAKEN:MATIC/USD:price", True),
        ("kraken:POL/USD", "KRAKEN:MATIC/USD:price", False),
    ],
)
def test_a_star_stands_for_any_run_of_characters_of_one_part(
    pattern: str, series: str, meant: bool
) -> None:
    assert parse_pattern(pattern).names(a_series(series)) is meant


def test_a_watchlist_holds_each_pattern_once_in_the_order_given() -> None:
    majors = Watchlist.of(" Majors ", ["kraken:eth-usd", "*:BTC/*", "KRAKEN:ETH/USD"])
    assert (majors.name, majors.items) == ("majors", ("KRAKEN:ETH/USD", "*:BTC/*"))
    assert majors.names(a_series("BINANCE:BTC/USDT:price"))
    assert not majors.names(a_series("BINANCE:ETH/USDT:price"))


@pytest.mark.parametrize("name", ["", "-a", "a b", "ä", "a" * 33, "a/b", "a:b", "a,b"])
def test_a_name_is_one_plain_word(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        Watchlist.of(name, ["*:BTC/*"])
    assert refused.value.field == "name"


def test_a_watchlist_is_neither_empty_nor_endless() -> None:
    for items in ([], [f"X:A{at}/USD" for at in range(PATTERNS_MAX + 1)]):
        with pytest.raises(Invalid, match="holds 1 to 1000 items"):
            Watchlist.of("x", items)


@given(st.text(max_size=30) | st.text(alphabet="aB*/:-_1", max_size=12))
def test_whatever_is_written_is_read_or_refused_and_canonical_text_is_read_back(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except Invalid:
        return
    assert parse_pattern(str(pattern)) == pattern
