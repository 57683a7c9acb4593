"""How many hot reads one process answers a second, beside a constant answer on the same server.

    python -m benchmarks reads               1,000 series with 24 h of minutes; under a minute
    python -m benchmarks reads --series 100 --seconds 10

The whole program serves over loopback, one process; another one (shared/asking.py) asks over 64
connections, each of which asks again when it has all bytes of its answer. `constant` is an
application that does nothing but answer the same bytes, as many as the reads above it, on the same
server; `loop` is no HTTP at all: those bytes for whatever comes, which is what this driver can ask
for at most. Reads go round over all series, compressed as for browsers, and once more with the tag
of the answer (304). `µs` is what an answer takes of the server's processor, which other work beside
it changes least. Must (DESIGN.md): 10,000 a second, p99 20 ms; aim 60 % of the constant answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from benchmarks.program import DAY_SLOTS, MINUTE
from benchmarks.shared.asking import length
from benchmarks.shared.machine import described
from benchmarks.shared.results import Results, duration

from sigmawatch.adapters.clock import RealClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.config import Config
from sigmawatch.app.program import Program
from sigmawatch.app.web import create_app
from sigmawatch.app.web.server import listen, serve_on
from sigmawatch.app.wiring import build
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market

ROUNDS = 3  # odd
HEADER = ("", "answer", "a second", "p50", "p99", "processor", "constant", "its processor", "ratio")
HEADERS = "Host: localhost\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nUser-Agent: reads/1\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Answers a second and how late they came; what one took of the server's processor."""

    rate: float
    p50_ms: float
    p99_ms: float
    each_us: float


def main(arguments: Sequence[str] = ()) -> None:
    """Print one row for each kind of read."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks reads")
    parser.add_argument("--series", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=0.5)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_measured(Path(folder), asked))
    if not arguments:
        Results("reads").save({"machine": described(), "header": HEADER, "rows": rows})


async def _measured(folder: Path, asked: argparse.Namespace) -> list[list[str]]:
    rows = []
    await _written(folder, asked.series)
    print(f"{'':<12} {'KB':>6} {'a second':>9} {'p50 ms':>7} {'p99 ms':>7} {'µs':>6}"
          f" {'constant':>9} {'µs':>6} {'ratio':>6} {'loop':>8}")  # fmt: skip
    async with AsyncExitStack() as stack:
        config = Config(data=folder, track=())
        program = await stack.enter_async_context(build(config, clock=RealClock(), venues=[]))
        port = await stack.enter_async_context(_serving(create_app(program)))
        for name, paths, more in _reads(program):
            answer = await _answer(port, paths[0], more)
            if more and b"etag: " in answer:
                tag = answer.partition(b"etag: ")[2].partition(b"\r\n")[0].decode()
                more = f"If-None-Match: {tag}\r\n"
                answer = await _answer(port, paths[0], more)
                paths = paths[:1]
            requests = [_request(path, more) for path in paths]
            ours, constant, loop = await _compared(
                port, requests, answer=answer, seconds=asked.seconds
            )
            print(f"{name:<12} {len(answer) / 1e3:>6.1f} {ours.rate:>9,.0f} {ours.p50_ms:>7.2f}"
                  f" {ours.p99_ms:>7.2f} {ours.each_us:>6.1f} {constant.rate:>9,.0f}"
                  f" {constant.each_us:>6.1f} {ours.rate / constant.rate:>6.0%}"
                  f" {loop.rate:>8,.0f}", flush=True)  # fmt: skip
            rows.append(_cells(name, answer, ours=ours, constant=constant))
    return rows


def _cells(name: str, answer: bytes, *, ours: Seen, constant: Seen) -> list[str]:
    """As the page tells it."""
    return [
        name, f"{len(answer) / 1e3:.1f} KB", f"{ours.rate:,.0f}", duration(ours.p50_ms),
        duration(ours.p99_ms), f"{ours.each_us:.0f} µs", f"{constant.rate:,.0f}",
        f"{constant.each_us:.0f} µs", f"{ours.rate / constant.rate:.0%}",
    ]  # fmt: skip


def _reads(program: Program) -> Sequence[tuple[str, Sequence[str], str]]:
    """Name, addresses, and a header where one is to be sent too."""
    metrics = [f"/api/v1/metrics/{one.slug}" for one in program.catalogue.series]
    records = [f"{path}/records" for path in metrics]
    return (
        ("metric", metrics, ""),
        ("records 24 h", records, ""),
        ("ranking", ["/api/v1/ranking?limit=100"], ""),
        ("list", ["/api/v1/metrics?limit=100"], ""),
        ("304", records, "If-None-Match"),
    )


def _request(path: str, more: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\n{HEADERS}{more if ':' in more else ''}\r\n"


async def _answer(port: int, path: str, more: str) -> bytes:
    """One whole answer, head and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(path, more).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(length(head))
    writer.close()
    return head + body


async def _compared(
    port: int, requests: Sequence[str], *, answer: bytes, seconds: float
) -> tuple[Seen, Seen, Seen]:
    """Our reads and the constant answer, the middle of some rounds; the bare loop."""
    body = answer.partition(b"\r\n\r\n")[2]
    rounds: list[list[Seen]] = []
    async with _serving(_constant(body)) as plain, _echoing(answer) as bare:
        for _ in range(ROUNDS):
            took = [await _driven(one, requests, seconds=seconds) for one in (port, plain)]
            rounds.append(took)
        loop = await _driven(bare, requests, seconds=seconds)
    ours, constant = (_middle(seen) for seen in zip(*rounds, strict=True))
    return ours, constant, loop


def _middle(seen: Sequence[Seen]) -> Seen:
    """Of each figure the middle one: the first round also makes what the others find made."""
    return Seen(**{
        field.name: median(getattr(one, field.name) for one in seen) for field in fields(Seen)
    })  # fmt: skip


async def _driven(port: int, requests: Sequence[str], *, seconds: float) -> Seen:
    """What the driver, a process of its own, saw; and what it took of our processor."""
    command = [sys.executable, "-m", "benchmarks.shared.asking", str(port), str(seconds)]
    busy_s = time.process_time()
    driver = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await driver.communicate(json.dumps(requests).encode())
    rate, p50_ms, p99_ms, count = json.loads(said)
    each_us = 1e6 * (time.process_time() - busy_s) / count
    return Seen(rate=rate, p50_ms=p50_ms, p99_ms=p99_ms, each_us=each_us)


@asynccontextmanager
async def _serving(app: Any) -> AsyncIterator[int]:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.ensure_future(serve_on(app, listener))
    yield port
    serving.cancel()
    await asyncio.wait([serving])


def _constant(body: bytes) -> Callable[..., Awaitable[None]]:
    """An application that answers `body`, whatever it is asked."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return app


@asynccontextmanager
async def _echoing(answer: bytes) -> AsyncIterator[int]:
    """`answer` for whatever comes."""

    class Echo(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            self._transport.write(answer)

    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def _written(folder: Path, count: int) -> None:
    """A folder with `count` price series and the last day of frames."""
    clock = RealClock()
    now = MINUTE.slot(clock.now_ms())
    ledger = await SqliteLedger.open(folder, clock=clock)
    async with ledger.transaction() as transaction:
        for index in range(count):
            market = Market(venue="BENCH", base=f"M{index}", quote="USD", native=f"M{index}USD")
            await transaction.catalogue.add(market, "price", interval=MINUTE, origin="api")
    blocks = [block.id for block in await ledger.blocks()]
    widths = [min(1_024, count - 1_024 * place) for place in range(len(blocks))]
    for slot in range(now - DAY_SLOTS - 1, now):
        rng = np.random.default_rng(slot)
        async with ledger.transaction() as transaction:
            await transaction.frames.insert([
                Frame(block_id=block_id, slot=slot, revision=61_000,
                      recv_ms=MINUTE.open_ms(slot) + 61_000,
                      values=np.round(100.0 * np.exp(rng.normal(0.0, 0.01, width)), 4)
                      .astype("<f8").tobytes(), marks=bytes(width))
                for block_id, width in zip(blocks, widths, strict=True)
            ])  # fmt: skip
    await ledger.close()
