"""How fast a backlog of notices is told: found whom it is for, said, sent, recorded.

    python -m benchmarks notices                       1,000 and 100,000 notices to fan out
    python -m benchmarks notices --notices 1000

The notifier of a whole program over a database on disk; ten webhooks on loopback, received by
another process. Half of the notices say that something fires, the other half that it is over: what
nobody was told of before it was over is one message. `fanned out` is when every notice was
addressed, `told` when none is open any more; RELIABILITY.md P11 allows a backlog of 1,000 five
minutes. Processor is that of the program alone.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from ctypes import c_longlong
from itertools import islice
from pathlib import Path

from benchmarks.shared.machine import cpu_s, described
from benchmarks.shared.results import Results

from sigmawatch.app.config import Config
from sigmawatch.app.program import Program
from sigmawatch.app.wiring import build
from sigmawatch.domain.notice import FANOUT, Notice, NoticeKind
from sigmawatch.domain.receipt import Operand, Receipt
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target

HEADER = ("notices", "fanned out", "told", "messages", "a second", "processor")
CHANNELS = 10
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BATCH = 1_000
LOOK_EVERY_S = 0.05
GIVE_UP_S = 1_800.0
ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


def main(arguments: Sequence[str] = ()) -> None:
    """Print one row for each backlog."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks notices")
    parser.add_argument("--notices", type=int, nargs="*", default=[1_000, 100_000])
    asked = parser.parse_args(arguments)
    print("".join(f"{name:>12}" for name in HEADER))
    rows = []
    for count in asked.notices:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(asyncio.run(_measured(Path(folder), count)))
        print("".join(f"{cell:>12}" for cell in rows[-1]), flush=True)
    if not arguments:
        Results("notices").save({"machine": described(), "header": HEADER, "rows": rows})


async def _measured(folder: Path, count: int) -> list[str]:
    with socket.create_server(("127.0.0.1", 0), backlog=1_024) as listener:
        port, heard = listener.getsockname()[1], multiprocessing.RawValue(c_longlong, 0)
        receiver = multiprocessing.Process(target=_receive, args=(listener, heard), daemon=True)
        receiver.start()
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(build(_config(folder, port), venues=[]))
        await _backlog(program, count)
        worked_s, began_s = cpu_s(), time.perf_counter()
        telling = asyncio.ensure_future(program.notifying.notifier.run_for_ever())
        fanned_s = await _until(program, began_s, but=CHANNELS)
        told_s = await _until(program, began_s, but=0)
        worked_s = cpu_s() - worked_s
        telling.cancel()
    receiver.terminate()
    messages = heard.value
    return [f"{count:,}", f"{fanned_s:.2f} s", f"{told_s:.2f} s", f"{messages:,}",
            f"{messages / told_s:,.0f}", f"{worked_s:.2f} s"]  # fmt: skip


def _config(folder: Path, port: int) -> Config:
    hook = {"service": "webhook", "secret": SECRET, "per_minute": 60_000}
    return Config.model_validate({
        "data": folder, "track": (), "egress": {"allow": [f"127.0.0.1/32:{port}"]},
        "channels": {f"hook-{number}": {**hook, "url": f"http://127.0.0.1:{port}/{number}"}
                     for number in range(CHANNELS)},
    })  # fmt: skip


async def _backlog(program: Program, count: int) -> None:
    """As many notices that wait to be addressed, of rules that name a channel each."""
    ledger = program.tracker._ledger
    rules = []
    async with ledger.transaction() as transaction:
        for number in range(CHANNELS):
            settings = RuleSettings(target=parse_target(["*:*/*"]), channels=(f"hook-{number}",))
            rules.append(await transaction.rules.put(
                f"bench-{number}", text="price > 200", settings=settings.encode(), origin="api",
                enabled=True,
            ))  # fmt: skip
    notices = _notices([(rule.id, rule.name) for rule in rules], count)
    while batch := [*islice(notices, BATCH)]:
        async with ledger.transaction() as transaction:
            await transaction.outbox.put(batch)


def _notices(rules: Sequence[tuple[int, str]], count: int) -> Iterator[Notice]:
    slot = time.time_ns() // 60_000_000_000
    open_ms = 60_000 * slot
    for number in range(-(-count // 2)):
        rule_id, name = rules[number % len(rules)]
        receipt = Receipt(
            rule=name, version=1, condition="price > 200", severity="warning",
            series=f"BENCH:M{number}/USD price", unit="USD", interval_ms=60_000,
            slot=slot, opened=slot, value=301.0,
            operands=(Operand(text="price", value=301.0),), reason="the condition is true",
        ).encode()  # fmt: skip
        for ordinal, kind in enumerate((NoticeKind.FIRING, NoticeKind.RESOLVED)):
            yield Notice(
                rule_id=rule_id, series_id=number + 1, episode=f"{rule_id}-{number}-{open_ms}",
                kind=kind, ordinal=ordinal, channel=FANOUT, decided_ms=open_ms, due_ms=open_ms,
                receipt=receipt,
            )  # fmt: skip


async def _until(program: Program, began_s: float, *, but: int) -> float:
    """Seconds until no notice waits; but: lanes that may."""
    async with asyncio.timeout(GIVE_UP_S):
        while True:
            lanes = await program.notifying.store.lanes()
            if (FANOUT not in lanes) if but else not lanes:
                return time.perf_counter() - began_s
            await asyncio.sleep(LOOK_EVERY_S)


def _receive(listener: socket.socket, heard: c_longlong) -> None:
    asyncio.run(_received(listener, heard))


async def _received(listener: socket.socket, heard: c_longlong) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                heard.value += 1
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(answer, sock=listener) as server:
        await server.serve_forever()
