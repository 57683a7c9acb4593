"""Coinbase's double: newest first, low before high, quiet minutes absent, 300 at most."""

import json
from collections.abc import Callable
from decimal import Decimal

from tests.simulator.asking import MINUTE_MS, NOON_MS, ask, coinbase

from sigmawatch_simulator import Simulator
from sigmawatch_simulator.venues.speech import Question

Make = Callable[..., Simulator]
EDGE_S = NOON_MS // MINUTE_MS * 60


def test_one_call_has_the_statistics_of_all_trading_products(still: Simulator) -> None:
    stats = coinbase(still, "/products/stats")
    assert len(stats) == 30
    assert set(stats["BTC-USD"]["stats_24hour"]) == {"open", "high", "low", "last", "volume"}
    single = coinbase(still, "/products/BTC-USD/stats")
    assert single["last"] == stats["BTC-USD"]["stats_24hour"]["last"]
    assert Decimal(single["volume_30day"]) > Decimal(single["volume"])


def test_products_list_more_than_trades(still: Simulator) -> None:
    products = {entry["id"]: entry for entry in coinbase(still, "/products")}
    silent = set(products) - set(coinbase(still, "/products/stats"))
    assert {products[name]["status"] for name in silent} == {"delisted", "online"}
    assert products["BTC-USD"]["display_name"] == "BTC/USD"


def test_a_product_that_has_not_started_has_a_ticker_without_a_price(still: Simulator) -> None:
    entries = coinbase(still, "/products")
    soon = next(entry["id"] for entry in entries if entry["id"].startswith("SOON-"))
    assert coinbase(still, f"/products/{soon}/ticker") == {"bid": "", "ask": "", "volume": "0"}


def test_the_ticker_says_when_the_last_trade_was(still: Simulator) -> None:
    ticker = coinbase(still, "/products/BTC-USD/ticker")
    assert set(ticker) == {"ask", "bid", "volume", "trade_id", "price", "size", "time"}
    assert ticker["time"] < "2025-11-11T00:17:04"
    assert Decimal(ticker["bid"]) < Decimal(ticker["ask"])


def test_candles_are_newest_first_with_low_before_high(still: Simulator) -> None:
    rows = coinbase(still, "/products/BTC-USD/candles", granularity=60)
    assert len(rows) == 300
    assert rows[0][0] == EDGE_S
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    for _, low, high, opened, close, volume in rows:
        assert low <= min(opened, close) <= max(opened, close) <= high
        assert volume > 0


def test_quiet_minutes_are_absent(make: Make) -> None:
    simulator = make(markets_count=400)
    name = list(coinbase(simulator, "/products/stats"))[-1]
    rows = coinbase(simulator, f"/products/{name}/candles", granularity=60)
    assert 0 < len(rows) < 300


def test_start_and_end_may_be_seconds_or_iso(still: Simulator) -> None:
    path = "/products/BTC-USD/candles"
    seconds = coinbase(still, path, granularity=300, start=EDGE_S - 3_000, end=EDGE_S)
    iso = coinbase(
        still, path, granularity=300, start="2025-11-10T23:27:00Z", end="2025-11-11T00:17:00+00:00"
    )
    assert seconds == iso
    assert 10 <= len(seconds) <= 11


def test_more_than_300_candles_are_refused(still: Simulator) -> None:
    path = "/products/BTC-USD/candles"
    answer = ask(still, "coinbase", path, granularity=60, start=EDGE_S - 301 * 60, end=EDGE_S)
    assert answer.status == 400
    assert "300" in json.loads(answer.body)["message"]
    assert ask(still, "coinbase", path, granularity=61).status == 400
    assert ask(still, "coinbase", path, granularity=60, start="yesterday").status == 400


def test_trades_are_newest_first_with_cursors(still: Simulator) -> None:
    answer = ask(still, "coinbase", "/products/BTC-USD/trades", limit=10)
    rows = json.loads(answer.body)
    assert [row["trade_id"] for row in rows] == sorted((r["trade_id"] for r in rows), reverse=True)
    assert answer.headers["cb-before"] == str(rows[0]["trade_id"])
    assert answer.headers["cb-after"] == str(rows[-1]["trade_id"])


def test_an_unknown_product_is_404_and_no_user_agent_400(still: Simulator) -> None:
    assert ask(still, "coinbase", "/products/NO-PE/ticker").status == 404
    bare = still.answer("coinbase", Question(path="/time", query={}, headers={}))[0]
    assert bare.status == 400


def test_ten_a_second_with_a_burst_of_fifteen(make: Make) -> None:
    simulator = make(limited=True)
    statuses = [ask(simulator, "coinbase", "/time").status for _ in range(17)]
    assert statuses == [200] * 15 + [429] * 2
    simulator.clock.advance(500)
    statuses = [ask(simulator, "coinbase", "/time").status for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
