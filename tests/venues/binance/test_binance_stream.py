"""Binance's combined streams, frame by frame: recorded ones, and everything else that may come."""

from __future__ import annotations

import gzip
import json

import pytest
from tests.venues.support import T0_MS, body, recorded

from sigmawatch.adapters.venues.streams.binance import BinanceDialect
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import (
    Channel,
    Declined,
    Leaving,
    Quotes,
    Said,
    Taken,
    Trade,
    Trades,
    Unread,
)
from sigmawatch.domain.trade_book import SKEW_MS, TradeBook

BTC = Market(venue="BINANCE", base="BTC", quote="USDT", native="BTCUSDT")


def dialect() -> BinanceDialect:
    spoken = BinanceDialect()
    spoken.request(Channel.QUOTES, [BTC], number=1)
    return spoken


def read(value: object, *, recv_ms: int = T0_MS) -> Said:
    (said,) = dialect().read(body(value), recv_ms=recv_ms)
    return said


def minis(*rows: object) -> dict[str, object]:
    return {"stream": "!miniTicker@arr", "data": list(rows)}


def mini(**changes: object) -> dict[str, object]:
    return {"e": "24hrMiniTicker", "E": T0_MS, "s": "BTCUSDT", "c": "64117.99", "v": "14724.5",
            "q": "940091352.07886040", **changes}  # fmt: skip


def test_recorded_mini_tickers_fall_as_the_window_rolls() -> None:
    path = recorded("ccxt-static-frames/binance_spot_miniticker.jsonl")
    answer, *rows = path.read_bytes().splitlines()
    assert list(dialect().read(answer, recv_ms=T0_MS)) == [Taken(request=1)]
    volumes = []
    for row in rows:
        frame = b'{"stream":"!miniTicker@arr","data":[' + row + b"]}"
        (said,) = dialect().read(frame, recv_ms=1_786_539_510_000)
        assert isinstance(said, Quotes)
        volumes.append(said.columns["volume_24h_base"][0])
    assert volumes == [14724.65375, 14724.52358]


def test_recorded_trades_are_numbered_without_a_gap_though_the_clock_is_a_second_off() -> None:
    """hftbacktest: "BTC: [...] 9,757 trades, ids consecutive"; received 1.27 s "before" they were
    made."""
    path = recorded("hftbacktest-binance-spot-ws/btcusdt_20240808.gz")
    book, spoken, base, told = TradeBook(bucket_ms=60_000, keep_ms=3_600_000), dialect(), 0.0, 0
    with gzip.open(path) as lines:
        for line in lines:
            stamp, _, frame = line.rstrip().partition(b" ")
            if b'"btcusdt@trade"' not in frame:
                continue
            recv_ms = int(stamp) // 1_000_000
            if not told:
                book.subscribed(recv_ms - SKEW_MS)
            (said,) = spoken.read(frame, recv_ms=recv_ms)
            assert isinstance(said, Trades)
            (trade,) = said.items
            assert json.loads(frame)["data"]["t"] == trade.id
            assert book.add(trade)
            told, base = told + 1, base + trade.base
    flows = book.flows(0, 1 << 60, span_ms=60_000)
    assert (told, book.holes_count, book.duplicates_count) == (9_757, 0, 0)
    assert sum(flow.base for flow in flows.values()) == pytest.approx(base)
    assert book.covers(min(flows) + 60_000, max(flows))


def test_recorded_frames_of_other_streams_are_none_of_ours() -> None:
    path = recorded("cryptofeed-captures/BINANCE.ws.1.0")
    frames = [line.partition(": ")[2] for line in path.read_text().splitlines()[1:] if line]
    assert len(frames) > 100
    for frame in frames:
        (said,) = dialect().read(frame.encode(), recv_ms=T0_MS)
        assert isinstance(said, Unread)


def test_all_markets_are_asked_for_with_one_stream_and_trades_with_one_each() -> None:
    spoken = BinanceDialect()
    wish = json.loads(spoken.request(Channel.QUOTES, [BTC], number=7))
    assert wish == {"method": "SUBSCRIBE", "params": ["!miniTicker@arr"], "id": 7}
    assert json.loads(spoken.request(Channel.TRADES, [BTC], number=8))["params"] == [
        "btcusdt@trade"
    ]


def test_a_bad_row_costs_no_neighbour_and_markets_nobody_asked_for_are_no_news() -> None:
    said = read(minis(None, mini(s="ETHUSDT"), {"s": 7}, mini()))
    assert isinstance(said, Quotes)
    assert said.natives == ("BTCUSDT",)
    assert set(said.rejected) == {"row 0"}


@pytest.mark.parametrize("change", [
    {"c": None}, {"c": "NaN"}, {"c": "0"}, {"E": "now"}, {"E": 0}, {"E": 10**400},
])  # fmt: skip
def test_a_bad_price_or_time_is_a_rejected_sample(change: dict[str, object]) -> None:
    said = read(minis(mini(**change)))
    assert isinstance(said, Quotes)
    assert not said.natives
    assert set(said.rejected) == {"BTCUSDT"}


def test_a_trade_is_at_the_time_it_was_made() -> None:
    row = {"e": "trade", "E": T0_MS + 9, "s": "BTCUSDT", "t": 5, "p": "10.5", "q": "2", "T": T0_MS}
    assert read({"stream": "btcusdt@trade", "data": row}) == Trades(
        items=(Trade(native="BTCUSDT", id=5, price=10.5, base=2.0, event_ms=T0_MS),)
    )


@pytest.mark.parametrize("time", [10**400, -(10**400), 0, "now", None])
def test_a_trade_at_no_time_is_a_rejected_sample(time: object) -> None:
    """A number beyond every float found its way out as an OverflowError."""
    row = {"e": "trade", "E": T0_MS, "s": "BTCUSDT", "t": 5, "p": "10.5", "q": "2", "T": time}
    said = read({"stream": "btcusdt@trade", "data": row})
    assert isinstance(said, Trades)
    assert not said.items
    assert set(said.rejected) == {"BTCUSDT"}


def test_refusals_and_goodbyes_are_understood() -> None:
    """EXCHANGES.md 1.6: "serverShutdown event (raw or "!serverShutdown") before a restart"."""
    refused = {"error": {"code": 2, "msg": "Invalid request"}, "id": 3}
    assert read(refused) == Declined(why="Invalid request", request=3)
    assert read({"code": 3, "msg": "Too many", "id": 4}) == Declined(why="Too many", request=4)
    assert isinstance(read({"e": "serverShutdown", "E": T0_MS}), Leaving)
    assert isinstance(read({"stream": "!serverShutdown", "data": {}}), Leaving)


@pytest.mark.parametrize(
    "frame", [b"", b"[]", b"[null]", b"{", b"<html>", b"{}", b'{"stream":"!miniTicker@arr"}',
              b'{"stream":"btcusdt@trade","data":[]}', b"\xff", b'{"result":1,"id":1}'],
)  # fmt: skip
def test_a_frame_of_no_sense_is_counted_and_nothing_else(frame: bytes) -> None:
    (said,) = dialect().read(frame, recv_ms=T0_MS)
    assert isinstance(said, Unread)
