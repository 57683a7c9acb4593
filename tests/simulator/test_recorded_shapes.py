"""The double's answers have the fields and types of bodies that real venues have sent."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.simulator.asking import ask, binance, coinbase, kraken

from sigmawatch_simulator import Fault, Simulator

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def recorded(name: str) -> Any:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no recorded body at {path}")
    return json.loads(path.read_text())


def shape(value: Any) -> Any:
    """Types of a JSON value; of a list, of its members in order where they differ."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__


def plain(simulator: Simulator, venue: str, path: str, **query: object) -> Any:
    return json.loads(ask(simulator, venue, path, **query).body)


def test_krakens_ticker_row_is_shaped_like_the_real_one(still: Simulator) -> None:
    real = recorded("nautilus-kraken-rest/http_ticker.json")["result"]["XBTUSDT"]
    assert shape(kraken(still, "Ticker", pair="XBTUSD")["XXBTZUSD"]) == shape(real)


def test_krakens_old_ticker_of_all_markets_has_the_same_rows(still: Simulator) -> None:
    real = recorded("rotki-kraken-2019/kraken_ticker.json")
    rows = real.get("result", real)
    ours = kraken(still, "Ticker")
    assert {json.dumps(shape(row)) for row in rows.values()} == {
        json.dumps(shape(dict(sorted(row.items(), key=lambda i: "abcvptlho".index(i[0])))))
        for row in ours.values()
    }


def test_krakens_names_are_those_of_2019(still: Simulator) -> None:
    from sigmawatch_simulator.venues.kraken_names import altname, internal, pair_key

    real = recorded("rotki-kraken-2019/kraken_asset_pairs.json")
    modern = {"XXBT": "BTC", "XXDG": "DOGE"}
    checked = 0
    for key, entry in real.get("result", real).items():
        base, quote = entry["base"], entry["quote"]
        if key.endswith(".d"):
            continue
        names = [
            modern.get(n, n[1:] if n[:1] in "XZ" and len(n) == 4 else n) for n in (base, quote)
        ]
        assert altname(*names) == entry["altname"]
        if internal(names[0]) == base:  # MLN and REP are old, too
            assert pair_key(*names) == key
            checked += 1
    assert checked > 60


def test_krakens_pair_has_the_real_fields(still: Simulator) -> None:
    real = recorded("nautilus-kraken-rest/http_asset_pairs.json")["result"]["XBTUSDT"]
    ours = kraken(still, "AssetPairs", pair="XBTUSD")["XXBTZUSD"]
    optional = {"long_position_limit", "short_position_limit"}
    assert set(real) - set(ours) == optional
    for name, value in ours.items():
        assert type(value) is type(real[name]), name


def test_krakens_candles_are_shaped_like_the_real_ones(still: Simulator) -> None:
    real = recorded("nautilus-kraken-rest/http_ohlc.json")["result"]
    ours = kraken(still, "OHLC", pair="XBTUSD", interval=1)
    assert len(ours["XXBTZUSD"]) == len(real["XBTUSDT"])
    assert shape(ours["XXBTZUSD"][0]) == shape(real["XBTUSDT"][0])
    assert type(ours["last"]) is type(real["last"])
    assert real["last"] == real["XBTUSDT"][-2][0]
    assert ours["last"] == ours["XXBTZUSD"][-2][0]


def test_krakens_trades_are_shaped_like_the_real_ones(still: Simulator) -> None:
    real = recorded("nautilus-kraken-rest/http_trades.json")["result"]
    ours = plain(still, "kraken", "/0/public/Trades", pair="XBTUSD")["result"]
    assert shape(ours["XXBTZUSD"][0]) == shape(real["XBTUSDT"][0])
    assert len(ours["XXBTZUSD"]) == len(real["XBTUSDT"])
    assert type(ours["last"]) is type(real["last"])


@pytest.mark.parametrize(
    ("call", "file"), [("Time", "http_server_time"), ("SystemStatus", "http_system_status")]
)
def test_krakens_small_answers_are_shaped_like_the_real_ones(
    still: Simulator, call: str, file: str
) -> None:
    real = recorded(f"nautilus-kraken-rest/{file}.json")["result"]
    assert shape(kraken(still, call)) == shape(real)


def test_coinbases_answers_are_shaped_like_the_real_ones(still: Simulator) -> None:
    real = recorded("ccxt-static-frames/coinbase_exchange_rest.json")
    ticker = next(value for name, value in real.items() if "/ticker" in name)
    ours = coinbase(still, "/products/BTC-USD/ticker")
    assert set(ticker) - set(ours) == {"rfq_volume"}
    trade = next(value for name, value in real.items() if "/trades" in name)[0]
    assert set(coinbase(still, "/products/BTC-USD/trades", limit=1)[0]) == set(trade)
    candle = next(value for name, value in real.items() if "/candles" in name)[0]
    row = plain(still, "coinbase", "/products/BTC-USD/candles", granularity=3600)[0]
    assert shape(row) == shape(candle)


def test_coinbases_products_have_the_real_fields(still: Simulator) -> None:
    path = DATA / "cryptofeed-captures" / "COINBASE.0"
    if not path.exists():
        pytest.skip(f"no recorded body at {path}")
    body = path.read_text().split("-> ", 1)[1].split(": ", 1)[1].splitlines()[0]
    real = json.loads(body)[0]
    ours = next(e for e in coinbase(still, "/products") if e["id"] == "BTC-USD")
    gone_since = {"base_min_size", "base_max_size", "max_market_funds"}
    assert set(real) - set(ours) == gone_since
    for name in set(real) & set(ours):
        assert type(ours[name]) is type(real[name]), name


def test_binances_ticker_is_shaped_like_the_real_one(still: Simulator) -> None:
    bodies = recorded("gocryptotrader-binance-rest/responses.json")
    real = next(
        entry["body"]
        for entry in bodies
        if entry["route"] == "/api/v3/ticker/24hr" and isinstance(entry["body"], dict)
    )
    ours = plain(still, "binance", "/api/v3/ticker/24hr", symbol="BTCUSDT")
    assert shape(dict(sorted(ours.items()))) == shape(dict(sorted(real.items())))


def test_binances_klines_are_shaped_like_the_real_ones(still: Simulator) -> None:
    bodies = recorded("gocryptotrader-binance-rest/responses.json")
    real = next(entry["body"] for entry in bodies if entry["route"] == "/api/v3/klines")
    ours = binance(still, "klines", symbol="BTCUSDT", interval="1m", limit=1)
    assert shape(ours[0]) == shape(real[0])


def test_binances_symbols_have_the_real_fields(still: Simulator) -> None:
    path = DATA / "cryptofeed-captures" / "BINANCE.0.gz"
    if not path.exists():
        pytest.skip(f"no recorded body at {path}")
    text = gzip.decompress(path.read_bytes()).decode().splitlines()[0]
    real = json.loads(text.split(": ", 1)[1])
    ours = binance(still, "exchangeInfo")
    assert set(ours) == set(real)
    entry = ours["symbols"][0]
    for name in set(real["symbols"][0]) & set(entry):
        assert type(entry[name]) is type(real["symbols"][0][name]), name
    assert set(real["symbols"][0]) <= set(entry)
    assert {e["status"] for e in ours["symbols"]} == {e["status"] for e in real["symbols"]}


@pytest.mark.parametrize(
    ("known", "fault"),
    [
        ("kraken-rest-rate-ip", Fault(kind="kraken_error", value="EGeneral:Too many requests")),
        ("kraken-rest-unavailable", Fault(kind="kraken_error")),
        ("coinbase-429", Fault(kind="rate_limited")),
        ("binance-503-busy", Fault(kind="overloaded")),
        ("binance-418", Fault(kind="banned", retry_after_s=119)),
    ],
)
def test_errors_are_worded_as_they_were_seen(still: Simulator, known: str, fault: Fault) -> None:
    bodies = {entry["id"]: entry for entry in recorded("error-bodies/bodies.json")}
    real, venue = bodies[known], known.split("-", maxsplit=1)[0]
    with still.faults.on(fault):
        answer = ask(still, venue, "/")
    assert answer.status == real["status"]
    assert set(json.loads(answer.body)) == set(json.loads(real["body"]))
    if "until" not in real["body"]:
        assert json.loads(answer.body) == json.loads(real["body"])
