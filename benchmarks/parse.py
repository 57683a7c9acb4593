"""How long the poll of a whole venue takes to parse, into checked columns.

    python benchmarks/parse.py               1,000 and 3,000 markets

The bodies are made here in each venue's shape. `number by number` is the plain way to the same
columns: a dict per row and `domain.reading.number` per field. `spoilt` has null, "", "NaN" and odd
rows in a tenth of the markets. Processor time.
Must: 3,000 markets in 5 ms; aim: 3 ms (DESIGN.md).
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from sigmawatch.adapters.venues import binance, bitstamp, bybit, coinbase, kraken, okx
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.reading import Tickers, number

ROUNDS = 31
ODD: tuple[Any, ...] = (None, "", "NaN", [], {})
Row = dict[str, Any]


def main() -> None:
    print(f"{'poll':10}{'markets':>8}{'kB':>7}{'parse':>11}{'best':>11}{'spoilt':>11}{'plain':>11}")
    for venue, (make, parse, plain) in VENUES.items():
        for count in (1_000, 3_000):
            body, spoilt = make(count, odd_every=0), make(count, odd_every=10)
            times = timed(partial(parse, body, recv_ms=0))
            rough = timed(partial(parse, spoilt, recv_ms=0))
            slow = timed(partial(plain, body))
            columns = (median(times), min(times), median(rough), median(slow))
            shown = "".join(f"{each:>8.2f} ms" for each in columns)
            print(f"{venue:10}{count:>8,}{len(body) // 1_000:>7,}{shown}")


def timed(work: Callable[[], object]) -> list[float]:
    """Milliseconds of processor time of each round."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        work()
        times.append(1_000.0 * (time.thread_time() - start))
    return times


def prices(count: int) -> list[tuple[float, float]]:
    """Price and 24-hour base volume of each market, over the decades that venues quote."""
    rng = random.Random(7)
    return [(10.0 ** rng.uniform(-5, 5), 10.0 ** rng.uniform(0, 7)) for _ in range(count)]


def kraken_body(count: int, *, odd_every: int) -> bytes:
    rows: dict[str, Any] = {}
    for index, (price, volume) in enumerate(prices(count)):
        text, traded = f"{price:.5f}", f"{volume:.8f}"
        rows[f"X{index:04d}ZUSD"] = {
            "a": [f"{price * 1.0001:.5f}", "1", "1.000"], "b": [text, "12", "12.000"],
            "c": [text, "0.08094000"], "v": [traded, traded], "p": [text, text],
            "t": [35, 3276], "l": [text, text], "h": [text, text], "o": text,
        }  # fmt: skip
    for row in spoil(list(rows.values()), every=odd_every):
        row["c"] = [row["c"][0], "0.1"] if row["odd"] is None else row["odd"]
    return json.dumps({"error": [], "result": rows}, separators=(",", ":")).encode()


def coinbase_body(count: int, *, odd_every: int) -> bytes:
    days = {
        f"C{index}-USD": {"open": f"{price:.4f}", "high": f"{price:.4f}", "low": f"{price:.4f}",
                          "last": f"{price:.4f}", "volume": f"{volume:.8f}"}
        for index, (price, volume) in enumerate(prices(count))
    }  # fmt: skip
    for row in spoil(list(days.values()), every=odd_every):
        row["last"] = row["odd"]
    rows = {key: {"stats_30day": {"volume": "1"}, "stats_24hour": day} for key, day in days.items()}
    return json.dumps(rows, separators=(",", ":")).encode()


def binance_body(count: int, *, odd_every: int) -> bytes:
    rows: list[Row] = []
    for index, (price, volume) in enumerate(prices(count)):
        text, traded = f"{price:.8f}", f"{volume:.8f}"
        rows.append({
            "symbol": f"B{index}USDT", "priceChange": text, "priceChangePercent": "1.256",
            "weightedAvgPrice": text, "prevClosePrice": text, "lastPrice": text,
            "lastQty": "0.00335000", "bidPrice": text, "bidQty": "8.52891000",
            "askPrice": f"{price * 1.0001:.8f}", "askQty": "1.96843000", "openPrice": text,
            "highPrice": text, "lowPrice": text, "volume": traded,
            "quoteVolume": f"{price * volume:.8f}", "openTime": 1730352618472,
            "closeTime": 1730439018472, "firstId": 1, "lastId": 2, "count": 3276,
        })  # fmt: skip
    for row in spoil(rows, every=odd_every):
        row["lastPrice"] = row["odd"]
    return json.dumps(rows, separators=(",", ":")).encode()


def okx_body(count: int, *, odd_every: int) -> bytes:
    rows: list[Row] = []
    for index, (price, volume) in enumerate(prices(count)):
        text, traded = f"{price:.5f}", f"{volume:.8f}"
        rows.append({
            "instType": "SPOT", "instId": f"C{index}-USDT", "last": text, "lastSz": "0.1",
            "askPx": f"{price * 1.0001:.5f}", "askSz": "1.7", "bidPx": text, "bidSz": "1.2",
            "open24h": text, "high24h": text, "low24h": text, "volCcy24h": f"{price * volume:.8f}",
            "vol24h": traded, "sodUtc0": text, "sodUtc8": text, "ts": "1730439018472",
        })  # fmt: skip
    for row in spoil(rows, every=odd_every):
        row["last"] = row["odd"]
    return json.dumps({"code": "0", "msg": "", "data": rows}, separators=(",", ":")).encode()


def bybit_body(count: int, *, odd_every: int) -> bytes:
    rows: list[Row] = []
    for index, (price, volume) in enumerate(prices(count)):
        text, traded = f"{price:.5f}", f"{volume:.8f}"
        rows.append({
            "symbol": f"C{index}USDT", "bid1Price": text, "bid1Size": "2",
            "ask1Price": f"{price * 1.0001:.5f}", "ask1Size": "0.01", "lastPrice": text,
            "prevPrice24h": text, "price24hPcnt": "0.0068", "highPrice24h": text,
            "lowPrice24h": text, "turnover24h": f"{price * volume:.8f}", "volume24h": traded,
            "usdIndexPrice": text,
        })  # fmt: skip
    for row in spoil(rows, every=odd_every):
        row["lastPrice"] = row["odd"]
    answer = {"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": rows}}
    return json.dumps(answer | {"time": 1730439018472}, separators=(",", ":")).encode()


def bitstamp_body(count: int, *, odd_every: int) -> bytes:
    rows: list[Row] = []
    for index, (price, volume) in enumerate(prices(count)):
        text, traded = f"{price:.5f}", f"{volume:.8f}"
        rows.append({
            "timestamp": "1730439018", "open": text, "high": text, "low": text, "last": text,
            "volume": traded, "vwap": text, "bid": text, "ask": f"{price * 1.0001:.5f}",
            "side": "0", "open_24": text, "percent_change_24": "1.62", "market_type": "SPOT",
            "pair": f"C{index}/USD",
        })  # fmt: skip
    for row in spoil(rows, every=odd_every):
        row["last"] = row["odd"]
    return json.dumps(rows, separators=(",", ":")).encode()


def spoil(rows: list[Row], *, every: int) -> list[Row]:
    """The rows to spoil, each with what to put in as `odd`."""
    chosen = rows[::every] if every else []
    for index, row in enumerate(chosen):
        row["odd"] = ODD[index % len(ODD)]
    return chosen


def plain(picks: Callable[[Any], list[Any]]) -> Callable[[bytes], None]:
    """The plain way: stdlib JSON, then every field of every row through `number`."""

    def parse(body: bytes) -> None:
        for fields in picks(json.loads(body)):
            for field in fields:
                try:
                    number(field)
                except Invalid:
                    continue

    return parse


def kraken_fields(answer: Any) -> list[Any]:
    rows = answer["result"].values()
    return [(r["c"][0], r["b"][0], r["a"][0], r["v"][1], r["p"][1]) for r in rows]


def coinbase_fields(answer: Any) -> list[Any]:
    return [(r["stats_24hour"]["last"], r["stats_24hour"]["volume"]) for r in answer.values()]


def binance_fields(answer: Any) -> list[Any]:
    names = ("lastPrice", "bidPrice", "askPrice", "volume", "quoteVolume", "closeTime")
    return [[row[name] for name in names] for row in answer]


def okx_fields(answer: Any) -> list[Any]:
    names = ("last", "bidPx", "askPx", "vol24h", "volCcy24h", "ts")
    return [[row[name] for name in names] for row in answer["data"]]


def bybit_fields(answer: Any) -> list[Any]:
    names = ("lastPrice", "bid1Price", "ask1Price", "volume24h", "turnover24h")
    return [[row[name] for name in names] for row in answer["result"]["list"]]


def bitstamp_fields(answer: Any) -> list[Any]:
    names = ("last", "bid", "ask", "volume", "vwap", "timestamp")
    return [[row[name] for name in names] for row in answer]


Parse = Callable[..., Tickers]
VENUES: dict[str, tuple[Callable[..., bytes], Parse, Callable[[bytes], None]]] = {
    "KRAKEN": (kraken_body, kraken.parse_tickers, plain(kraken_fields)),
    "COINBASE": (coinbase_body, coinbase.parse_tickers, plain(coinbase_fields)),
    "BINANCE": (binance_body, binance.parse_tickers, plain(binance_fields)),
    "OKX": (okx_body, okx.parse_tickers, plain(okx_fields)),
    "BYBIT": (bybit_body, bybit.parse_tickers, plain(bybit_fields)),
    "BITSTAMP": (bitstamp_body, bitstamp.parse_tickers, plain(bitstamp_fields)),
}


if __name__ == "__main__":
    main()
