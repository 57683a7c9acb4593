"""OKX's, Bybit's and Bitstamp's doubles: each says the same market in its own words."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.simulator.asking import DAY_MS, MINUTE_MS, NOON_MS, ask, said

from sigmawatch_simulator import Fault, Simulator

Make = Callable[..., Simulator]
EDGE_MS = NOON_MS // MINUTE_MS * MINUTE_MS


def okx(simulator: Simulator, call: str, **query: object) -> Any:
    body = said(simulator, "okx", f"/api/v5/{call}", **query)
    assert body["code"] == "0", body
    return body["data"]


def bybit(simulator: Simulator, call: str, **query: object) -> Any:
    body = said(simulator, "bybit", f"/v5/market/{call}", category="spot", **query)
    assert body["retCode"] == 0, body
    return body["result"]


def bitstamp(simulator: Simulator, call: str, **query: object) -> Any:
    return said(simulator, "bitstamp", f"/api/v2/{call}/", **query)


def test_okx_has_a_name_that_is_null_and_one_that_has_not_opened(still: Simulator) -> None:
    # EXCHANGES 4: "a market's name field becomes null over night" (ccxt #26047).
    entries = okx(still, "public/instruments", instType="SPOT")
    assert [entry["state"] for entry in entries if entry["instId"] is None] == ["live"]
    ticking = {row["instId"] for row in okx(still, "market/tickers", instType="SPOT")}
    assert len(ticking) == 30
    preopen = {entry["instId"] for entry in entries if entry["state"] == "preopen"}
    assert preopen
    assert not preopen & ticking


def test_okx_answers_300_candles_and_reaches_back_1440(still: Simulator) -> None:
    rows = okx(still, "market/candles", instId="BTC-USDT", bar="1m", limit=1_000)
    assert len(rows) == 300
    assert [row[8] for row in rows[:2]] == ["0", "1"]
    assert int(rows[0][0]) == EDGE_MS
    old = EDGE_MS - 1_435 * MINUTE_MS
    oldest = okx(still, "market/candles", instId="BTC-USDT", bar="1m", after=old, limit=300)
    assert int(oldest[-1][0]) == EDGE_MS - 1_439 * MINUTE_MS
    assert int(oldest[0][0]) < old


def test_okx_between_before_and_after_leaves_out_both(still: Simulator) -> None:
    rows = okx(still, "market/candles", instId="BTC-USDT", bar="5m",
               before=EDGE_MS - 4_500_000, after=EDGE_MS - 3_600_000)  # fmt: skip
    opens = [int(row[0]) for row in rows]
    assert opens == sorted(opens, reverse=True)
    assert EDGE_MS - 4_500_000 < opens[-1] < opens[0] < EDGE_MS - 3_600_000


def test_okx_speaks_of_errors_in_codes(still: Simulator, make: Make) -> None:
    unknown = ask(still, "okx", "/api/v5/market/candles", instId="NO-PE")
    assert (unknown.status, json.loads(unknown.body)["code"]) == (200, "51001")
    limited = make(limited=True)
    statuses = [ask(limited, "okx", "/api/v5/public/time").status for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    with still.faults.on(Fault(kind="maintenance", venue="okx")):
        down = ask(still, "okx", "/api/v5/market/tickers", instType="SPOT")
    assert (down.status, json.loads(down.body)["code"]) == (503, "50001")


def test_bybits_klines_are_newest_first_with_the_running_one(still: Simulator) -> None:
    told = bybit(still, "kline", symbol="BTCUSDT", interval="1", limit=1_000)
    opens = [int(row[0]) for row in told["list"]]
    assert opens == [EDGE_MS - n * MINUTE_MS for n in range(1_000)]
    start, end = EDGE_MS - 9 * MINUTE_MS, EDGE_MS - 5 * MINUTE_MS
    some = bybit(still, "kline", symbol="BTCUSDT", interval="1", start=start, end=end)
    assert [int(row[0]) for row in some["list"]] == opens[5:10]


def test_bybit_shuts_out_who_asks_too_often_for_ten_minutes(make: Make) -> None:
    # EXCHANGES 1.7: "600 req/5 s/IP then 403 for >= 10 min".
    simulator = make(limited=True)
    statuses = [ask(simulator, "bybit", "/v5/market/time").status for _ in range(601)]
    assert statuses == [200] * 600 + [403]
    simulator.clock.advance(300_000)
    assert ask(simulator, "bybit", "/v5/market/time").status == 403  # and ten more from here
    simulator.clock.advance(599_000)
    assert ask(simulator, "bybit", "/v5/market/time").status == 403
    simulator.clock.advance(600_000)
    assert ask(simulator, "bybit", "/v5/market/time").status == 200


def test_bybit_says_what_it_does_not_know_inside_a_200(still: Simulator) -> None:
    query = {"category": "spot", "symbol": "NOPE", "interval": "1"}
    body = said(still, "bybit", "/v5/market/kline", **query)
    assert (body["retCode"], body["retMsg"]) == (10001, "Not supported symbols")


def test_bitstamps_open_is_of_the_day_and_open_24_of_the_last_24_hours(still: Simulator) -> None:
    # EXCHANGES 1.7: "open (first of the DAY), open_24".
    rows = {row["pair"]: row for row in bitstamp(still, "ticker")}
    day = bitstamp(still, "ohlc/btcusd", step=60, limit=20, end=NOON_MS // 1_000)["data"]["ohlc"]
    midnight = NOON_MS // DAY_MS * DAY_MS // 1_000
    first = next(row for row in day if int(row["timestamp"]) >= midnight)
    assert Decimal(rows["BTC/USD"]["open"]) == Decimal(first["open"])
    assert rows["BTC/USD"]["open"] != rows["BTC/USD"]["open_24"]
    assert rows["BTC/USD-PERP"]["market_type"] == "PERPETUAL"


def test_bitstamp_counts_from_the_end_where_both_ends_are_said(still: Simulator) -> None:
    end = EDGE_MS // 1_000 - 600
    rows = bitstamp(still, "ohlc/btcusd", step=60, limit=10, start=end - 36_000, end=end)
    opens = [int(row["timestamp"]) for row in rows["data"]["ohlc"]]
    assert opens == sorted(opens)
    assert opens[-1] == end
    assert opens[0] >= end - 9 * 60


@pytest.mark.parametrize("path", ["/api/v2/ohlc/nope/", "/api/v2/nothing/"])
def test_bitstamp_does_not_know_what_is_not_there(still: Simulator, path: str) -> None:
    answer = ask(still, "bitstamp", path, step=60, limit=1)
    assert (answer.status, json.loads(answer.body)["response_code"]) == (404, "404.002")


def test_the_three_tell_the_day_alike(still: Simulator) -> None:
    """Base, quote and price of one market agree with its candles of the day."""
    ticker = next(
        row for row in okx(still, "market/tickers", instType="SPOT") if row["instId"] == "BTC-USDT"
    )
    worth = Decimal(ticker["volCcy24h"]) / Decimal(ticker["vol24h"])
    assert Decimal(ticker["low24h"]) <= worth <= Decimal(ticker["high24h"])
    hours = bybit(still, "kline", symbol="BTCUSDT", interval="60", limit=25)["list"]
    turnover = next(
        Decimal(row["turnover24h"]) for row in bybit(still, "tickers")["list"]
        if row["symbol"] == "BTCUSDT"
    )  # fmt: skip
    closed = sum(Decimal(row[6]) for row in hours[:-1])
    assert closed <= turnover <= closed + Decimal(hours[-1][6])
