"""How soon 5,000 readers of the stream have what a closed slot says, and what that takes.

    python -m benchmarks stream                          5,000 readers of 1,000 rows
    python -m benchmarks stream --rows 5000 --slots 10

The whole program serves over loopback, one process; another one reads: real connections, compressed
as for browsers, 20 from each address behind what looks like a proxy. Slots close in virtual time, a
few seconds of ours apart. `told` is from the moment a slot's readings are durable to the moment the
last reader has all bytes of its delta; must 1 s. Every price moves in every slot. Processor and
memory are the server's; memory is what it has more than before anybody read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import numpy as np
from benchmarks.shared.machine import described
from benchmarks.shared.results import Results, duration

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.access_config import AccessConfig, AccessMode, LimitsConfig
from sigmawatch.app.config import Config
from sigmawatch.app.program import Program
from sigmawatch.app.web import create_app
from sigmawatch.app.web.server import listen, receipts_of, serve_on
from sigmawatch.app.wiring import build
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX
from sigmawatch.domain.window import Interval

HEADER = ("readers", "rows", "first has it", "half have it", "all have it", "processor",
          "sent each", "memory each")  # fmt: skip
SLOT = Interval(10_000)  # shorter than what readers are kept alive by
S0 = 168_000_000
HISTORY_SLOTS = 60
REST_S = 3.0
OF_ADDRESS = 20
END = b"\x00\x00\xff\xff\r\n"  # of an event: a full flush (RFC 1951), then the end of its chunk
PAGE = os.sysconf("SC_PAGE_SIZE")


def main(arguments: Sequence[str] = ()) -> None:
    """Print one row a slot, and the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks stream")
    parser.add_argument("--readers", type=int, default=5_000)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--slots", type=int, default=8)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        row = asyncio.run(_measured(Path(folder), asked))
    if not arguments:
        told = [f"{asked.readers:,}", f"{asked.rows:,}", *row]
        Results("stream").save({"machine": described(), "header": HEADER, "rows": [told]})


async def _measured(folder: Path, asked: argparse.Namespace) -> list[str]:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(S0 * SLOT.ms))
    async with ledger.transaction() as transaction:
        for index in range(asked.rows):
            market = Market(venue="BENCH", base=f"M{index}", quote="USD", native=f"M{index}USD")
            await transaction.catalogue.add(market, "price", interval=SLOT, origin="api")
    await ledger.close()
    config = Config(
        data=folder, track=(), interval=SLOT,
        access=AccessConfig(mode=AccessMode.OPEN_READ, behind_proxy=True, proxies=("127.0.0.1",)),
        limits=LimitsConfig(stream_readers_max=asked.readers, connections_max=asked.readers + 100),
    )  # fmt: skip
    clock = VirtualClock(S0 * SLOT.ms + 100)
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(build(config, clock=clock, venues=[]))
        for slot in range(S0, S0 + HISTORY_SLOTS):
            await _pass(program, clock, slot)
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        receipts = receipts_of(config.access, config.limits)
        web = asyncio.ensure_future(
            serve_on(create_app(program), listener, receipts=receipts,
                     leaving=program.streaming.close)
        )  # fmt: skip
        row = await _told(program, clock, asked=asked, port=port)
        web.cancel()
        await asyncio.wait([web])
    return row


async def _told(
    program: Program, clock: VirtualClock, *, asked: argparse.Namespace, port: int
) -> list[str]:
    """Let slots pass while another process reads, and print what it saw."""
    before = _resident_bytes()
    command = [sys.executable, "-m", "benchmarks.stream", str(port), str(asked.readers)]
    readers = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    while program.streaming.readers_count < asked.readers:  # noqa: ASYNC110 - it is what we time
        await asyncio.sleep(0.1)
    await asyncio.sleep(REST_S)
    each = (_resident_bytes() - before) / asked.readers
    slots: list[tuple[float, float]] = []
    for slot in range(S0 + HISTORY_SLOTS, S0 + HISTORY_SLOTS + asked.slots):
        busy_s = time.process_time()
        durable_s = await _pass(program, clock, slot)
        await asyncio.sleep(REST_S)
        slots.append((durable_s, time.process_time() - busy_s))
    program.streaming.close()
    said, _ = await readers.communicate()
    return _print(slots, json.loads(said), each=each)


def _print(
    slots: Sequence[tuple[float, float]],
    seen: Sequence[tuple[Sequence[float], int]],
    *,
    each: float,
) -> list[str]:
    """A row a slot; returns the medians as the page tells them."""
    print(f"{'first ms':>9} {'median ms':>10} {'told ms':>9} {'processor ms':>13} {'KB sent':>8}")
    rows = []
    for (durable_s, busy_s), (arrived_s, size) in zip(slots, seen, strict=False):
        at_ms = [1_000 * (arrived - durable_s) for arrived in arrived_s]
        rows.append([min(at_ms), float(np.median(at_ms)), max(at_ms), 1_000 * busy_s, size / 1e3])
    middle = np.median(rows, axis=0).tolist()
    for row in [*rows, middle]:
        print("{:>9.0f} {:>10.0f} {:>9.0f} {:>13.0f} {:>8.1f}".format(*row))
    print(f"the last row: medians; memory {each / 1e3:.1f} KB a reader")
    return [*map(duration, middle[:4]), f"{middle[4]:.1f} KB", f"{each / 1e3:.1f} KB"]


async def _pass(program: Program, clock: VirtualClock, slot: int) -> float:
    """One slot: its readings, durable; then its close. When the former was, by `time.monotonic`."""
    await clock.advance_to_ms((slot + 1) * SLOT.ms + 100)
    rng = np.random.default_rng(slot)
    count = len(program.catalogue.series)
    frames = []
    for index, block_id in enumerate(program.catalogue.blocks):
        width = min(BLOCK_SERIES_MAX, count - index * BLOCK_SERIES_MAX)
        values = 100.0 * np.exp(rng.normal(0.0, 0.01, width))
        frames.append(Frame(
            block_id=block_id, slot=slot, revision=10_100, recv_ms=(slot + 1) * SLOT.ms + 100,
            values=values.astype("<f8").tobytes(), marks=bytes(width),
        ))  # fmt: skip
    await program.publish(frames)
    durable_s = time.monotonic()
    await program.tracker.close_slot(SLOT, slot)
    return durable_s


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


class Reading(asyncio.Protocol):
    """One connection. events: when the last byte of each came, and how many bytes there were."""

    def __init__(self, number: int) -> None:
        self._address = f"10.{number // OF_ADDRESS // 250}.{number // OF_ADDRESS % 250}.7"
        self._bytes = 0
        self.events: list[tuple[float, int]] = []
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(
            b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
            + f"X-Forwarded-For: {self._address}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        if data.endswith(END):
            self.events.append((time.monotonic(), self._bytes))
            self._bytes = 0

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(None)


async def _read(port: int, count: int) -> None:
    """Read with `count` connections until the streams end; print, for each event but the first and
    last (`hello`, `bye`), when every reader had it, and its bytes."""
    loop, readers = asyncio.get_running_loop(), []
    for number in range(count):
        _, reader = await loop.create_connection(partial(Reading, number), "127.0.0.1", port)
        readers.append(reader)
    await asyncio.wait([reader.ended for reader in readers])
    deltas = zip(*(reader.events[1:] for reader in readers), strict=False)
    told = [[[at_s for at_s, _ in delta], delta[0][1]] for delta in deltas]
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(_read(int(sys.argv[1]), int(sys.argv[2])))
