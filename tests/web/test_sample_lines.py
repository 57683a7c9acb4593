"""`POST /samples` with more lines than are held at once: they are taken while they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.security.callers import Known, calling
from tests.security.test_slow import connected
from tests.security.wire import request, served, statuses
from tests.web.conftest import START_MS, World
from tests.web.test_errors import judged
from tests.web.test_samples import LINES, NDJSON, SAMPLES
from tests.web.test_storage import condition_of

from sigmawatch.app.web.door.framing import BODY_BYTES_MAX
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.app.web.receipts import Deadlines
from sigmawatch.app.web.sample_lines import PIECE_BYTES_MAX, pieces
from sigmawatch.domain.caller import Scope
from sigmawatch.domain.storage import StorageState

WIDE = 300_000  # three of them are a piece


def wide(market: str, value: object, *, ago_s: int = 0) -> bytes:
    """A line of WIDE bytes: space means nothing in JSON."""
    said = f'{{"market": "{market}", "value": {value}, "time": {START_MS - 1_000 * ago_s},'
    return said.encode().ljust(WIDE - 20) + b'"metric": "trades"}\n'


async def stream(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def cut(parts: Sequence[bytes]) -> Sequence[tuple[int, int, bytes]]:
    return [(one.first, one.end, one.content) async for one in pieces(stream(*parts))]


@pytest.mark.parametrize("size", [1, 65_536, 10_000_000], ids=["lines", "64 KB", "at once"])
async def test_however_it_comes_the_pieces_are_whole_lines_that_are_counted(size: int) -> None:
    lines = [b"a" * (n * 100_000) + b"\n" for n in (9, 2, 9, 0, 0, 4)] + [b"the end"]
    body = b"".join(lines)
    parts = lines if size == 1 else [body[at : at + size] for at in range(0, len(body), size)]
    found = await cut(parts)
    assert b"".join(content for _, _, content in found) == body
    assert all(len(content) <= PIECE_BYTES_MAX for _, _, content in found)
    assert [(first, end) for first, end, _ in found] == [(0, 1), (1, 2), (2, 5), (5, 7)]


async def test_a_body_that_is_no_larger_is_one_piece() -> None:
    body = b"x\n" * (PIECE_BYTES_MAX // 2)
    [(first, _, content)] = await cut([body])
    assert (first, content) == (0, body)
    assert await cut([]) == [(0, 1, b"")]


async def test_a_line_longer_than_a_piece_is_refused() -> None:
    with pytest.raises(ProblemError, match="a line of more than 1000000 bytes"):
        await cut([b"ok\n", b"x" * PIECE_BYTES_MAX, b"xx\n"])


async def test_lines_are_stored_while_the_rest_is_still_on_its_way(world: World) -> None:
    """More than a piece is never waited for: the first readings are there before the last line is
    sent. The answer adds up all pieces, and counts lines from the begin of the body."""

    async def body() -> AsyncIterator[bytes]:
        yield b"".join(wide("BTC/USD", n, ago_s=n) for n in range(4))
        assert [one.market.pair for one in world.program.catalogue.series if one.pushed] == [
            "BTC/USD"
        ]
        yield b"not json\n" + b"".join(wide("ETH/USD", n, ago_s=n) for n in range(4))
        yield wide("BTC/USD", 10, ago_s=-1)

    answer = await world.client.post(SAMPLES, content=body(), headers=NDJSON)
    told = answer.json()
    assert (answer.status_code, told["taken"], told["refused_count"]) == (200, 9, 1), told
    assert told["refused"][0]["index"] == 4
    assert told["made"] == ["PUSH:BTC/USD:trades", "PUSH:ETH/USD:trades"]
    await world.program.tracker.refresh()
    assert (await world.get("/metrics/PUSH:BTC-USD:trades"))["live_value"] == 10.0


async def test_line_protocol_is_taken_alike(world: World) -> None:
    lines = [f"BTC/USD price={n} {START_MS - n}000000\n".encode() for n in range(1, 7)]
    body = b"".join(line + b"#" * WIDE + b"\n" for line in lines) + b"BTC/USD price=x\n"
    answer = await world.client.post(SAMPLES, content=body, headers=LINES)
    told = answer.json()
    assert (told["taken"], [one["index"] for one in told["refused"]]) == (6, [12])


async def test_an_error_says_which_lines_are_stored(world: World) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"".join(wide("BTC/USD", n, ago_s=n) for n in range(4))
        condition_of(world).become(StorageState.FULL, "no room")
        yield b"".join(wide("BTC/USD", n, ago_s=n) for n in range(4))

    answer = await world.client.post(SAMPLES, content=body(), headers=NDJSON)
    problem = judged(answer, 503, "storage")
    assert (
        "of the lines before index 3 3 readings are stored: push again from there on"
        in (problem["detail"])
    )
    assert answer.headers["retry-after"]


async def test_every_piece_draws_on_the_budget(world: World) -> None:
    known = Known()
    key = known.key("ingest", Scope.WRITE_INGEST)
    async with calling(world, known, limits={"ingest_per_minute": 2}) as client:
        body = b"".join(wide("BTC/USD", n, ago_s=n) for n in range(9))
        answer = await client.post(SAMPLES, content=body, headers=NDJSON | key)
        problem = judged(answer, 429, "too-many-requests")
    assert "before index 6 6 readings are stored" in problem["detail"]


@pytest.mark.parametrize("form", [NDJSON, LINES], ids=["ndjson", "lines"])
async def test_more_than_100_mb_is_refused_before_it_comes(
    world: World, form: dict[str, str]
) -> None:
    """SECURITY.md S41."""
    headers = form | {"Content-Length": "100000001"}
    answer = await world.client.post(SAMPLES, content=b"", headers=headers)
    judged(answer, 413, "too-large")


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_of_json_is_as_bounded_as_any_other(world: World, *, chunked: bool) -> None:
    """SECURITY.md: "body 1 MB"."""
    parts = [b'{"samples": [' + b" " * 600_000, b" " * 600_000 + b"]}"]
    answer = await world.client.post(
        SAMPLES, content=stream(*parts) if chunked else b"".join(parts),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    judged(answer, 413, "too-large")


async def test_each_megabyte_is_judged_by_itself() -> None:
    """SECURITY.md S43; P22: "30 s (body, min 100 B/s)". Who was quick for a megabyte does not live
    on it: nor does who sends well for longer than a body may take end at its deadline."""
    taken_bytes = 0

    async def taking(_: Any, receive: Any, __: Any) -> None:
        nonlocal taken_bytes
        while (message := await receive())["type"] == "http.request":
            taken_bytes += len(message["body"])

    pace = Deadlines(head_s=60, body_s=3_600, body_grace_s=5, body_bytes_per_s_min=100_000)
    body = b"x" * (BODY_BYTES_MAX + 10)
    head = request("POST / HTTP/1.1", "Host: localhost", "Content-Length: 2000000")
    async with served(taking, deadlines=pace) as (port, receipts), connected(port) as line:
        reader, writer = line
        writer.write(head + body)
        async with asyncio.timeout(60):
            while taken_bytes < len(body):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0)
            receipts.look(asyncio.get_running_loop().time() + 8.0)  # 800 KB were due by then
            assert statuses(await reader.read()) == [b"408"]
        assert receipts.cut_count == {"body": 1}
