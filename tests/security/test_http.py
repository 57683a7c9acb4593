"""What is no proper request, over real sockets (S41, S42, S51, S62)."""

from __future__ import annotations

import re
import tracemalloc

import pytest
from tests.security.wire import answers_still, exchanged, request, served, statuses
from tests.web.conftest import World, reading

POST = "POST /api/v1/collect HTTP/1.1"
HOST = "Host: localhost"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
KEPT_BYTES_MAX = 5_000_000

BEGUN = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
FLOODS = {
    "a header of 64 MB": [BEGUN + b"X: ", *[b"x" * 65_536] * 1_000],
    "1,000,000 headers": [BEGUN, *[b"X: y\r\n" * 10_000] * 100],
    "an address of 6 MB": [b"GET /", *[b"x" * 65_536] * 100],
    "a method of 6 MB": [b"x" * 65_536] * 100,
    "a body of 1 GB, announced": [request(POST, HOST, JSON, "Content-Length: 1000000000"),
                                  *[b"x" * 65_536] * 1_000],
    "a body without end, in chunks": [request(POST, HOST, JSON, CHUNKED),
                                      *[b"10000\r\n" + b"x" * 65_536 + b"\r\n"] * 200],
    "extensions of a chunk": [request(POST, HOST, JSON, CHUNKED), b"1;",
                              *[b"a=b;" * 16_384] * 100],
    "trailers without end": [request(POST, HOST, JSON, CHUNKED), b"2\r\n{}\r\n0\r\n",
                             *[b"X: y\r\n" * 10_000] * 20],
    "spaces before the request": [b"\r\n" * 32_768] * 100,
}  # fmt: skip


@pytest.mark.parametrize("pieces", FLOODS.values(), ids=FLOODS.keys())
@reading
async def test_s41_floods_are_cut_and_cost_no_memory(still: World, pieces: list[bytes]) -> None:
    """S41: "Header 64 MB, 1 M headers, 64 MB URL, 1 GB body, chunk extension flood:
    431/414/413/400 or close; memory +<= 5 MB"."""
    async with served(still.app) as (port, _):
        await answers_still(port)
        tracemalloc.start()
        try:
            before_bytes, _ = tracemalloc.get_traced_memory()
            answer = await exchanged(port, *pieces)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert set(statuses(answer)) <= {b"400", b"408", b"413", b"414", b"431"}, answer[:300]
        assert peak_bytes - before_bytes < KEPT_BYTES_MAX
        await answers_still(port)


SMUGGLED = {
    "two kinds of length": request(POST, HOST, JSON, "Content-Length: 4", CHUNKED,
                                   body=b"0\r\n\r\n" + HIDDEN),
    "the other way round": request(POST, HOST, JSON, CHUNKED, "Content-Length: 4",
                                   body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": request(POST, HOST, JSON, "Content-Length: 2", "Content-Length: 44",
                           body=b"{}" + HIDDEN),
    "lengths in a list": request(POST, HOST, JSON, "Content-Length: 2, 44", body=b"{}" + HIDDEN),
    "a length with a sign": request(POST, HOST, JSON, "Content-Length: +2", body=b"{}" + HIDDEN),
    "a length with a space": request(POST, HOST, JSON, "Content-Length: 4 4", body=b"{}" + HIDDEN),
    "a length in another script": request(POST, HOST, JSON, "Content-Length: ٢", body=b"{}"),
    "an unknown encoding": request(POST, HOST, JSON, "Transfer-Encoding: xchunked", body=HIDDEN),
    "an encoding after another": request(POST, HOST, JSON, "Transfer-Encoding: gzip, chunked",
                                         body=b"0\r\n\r\n" + HIDDEN),
    "an encoding and a tab": request(POST, HOST, JSON, "Transfer-Encoding: \x0bchunked",
                                     body=b"0\r\n\r\n" + HIDDEN),
    "chunked by two headers": request(POST, HOST, JSON, CHUNKED, "Transfer-Encoding: identity",
                                      body=b"0\r\n\r\n" + HIDDEN),
    "a chunk of a negative size": request(POST, HOST, JSON, CHUNKED, body=b"-1\r\n" + HIDDEN),
    "a chunk of 0x2": request(POST, HOST, JSON, CHUNKED, body=b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk that ends too late": request(POST, HOST, JSON, CHUNKED, body=b"2\r\n{}xx0\r\n\r\n"),
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: localhost\n\n" + HIDDEN,
    "a bare line feed in a header": BEGUN + b"A: b\nX: y\r\n\r\n",
    "bare line feeds at the end": b"GET /healthz HTTP/1.1\r\nHost: localhost\n\r\n" + HIDDEN,
    "a bare carriage return": BEGUN + b"A: b\rX: y\r\n\r\n",
    "a nul": BEGUN + b"A: b\0c\r\n\r\n",
    "space before the colon": request("GET /healthz HTTP/1.1", "Host : localhost"),
    "no host": request("GET /healthz HTTP/1.1"),
    "two hosts": request("GET /healthz HTTP/1.1", HOST, "Host: evil.example"),
    "an absolute target of another host": request("GET http://evil.example/healthz HTTP/1.1", HOST),
    "an absolute target of another port": request("GET http://localhost:1/healthz HTTP/1.1", HOST),
    "another scheme": request("GET file://localhost/healthz HTTP/1.1", HOST),
    "no path": request("GET healthz HTTP/1.1", HOST),
    "a folded header before any": b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n",
}  # fmt: skip


@reading
async def test_s42_what_servers_read_differently_is_refused_and_the_end(still: World) -> None:
    """S42: "CL+TE, two CL, TE obfuscation, bare LF, space before colon, no Host, two Hosts,
    absolute-form with other host: 400 and close". Nothing behind it is taken for a request, and the
    answer arrives however the request came."""
    async with served(still.app) as (port, _):
        for name, asked in SMUGGLED.items():
            for pieces in ([asked], [bytes([one]) for one in asked]):
                answer = await exchanged(port, *pieces)
                assert statuses(answer) == [b"400"], (name, answer)
                assert b"hidden" not in answer, name
                head = answer.partition(b"\r\n\r\n")[0].lower()
                assert b"connection: close" in head, name
                assert b"application/problem+json" in head, name
        await answers_still(port)


@reading
async def test_s42_a_second_request_is_looked_at_as_the_first(still: World) -> None:
    """What came before its turn (pipelining) passes the same look when its turn comes."""
    first = request("GET /healthz HTTP/1.1", HOST)
    async with served(still.app) as (port, _):
        last = request("GET /readyz HTTP/1.1", HOST, "Connection: close")
        assert statuses(await exchanged(port, first + first + last)) == [b"200"] * 3
        split = [bytes([one]) for one in first + last]
        assert statuses(await exchanged(port, *split)) == [b"200"] * 2
        for bad in (SMUGGLED["a bare line feed"], SMUGGLED["two kinds of length"]):
            answer = await exchanged(port, first + bad)
            assert statuses(answer) == [b"200", b"400"]
            assert b"hidden" not in answer


@reading
async def test_a_body_may_hold_line_feeds(still: World) -> None:
    body = b'{"shard":\n\n"9/1"}\n\n\n'
    asked = request(POST, HOST, JSON, f"Content-Length: {len(body)}", "Connection: close",
                    body=body)  # fmt: skip
    chunked = request(POST, HOST, JSON, CHUNKED, "Connection: close",
                      body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))  # fmt: skip
    async with served(still.app) as (port, _):
        for whole in (asked, chunked):
            for pieces in ([whole], [bytes([one]) for one in whole]):
                assert statuses(await exchanged(port, *pieces)) == [b"422"]


@reading
async def test_an_absolute_target_of_our_own_is_a_path(still: World) -> None:
    """RFC 9112, 3.2.2: "a server MUST accept the absolute-form in requests"."""
    for target in ("http://localhost/healthz", "HTTP://LOCALHOST/healthz"):
        async with served(still.app) as (port, _):
            asked = request(f"GET {target} HTTP/1.1", HOST, "Connection: close")
            assert statuses(await exchanged(port, asked)) == [b"200"]


@pytest.mark.parametrize(
    "line",
    ["TRACE /healthz HTTP/1.1", "CONNECT localhost:443 HTTP/1.1", "CONNECT /healthz HTTP/1.1",
     "BREW /healthz HTTP/1.1", "get /healthz HTTP/1.1", "PROPFIND / HTTP/1.1"],
)  # fmt: skip
@reading
async def test_s51_methods_that_nothing_takes(still: World, line: str) -> None:
    """S51: "HTTP methods TRACE, CONNECT, unknown: 405/501"."""
    async with served(still.app) as (port, _):
        answer = await exchanged(port, request(line, HOST, "Connection: close"))
    assert statuses(answer) == [b"405"]
    assert re.search(rb"\r\nallow: .*GET", answer)


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
@reading
async def test_s51_a_method_in_a_header_overrides_nothing(still: World, header: str) -> None:
    """S51: "method override header: override ignored"."""
    answer = await still.client.get("/api/v1/rules/no-such", headers={header: "DELETE"})
    assert answer.status_code == 404
    answer = await still.client.post("/api/v1/ranking", headers={header: "GET"}, json={})
    assert answer.status_code == 405


@pytest.mark.parametrize(
    "asked",
    [
        request("GET /api/v1/stream HTTP/1.1", HOST, "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\x7f\0\0\x01" * 3,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"GET /\r\n\r\n",
    ],
    ids=["web socket", "HTTP/2", "PROXY 1", "PROXY 2", "TLS", "SSH", "HTTP/0.9"],
)  # fmt: skip
@reading
async def test_s62_other_protocols_are_refused(still: World, asked: bytes) -> None:
    """S62: "Web socket upgrade, HTTP/2 prior knowledge, PROXY protocol bytes: 400/426, close"."""
    async with served(still.app) as (port, _):
        assert statuses(await exchanged(port, asked)) == [b"400"]
        await answers_still(port)
