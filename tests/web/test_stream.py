"""`/stream`, `/snapshot` and `/sparklines` over HTTP, as a client has them."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.web.conftest import MOVES, World, a_world, reading
from tests.web.test_access import a_key, a_page, add
from tests.web.test_server import get, serving

from sigmawatch.app.web.dashboard import packaged
from sigmawatch.app.web.receipts import Deadlines, Receipts, Room
from sigmawatch.app.web.server import listen, serve_on
from sigmawatch.engine.sparkline import ALPHABET, MISSING

PAGE = Path(__file__).parents[2] / "docs/reference/stream.md"
Show = Callable[[Any], None]


@asynccontextmanager
async def connected(port: int, *headers: str) -> AsyncIterator[asyncio.StreamReader]:
    """A raw connection that has asked for the stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get("/api/v1/stream", *headers).replace(b"Connection: close\r\n", b""))
    try:
        yield reader
    finally:
        writer.close()


async def chunk(reader: asyncio.StreamReader) -> bytes:
    """One chunk of a chunked answer (RFC 9112, 7.1)."""
    async with asyncio.timeout(60):
        size = int(await reader.readuntil(b"\r\n"), 16)
        return (await reader.readexactly(size + 2))[:-2]


async def left(world: World) -> None:
    """Until nobody reads."""
    async with asyncio.timeout(60):
        while world.program.streaming.readers_count:  # noqa: ASYNC110 - it is the outcome we want
            await asyncio.sleep(0)


async def test_the_program_in_the_manual_shows_what_the_snapshot_shows(world: World) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    await world.pass_slots(2, MOVES)
    shown: asyncio.Queue[Any] = asyncio.Queue()
    columns: Any = None
    async with serving(world.app) as (port, _):
        names: dict[str, Any] = {"__name__": "manual"}
        exec(source.replace(":8000/", f":{port}/"), names)
        task = asyncio.ensure_future(names["prices"](shown.put_nowait))
        async with asyncio.timeout(60):
            await shown.get()
            for _ in range(3):
                await world.pass_slots(1, {"BTC": 1.5, "ADA": 1.01})
                columns = await shown.get()
        assert columns == (await world.get("/snapshot"))["columns"]
        names["top"](columns)
        task.cancel()
        await asyncio.wait([task])
        await left(world)


@reading
async def test_every_address_in_the_tutorial_answers(still: World) -> None:
    text = PAGE.parents[1].joinpath("tutorial.md").read_text("utf-8")
    addresses = re.findall(r"(?m)^ {4}curl .*'http://127\.0\.0\.1:8000([^']+)'$", text)
    assert "/api/v1/stream?metric=price" in addresses
    for address in addresses:  # asked for its head only: the stream would go on
        assert (await still.client.head(address)).status_code == 200, address


@pytest.mark.parametrize(("accept", "packed"), [("gzip, br", True), ("identity", False)])
async def test_a_stream_comes_compressed_to_whom_takes_it(
    world: World, accept: str, packed: bool
) -> None:
    await world.pass_slots(2, MOVES)
    async with (
        serving(world.app) as (port, _),
        connected(port, f"Accept-Encoding: {accept}") as reader,
    ):
        async with asyncio.timeout(60):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert "content-type: text/event-stream" in head
        assert "cache-control: no-store" in head  # DASHBOARD.md 7
        assert "x-accel-buffering: no" in head
        assert ("content-encoding: gzip" in head) == packed
        unpack = zlib.decompressobj(wbits=31).decompress if packed else bytes
        assert b"event: hello\n" in unpack(await chunk(reader))
        await world.pass_slots(1, MOVES)
        while (told := unpack(await chunk(reader))) == b":\n\n":
            pass
        assert b"event: delta\n" in told


async def test_a_client_that_goes_leaves_its_place(world: World) -> None:
    async with serving(world.app) as (port, _):
        async with connected(port) as reader:
            async with asyncio.timeout(60):
                await reader.readuntil(b"event: hello")
            assert world.program.streaming.readers_count == 1
        await left(world)


async def test_a_stopping_server_says_good_bye_and_ends(world: World) -> None:
    """RELIABILITY.md P28: SSE clients get `bye`; nobody waits for those who read."""
    async with serving(world.app) as (port, task):
        readers = [await _begun(port) for _ in range(5)]
        world.program.streaming.close()
        task.cancel()
        async with asyncio.timeout(60):
            ends = [await reader.read() for reader, _ in readers]
        assert all(b"event: bye\n" in end and end.endswith(b"0\r\n\r\n") for end in ends)
        for _, writer in readers:
            writer.close()


async def _begun(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get("/api/v1/stream").replace(b"Connection: close\r\n", b""))
    async with asyncio.timeout(60):
        await reader.readuntil(b"event: hello")
    return reader, writer


async def test_one_stream_over_the_limit_is_refused(tmp_path: Path) -> None:
    """SECURITY.md S44."""
    async with (
        a_world(tmp_path / "data", limits={"stream_readers_max": 1}) as world,
        serving(world.app) as (port, _),
        connected(port) as reader,
    ):
        async with asyncio.timeout(60):
            await reader.readuntil(b"event: hello")
        answer = await world.client.get("/api/v1/stream")
        assert answer.status_code == 429
        assert answer.json()["type"] == "/problems/too-many-streams"
        assert int(answer.headers["retry-after"]) > 0


async def test_a_head_of_the_stream_ends(world: World) -> None:
    async with asyncio.timeout(60):
        answer = await world.client.head("/api/v1/stream")
    assert answer.status_code == 200
    assert not answer.content
    await left(world)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"metric": "volume"}, "metric"), ({"window": "7h"}, "window"), ({"page": 0}, "page"),
        ({"by": "nothing"}, "by"), ({"watchlist": "none"}, "watchlist"), ({"x": 1}, "x"),
        ({"interval": "7m"}, "interval"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/v1/stream", "/api/v1/snapshot"])
@reading
async def test_what_cannot_be_shown_is_said(
    still: World, path: str, query: dict[str, Any], field: str
) -> None:
    answer = await still.client.get(path, params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert answer.json()["errors"][0]["allowed"] or field == "watchlist"


# The snapshot


@reading
async def test_a_snapshot_says_what_metrics_say(still: World) -> None:
    told = await still.get("/snapshot", metric="price")
    rows = (await still.get("/metrics", metric="price", sort="id"))["items"]
    columns = told["columns"]
    assert columns["id"] == [row["id"] for row in rows]
    assert columns["pair"] == [row["pair"] for row in rows]
    assert columns["rank"] == [row["rank"] for row in rows]
    assert columns["state"] == [row["state"] for row in rows]
    for name, same in {"latest": "value", "high": "max", "sigma_rel": "sigma_rel"}.items():
        assert columns[name] == pytest.approx([row[same] for row in rows], rel=1e-6)
    assert {len(column) for column in columns.values()} == {12}
    assert (told["total"], told["page"], told["pages"]) == (12, 1, 1)
    assert told["slot"] == rows[0]["slot"]


@reading
async def test_a_snapshot_is_the_same_compressed_and_has_a_tag(still: World) -> None:
    plain = await still.client.get("/api/v1/snapshot", headers={"Accept-Encoding": "identity"})
    async with still.client.stream(
        "GET", "/api/v1/snapshot", headers={"Accept-Encoding": "gzip;q=0.5"}
    ) as packed:
        assert packed.headers["content-encoding"] == "gzip"
        body = b"".join([part async for part in packed.aiter_raw()])
    assert gzip.decompress(body) == plain.content
    assert "accept-encoding" in plain.headers["vary"].lower()
    tag = {"If-None-Match": plain.headers["etag"]}
    assert (await still.client.get("/api/v1/snapshot", headers=tag)).status_code == 304


@reading
async def test_a_page_behind_the_last_is_empty(still: World) -> None:
    told = await still.get("/snapshot", page=2)
    assert told["columns"]["id"] == []
    assert (told["total"], told["pages"]) == (12, 1)


async def test_before_the_first_slot_there_is_an_empty_snapshot(world: World) -> None:
    told = await world.get("/snapshot", metric="ask")
    assert (told["slot"], told["total"]) == (None, 0)
    lines = await world.get("/sparklines", ids=str(world.program.catalogue.series[0].id))
    assert lines["items"][0]["points"] == MISSING * 48


# Sparklines


@reading
async def test_a_sparkline_ends_with_the_newest_half_hour(still: World) -> None:
    ids = [one.id for one in still.program.catalogue.series[:3]]
    told = await still.get("/sparklines", ids=",".join(map(str, ids)))
    assert [one["id"] for one in told["items"]] == ids
    row = await still.get(f"/metrics/{ids[0]}")
    line = told["items"][0]
    assert line["low"] == line["high"] == row["value"]  # twelve minutes: one half hour is known
    assert set(line["points"][:-1]) == {MISSING}
    assert line["points"][-1] in ALPHABET
    assert (line["from"], told["step"]) == ("2026-11-20T08:30:00.000Z", "30m")


@reading
async def test_a_sparkline_of_nobody_is_refused(still: World) -> None:
    for ids, field in (("999999", "id"), ("", "ids"), (",".join(map(str, range(501))), "ids")):
        answer = await still.client.get("/api/v1/sparklines", params={"ids": ids})
        assert answer.status_code in {404, 422}
        assert answer.json()["errors"][0]["field"] == field


async def test_an_aiohttp_client_reads_the_compressed_stream_as_it_comes(world: World) -> None:
    await world.pass_slots(2, MOVES)
    async with serving(world.app) as (port, _), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/api/v1/stream") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            async with asyncio.timeout(60):
                first = await answer.content.readuntil(b"\n\n")
        hello = json.loads(first.partition(b"data: ")[2])
        assert hello["rows"] == 12
        assert hello["ui"] == packaged().build
        await left(world)


async def test_who_takes_nothing_is_cut_off_and_leaves_its_place(world: World) -> None:
    """SECURITY.md S44: a stalled reader is cut; here after a tenth of a second instead of ten."""
    await world.pass_slots(2, MOVES)
    listener = listen("127.0.0.1", 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    receipts = Receipts(room=Room(connections_max=99), deadlines=Deadlines(answer_s=0.1))
    task = asyncio.ensure_future(serve_on(world.app, listener, receipts=receipts))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, listener.getsockname())
        client.send(get("/api/v1/stream"))
        async with asyncio.timeout(60):
            while not receipts.cut_count["answer"]:
                await world.pass_slots(1, MOVES)
        await left(world)
    task.cancel()
    await asyncio.wait([task])


async def test_a_revoked_key_is_told_nothing_more(world: World) -> None:
    """SECURITY.md S02: SSE of a revoked key cut <= 5 s."""
    await world.pass_slots(2, MOVES)
    await add(world, "ada", "admin")
    async with a_page(world, "ada") as page, serving(world.app) as (port, _):
        made = await a_key(page)
        async with connected(port, f"Authorization: Bearer {made['key']}") as reader:
            async with asyncio.timeout(60):
                await reader.readuntil(b"event: hello")
            gone = await page.delete(f"/keys/{made['about']['id']}")
            assert gone.is_success, gone.text
            await world.clock.advance_to_ms(world.clock.now_ms() + 5_000, turns=10)
            async with asyncio.timeout(60):
                told = await reader.read()
            assert b"event: bye\n" in told
            assert b"event: delta" not in told


async def test_nobody_hears_of_another_users_rules_or_lists(world: World) -> None:
    """SECURITY.md S08: only A's data."""
    await world.pass_slots(2, MOVES)
    hub = world.program.streaming
    for name, role in (("ada", "admin"), ("ann", "editor"), ("bob", "editor")):
        await add(world, name, role)
    async with a_page(world, "ann") as ann, a_page(world, "bob") as bob:
        made = await ann.post("/watchlists", json={"name": "hers", "items": ["*:BTC/*"]})
        assert made.status_code == 201, made.text
        assert (await ann.get("/snapshot", params={"watchlist": "hers"})).status_code == 200
        for path in ("/snapshot", "/stream"):
            refused = await bob.get(path, params={"watchlist": "hers"})
            assert refused.status_code == 422
            assert refused.json()["type"] == "/problems/unknown-watchlist"
    assert hub.readers_count == 0


async def test_without_a_window_a_table_is_made_over_the_longest_there_is(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", windows=["10m", "6h"]) as world:
        await world.pass_slots(12, MOVES)
        assert (await world.get("/snapshot"))["window"] == "6h"
        assert (await world.get("/snapshot", window="10m"))["window"] == "10m"
        answer = await world.client.get("/api/v1/snapshot", params={"window": "1h"})
        assert answer.json()["errors"][0]["allowed"] == "6h, 10m"
        assert (await world.get("/snapshot", interval="1h"))["columns"]["id"] == []
