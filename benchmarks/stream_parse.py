"""How many frames of a venue's stream one core takes in: read, checked, counted once, remembered.

    python -m benchmarks stream_parse            every venue, tickers and trades of 300 markets

Frames are made here in each venue's shape, as many markets take turns as a busy hour has. `read` is
the dialect alone; `taken` is what the program does with it: the newest price, the sums of trades,
each number once. Processor time, one thread.
Must: 20,000 frames a second on one core.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import Any

import msgspec

from sigmawatch.adapters.venues.streams.binance import BinanceDialect
from sigmawatch.adapters.venues.streams.coinbase import CoinbaseDialect
from sigmawatch.adapters.venues.streams.frames import Dialect
from sigmawatch.adapters.venues.streams.kraken import KrakenDialect
from sigmawatch.app.listening.board import Board
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import Channel, Quotes, Trades
from sigmawatch.domain.trade_book import TradeBook

MUST_PER_S = 20_000
MARKETS, FRAMES, ROUNDS = 300, 20_000, 5
T0_MS = 1_762_819_200_000
Frame = Callable[[int, int], Any]  # number of the frame, of the market


def main() -> None:
    print(f"{'frames of':24}{'bytes':>7}{'read':>14}{'taken':>14}  {'must':>8}")
    for name, (dialect, make) in FRAMES_OF.items():
        frames = [msgspec.json.encode(make(at, at % MARKETS)) for at in range(FRAMES)]
        read = rate(frames, partial(taken, dialect, keep=False))
        whole = rate(frames, partial(taken, dialect, keep=True))
        verdict = "held" if whole >= MUST_PER_S else "BROKEN"
        size = sum(map(len, frames)) // FRAMES
        print(f"{name:24}{size:>7}{read:>12,.0f}/s{whole:>12,.0f}/s  {verdict:>8}")


def rate(frames: list[bytes], work: Callable[[list[bytes]], int]) -> float:
    """Frames a second of processor time; the median round."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        assert work(frames) == len(frames)
        times.append(time.thread_time() - start)
    return len(frames) / median(times)


def taken(speaks: type[Dialect], frames: list[bytes], *, keep: bool) -> int:
    """How many frames told something new."""
    spoken = speaks()
    spoken.request(Channel.QUOTES, [market(at, speaks) for at in range(MARKETS)], number=1)
    board, books = Board(speaks.TRAITS, bucket_ms=60_000), dict[str, TradeBook]()
    told = 0
    for frame in frames:
        for said in spoken.read(frame, recv_ms=T0_MS):
            if isinstance(said, Quotes):
                told += bool(said.natives)
                if keep:
                    board.take(said)
            elif isinstance(said, Trades):
                told += bool(said.items)
                for trade in said.items if keep else ():
                    book = books.get(trade.native)
                    if book is None:
                        book = TradeBook(bucket_ms=60_000, keep_ms=1_800_000)
                        books[trade.native] = book
                    if book.add(trade):
                        board.traded(trade, recv_ms=T0_MS)
    return told


def market(at: int, speaks: type[Dialect]) -> Market:
    native = f"M{at}USD" if speaks is BinanceDialect else f"M{at}-USD"
    return Market(venue="KRAKEN", base=f"M{at}", quote="USD", native=native)


def stamp(at: int) -> str:
    return f"{datetime.fromtimestamp(T0_MS / 1_000 + at / 1_000, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def kraken_ticker(at: int, of: int) -> Any:
    row = {"symbol": f"M{of}/USD", "bid": 63297.7, "bid_qty": 5.45, "ask": 63297.8,
           "ask_qty": 0.36, "last": 63000.0 + at % 977, "volume": 1020.88391276, "vwap": 63685.7,
           "low": 63250.0, "high": 64409.2, "change": 0.7, "change_pct": 0.0, "trades": 47536,
           "timestamp": stamp(at)}  # fmt: skip
    return {"channel": "ticker", "type": "update", "data": [row]}


def kraken_trade(at: int, of: int) -> Any:
    row = {"symbol": f"M{of}/USD", "side": "sell", "price": 63000.0 + at % 977, "qty": 0.5,
           "ord_type": "market", "trade_id": at // MARKETS, "timestamp": stamp(at)}  # fmt: skip
    return {"channel": "trade", "type": "update", "data": [row]}


def coinbase_ticker(at: int, of: int) -> Any:
    return {"type": "ticker", "sequence": at, "product_id": f"M{of}-USD", "price": f"{100 + at}.25",
            "open_24h": "14.6647", "volume_24h": "94381.28000000", "low_24h": "14.3691",
            "high_24h": "16.55", "volume_30d": "2295579.57000000", "best_bid": "14.7550",
            "best_ask": "14.8060", "side": "buy", "time": stamp(at), "trade_id": at,
            "last_size": "0.04"}  # fmt: skip


def coinbase_match(at: int, of: int) -> Any:
    return {"type": "match", "trade_id": at // MARKETS, "side": "sell", "size": "0.04",
            "maker_order_id": "27fff20b-af29-4f45-8744-56dd1ef57dc0", "price": f"{100 + at}.25",
            "taker_order_id": "1da6ce16-c8da-4732-9f71-6049f4c6aaf8", "sequence": at,
            "product_id": f"M{of}-USD", "time": stamp(at)}  # fmt: skip


def binance_trade(at: int, of: int) -> Any:
    row = {"e": "trade", "E": T0_MS + at, "s": f"M{of}USD", "t": at // MARKETS,
           "p": f"{100 + at}.25", "q": "0.02000000", "T": T0_MS + at, "m": True,
           "M": True}  # fmt: skip
    return {"stream": f"m{of}usd@trade", "data": row}


def binance_minis(at: int, of: int) -> Any:
    rows = [{"e": "24hrMiniTicker", "E": T0_MS + at, "s": f"M{(of + more) % MARKETS}USD",
             "c": f"{100 + at}.99000000", "o": "64330.60000000", "h": "64500.00000000",
             "l": "63238.00000000", "v": "14724.65375000", "q": "940099726.82861850"}
            for more in range(10)]  # fmt: skip
    return {"stream": "!miniTicker@arr", "data": rows}


FRAMES_OF: dict[str, tuple[type[Dialect], Frame]] = {
    "kraken ticker": (KrakenDialect, kraken_ticker),
    "kraken trade": (KrakenDialect, kraken_trade),
    "coinbase ticker_batch": (CoinbaseDialect, coinbase_ticker),
    "coinbase match": (CoinbaseDialect, coinbase_match),
    "binance trade": (BinanceDialect, binance_trade),
    "binance 10 mini tickers": (BinanceDialect, binance_minis),
}


if __name__ == "__main__":
    main()
