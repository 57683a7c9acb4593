"""Every answer that is no data is one error with a name, and says what to do."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.support import T0_MS, recorded

from sigmawatch.adapters.venues import binance, coinbase, kraken
from sigmawatch.adapters.venues.answers import Reply, decoded, gist, json_of, retry_after_s
from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Maintenance,
    NotFound,
    RateLimited,
    SigmawatchError,
    Unavailable,
)

HTML = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=body, recv_ms=T0_MS)


def failure(answer: Reply, facts: Any = kraken.FACTS) -> SigmawatchError:
    with pytest.raises(SigmawatchError) as caught:
        json_of(answer, facts)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", BadAnswer),
        (200, b" \r\n\t ", BadAnswer),
        (200, HTML, BadAnswer),
        (200, b"OK", BadAnswer),
        (204, b"", BadAnswer),
        (301, b"", BadAnswer),
        (302, HTML, BadAnswer),
        (400, b'{"message":"no"}', BadAnswer),
        (401, b"{}", BadAnswer),
        (403, HTML, BlockedByRegion),
        (404, b'{"message":"NotFound"}', BadAnswer),
        (408, b"", Unavailable),
        (418, b"{}", RateLimited),
        (429, b"{}", RateLimited),
        (429, HTML, RateLimited),
        (451, b"{}", BlockedByRegion),
        (500, b"", Unavailable),
        (502, HTML, Unavailable),
        (503, b'{"message":"Down for maintenance"}', Maintenance),
        (503, b'{"code":-1008,"msg":"overloaded"}', Unavailable),
        (520, HTML, Unavailable),
        (599, b"", Unavailable),
    ],
)
def test_a_status_and_a_body_have_one_meaning(
    status: int, body: bytes, expected: type[SigmawatchError]
) -> None:
    assert type(failure(reply(status, body))) is expected


@pytest.mark.parametrize("body", [b'{"a":1}', b"[1]", b' \n{"a":1}'])
def test_json_is_read_whatever_it_calls_itself(body: bytes) -> None:
    assert json_of(reply(body=body, content_type="text/html"), kraken.FACTS) == body


@given(st.integers(200, 999), st.binary(max_size=200), st.text(max_size=20))
def test_no_answer_at_all_is_a_surprise(status: int, body: bytes, wait: str) -> None:
    answer, told = reply(status, body, retry_after=wait), ""
    try:
        assert json_of(answer, binance.FACTS) == body
    except SigmawatchError as error:
        told = str(error)
    assert told.isprintable()


def test_binance_says_in_a_number_that_it_shuts_down() -> None:
    said = reply(503, b'{"code":-1016,"msg":"This service is no longer available."}')
    assert type(failure(said, binance.FACTS)) is Maintenance
    assert type(failure(said, coinbase.FACTS)) is Unavailable


def test_a_refused_address_is_told_why_and_where_else_to_ask() -> None:
    # SEMANTICS 4: "`blocked_by_region` (451/403, with explanation and alternative host)".
    told = str(failure(reply(451, b'{"msg":"restricted location"}'), binance.FACTS))
    assert "restricted location" in told
    assert "https://data-api.binance.vision" in told
    assert "another network" in str(failure(reply(403, HTML), coinbase.FACTS))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("37", 37.0),
        ("0", 1.0),
        ("-5", None),
        ("1e3", 1_000.0),
        ("999999999999", 7 * 86_400.0),
        ("soon", None),
        ("", None),
        ("Tue, 11 Nov 2025 00:02:00 GMT", 120.0),
        ("Tue, 99 Nov 2025 00:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, expected: float | None) -> None:
    assert retry_after_s(reply(429, retry_after=header)) == expected


def test_a_date_to_retry_at_is_read_against_the_venues_own_clock() -> None:
    answer = reply(429, retry_after="Tue, 11 Nov 2025 00:02:00 GMT",
                   date="Tue, 11 Nov 2025 00:01:30 GMT")  # fmt: skip
    assert retry_after_s(answer) == 30.0


def test_a_ban_that_only_the_text_gives_an_end_is_obeyed_too() -> None:
    text = f'{{"code":-1003,"msg":"IP banned until {T0_MS + 90_000}."}}'.encode()
    assert retry_after_s(reply(418, text)) == 90.0
    assert retry_after_s(reply(418, text, retry_after="119")) == 119.0
    assert retry_after_s(reply(200, text)) is None


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":', b"\xff", b"[" * 100_000, b'{"a":\xff}',
                                  b"9" * 5_000, b'"\\ud800"'])  # fmt: skip
def test_what_cannot_be_read_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        decoded(msgspec.json.Decoder(), body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (HTML, "Just a moment..."),
        (b"plain\r\n\x1b[31mred\x00 text", "plain ?[31mred? text"),
        (b"x" * 1_000, "x" * 100),
        (b"\xf0\x9f\x98\x80", "????"),
    ],
)
def test_words_of_a_venue_are_short_and_printable(body: bytes, expected: str) -> None:
    shown = gist(body).replace("�", "?")
    assert shown == expected
    assert gist(body).isprintable()


NAMED = {
    "kraken-rest-rate-ip": RateLimited,
    "kraken-rest-rate-api": RateLimited,
    "kraken-rest-unavailable": Unavailable,
    "kraken-rest-busy": Unavailable,
    "kraken-rest-lockout": RateLimited,
    "kraken-rest-unknown-pair": NotFound,
    "kraken-rest-cloudflare-520": Unavailable,
    "binance-429": RateLimited,
    "binance-418": RateLimited,
    "binance-invalid-symbol": BadAnswer,  # of the whole poll; of one market it is NotFound
    "binance-503-busy": Unavailable,
    "binance-cloudfront-403": BlockedByRegion,
    "coinbase-429": RateLimited,
    "coinbase-404": BadAnswer,
    "coinbase-ticker-not-started": None,  # a shape of /ticker, which we never ask
}
VENUES = {"kraken": kraken, "coinbase": coinbase, "binance": binance}


def test_every_recorded_error_body_has_its_name() -> None:
    entries = json.loads(recorded("error-bodies/bodies.json").read_text())
    ours = [each for each in entries if each["exchange"] in VENUES and each["status"] != 101]
    assert {each["id"] for each in ours} == set(NAMED)
    for each in ours:
        expected = NAMED[each["id"]]
        if expected is not None:
            assert type(_outcome(each)) is expected, each["id"]


def _outcome(entry: dict[str, Any]) -> SigmawatchError:
    venue = VENUES[entry["exchange"]]
    headers = {name.lower(): value for name, value in entry.get("headers", {}).items()}
    answer = Reply(status=entry["status"], headers=headers, body=entry["body"].encode(),
                   recv_ms=T0_MS)  # fmt: skip
    with pytest.raises(SigmawatchError) as caught:
        venue.parse_tickers(json_of(answer, venue.FACTS), recv_ms=T0_MS)
    error = caught.value
    if "Retry-After" in entry.get("headers", {}):
        assert isinstance(error, Unavailable)
        assert error.retry_after_s == float(entry["headers"]["Retry-After"])
    return error
