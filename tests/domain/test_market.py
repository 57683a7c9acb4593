"""Markets and the many ways people write them (SEMANTICS.md 1)."""

from __future__ import annotations

import pytest

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import NAME_MAX, Market, asset, parse_market, venue_name


def a_market(base: str = "BTC", quote: str = "USD", *, native: str = "XXBTZUSD") -> Market:
    return Market(venue="KRAKEN", base=base, quote=quote, native=native)


def test_the_public_name_is_venue_base_and_quote() -> None:
    assert (a_market().name, a_market().pair) == ("KRAKEN:BTC/USD", "BTC/USD")


@pytest.mark.parametrize(
    "text",
    [
        "KRAKEN:BTC/USD", "kraken:btc-usd", "BTCUSD", "btc_usd", " BTC/USD ", "XBT/USD",
        "XBTUSD", "xbt-zusd", "XXBTZUSD", "kraken:xxbtzusd", "Kraken:BTCUSD",
    ],
)  # fmt: skip
def test_a_market_is_found_by_any_separator_case_alias_or_its_own_id(text: str) -> None:
    assert parse_market(text).names(a_market())


@pytest.mark.parametrize(
    "text", ["BINANCE:BTC/USD", "BTC/USDT", "ETH/USD", "USD/BTC", "BTC", "USDBTC", "BTCUSDT"]
)
def test_another_venue_pair_or_order_is_another_market(text: str) -> None:
    assert not parse_market(text).names(a_market())


def test_a_rename_is_understood_on_input_and_leaves_the_old_name_its_market() -> None:
    assert parse_market("MATIC/USD").names(a_market("POL", native="POLUSD"))
    assert parse_market("MATIC/USD").names(a_market("MATIC", native="MATICUSD"))
    assert not parse_market("POL/USD").names(a_market("MATIC", native="MATICUSD"))


def test_a_name_without_separator_may_mean_several_markets() -> None:
    """Which one is decided where the markets are known, never guessed here."""
    ref = parse_market("ABCD")
    assert ref.names(a_market("AB", "CD", native="1"))
    assert ref.names(a_market("ABC", "D", native="2"))


def test_assets_have_one_name() -> None:
    assert [asset(code) for code in ("xbt", "XXBT", "XDG", "ZEUR", " btc ", "SOL")] == [
        "BTC", "BTC", "DOGE", "EUR", "BTC", "SOL",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", ":", "KRAKEN:", "/", "BTC/", "/USD", "A/B/C", "X" * 300, "BTC/\x00USD",
     "BTC\n/USD"],
)  # fmt: skip
def test_what_is_no_market_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(Invalid, match="is no market") as caught:
        parse_market(text)
    assert (caught.value.field, "KRAKEN:BTC/USD" in caught.value.allowed) == ("market", True)


@pytest.mark.parametrize("text", ["", "1INCH", "KRA KEN", "KRÄKEN", "K" * 33, "K-1"])
def test_what_is_no_venue_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no venue name"):
        venue_name(text)


@pytest.mark.parametrize(
    "part", ["", "A/B", "A:B", "A B", "A,B", "A?B", "A&B", "A#B", "A%B", "A\\B", "A\tB", "\u202eA",
             "X" * (NAME_MAX + 1)],
)  # fmt: skip
def test_a_name_from_a_stranger_that_would_break_ours_is_refused(part: str) -> None:
    for market in ({"base": part}, {"quote": part}):
        with pytest.raises(Invalid, match="printable characters"):
            a_market(**market)


def test_a_native_id_is_kept_as_the_venue_gave_it_if_it_can_be_printed() -> None:
    assert a_market(native="btc-usd:spot").native == "btc-usd:spot"
    for native in ("", "a\nb", "x" * (NAME_MAX + 1)):
        with pytest.raises(Invalid, match="market id"):
            a_market(native=native)
