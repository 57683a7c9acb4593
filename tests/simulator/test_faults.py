"""Every planned fault does, on the wire, what its line says, and nothing when it is over."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from tests.simulator.asking import MINUTE_MS, NOON_MS, ask, binance, coinbase, kraken

from sigmawatch_simulator import BadRequest, Fault, FaultBoard, Simulator
from sigmawatch_simulator.faults import FIELDS, KINDS, parse_faults

Make = Callable[..., Simulator]
TICKER = {
    "kraken": "/0/public/Ticker",
    "coinbase": "/products/stats",
    "binance": "/api/v3/ticker/24hr",
}
MORE = {
    "okx": "/api/v5/market/tickers?instType=SPOT", "bybit": "/v5/market/tickers?category=spot"
}  # fmt: skip


async def fetch(
    client: aiohttp.ClientSession, simulator: Simulator, venue: str = "kraken", **how: Any
) -> tuple[int, bytes, Any]:
    async with client.get(simulator.base_url(venue) + (TICKER | MORE)[venue], **how) as response:
        return response.status, await response.read(), response.headers


@pytest.mark.parametrize(
    ("fault", "venue", "status", "text"),
    [
        (Fault(kind="rate_limited"), "coinbase", 429, b"rate limit"),
        (Fault(kind="rate_limited"), "binance", 429, b"-1003"),
        (Fault(kind="banned"), "binance", 418, b"IP banned until 1762820344000"),
        (Fault(kind="banned_in_words"), "binance", 418, b"IP banned until 1762820344000"),
        (Fault(kind="rate_in_words"), "okx", 200, b'"50011"'),
        (Fault(kind="rate_in_words"), "bybit", 200, b'"retCode":10006'),
        (Fault(kind="forbidden_html"), "binance", 403, b"403 ERROR"),
        (Fault(kind="region_blocked"), "binance", 451, b"restricted location"),
        (Fault(kind="server_error"), "kraken", 502, b"Bad Gateway"),
        (Fault(kind="server_error", value=504), "kraken", 504, b"Gateway Time-out"),
        (Fault(kind="cloudflare_520"), "kraken", 520, b"unknown error"),
        (Fault(kind="html_200"), "kraken", 200, b"<!DOCTYPE html>"),
        (Fault(kind="kraken_error"), "kraken", 200, b'{"error":["EService:Unavailable"]}'),
        (
            Fault(kind="kraken_error", value="EAPI:Rate limit exceeded"),
            "kraken",
            200,
            b'{"error":["EAPI:Rate limit exceeded"]}',
        ),
        (Fault(kind="overloaded"), "binance", 503, b"-1008"),
        (Fault(kind="empty_object"), "kraken", 200, b"{}"),
        (Fault(kind="empty_array"), "binance", 200, b"[]"),
        (Fault(kind="null_result"), "kraken", 200, b'{"error":[],"result":null}'),
        (Fault(kind="null_result"), "binance", 200, b"null"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
async def test_a_replacing_fault_is_what_the_venue_says(
    *, running: Simulator, client: aiohttp.ClientSession, fault: Fault, venue: str, status: int,
    text: bytes,
) -> None:  # fmt: skip
    with running.faults.on(fault):
        got, body, _ = await fetch(client, running, venue)
    assert (got, text in body) == (status, True), body[:200]
    assert (await fetch(client, running, venue))[0] == 200


async def test_retry_after_is_there_only_where_planned(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    with running.faults.on(Fault(kind="rate_limited", retry_after_s=37)):
        assert (await fetch(client, running))[2]["Retry-After"] == "37"
    with running.faults.on(Fault(kind="rate_limited")):
        assert "Retry-After" not in (await fetch(client, running))[2]


async def test_what_comes_during_a_ban_is_counted_be_it_told_by_a_header_or_in_words(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    for kind in ("banned", "banned_in_words"):
        running.counters.reset()
        with running.faults.on(Fault(kind=kind, venue="binance", retry_after_s=60)):
            _, _, headers = await fetch(client, running, "binance")
        assert ("Retry-After" in headers) == (kind == "banned")
        assert running.counters.during_ban_count("binance") == 0
        await fetch(client, running, "binance")
        assert running.counters.during_ban_count("binance") == 1
        running.clock.advance(60_000)


async def test_an_empty_body_is_empty(running: Simulator, client: aiohttp.ClientSession) -> None:
    with running.faults.on(Fault(kind="empty_body")):
        assert (await fetch(client, running))[:2] == (200, b"")


async def test_a_redirect_leads_to_a_login_page(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    with running.faults.on(Fault(kind="redirect")):
        status, _, headers = await fetch(client, running, allow_redirects=False)
        assert (status, headers["Location"]) == (302, "/login")
        status, body, headers = await fetch(client, running)
    assert (status, b"Log in" in body) == (200, True)
    assert headers["Content-Type"].startswith("text/html")


async def test_truncated_json_is_half_of_it(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    whole = (await fetch(client, running))[1]
    with running.faults.on(Fault(kind="truncated")):
        status, body, _ = await fetch(client, running)
    assert status == 200
    assert body == whole[: len(whole) // 2]


async def test_json_may_be_called_html(running: Simulator, client: aiohttp.ClientSession) -> None:
    with running.faults.on(Fault(kind="mime_html")):
        _, body, headers = await fetch(client, running)
    assert headers["Content-Type"].startswith("text/html")
    assert "XXBTZUSD" in json.loads(body)["result"]


async def test_a_gzip_stream_may_end_in_the_middle(running: Simulator) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as plain:
        with running.faults.on(Fault(kind="gzip_cut")):
            _, body, headers = await fetch(plain, running)
    assert headers["Content-Encoding"] == "gzip"
    with pytest.raises(EOFError):
        gzip.decompress(body)
    assert zlib.decompressobj(31).decompress(body).startswith(b'{"error":[]')


async def test_bodies_are_compressed_for_who_asks(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    assert (await fetch(client, running))[2]["Content-Encoding"] == "gzip"
    plain = {"Accept-Encoding": "identity"}
    assert "Content-Encoding" not in (await fetch(client, running, headers=plain))[2]


async def test_a_huge_body_is_huge(running: Simulator, client: aiohttp.ClientSession) -> None:
    with running.faults.on(Fault(kind="huge_body", value=3)):
        assert len((await fetch(client, running))[1]) > 3_000_000


async def test_a_hanging_request_is_never_answered(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    with running.faults.on(Fault(kind="hang")), pytest.raises(TimeoutError):
        await fetch(client, running, timeout=aiohttp.ClientTimeout(total=0.1))


async def test_a_hanging_request_does_not_hold_up_the_stop(
    make: Make, client: aiohttp.ClientSession
) -> None:
    async with make(markets_count=2, faults=(Fault(kind="hang"),)) as simulator:
        waiting = asyncio.create_task(fetch(client, simulator))
        await simulator.counters.arrival("kraken")
    with pytest.raises(aiohttp.ClientError):
        await waiting


async def test_a_slow_body_trickles(running: Simulator, client: aiohttp.ClientSession) -> None:
    with running.faults.on(Fault(kind="slow_body", value=200)):
        async with client.get(running.base_url("kraken") + "/0/public/Time") as response:
            pieces = [piece async for piece in response.content.iter_any()]
    assert len(pieces) > 20
    assert b"unixtime" in b"".join(pieces)


async def test_a_reset_connection_is_a_connection_error(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    with running.faults.on(Fault(kind="reset")), pytest.raises(aiohttp.ClientConnectionError):
        await fetch(client, running)
    assert running.counters.requests("kraken", status=0) >= 1


POISONS = [None, "", "NaN", "Infinity", "0.00000", "1e400", "-1", "1e-10", "1e9"]


@pytest.mark.parametrize("value", POISONS, ids=repr)
def test_a_poisoned_price_sits_in_the_named_market_only(make: Make, value: str | None) -> None:
    simulator = make(markets_count=12)
    before = coinbase(simulator, "/products/stats")
    for name in ("kraken", "coinbase", "binance"):
        market = {"kraken": "ETH/USD", "coinbase": "ETH-USD", "binance": "ETHUSDT"}[name]
        simulator.faults.add(Fault(kind="poison", venue=name, markets=(market,), value=value))
    assert kraken(simulator, "Ticker")["XETHZUSD"]["c"][0] == value
    assert binance(simulator, "ticker/24hr", symbol="ETHUSDT")["lastPrice"] == value
    after = coinbase(simulator, "/products/stats")
    assert after["ETH-USD"]["stats_24hour"]["last"] == value
    del before["ETH-USD"], after["ETH-USD"]
    assert after == before


def test_a_fat_finger_multiplies_the_price(make: Make) -> None:
    simulator = make(markets_count=12)
    right = float(kraken(simulator, "Ticker")["XXBTZUSD"]["c"][0])
    simulator.faults.add(Fault(kind="poison", markets=("BTC/USD",), value="*1000"))
    assert float(kraken(simulator, "Ticker")["XXBTZUSD"]["c"][0]) == pytest.approx(right * 1_000)


@pytest.mark.parametrize("field", [name for name in FIELDS if name != "name"])
def test_every_figure_can_be_poisoned(make: Make, field: str) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="poison", field=field, share=1.0, value="bad"))
    row = kraken(simulator, "Ticker")["XXBTZUSD"]
    assert "bad" in [*row["a"], *row["b"], *row["c"], *row["v"], row["o"]]


def test_a_markets_name_can_become_null(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="poison", field="name", markets=("BTC/USDT",), value=None))
    names = [row["symbol"] for row in binance(simulator, "ticker/24hr")]
    assert names.count(None) == 1
    assert None in [row["symbol"] for row in binance(simulator, "exchangeInfo")["symbols"]]


def test_a_whole_row_can_be_null(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="null_row", markets=("BTC/USD", "BTC/USDT")))
    assert kraken(simulator, "Ticker")["XXBTZUSD"] is None
    assert binance(simulator, "ticker/24hr").count(None) == 1


def test_without_named_markets_a_share_is_struck_the_same_each_time(make: Make) -> None:
    simulator = make(markets_count=100)
    simulator.faults.add(Fault(kind="poison", share=0.2, value=None))
    struck = [n for n, row in kraken(simulator, "Ticker").items() if row["c"][0] is None]
    assert 8 <= len(struck) <= 35
    simulator.clock.advance(60_000)
    again = [n for n, row in kraken(simulator, "Ticker").items() if row["c"][0] is None]
    assert again == struck


def test_duplicate_keys_hold_two_prices(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="duplicate_keys"))
    assert ask(simulator, "kraken", TICKER["kraken"]).body.count(b'"XXBTZUSD":') == 2
    names = [row["symbol"] for row in binance(simulator, "ticker/24hr")]
    assert len(names) == len(set(names)) + 1


@pytest.mark.parametrize("venue", TICKER)
def test_few_markets_is_a_tenth_of_the_list(make: Make, venue: str) -> None:
    simulator = make(markets_count=50)

    def count() -> int:
        body = json.loads(ask(simulator, venue, TICKER[venue]).body)
        return len(body["result"] if venue == "kraken" else body)

    whole = count()
    with simulator.faults.on(Fault(kind="few_markets", share=0.1)):
        assert count() == whole // 10
    assert count() == whole


def test_a_frozen_payload_stays_while_time_goes_on(make: Make) -> None:
    simulator = make(markets_count=12)
    with simulator.faults.on(Fault(kind="frozen", path="*Ticker")):
        first = ask(simulator, "kraken", TICKER["kraken"]).body
        simulator.clock.advance(10 * MINUTE_MS)
        assert ask(simulator, "kraken", TICKER["kraken"]).body == first
        assert kraken(simulator, "Time")["unixtime"] == (NOON_MS + 10 * MINUTE_MS) // 1_000
    assert ask(simulator, "kraken", TICKER["kraken"]).body != first


@pytest.mark.parametrize(
    "kind",
    [
        "unsorted_candles",
        "fewer_candles",
        "future_candles",
        "missing_candles",
        "odd_candles",
    ],
)
@pytest.mark.parametrize("venue", TICKER)
def test_candles_go_wrong_as_planned(make: Make, venue: str, kind: str) -> None:
    simulator = make(markets_count=12)

    def opens() -> list[int]:
        if venue == "kraken":
            rows = kraken(simulator, "OHLC", pair="XBTUSD")["XXBTZUSD"]
        elif venue == "coinbase":
            rows = coinbase(simulator, "/products/BTC-USD/candles", granularity=60)
        else:
            rows = binance(simulator, "klines", symbol="BTCUSDT", interval="1m")
        return [row[0] for row in rows if row is not None and len(row) > 2]

    right = opens()
    simulator.faults.add(Fault(kind=kind))
    wrong = opens()
    match kind:
        case "unsorted_candles":
            assert wrong != right
            assert sorted(wrong) == sorted(right)
        case "fewer_candles":
            assert sorted(wrong) == sorted(right)[13:]
        case "missing_candles":
            assert 0.8 * len(right) < len(wrong) < len(right)
            assert set(wrong) < set(right)
        case "odd_candles":
            assert sorted(wrong) == sorted(right)[1:-1]
        case _:
            step = abs(right[1] - right[0])
            assert sorted(wrong) == [*sorted(right), max(right) + step, max(right) + 2 * step]


def test_maintenance_is_told_by_the_venue_itself(make: Make) -> None:
    simulator = make(markets_count=12, faults=(Fault(kind="maintenance"),))
    assert kraken(simulator, "SystemStatus")["status"] == "maintenance"
    unavailable = json.loads(ask(simulator, "kraken", TICKER["kraken"]).body)
    assert unavailable == {"error": ["EService:Unavailable"]}
    assert ask(simulator, "coinbase", TICKER["coinbase"]).status == 503
    assert ask(simulator, "binance", TICKER["binance"]).status == 503


def test_a_venues_clock_may_be_wrong_alone(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="clock_skew", venue="binance", value=1_270))
    assert binance(simulator, "time")["serverTime"] == NOON_MS + 1_270
    assert kraken(simulator, "Time")["unixtime"] == NOON_MS // 1_000


def test_a_market_is_delisted_at_a_scripted_time(make: Make) -> None:
    simulator = make(markets_count=12)
    at_ms = NOON_MS + MINUTE_MS
    simulator.faults.add(Fault(kind="delist", markets=("ETH/USD", "ETH/USDT"), from_ms=at_ms))
    assert "XETHZUSD" in kraken(simulator, "Ticker")
    simulator.clock.advance(MINUTE_MS)
    assert "XETHZUSD" not in kraken(simulator, "Ticker")
    assert "XETHZUSD" not in kraken(simulator, "AssetPairs")
    unknown = json.loads(ask(simulator, "kraken", "/0/public/OHLC", pair="ETHUSD").body)
    assert unknown == {"error": ["EQuery:Unknown asset pair"]}
    entries = {entry["id"]: entry["status"] for entry in coinbase(simulator, "/products")}
    assert entries["ETH-USD"] == "delisted"
    assert "ETH-USD" not in coinbase(simulator, "/products/stats")
    assert binance(simulator, "ticker/24hr", symbol="ETHUSDT")["lastPrice"] == "0.00000000"


def test_a_market_is_listed_at_a_scripted_time(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="list", markets=("ETH/USD",), from_ms=NOON_MS + 1))
    assert "XETHZUSD" not in kraken(simulator, "AssetPairs")
    simulator.clock.advance(1)
    assert "XETHZUSD" in kraken(simulator, "AssetPairs")


def test_a_market_is_renamed(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="rename", markets=("ETHUSDT",), value="ETH2USDT"))
    names = {row["symbol"] for row in binance(simulator, "ticker/24hr")}
    assert "ETH2USDT" in names
    assert "ETHUSDT" not in names
    assert binance(simulator, "klines", symbol="ETH2USDT", interval="1m")


def test_a_fault_keeps_to_its_venue_path_and_window(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(
        Fault(
            kind="empty_array",
            venue="kraken",
            path="*/Ticker",
            from_ms=NOON_MS + 10,
            until_ms=NOON_MS + 20,
        )
    )
    hit = []
    for _ in range(4):
        hit.append(ask(simulator, "kraken", TICKER["kraken"]).body == b"[]")
        assert ask(simulator, "kraken", "/0/public/Time").body != b"[]"
        assert ask(simulator, "binance", TICKER["binance"]).body != b"[]"
        simulator.clock.advance(8)
    assert hit == [False, False, True, False]


def test_a_fault_may_strike_a_given_number_of_times() -> None:
    board = FaultBoard()
    number = board.add(Fault(kind="hang", times_max=2))
    met = [bool(board.strike("kraken", "/x", now_ms=0)) for _ in range(5)]
    assert met == [True, True, False, False, False]
    assert board.hits_count(number) == 2


def test_the_dice_come_from_the_seed() -> None:
    def thrown(seed: int) -> list[bool]:
        board = FaultBoard(seed)
        board.add(Fault(kind="hang", probability=0.3))
        return [bool(board.strike("kraken", "/x", now_ms=0)) for _ in range(400)]

    assert thrown(1) == thrown(1)
    assert thrown(1) != thrown(2)
    assert 80 < sum(thrown(1)) < 160


def test_errors_are_not_spoilt(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="null_row", share=1.0))
    assert ask(simulator, "binance", "/api/v3/klines", symbol="NOPE", interval="1m").status == 400


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"kind":"nope"}', "kind"),
        ('{"kind":"hang","probability":2}', "probability"),
        ('{"kind":"hang","colour":"red"}', "colour"),
        ('{"kind":"list","markets":["A"]}', "from_ms"),
        ('{"kind":"rename","markets":["A","B"],"value":"C"}', "rename"),
        ('{"kind":"clock_skew"}', "value"),
        ('{"kind":"poison","field":"colour"}', "field"),
        ("nonsense", "JSON"),
    ],
)
def test_an_impossible_fault_is_refused_by_name(text: str, names: str) -> None:
    with pytest.raises(BadRequest, match=names):
        parse_faults(text)


def test_the_json_form_is_small() -> None:
    assert parse_faults('{"kind":"hang"}') == [Fault(kind="hang")]
    assert parse_faults('[{"kind":"hang","venue":"kraken"}]') == [
        Fault(kind="hang", venue="kraken")
    ]
    assert all(KINDS.values())


def test_a_renamed_pair_is_known_by_its_new_name_only(make: Make) -> None:
    simulator = make(markets_count=12)
    simulator.faults.add(Fault(kind="rename", markets=("ETH/USD",), value="ETH2USD"))
    assert list(kraken(simulator, "Ticker", pair="ETH2USD")) == ["ETH2USD"]
    for old in ("XETHZUSD", "ETHUSD", "ETH/USD"):
        body = json.loads(ask(simulator, "kraken", "/0/public/Ticker", pair=old).body)
        assert body == {"error": ["EQuery:Unknown asset pair"]}
