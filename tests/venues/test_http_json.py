"""Any JSON on the web is a venue: what is read of it, and what is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.egress.receiver import LOOPBACK, answering, receiving, to_loopback
from tests.venues.support import T0_MS, Dice, body, row, sound
from tests.venues.test_fuzz import odd

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.venues import VenueSettings, venue_for
from sigmawatch.adapters.venues.http_json import HttpJsonVenue, parse_tickers, readers_of
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Invalid,
    NotFound,
    RateLimited,
    Refused,
    SigmawatchError,
    Unavailable,
)

WEATHER = {"OSLO/CELSIUS": {"price": "main.temp"}, "OSLO/HPA": {"price": "main.pressure"}}


def weather(**main: object) -> bytes:
    return body({"main": {"temp": 7.5, "pressure": "1013", **main}})


def the_venue(
    url: str, *, clock: VirtualClock | None = None, port: int = 0, **more: object
) -> HttpJsonVenue:
    given_ = {"markets": WEATHER, **more}
    return HttpJsonVenue(
        VenueSettings(name="WEATHER", kind="http-json", url=url, **given_),  # type: ignore[arg-type]
        clock=clock or VirtualClock(T0_MS),
        rng=Dice(0.5),
        egress=Egress([Opening(network=LOOPBACK, port=port)], resolve=to_loopback),
    )


def test_numbers_and_texts_of_numbers_are_read_where_the_expression_leads() -> None:
    tickers = parse_tickers(weather(), readers_of(WEATHER), recv_ms=T0_MS)
    assert row(tickers, "OSLO/CELSIUS") == {"price": 7.5}
    assert row(tickers, "OSLO/HPA") == {"price": 1013.0}
    assert tickers.rejected == {}


@pytest.mark.parametrize("odd_one", [None, "", "NaN", "7,5", "cold", True, [], {}, 0, -3, "1e400"])
def test_what_is_no_price_costs_its_own_market_alone(odd_one: object) -> None:
    tickers = parse_tickers(weather(temp=odd_one), readers_of(WEATHER), recv_ms=T0_MS)
    assert row(tickers, "OSLO/CELSIUS") == {}
    assert row(tickers, "OSLO/HPA") == {"price": 1013.0}
    assert list(tickers.rejected) == ["OSLO/CELSIUS"]
    assert tickers.rejected["OSLO/CELSIUS"].startswith("price: ")


def test_an_expression_may_filter_and_compute_and_fail_alone() -> None:
    said = body([{"id": "a", "v": "3"}, {"id": "b", "v": 4}])
    readers = readers_of({
        "A/X": {"price": "[?id=='a'].v | [0]"}, "B/X": {"price": "sum([?id=='b'].v)"},
        "C/X": {"price": "sum([].v)"}, "D/X": {"price": "length(@)"},
    })  # fmt: skip
    tickers = parse_tickers(said, readers, recv_ms=T0_MS)
    found = [row(tickers, native).get("price") for native in tickers.natives]
    assert found == [3.0, 4.0, None, 2.0]
    assert list(tickers.rejected) == ["C/X"]  # a text among what is summed


def test_a_lone_number_is_an_answer_too() -> None:
    tickers = parse_tickers(b"912345\n", readers_of({"BTC/BLOCKS": {"price": "@"}}), recv_ms=T0_MS)
    assert row(tickers, "BTC/BLOCKS") == {"price": 912_345.0}


def test_two_sides_make_a_spread_and_crossed_ones_are_missing() -> None:
    readers = readers_of({"A/B": {"price": "p", "bid": "b", "ask": "a", "volume_24h_base": "v"}})
    good = parse_tickers(body({"p": 100, "b": 99, "a": 101, "v": 0}), readers, recv_ms=T0_MS)
    assert row(good, "A/B") == {
        "price": 100.0, "bid": 99.0, "ask": 101.0, "spread_bp": 200.0, "volume_24h_base": 0.0,
    }  # fmt: skip
    assert good.derived == {"spread_bp"}
    crossed = parse_tickers(body({"p": 100, "b": 101, "a": 99, "v": -1}), readers, recv_ms=T0_MS)
    assert row(crossed, "A/B") == {"price": 100.0}
    assert crossed.rejected["A/B"].count(";") == 1
    assert set(crossed.columns) == set(good.columns)  # what it offers does not change


@pytest.mark.parametrize("said", [b"", b"<html>", b'{"main":', b"[" * 100_000, b"{}", b"[]"])
def test_an_answer_without_any_number_is_a_failed_poll(said: bytes) -> None:
    with pytest.raises(BadAnswer):
        parse_tickers(said, readers_of(WEATHER), recv_ms=T0_MS)


ODD_READERS = readers_of({
    "A/B": {"price": "max_by(@, &v).v"}, "C/D": {"price": "a[0].b", "bid": "x", "ask": "y"},
    "E/F": {"volume_24h_base": "to_number(a)"}, "G/H": {"price": "sort(@) | [0]"},
    "I/J": {"price": "join(',', @)"}, "K/L": {"price": "avg(a)"}, "M/N": {"price": "@"},
})  # fmt: skip


@settings(max_examples=150)
@given(said=st.recursive(odd, lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from("abvxy"), inner), max_leaves=12))  # fmt: skip
def test_whatever_is_answered_gives_sound_values_or_one_error(said: object) -> None:
    try:
        tickers = parse_tickers(body(said), ODD_READERS, recv_ms=T0_MS)
    except SigmawatchError:
        return
    assert sound(tickers)


def test_an_expression_that_is_none_is_refused_by_its_place() -> None:
    with pytest.raises(Invalid) as caught:
        the_venue("https://api.example.com/", markets={"A/B": {"price": "main..temp"}})
    assert caught.value.field == "markets.A/B.price"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "https://169.254.169.254/latest", "https://user:pw@example.com/",
     "http://example.com/", "https://example.com:22/", "ftp://example.com/x", "https://[::1]/"],
)  # fmt: skip
def test_an_address_that_the_guard_refuses_is_refused_before_anything_is_asked(url: str) -> None:
    settings_ = VenueSettings(name="X", kind="http-json", url=url, markets=WEATHER)
    with pytest.raises(Invalid) as caught:
        venue_for(settings_, clock=VirtualClock(T0_MS), rng=Dice(0.5))
    assert caught.value.field == "url"


@pytest.mark.parametrize("name", ["KRAKEN", "DERIVED"])
def test_a_venue_of_one_s_own_takes_no_other_s_name(name: str) -> None:
    settings_ = VenueSettings(name=name, kind="http-json", url="https://e.com/", markets=WEATHER)
    with pytest.raises(Invalid, match="a venue that we know"):
        venue_for(settings_, clock=VirtualClock(T0_MS), rng=Dice(0.5))


async def test_one_call_asks_for_everything_and_says_who_we_are() -> None:
    async with receiving(answering(200, weather())) as server:
        venue = the_venue(server.url("/now?city=Oslo"), port=server.port, key_header="X-Key",
                          api_key="s3cret")  # fmt: skip
        markets, tickers = await venue.markets(), await venue.tickers()
        await venue.close()
    assert [one.name for one in markets] == ["WEATHER:OSLO/CELSIUS", "WEATHER:OSLO/HPA"]
    assert set(tickers.natives) == {one.native for one in markets}
    assert set(tickers.columns) == venue.traits.levels == {"price"}
    assert not any(math.isnan(value) for value in tickers.columns["price"])
    (came,) = server.came
    assert came.line == "GET /now?city=Oslo HTTP/1.1"
    assert came.headers["x-key"] == "s3cret"


@pytest.mark.parametrize(
    ("status", "said", "headers", "expected"),
    [
        (302, b"", {"Location": "http://127.0.0.1/admin"}, BadAnswer),
        (404, b"{}", {}, BadAnswer),
        (403, b"{}", {}, BlockedByRegion),
        (429, b"{}", {"Retry-After": "120"}, RateLimited),
        (503, b"", {}, Unavailable),
        (200, b"<html>login</html>", {}, BadAnswer),
        (200, b'{"main":{"temp":' + b" " * 70_000 + b"1}}", {}, BadAnswer),
        (200, b"1234", {"Content-Length": "9"}, BadAnswer),
    ],
    ids=["redirect", "404", "403", "429", "503", "page", "64 KB", "torn"],
)
async def test_a_failure_has_its_name_and_is_left_alone_for_a_while(
    *, status: int, said: bytes, headers: dict[str, str], expected: type[SigmawatchError]
) -> None:
    clock = VirtualClock(T0_MS)
    async with receiving(answering(status, said, headers=headers)) as server:
        one = {"A/B": {"price": "@"}} if said == b"1234" else WEATHER
        venue = the_venue(server.url(), clock=clock, port=server.port, markets=one, timeout_s=1.0)
        with pytest.raises(SigmawatchError) as caught:
            await venue.tickers()
        assert type(caught.value) is expected
        with pytest.raises(expected):
            await venue.tickers()
        assert len(server.came) == 1
        await venue.close()


async def test_a_name_that_leads_home_is_not_asked() -> None:
    # SECURITY: "every address must pass", at every attempt.
    venue = the_venue("https://rebound.example.com/", port=1)
    with pytest.raises(Refused):
        await venue.tickers()
    await venue.close()


async def test_it_keeps_no_past() -> None:
    venue = the_venue("https://api.example.com/")
    with pytest.raises(NotFound):
        await venue.candles("OSLO/CELSIUS", span_ms=60_000, from_ms=0, to_ms=T0_MS)
    assert venue.traits.candle_spans_ms == ()
    assert await venue.time_ms() == T0_MS
    await venue.close()
