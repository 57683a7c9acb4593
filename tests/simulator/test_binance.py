"""Binance's double: weights, bans, halted symbols at zero, klines without gaps."""

import json
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from tests.simulator.asking import DAY_MS, MINUTE_MS, NOON_MS, ask, binance

from sigmawatch_simulator import Simulator

Make = Callable[..., Simulator]
WEIGHT = "X-MBX-USED-WEIGHT-1M"


def test_the_ticker_holds_every_symbol_and_halted_ones_at_zero(still: Simulator) -> None:
    rows = {row["symbol"]: row for row in binance(still, "ticker/24hr")}
    info = {entry["symbol"]: entry for entry in binance(still, "exchangeInfo")["symbols"]}
    assert set(rows) == set(info)
    halted = [name for name, entry in info.items() if entry["status"] == "BREAK"]
    assert halted
    for name in halted:
        assert rows[name]["lastPrice"] == "0.00000000"
        assert rows[name]["count"] == 0
    assert set(rows[halted[0]]) == set(rows["BTCUSDT"])


def test_the_window_is_the_last_24_hours(still: Simulator) -> None:
    row = binance(still, "ticker/24hr", symbol="BTCUSDT")
    assert (row["openTime"], row["closeTime"]) == (NOON_MS - DAY_MS, NOON_MS)
    change = Decimal(row["lastPrice"]) - Decimal(row["openPrice"])
    assert Decimal(row["priceChange"]) == change
    assert Decimal(row["priceChangePercent"]) == pytest.approx(
        100 * change / Decimal(row["openPrice"]), abs=Decimal("0.001")
    )
    quote = Decimal(row["weightedAvgPrice"]) * Decimal(row["volume"])
    assert quote == pytest.approx(Decimal(row["quoteVolume"]), rel=Decimal("1e-8"))
    assert row["lastId"] - row["firstId"] + 1 == row["count"]


def test_mini_is_full_without_bid_ask_and_average(still: Simulator) -> None:
    mini = binance(still, "ticker/24hr", symbol="BTCUSDT", type="MINI")
    full = binance(still, "ticker/24hr", symbol="BTCUSDT")
    assert {"bidPrice", "askPrice", "weightedAvgPrice"}.isdisjoint(mini)
    assert {name: full[name] for name in mini} == mini


def test_filters_shrink_the_answers(still: Simulator) -> None:
    trading = binance(still, "ticker/24hr", symbolStatus="TRADING")
    halted = binance(still, "ticker/24hr", symbolStatus="BREAK")
    assert len(trading) == 30
    assert len(trading) + len(halted) == len(binance(still, "ticker/24hr"))
    small = binance(still, "exchangeInfo", symbolStatus="TRADING", showPermissionSets="false")
    assert len(small["symbols"]) == 30
    assert small["symbols"][0]["permissionSets"] == []
    assert len(binance(still, "exchangeInfo", permissions="SPOT")["symbols"]) > 30
    one = binance(still, "exchangeInfo", symbol="ETHUSDT")["symbols"]
    assert [entry["symbol"] for entry in one] == ["ETHUSDT"]


def test_several_symbols_by_list(still: Simulator) -> None:
    rows = binance(still, "ticker/24hr", symbols='["ETHUSDT","BTCUSDT"]')
    assert [row["symbol"] for row in rows] == ["ETHUSDT", "BTCUSDT"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"symbol": "NOPE", "interval": "1m"}, -1121),
        ({"symbol": "BTCUSDT", "interval": "1x"}, -1120),
        ({"interval": "1m"}, -1102),
        ({"symbol": "BTCUSDT"}, -1102),
    ],
)
def test_bad_questions_get_binances_codes(
    still: Simulator, query: dict[str, str], code: int
) -> None:
    answer = ask(still, "binance", "/api/v3/klines", **query)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, code)


def test_an_unknown_symbol_in_a_list_fails_the_call(still: Simulator) -> None:
    answer = ask(still, "binance", "/api/v3/ticker/24hr", symbols='["BTCUSDT","NOPE"]')
    assert (answer.status, json.loads(answer.body)["code"]) == (400, -1121)


def test_klines_have_no_gaps_and_five_hundred_rows_unless_told(make: Make) -> None:
    simulator = make(markets_count=900)
    name = binance(simulator, "ticker/24hr", symbolStatus="TRADING")[-1]["symbol"]
    rows = binance(simulator, "klines", symbol=name, interval="1m")
    assert len(rows) == 500
    assert {later[0] - row[0] for row, later in pairwise(rows)} == {MINUTE_MS}
    quiet = [(before, row) for before, row in pairwise(rows) if row[8] == 0]
    assert quiet
    for before, row in quiet:
        assert set(row[1:5]) == {before[4]}
        assert Decimal(row[5]) == Decimal(row[7]) == 0


def test_klines_from_a_start_come_oldest_first(still: Simulator) -> None:
    start = NOON_MS - 3 * DAY_MS
    rows = binance(still, "klines", symbol="BTCUSDT", interval="5m", startTime=start, limit=1000)
    assert len(rows) == 864
    assert rows[0][0] == -(-start // 300_000) * 300_000
    two = binance(still, "klines", symbol="BTCUSDT", interval="1m", startTime=start, limit=5_000)
    assert len(two) == 1_000
    ended = binance(still, "klines", symbol="BTCUSDT", interval="1m", endTime=start, limit=3)
    assert [row[6] for row in ended][-1] >= start


def test_the_day_is_the_sum_of_its_klines(make: Make) -> None:
    simulator = make(start_ms=NOON_MS - NOON_MS % MINUTE_MS)
    start, total = simulator.clock.now_ms() - DAY_MS, Decimal(0)
    for first in (start, start + DAY_MS // 2):
        rows = binance(
            simulator, "klines", symbol="ETHUSDT", interval="1m", startTime=first, limit=720
        )
        total += sum(Decimal(row[5]) for row in rows)
    ticker = binance(simulator, "ticker/24hr", symbol="ETHUSDT")
    assert Decimal(ticker["volume"]) == total


@pytest.mark.parametrize(
    ("call", "query", "weight"),
    [
        ("ping", {}, 1),
        ("time", {}, 1),
        ("exchangeInfo", {}, 20),
        ("ticker/24hr", {}, 80),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker/24hr", {"symbols": '["BTCUSDT","ETHUSDT"]'}, 2),
        ("ticker/24hr", {"symbols": json.dumps(["BTCUSDT"] * 21)}, 40),
        ("ticker/24hr", {"symbols": json.dumps(["BTCUSDT"] * 101)}, 80),
        ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "1"}, 2),
    ],
)
def test_every_call_has_its_weight(
    make: Make, call: str, query: dict[str, str], weight: int
) -> None:
    answer = ask(make(limited=True, markets_count=10), "binance", f"/api/v3/{call}", **query)
    assert answer.headers[WEIGHT] == str(weight)


def test_too_much_weight_is_429_then_a_ban_that_doubles(make: Make) -> None:
    simulator = make(limited=True, markets_count=10, start_ms=NOON_MS - NOON_MS % MINUTE_MS)

    def statuses(count: int) -> list[int]:
        return [ask(simulator, "binance", "/api/v3/ticker/24hr").status for _ in range(count)]

    assert statuses(75) == [200] * 75
    refused = ask(simulator, "binance", "/api/v3/ticker/24hr")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "60")
    assert json.loads(refused.body)["code"] == -1003
    assert statuses(9) == [429] * 9
    banned = ask(simulator, "binance", "/api/v3/ping")
    assert (banned.status, banned.headers["Retry-After"]) == (418, "120")
    simulator.clock.advance(119_000)
    assert statuses(1) == [418]
    simulator.clock.advance(1_000)
    assert statuses(75) == [200] * 75
    statuses(10)
    again = ask(simulator, "binance", "/api/v3/ping")
    assert (again.status, again.headers["Retry-After"]) == (418, "240")


def test_a_new_minute_starts_from_nothing(make: Make) -> None:
    simulator = make(limited=True, markets_count=10)
    for _ in range(76):
        ask(simulator, "binance", "/api/v3/ticker/24hr")
    simulator.clock.advance(MINUTE_MS)
    assert ask(simulator, "binance", "/api/v3/ping").headers[WEIGHT] == "1"
