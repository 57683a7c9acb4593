"""Kraken's words become values: recorded bodies of three years, and bodies of our own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.venues.kraken.bodies import answer, ohlc, pair, ticker
from tests.venues.support import T0_MS, body, captured, recorded, row, sound

from sigmawatch.adapters.venues.candles import CandleRequest
from sigmawatch.adapters.venues.kraken import (
    parse_candles,
    parse_markets,
    parse_status,
    parse_tickers,
    parse_time_ms,
)
from sigmawatch.domain.errors import (
    BadAnswer,
    Maintenance,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)
from sigmawatch.domain.market import MarketStatus

# Ticker


def test_a_ticker_is_the_last_24_hours_never_today() -> None:
    # EXCHANGES 0: "Kraken REST mixes today (since 00:00 UTC) and rolling 24 h in one object".
    tickers = parse_tickers(answer({"XXBTZUSD": ticker()}), recv_ms=T0_MS)
    assert row(tickers, "XXBTZUSD") == {
        "price": 100.5, "bid": 100.0, "ask": 101.0, "spread_bp": pytest.approx(99.50248756),
        "volume_24h_base": 20.0, "volume_24h_quote": 2_000.0,
    }  # fmt: skip
    assert tickers.derived == {"volume_24h_quote", "spread_bp"}
    assert (tickers.recv_ms, tickers.event_ms) == (T0_MS, None)
    assert tickers.rejected == {}


@pytest.mark.parametrize(
    "odd",
    [
        None, [], "x", 7, {}, ticker(None), ticker(""), ticker("NaN"), ticker("0.00000"),
        ticker("-1"), ticker(True), ticker(["1"]), ticker({"a": 1}), ticker("1e400"),
        ticker(c=None), ticker(c=[]), ticker(c="100.5"), ticker("1_000"), ticker(10**400),
        ticker(a=None, b=None), ticker(v=["1.0"]), ticker(p=None), ticker("١٢"),
    ],
)  # fmt: skip
def test_one_bad_market_costs_no_other(odd: object) -> None:
    # SEMANTICS 1: "one bad row never costs its neighbours".
    tickers = parse_tickers(
        answer({"GOOD": ticker("1.5"), "ODD": odd, "ALSO": ticker("2.5")}), recv_ms=T0_MS
    )
    assert row(tickers, "GOOD")["price"] == 1.5
    assert row(tickers, "ALSO")["price"] == 2.5
    assert set(tickers.rejected) == {"ODD"}
    assert sound(tickers)


def test_a_bad_field_is_missing_and_the_rest_of_its_row_stands() -> None:
    tickers = parse_tickers(answer({"X": ticker("NaN")}), recv_ms=T0_MS)
    assert row(tickers, "X")["bid"] == 100.0
    assert "price" not in row(tickers, "X")
    assert tickers.rejected["X"] == "price: not a number: 'NaN'"


def test_a_key_sent_twice_counts_once() -> None:
    one, two = json.dumps(ticker("1")), json.dumps(ticker("2"))
    twice = f'{{"error":[],"result":{{"X":{one},"X":{two}}}}}'.encode()
    tickers = parse_tickers(twice, recv_ms=T0_MS)
    assert tickers.natives == ("X",)
    assert row(tickers, "X")["price"] == 2.0


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("EGeneral:Too many requests", RateLimited),
        ("EAPI:Rate limit exceeded", RateLimited),
        ("EGeneral:Temporary lockout", RateLimited),
        ("EService:Unavailable", Unavailable),
        ("EService:Busy", Unavailable),
        ("EService:Market in cancel_only mode", Maintenance),
        ("EService:Market in post_only mode", Maintenance),
        ("EQuery:Unknown asset pair", NotFound),
        ("EQuery:Invalid asset pair", NotFound),
        ("EGeneral:Internal error", BadAnswer),
        ("", BadAnswer),
    ],
)
def test_an_error_inside_a_200_has_its_name(said: str, expected: type[SigmawatchError]) -> None:
    with pytest.raises(SigmawatchError) as caught:
        parse_tickers(body({"error": [said]}), recv_ms=T0_MS)
    assert type(caught.value) is expected


def test_a_warning_beside_a_result_is_no_error() -> None:
    tickers = parse_tickers(answer({"X": ticker()}, "WGeneral:Deprecated"), recv_ms=T0_MS)
    assert tickers.natives == ("X",)


@pytest.mark.parametrize(
    "odd", [b"", b"{}", b"[]", b"null", b'{"error":[]}', b'{"error":[],"result":null}',
            b'{"error":[],"result":[]}', b'{"error":[],"result":"x"}', b'{"error":{},"result":7}',
            b'{"error":[],"result":{"X":', b"<html>"],
)  # fmt: skip
def test_an_answer_of_another_shape_is_a_bad_answer(odd: bytes) -> None:
    for parse in (parse_tickers,):
        with pytest.raises(BadAnswer):
            parse(odd, recv_ms=T0_MS)
    with pytest.raises(BadAnswer):
        parse_markets(odd)


def test_the_recorded_tickers_of_all_markets_are_read_to_the_last_digit() -> None:
    raw = recorded("rotki-kraken-2019/kraken_ticker.json").read_bytes()
    tickers, source = parse_tickers(raw, recv_ms=T0_MS), json.loads(raw)["result"]
    assert len(tickers.natives) == 73
    assert tickers.rejected == {}
    for native, said in source.items():
        got = row(tickers, native)
        assert got["price"] == float(said["c"][0])
        assert (got["bid"], got["ask"]) == (float(said["b"][0]), float(said["a"][0]))
        assert got["volume_24h_base"] == float(said["v"][1])
        assert got["volume_24h_quote"] == float(said["v"][1]) * float(said["p"][1])


def test_the_recorded_ticker_of_2025_still_reads_the_same() -> None:
    raw = recorded("nautilus-kraken-rest/http_ticker.json").read_bytes()
    assert row(parse_tickers(raw, recv_ms=T0_MS), "XBTUSDT")["price"] == 105_899.4


# AssetPairs


def test_markets_are_named_as_people_say_and_keyed_as_kraken_does() -> None:
    listing = parse_markets(answer({
        "XXBTZUSD": pair("XBT/USD"), "XDGUSD": pair("XDG/USD"), "ADAEUR": pair("ADA/EUR"),
    }))  # fmt: skip
    assert {market.name: market.native for market in listing.markets} == {
        "KRAKEN:BTC/USD": "XXBTZUSD", "KRAKEN:DOGE/USD": "XDGUSD", "KRAKEN:ADA/EUR": "ADAEUR",
    }  # fmt: skip
    assert listing.rejected == {}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("online", MarketStatus.ONLINE),
        ("cancel_only", MarketStatus.HALTED),
        ("post_only", MarketStatus.HALTED),
        ("reduce_only", MarketStatus.HALTED),
        ("maintenance", MarketStatus.HALTED),
        ("delisted", MarketStatus.DELISTED),
        (None, MarketStatus.HALTED),
    ],
)
def test_only_an_online_pair_trades(status: object, expected: MarketStatus) -> None:
    (market,) = parse_markets(answer({"X": pair("A/B", status=status)})).markets
    assert market.status is expected


def test_dark_pools_are_not_markets_and_tokenized_stocks_only_where_they_tick() -> None:
    listed: dict[str, Any] = {
        "XXBTZUSD": pair("XBT/USD"),
        "XXBTZUSD.d": pair("XBT/USD"),
        "ONLYDARK.d": pair("ONLY/USD"),
        "AAPLxUSD": pair("AAPLx/USD", aclass_base="tokenized_asset"),
    }
    listing = parse_markets(answer(listed))
    assert ([m.native for m in listing.markets], listing.rejected) == (["XXBTZUSD"], {})
    ticking = parse_markets(answer(listed), traded={"AAPLxUSD": 5.0})
    assert [m.native for m in ticking.markets] == ["XXBTZUSD", "AAPLxUSD"]


@pytest.mark.parametrize(
    ("one", "two", "traded", "kept"),
    [
        (pair("REP/USD"), pair("REP/USD", status="cancel_only"), {"B": 9.0}, "A"),
        (pair("REP/USD", status="cancel_only"), pair("REP/USD"), {"A": 9.0}, "B"),
        (pair("REP/USD"), pair("REP/USD"), {"A": 1.0, "B": 9.0}, "B"),
        (pair("REP/USD"), pair("REP/USD"), {"A": float("nan"), "B": 1.0}, "B"),
        (pair("REP/USD"), pair("REP/USD"), {}, "A"),
    ],
)
def test_of_two_pairs_with_one_name_the_livelier_stays_and_the_other_is_counted(
    one: object, two: object, traded: dict[str, float], kept: str
) -> None:
    listing = parse_markets(answer({"A": one, "B": two}), traded=traded)
    (left,) = {"A", "B"} - {kept}
    assert [market.native for market in listing.markets] == [kept]
    assert listing.rejected == {left: f"has the same name as {kept}"}


@pytest.mark.parametrize(
    "odd",
    [None, [], 7, pair(""), {"wsname": None}, {"wsname": 5}, pair("XBT"), pair("A/B/C"), pair("/"),
     pair("A B/C"), pair("A\x00/B"), pair("A" * 65 + "/B")],
)  # fmt: skip
def test_a_pair_without_a_usable_name_is_refused_by_name(odd: object) -> None:
    listing = parse_markets(answer({"ODD": odd, "XXBTZUSD": pair("XBT/USD")}))
    assert [market.native for market in listing.markets] == ["XXBTZUSD"]
    assert set(listing.rejected) == {"ODD"}


@pytest.mark.parametrize(
    ("name", "count"), [("rotki-kraken-2019/kraken_asset_pairs.json", 73),
                        ("nautilus-kraken-rest/http_asset_pairs.json", 1),
                        ("nautilus-kraken-rest/http_asset_pairs_tokenized.json", 0)],
)  # fmt: skip
def test_recorded_pairs_are_listed(name: str, count: int) -> None:
    listing = parse_markets(recorded(name).read_bytes())
    assert (len(listing.markets), listing.rejected) == (count, {})


def test_the_recorded_list_of_2021_has_one_market_per_name() -> None:
    # ccxt made 289 symbols of these 304 pairs, and BTC/USD the dark pool (EXCHANGES 2).
    raw = captured("KRAKEN.0", recorded("cryptofeed-captures/KRAKEN.0").read_text())
    listing = parse_markets(raw)
    assert len(listing.markets) == 293
    assert len({market.name for market in listing.markets}) == 293
    by_name = {market.name: market.native for market in listing.markets}
    assert by_name["KRAKEN:BTC/USD"] == "XXBTZUSD"


# OHLC


def asked(from_ms: int = T0_MS, to_ms: int = T0_MS + 600_000) -> CandleRequest:
    return CandleRequest(native="XXBTZUSD", span_ms=60_000, from_ms=from_ms, to_ms=to_ms)


def test_candles_have_kraken_s_fields_in_kraken_s_places() -> None:
    said = answer({"XXBTZUSD": [ohlc(0), ohlc(1)], "last": T0_MS // 1_000})
    candles = parse_candles(said, asked(), now_ms=T0_MS + 90_000)
    assert list(candles.open_ms) == [T0_MS]
    assert (candles.close[0], candles.volume_base[0], candles.trades[0]) == (100.0, 2.0, 3.0)
    assert (candles.volume_quote[0], candles.quote_derived) == (199.0, True)


@pytest.mark.parametrize("last", [None, "soon", 1.5, True])
def test_without_a_readable_last_the_close_time_decides(last: object) -> None:
    said = answer({"XXBTZUSD": [ohlc(0), ohlc(1)], "last": last})
    candles = parse_candles(said, asked(), now_ms=T0_MS + 90_000)
    assert list(candles.open_ms) == [T0_MS]


@pytest.mark.parametrize("result", [{}, {"last": 1}, {"A": [], "B": []}])
def test_candles_of_none_or_several_markets_are_a_bad_answer(result: object) -> None:
    with pytest.raises(BadAnswer):
        parse_candles(answer(result), asked(), now_ms=T0_MS)


def test_the_recorded_twelve_hours_lose_their_fillers_and_the_running_minute() -> None:
    raw = recorded("nautilus-kraken-rest/http_ohlc.json").read_bytes()
    source = next(rows for rows in json.loads(raw)["result"].values())
    now_ms = 1_762_820_224_000
    request = CandleRequest(native="XBTUSDT", span_ms=60_000, from_ms=0, to_ms=now_ms)
    candles = parse_candles(raw, request, now_ms=now_ms)
    expected = [each for each in source[:-1] if each[7] > 0]
    assert list(candles.open_ms) == [1_000 * each[0] for each in expected]
    assert list(candles.close) == [float(each[4]) for each in expected]
    assert list(candles.volume_quote) == [float(each[6]) * float(each[5]) for each in expected]
    assert candles.rejected_count == 0
    assert candles.from_ms == 1_000 * source[0][0]
    assert candles.complete_ms == 1_000 * source[-1][0]


# Time and status


def test_time_and_status_are_read() -> None:
    time = recorded("nautilus-kraken-rest/http_server_time.json").read_bytes()
    assert parse_time_ms(time) == 1_762_820_224_000
    status = recorded("nautilus-kraken-rest/http_system_status.json").read_bytes()
    assert parse_status(status) == "online"


@pytest.mark.parametrize("odd", ["1762820224", None, 1.5, True, []])
def test_a_time_that_is_no_whole_number_is_a_bad_answer(odd: object) -> None:
    with pytest.raises(BadAnswer):
        parse_time_ms(answer({"unixtime": odd}))
