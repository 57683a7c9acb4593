"""Coinbase Exchange's feed, frame by frame: recorded ones, and everything else that may come."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest
from tests.venues.support import T0_MS, body, recorded

from sigmawatch.adapters.venues.streams.coinbase import CoinbaseDialect
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import Channel, Declined, Newest, Quotes, Said, Taken, Trades, Unread
from sigmawatch.domain.trade_book import TradeBook

STAMP = "2025-11-11T00:00:00.921195Z"
BTC = Market(venue="COINBASE", base="BTC", quote="USD", native="BTC-USD")


def dialect(*products: str) -> CoinbaseDialect:
    spoken = CoinbaseDialect()
    pairs = [product.split("-") for product in products or ("BTC-USD",)]
    markets = [Market(venue="COINBASE", base=base, quote=quote, native=f"{base}-{quote}")
               for base, quote in pairs]  # fmt: skip
    spoken.request(Channel.QUOTES, markets, number=1)
    return spoken


def read(value: object) -> Said:
    (said,) = dialect().read(body(value), recv_ms=T0_MS)
    return said


def test_recorded_tickers_and_matches_agree_and_lack_nothing() -> None:
    """107 tickers, 97 matches and 10 last matches of 10 products in 30.8 s, received about 10 ms
    before they were made."""
    path = recorded("cryptofeed-captures/COINBASE.ws.28.0.gz")
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    asked = next(line for line in lines if '"subscribe"' in line)
    products = json.loads(asked.partition(": ")[2])["product_ids"]
    spoken, kinds = dialect(*products), Counter[str]()
    books = {one: TradeBook(bucket_ms=60_000, keep_ms=3_600_000) for one in products}
    newest = dict[str, float]()
    for line in lines[4:]:
        stamp, found, frame = line.partition(": ")
        if not found or "<-" in stamp:
            continue
        for said in spoken.read(frame.encode(), recv_ms=int(1_000 * float(stamp))):
            kinds[type(said).__name__] += 1
            assert not isinstance(said, Unread), frame[:100]
            if isinstance(said, Trades):
                (trade,) = said.items
                assert books[trade.native].add(trade)
                newest[trade.native] = trade.price
            elif isinstance(said, Quotes):
                assert not said.rejected
                assert said.columns["volume_24h_base"][0] > 0.0
    assert (kinds["Quotes"], kinds["Trades"]) == (107, 107)
    assert all(book.holes_count == 0 for book in books.values())
    assert set(newest) == set(products)


def test_prices_and_trades_are_asked_for_with_the_heartbeat_that_tells_of_losses() -> None:
    wish = json.loads(CoinbaseDialect().request(Channel.TRADES, [BTC], number=2))
    assert wish == {"type": "subscribe", "product_ids": ["BTC-USD"],
                    "channels": ["matches", "heartbeat"]}  # fmt: skip


def test_an_answer_confirms_what_it_lists_and_nothing_else() -> None:
    frame = {"type": "subscriptions", "channels": [
        {"name": "heartbeat", "product_ids": ["BTC-USD"]},
        {"name": "matches", "product_ids": ["BTC-USD", "XXX-USD", None]},
        {"name": "ticker_batch", "product_ids": None}, None,
    ]}  # fmt: skip
    assert read(frame) == Taken(channel=Channel.TRADES, natives=("BTC-USD",))


def test_a_refusal_says_why() -> None:
    frame = {"type": "error", "message": "Failed to subscribe", "reason": "no valid product"}
    assert read(frame) == Declined(why="Failed to subscribe: no valid product")


def test_a_heartbeat_names_the_newest_trade() -> None:
    frame = {"type": "heartbeat", "last_trade_id": 20, "product_id": "BTC-USD", "time": STAMP}
    assert read(frame) == Newest(native="BTC-USD", trade_id=20, event_ms=T0_MS + 921)


@pytest.mark.parametrize(
    "change", [{"price": ""}, {"price": "NaN"}, {"price": None}, {"time": None}, {"time": "x"}]
)
def test_a_bad_ticker_is_a_rejected_sample(change: dict[str, object]) -> None:
    """ccxt #4574: a market that is listed and not started has empty texts."""
    frame = {"type": "ticker", "product_id": "BTC-USD", "price": "10.5", "volume_24h": "3",
             "time": STAMP, **change}  # fmt: skip
    said = read(frame)
    assert isinstance(said, Quotes)
    assert not said.natives
    assert set(said.rejected) == {"BTC-USD"}


@pytest.mark.parametrize(
    "frame", [b"", b"[]", b"[null]", b"{", b"<html>", b"{}", b'{"type":["ticker"]}', b"\xff"]
)
def test_a_frame_of_no_sense_is_counted_and_nothing_else(frame: bytes) -> None:
    (said,) = dialect().read(frame, recv_ms=T0_MS)
    assert isinstance(said, Unread)
