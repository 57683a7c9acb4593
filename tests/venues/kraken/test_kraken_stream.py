"""Kraken's WebSocket v2, frame by frame: recorded ones, and everything else that may come."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.support import T0_MS, body, recorded

from sigmawatch.adapters.venues.streams.kraken import KrakenDialect
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import (
    Channel,
    Condition,
    Declined,
    Quotes,
    Said,
    Taken,
    Trades,
    Unread,
)

BTC = Market(venue="KRAKEN", base="BTC", quote="USD", native="XXBTZUSD")
DOGE = Market(venue="KRAKEN", base="DOGE", quote="USD", native="XDGUSD")
STAMP = "2025-11-11T00:00:00.921195Z"
RECORDED_MS = 1_786_562_941_000  # 2026-08-12 19:29:01 UTC


def dialect() -> KrakenDialect:
    spoken = KrakenDialect()
    spoken.request(Channel.QUOTES, [BTC, DOGE], number=1)
    return spoken


def read(value: object, *, recv_ms: int = T0_MS) -> Said:
    (said,) = dialect().read(body(value), recv_ms=recv_ms)
    return said


def ticker(**changes: object) -> dict[str, object]:
    row = {"symbol": "BTC/USD", "last": 63297.8, "volume": 1020.5, "vwap": 63685.7,
           "timestamp": STAMP, **changes}  # fmt: skip
    return {"channel": "ticker", "type": "update", "data": [row]}


def trade(**changes: object) -> dict[str, object]:
    row = {"symbol": "BTC/USD", "side": "buy", "price": 10.5, "qty": 2.0, "trade_id": 7,
           "ord_type": "market", "timestamp": STAMP, **changes}  # fmt: skip
    return {"channel": "trade", "type": "update", "data": [row]}


def test_recorded_frames_say_what_they_said() -> None:
    lines = recorded("ccxt-static-frames/kraken_ws_v2_ticker.jsonl").read_bytes().splitlines()
    spoken = dialect()
    said = [one for line in lines for one in spoken.read(line, recv_ms=RECORDED_MS)]
    kinds = [type(one) for one in said]
    assert kinds == [Condition, Taken, Quotes, Quotes], "and a heartbeat, which says nothing"
    assert said[1] == Taken(channel=Channel.QUOTES, natives=("XXBTZUSD",), request=1)
    newest = said[3]
    assert isinstance(newest, Quotes)
    assert newest.natives == ("XXBTZUSD",)
    assert newest.columns["price"][0] == 63297.8
    assert newest.columns["volume_24h_base"][0] == 1020.88391276
    assert newest.columns["volume_24h_quote"][0] == 1020.88391276 * 63685.7
    assert newest.event_ms[0] == 1_786_562_942_066
    assert not newest.rejected


def test_a_recorded_status_of_autumn_2026_is_understood() -> None:
    name = "ccxt-static-frames/kraken_ws_v2_status_2026-10.jsonl"
    (line,) = recorded(name).read_bytes().splitlines()
    assert list(dialect().read(line, recv_ms=T0_MS)) == [Condition(trading=True, text="online")]


def test_subscriptions_go_by_the_modern_names_of_markets() -> None:
    """EXCHANGES.md 1.1: wsname says XBT and XDG; v2 does not."""
    wish = json.loads(KrakenDialect().request(Channel.TRADES, [BTC, DOGE], number=9))
    assert wish["params"]["symbol"] == ["BTC/USD", "DOGE/USD"]
    assert (wish["params"]["channel"], wish["req_id"]) == ("trade", 9)


@pytest.mark.parametrize("bad", [None, "", "NaN", "1e400", 0, -1, [], True])
def test_a_bad_price_is_a_rejected_sample(bad: object) -> None:
    said = read(ticker(last=bad))
    assert isinstance(said, Quotes)
    assert not said.natives
    assert set(said.rejected) == {"XXBTZUSD"}


def test_a_bad_volume_costs_the_volumes_alone() -> None:
    said = read(ticker(volume=-1))
    assert isinstance(said, Quotes)
    assert said.columns["price"][0] == 63297.8
    assert said.columns["volume_24h_base"][0] != said.columns["volume_24h_base"][0]


def test_a_bad_row_costs_no_neighbour() -> None:
    frame = ticker()
    frame["data"] = [None, {"symbol": 7}, *frame["data"]]  # type: ignore[misc]
    said = read(frame)
    assert isinstance(said, Quotes)
    assert said.natives == ("XXBTZUSD",)
    assert len(said.rejected) == 2


@pytest.mark.parametrize(
    "changes",
    [{"price": 0}, {"price": None}, {"qty": -1}, {"trade_id": "7"}, {"trade_id": None},
     {"timestamp": "yesterday"}, {"timestamp": None}, {"timestamp": "1999-01-01T00:00:00Z"},
     {"timestamp": "2999-01-01T00:00:00Z"}],
)  # fmt: skip
def test_a_bad_trade_is_a_rejected_one(changes: dict[str, object]) -> None:
    said = read(trade(**changes))
    assert isinstance(said, Trades)
    assert not said.items
    assert said.rejected


def test_a_trade_of_a_market_nobody_asked_for_is_refused_by_name() -> None:
    said = read(trade(symbol="ETH/USD"))
    assert isinstance(said, Trades)
    assert said.rejected == {"'ETH/USD'": "unknown: a market that was not asked for"}


def test_answers_say_which_market_was_confirmed_or_refused() -> None:
    refused = {"method": "subscribe", "success": False, "symbol": "DOGE/USD", "req_id": 3,
               "error": "Currency pair not supported DOGE/USD"}  # fmt: skip
    assert read(refused) == Declined(
        why="Currency pair not supported DOGE/USD", natives=("XDGUSD",), request=3, final=True
    )
    again = {**refused, "error": "Already subscribed"}
    assert read(again) == Taken(natives=("XDGUSD",), request=3)
    assert read({"Error": "Exceeded msg rate"}) == Declined(why="Exceeded msg rate")


@pytest.mark.parametrize("system", ["maintenance", "cancel_only", "post_only", "limit_only"])
def test_a_venue_that_makes_no_trades_says_so(system: str) -> None:
    frame = {"channel": "status", "type": "update", "data": [{"system": system}]}
    assert read(frame) == Condition(trading=False, text=system)


@pytest.mark.parametrize(
    "frame", [b"", b"[]", b"[null]", b"null", b"{", b"<html>", b'{"channel":"ticker"}', b"\xff{}",
              b'{"channel":"ticker","data":{}}', b'{"channel":"status","data":[null]}', b"{}",
              b"[" * 100_000, b'{"method":[],"channel":{}}'],
)  # fmt: skip
def test_a_frame_of_no_sense_is_counted_and_nothing_else(frame: bytes) -> None:
    (said,) = dialect().read(frame, recv_ms=T0_MS)
    assert isinstance(said, Unread)


@given(st.data())
def test_no_frame_raises_and_no_bad_value_comes_through(data: st.DataObject) -> None:
    odd = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
                    st.lists(st.integers(), max_size=2))  # fmt: skip
    fields = st.sampled_from(
        ["last", "volume", "vwap", "timestamp", "qty", "price", "trade_id", "symbol"]
    )
    row = data.draw(st.dictionaries(fields, odd))
    frame = data.draw(st.sampled_from([ticker, trade]))(**row)
    for said in dialect().read(json.dumps(frame).encode(), recv_ms=T0_MS):
        if isinstance(said, Quotes):
            assert all(0.0 < price <= 1e100 for price in said.columns["price"])
        elif isinstance(said, Trades):
            assert all(one.price > 0.0 <= one.base for one in said.items)
