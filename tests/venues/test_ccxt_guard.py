"""What guards the library ccxt and does not need it: what is read of its values, and errors."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from tests.venues.support import T0_MS, Dice, row

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.venues import VenueSettings, venue_for
from sigmawatch.adapters.venues.ccxt import parse_candles, parse_markets, parse_tickers, translated
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Invalid,
    Maintenance,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import MarketStatus


def told(**fields: object) -> dict[str, object]:
    return {"last": 50.5, "bid": 50.0, "ask": 51.0, "baseVolume": 2.0, "quoteVolume": 101.0,
            "open": 1.0, "percentage": 4950.0, "timestamp": T0_MS, **fields}  # fmt: skip


def entry(name: str, symbol: str, **fields: object) -> dict[str, object]:
    base, _, quote = symbol.partition("/")
    return {"id": name, "symbol": symbol, "base": base, "quote": quote, "spot": True, **fields}


def test_neither_an_open_nor_a_change_is_read_of_it() -> None:
    # EXCHANGES 5: "Kraken `percentage` style fields: never store; compute from our own series."
    tickers = parse_tickers({"A/B": told()}, {"A/B": "ab"}, recv_ms=T0_MS)
    assert row(tickers, "ab") == {
        "price": 50.5, "bid": 50.0, "ask": 51.0, "volume_24h_base": 2.0, "volume_24h_quote": 101.0,
        "spread_bp": pytest.approx(198.0, abs=0.1),
    }  # fmt: skip
    assert tickers.event_ms == T0_MS


def test_what_it_does_not_say_is_missing_and_zero_volume_is_zero() -> None:
    silent = told(last=None, bid=None, quoteVolume=None, timestamp=None, baseVolume=0.0)
    tickers = parse_tickers({"A/B": silent, "C/D": told()}, {"A/B": "ab"}, recv_ms=T0_MS)
    assert tickers.natives == ("ab",)  # C/D is no market that we know
    assert row(tickers, "ab") == {"ask": 51.0, "volume_24h_base": 0.0}
    assert (tickers.rejected, tickers.event_ms) == ({}, None)


def test_markets_that_share_a_symbol_are_all_left_out_and_contracts_are_no_spot() -> None:
    # EXCHANGES 2: "BTC/USD pointed at the dark pool ... Key by venue id, never by ccxt symbol."
    listing = parse_markets(
        "TAIL",
        {"X": [entry("X", "A/B")], "X.d": [entry("X.d", "A/B")],
         "Y": [entry("Y", "C/B", active=False), entry("Y", "C/B:B", spot=False)],
         "Z": [entry("Z", "D/B", base=None)]},
        traded={},
    )  # fmt: skip
    assert [(one.native, one.status) for one in listing.markets] == [("Y", MarketStatus.HALTED)]
    assert set(listing.rejected) == {"X", "X.d", "Z"}


def test_rows_that_are_no_candles_are_counted() -> None:
    rows = parse_candles([[T0_MS, 1, 2, 1, 1.5, 3], None, [1]])
    assert (rows.closes, rows.malformed_count) == ([1.5], 2)
    assert parse_candles(None).malformed_count == 1


class BaseError(Exception):
    """Named as the library names its own."""


class NetworkError(BaseError):
    pass


class OnMaintenance(NetworkError):
    pass


class DDoSProtection(NetworkError):
    pass


class BadSymbol(BaseError):
    pass


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (NetworkError("x GET https://y 502 Bad Gateway"), Unavailable),
        (OnMaintenance("x"), Maintenance),
        (DDoSProtection("x GET https://y 429 Too Many Requests"), RateLimited),
        (BadSymbol("x"), NotFound),
        (NetworkError("x GET https://y 451 Unavailable For Legal Reasons <html>"), BlockedByRegion),
        (BaseError("x"), BadAnswer),
        (AttributeError("'str' object has no attribute 'get'"), BadAnswer),
        (ValueError("NaN"), BadAnswer),
        (RecursionError(), BadAnswer),
    ],
)
def test_an_exception_of_any_class_is_one_of_our_errors(
    raised: Exception, expected: type[SigmawatchError]
) -> None:
    error = translated(raised)
    assert type(error) is expected
    assert type(raised).__name__ in str(error)


@pytest.mark.skipif(importlib.util.find_spec("ccxt") is not None, reason="ccxt is installed")
def test_without_the_library_one_is_told_how_to_get_it() -> None:
    settings = VenueSettings(name="TAIL", kind="ccxt", exchange="kucoin")
    with pytest.raises(Invalid) as caught:
        venue_for(settings, clock=VirtualClock(T0_MS), rng=Dice(0.5))
    assert (caught.value.field, caught.value.allowed) == (
        "kind", "pip install 'sigmawatch[ccxt]'"
    )  # fmt: skip


def test_the_library_is_not_imported_unless_a_venue_needs_it() -> None:
    code = "import sys, sigmawatch.app.wiring as w; w.venue_traits(); print('ccxt' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "False"
