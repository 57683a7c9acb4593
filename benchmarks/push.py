"""How many readings a second are pushed in, durable when they are answered.

    python -m benchmarks push                            each format, 4 connections, 10 s
    python -m benchmarks push --format lines --series 1000 --connections 1

The whole program serves over loopback, one process, over a real database; another one pushes
bodies as large as are taken, each of the newest readings of all series in turn, one body after the
other on each connection, and waits for every answer. `readings/s` are those that were answered as
taken; must 100,000. Times are of a body. `processor` is the server's share of one; `MB/s` what it
wrote.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.shared.machine import described
from benchmarks.shared.results import Results, duration

from sigmawatch.adapters.clock import RealClock
from sigmawatch.app.config import Config
from sigmawatch.app.pushing.lines import read_lines
from sigmawatch.app.web import create_app
from sigmawatch.app.web.server import listen, receipts_of, serve_on
from sigmawatch.app.wiring import build

BODY_BYTES_MAX = 990_000
JSON_ROWS_MAX = 10_000
AT_ONCE = 2_000  # series made by one body
MOMENT = b"1795248000000"  # stands for now
HEADER = ("", "readings a second", "a body", "p50", "p99", "processor", "written a second")
FORMATS = ("json", "ndjson", "lines")
TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "lines": "text/plain"}


def main(arguments: Sequence[str] = ()) -> None:
    """Print one row a format."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks push")
    parser.add_argument("--format", choices=FORMATS, action="append")
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args(arguments)
    print(f"{'format':>8} {'readings/s':>11} {'a body':>7} {'median ms':>10} {'p99 ms':>7} "
          f"{'processor':>10} {'MB/s':>6}")  # fmt: skip
    rows = []
    for form in asked.format or FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(asyncio.run(_measured(Path(folder), form, asked=asked)))
    if not arguments:
        Results("push").save({"machine": described(), "header": HEADER, "rows": rows})


async def _measured(folder: Path, form: str, *, asked: argparse.Namespace) -> list[str]:
    config = Config(data=folder, track=())
    async with build(config, clock=RealClock(), venues=[]) as program:
        for first in range(0, asked.series, AT_ONCE):
            lines = "\n".join(f"M{n}/USD price=1" for n in range(first, first + AT_ONCE))
            told = read_lines(lines.encode(), now_ms=program.clock.now_ms())
            await program.push.take(told, interval=config.interval)
        await program.tracker.refresh()
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        receipts = receipts_of(config.access, config.limits)
        web = asyncio.ensure_future(serve_on(create_app(program), listener, receipts=receipts))
        serving = asyncio.ensure_future(program.serve_until_cancelled())
        before, written = time.process_time(), _written_bytes()
        command = [sys.executable, "-m", "benchmarks.push", str(port), form, str(asked.series),
                   str(asked.connections), str(asked.seconds)]  # fmt: skip
        pusher = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said, _ = await pusher.communicate()
        busy_s, wrote = time.process_time() - before, _written_bytes() - written
        for task in (web, serving):
            task.cancel()
        await asyncio.wait([web, serving])
    return _print(form, json.loads(said), busy_s=busy_s, wrote=wrote)


def _print(form: str, told: dict[str, float], *, busy_s: float, wrote: int) -> list[str]:
    """The row; returns it as the page tells it."""
    took_s = told["took_s"]
    row = (told["taken"] / took_s, told["rows"], told["median"], told["p99"], busy_s / took_s,
           wrote / 1e6 / took_s)  # fmt: skip
    print("{:>8} {:>11,.0f} {:>7,.0f} {:>10.0f} {:>7.0f} {:>10.0%} {:>6.1f}".format(form, *row))
    return [form, f"{row[0]:,.0f}", f"{row[1]:,.0f}", duration(row[2]), duration(row[3]),
            f"{row[4]:.0%}", f"{row[5]:.1f} MB"]  # fmt: skip


def _written_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_oublock * 512


# The other process


def _body(form: str, first: int, *, series: int) -> tuple[bytes, int]:
    """As many readings as a body takes, of all series in turn, from one on; how many they are."""
    made: list[str] = []
    size = 0
    while size < BODY_BYTES_MAX and (form != "json" or len(made) < JSON_ROWS_MAX):
        market, value = f"M{(first + len(made)) % series}/USD", 100.0 + len(made) % 977 / 8
        if form == "lines":
            made.append(f"{market} price={value} {MOMENT.decode()}")
        else:
            made.append(f'{{"market":"{market}","time":{MOMENT.decode()},"value":{value}}}')
        size += len(made[-1]) + 1
    if form == "json":
        return f'{{"samples":[{",".join(made)}]}}'.encode(), len(made)
    return "\n".join(made).encode(), len(made)


async def _push(port: int, *, body: bytes, form: str, until_s: float) -> list[tuple[int, float]]:
    """Push until the end; readings taken and seconds of each body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /api/v1/samples?precision=ms HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: {TYPES[form]}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    told = []
    while time.monotonic() < until_s:
        now = str(time.time_ns() // 1_000_000).encode()
        began_s = time.monotonic()
        writer.write(head + body.replace(MOMENT, now))
        answered = await reader.readuntil(b"\r\n\r\n")
        size = int(answered.lower().partition(b"content-length:")[2].split()[0])
        answer = json.loads(await reader.readexactly(size))
        told.append((answer["taken"], time.monotonic() - began_s))
    writer.close()
    return told


async def _pusher(port: int, form: str, series: int, *, connections: int, seconds: float) -> None:
    bodies = [_body(form, at * series // connections, series=series) for at in range(connections)]
    began_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_push(port, body=body, form=form, until_s=began_s + seconds))
                 for body, _ in bodies]  # fmt: skip
    told = [one for task in tasks for one in task.result()]
    took_s = np.array([took_s for _, took_s in told]) * 1_000
    print(json.dumps({
        "took_s": time.monotonic() - began_s, "taken": sum(taken for taken, _ in told),
        "rows": bodies[0][1], "median": float(np.median(took_s)),
        "p99": float(np.percentile(took_s, 99)),
    }))  # fmt: skip


if __name__ == "__main__":
    asyncio.run(_pusher(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]),
                        connections=int(sys.argv[4]), seconds=float(sys.argv[5])))  # fmt: skip
