"""Series, blocks, and the names people give them."""

from __future__ import annotations

import pytest

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import Kind
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series, parse_series
from sigmawatch.domain.window import Interval

MINUTE = Interval(60_000)
BITCOIN = Market(venue="KRAKEN", base="BTC", quote="USD", native="XXBTZUSD")


def a_series(**changes: object) -> Series:
    given: dict[str, object] = {
        "id": 17, "market": BITCOIN, "metric": "price", "interval": MINUTE, "block_id": 1,
        "place": 0,
    }  # fmt: skip
    return Series(**{**given, **changes})  # type: ignore[arg-type]


def test_a_series_has_a_name_and_one_for_addresses() -> None:
    assert a_series().name == "KRAKEN:BTC/USD:price"
    assert a_series().slug == "KRAKEN:BTC-USD:price"
    assert a_series(metric="trades").kind.kind is Kind.FLOW


@pytest.mark.parametrize(
    "text", ["17", " 17 ", "KRAKEN:BTC-USD:price", "kraken:xbtusd:PRICE", "BTC/USD:price"]
)
def test_a_series_is_found_by_number_or_name(text: str) -> None:
    assert parse_series(text).names(a_series())


@pytest.mark.parametrize("text", ["18", "KRAKEN:BTC-USD:bid", "BINANCE:BTC-USD:price"])
def test_another_number_metric_or_venue_is_another_series(text: str) -> None:
    assert not parse_series(text).names(a_series())


@pytest.mark.parametrize("text", ["", "price", ":price", "\u0661\u0667", "-17", "1" * 13])
def test_what_is_no_series_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is no series"):
        parse_series(text)


def test_a_series_of_no_known_metric_is_refused_with_those_there_are() -> None:
    with pytest.raises(Invalid, match="unknown metric 'moon'") as caught:
        parse_series("KRAKEN:BTC-USD:moon")
    assert "traded_quote" in caught.value.allowed


@pytest.mark.parametrize(
    "wrong", [{"id": 0}, {"place": -1}, {"place": BLOCK_SERIES_MAX}, {"metric": "moon"},
              {"origin": "guess"}],
)  # fmt: skip
def test_a_series_is_valid_from_birth(wrong: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        a_series(**wrong)


def test_a_block_is_valid_from_birth() -> None:
    for block_id, metric in ((0, "price"), (1, "moon")):
        with pytest.raises(AssertionError):
            Block(id=block_id, venue="KRAKEN", metric=metric, interval=MINUTE)
