"""Kraken's double: three names, errors inside 200, fillers, today beside 24 hours."""

import json
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import pytest
from tests.simulator.asking import DAY_MS, MINUTE_MS, NOON_MS, ask, kraken

from sigmawatch_simulator import Simulator
from sigmawatch_simulator.venues.kraken_names import altname, pair_key, wsname

Make = Callable[..., Simulator]


@pytest.mark.parametrize(
    ("base", "quote", "names"),
    [
        ("BTC", "USD", ("XXBTZUSD", "XBTUSD", "XBT/USD")),
        ("ETH", "USD", ("XETHZUSD", "ETHUSD", "ETH/USD")),
        ("BTC", "USDT", ("XBTUSDT", "XBTUSDT", "XBT/USDT")),
        ("ETH", "BTC", ("XETHXXBT", "ETHXBT", "ETH/XBT")),
        ("DOGE", "USD", ("XDGUSD", "XDGUSD", "XDG/USD")),
        ("DOGE", "BTC", ("XXDGXXBT", "XDGXBT", "XDG/XBT")),
        ("ADA", "USD", ("ADAUSD", "ADAUSD", "ADA/USD")),
        ("ADA", "BTC", ("ADAXBT", "ADAXBT", "ADA/XBT")),
        ("USDT", "USD", ("USDTZUSD", "USDTUSD", "USDT/USD")),
        ("EUR", "USD", ("ZEURZUSD", "EURUSD", "EUR/USD")),
    ],
)
def test_a_pair_has_krakens_three_names(base: str, quote: str, names: tuple[str, ...]) -> None:
    assert (pair_key(base, quote), altname(base, quote), wsname(base, quote)) == names


def test_time_is_in_whole_seconds(still: Simulator) -> None:
    expected = {"unixtime": 1_762_820_224, "rfc1123": "Tue, 11 Nov 25 00:17:04 +0000"}
    assert kraken(still, "Time") == expected
    assert kraken(still, "SystemStatus") == {
        "status": "online",
        "timestamp": "2025-11-11T00:17:04Z",
    }


def test_the_ticker_is_all_strings_but_the_counts_and_has_no_time(still: Simulator) -> None:
    row = kraken(still, "Ticker")["XXBTZUSD"]
    assert set(row) == set("abcvptlho")
    assert all(isinstance(count, int) for count in row["t"])
    strings = [*row["a"], *row["b"], *row["c"], *row["v"], *row["p"], *row["l"], *row["h"]]
    assert all(isinstance(text, str) for text in [*strings, row["o"]])
    assert [len(row[name]) for name in "abcvptlh"] == [3, 3, 2, 2, 2, 2, 2, 2]


def test_ticker_pairs_may_be_asked_by_any_name_and_are_answered_by_the_internal_one(
    still: Simulator,
) -> None:
    for name in ("XBTUSD", "XXBTZUSD", "XBT/USD"):
        assert list(kraken(still, "Ticker", pair=name)) == ["XXBTZUSD"]
    assert list(kraken(still, "Ticker", pair="XBTUSD,ETHUSD")) == ["XXBTZUSD", "XETHZUSD"]


def test_one_unknown_pair_fails_the_whole_call(still: Simulator) -> None:
    answer = ask(still, "kraken", "/0/public/Ticker", pair="XBTUSD,NOPE")
    assert answer.status == 200
    assert json.loads(answer.body) == {"error": ["EQuery:Unknown asset pair"]}


def test_pairs_and_tickers_do_not_match_one_to_one(still: Simulator) -> None:
    pairs, tickers = kraken(still, "AssetPairs"), kraken(still, "Ticker")
    assert [name for name in pairs if name not in tickers] == ["XXBTZUSD.d"]
    assert [name for name in tickers if name not in pairs] == ["XXBTZUSD:BTNL"]
    assert list(kraken(still, "AssetPairs", pair="ETHUSD")) == ["XETHZUSD"]


def test_ohlc_has_720_rows_and_the_running_one(still: Simulator) -> None:
    result = kraken(still, "OHLC", pair="XBTUSD", interval=1)
    rows = result["XXBTZUSD"]
    assert len(rows) == 721
    assert rows[-1][0] == NOON_MS // MINUTE_MS * 60
    assert result["last"] == rows[-2][0]
    assert {later[0] - earlier[0] for earlier, later in pairwise(rows)} == {60}


def test_quiet_minutes_are_fillers_at_the_old_price(make: Make) -> None:
    simulator = make(markets_count=300)
    key = list(kraken(simulator, "AssetPairs"))[280]
    rows = kraken(simulator, "OHLC", pair=key, interval=1)[key]
    fillers = [(before, row) for before, row in pairwise(rows) if row[7] == 0]
    assert fillers
    for before, row in fillers:
        assert row[5:] == ["0.0", "0.00000000", 0]
        assert set(row[1:5]) == {before[4]}


def test_since_is_honoured_for_young_rows_only(still: Simulator) -> None:
    rows = kraken(still, "OHLC", pair="XBTUSD", interval=1)["XXBTZUSD"]
    young = kraken(still, "OHLC", pair="XBTUSD", interval=1, since=rows[-4][0])["XXBTZUSD"]
    assert young == rows[-3:]
    old = kraken(still, "OHLC", pair="XBTUSD", interval=1, since=rows[0][0] - 86_400)["XXBTZUSD"]
    assert old == rows


def test_trades_come_a_thousand_at_a_time_with_a_cursor(still: Simulator) -> None:
    newest = kraken(still, "Trades", pair="XBTUSD")
    assert len(newest["XXBTZUSD"]) == 1_000
    since = (NOON_MS - 3_600_000) * 1_000_000
    first = kraken(still, "Trades", pair="XBTUSD", since=since, count=300)
    second = kraken(still, "Trades", pair="XBTUSD", since=first["last"], count=300)
    ids = [row[6] for row in first["XXBTZUSD"] + second["XXBTZUSD"]]
    assert ids == sorted(set(ids))
    assert len(ids) == 600


def test_trades_add_up_to_the_candle(still: Simulator) -> None:
    row = kraken(still, "OHLC", pair="XBTUSD", interval=1)["XXBTZUSD"][-2]
    open_ns = row[0] * 10**9
    trades = kraken(still, "Trades", pair="XBTUSD", since=open_ns - 1)["XXBTZUSD"]
    inside = [trade for trade in trades if trade[2] < row[0] + 60]
    assert sum(Decimal(trade[1]) for trade in inside) == Decimal(row[6])
    assert len(inside) == row[7]
    assert [Decimal(inside[0][0]), Decimal(inside[-1][0])] == [Decimal(row[1]), Decimal(row[4])]


def test_today_begins_at_midnight_utc(make: Make) -> None:
    midnight = NOON_MS - NOON_MS % DAY_MS
    simulator = make(start_ms=midnight + DAY_MS - 1)
    before = kraken(simulator, "Ticker")["XXBTZUSD"]
    assert Decimal(before["v"][0]) > Decimal("0.99") * Decimal(before["v"][1])
    simulator.clock.advance(1)
    after = kraken(simulator, "Ticker")["XXBTZUSD"]
    assert after["v"][0] == "0.00000000"
    assert after["t"][0] == 0
    assert {after["o"], after["l"][0], after["h"][0]} == {after["c"][0]}
    simulator.clock.advance(10 * MINUTE_MS)
    rows = kraken(simulator, "OHLC", pair="XBTUSD", interval=1)["XXBTZUSD"]
    today = [row for row in rows if row[0] * 1_000 >= midnight + DAY_MS]
    later = kraken(simulator, "Ticker")["XXBTZUSD"]
    assert Decimal(later["o"]) == Decimal(today[0][1])
    assert Decimal(later["v"][0]) == sum(Decimal(row[6]) for row in today)


def test_the_burst_is_fifteen_then_one_a_second(make: Make) -> None:
    simulator = make(limited=True)

    def errors(count: int) -> list[str]:
        answers = [ask(simulator, "kraken", "/0/public/Time") for _ in range(count)]
        assert {answer.status for answer in answers} == {200}
        return [error for answer in answers for error in json.loads(answer.body)["error"]]

    assert errors(15) == []
    assert errors(2) == ["EGeneral:Too many requests"] * 2
    simulator.clock.advance(3_000)
    assert errors(4) == ["EGeneral:Too many requests"]


def test_bad_questions_get_krakens_errors(still: Simulator) -> None:
    bad = ask(still, "kraken", "/0/public/OHLC", pair="XBTUSD", interval=7)
    assert json.loads(bad.body) == {"error": ["EGeneral:Invalid arguments"]}
    assert ask(still, "kraken", "/0/public/Nope").status == 404
