"""What the page takes of a browser while 5,000 rows all change each second.

    python -m benchmarks browser                         a minute of it, and ten cold starts
    python -m benchmarks browser --minutes 10 --save     as long as is promised, and written down

The whole program serves over loopback, one process, slots of a second; every price, volume,
statistic and rank is another one in each. A Chromium of this machine shows the markets with one
beside them, a window of 1440 x 900. `script` and `task` are processor time of the page's own
thread, by Chromium's counters; `browser` is that of all its processes. The heap is what is left
after a collection. JavaScript is all there is, on every route, as gzip sends it.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.budget.figures import Figure, Unit, timed
from benchmarks.shared.machine import described
from benchmarks.shared.results import Results
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.config import Config
from sigmawatch.app.program import Program
from sigmawatch.app.web import create_app
from sigmawatch.app.web.dashboard import contents
from sigmawatch.app.web.server import listen, receipts_of, serve_on
from sigmawatch.app.wiring import build
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.window import MINUTE_MS, Interval

ROWS = 5_000
SLOT = Interval(1_000)
BEFORE = 60  # slots before anybody looks: a whole window of them
LEVELS = {"price": 100.0, "volume_24h_quote": 1e7}
METRICS = (*LEVELS, "volume_24h_ref")  # the last follows from the one before
SCRIPT_MS_MAX, FIRST_ROW_MS_MAX, GZIP_BYTES_MAX = 15.0, 500.0, 85_000.0
HEAP_GROWTH_MAX = 1.25  # sparklines of the rows that came into view are kept
STARTS = 10
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
FIRST_ROW = """
  new MutationObserver((all, watching) => {
    if (!document.querySelector('.rows .row')) return;
    watching.disconnect();
    requestAnimationFrame(() => { globalThis.firstRowMs = performance.now(); });
  }).observe(document, {subtree: true, childList: true});
"""


def main(arguments: Sequence[str] = ()) -> None:
    """Print one row a figure; with --save, keep them for docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks browser")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--save", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(_measured(Path(folder), asked.minutes))
    figures = figures_of(told, script_bytes=gzipped_bytes(contents("built")))
    for figure in figures:
        print("{:<44} {:>10} {:>10} {:>10} {:>10} {:>10} {}".format(*figure.cells()))
    if asked.save:
        facts = [figure.facts() for figure in figures]
        Results("browser").save({"machine": described(), "rows": facts})


def gzipped_bytes(built: Mapping[str, bytes]) -> int:
    """Of all JavaScript of the page, each file as it is sent."""
    return sum(len(built.get(f"{name}.gz", gzip.compress(content)))
               for name, content in built.items() if name.endswith(".js"))  # fmt: skip


def figures_of(told: Mapping[str, Any], *, script_bytes: int) -> list[Figure]:
    """The figures of what the browser told: `first_row_ms`, and a `looks` a minute or more often,
    each with its counters since the start."""
    first, last = told["looks"][0], told["looks"][-1]
    took_s = last["at_s"] - first["at_s"]
    each = {name: (last[name] - first[name]) / took_s for name in ("script", "task", "browser")}
    minutes = f"{took_s / 60:.3g} min"
    return [
        timed("first row after navigation, nothing cached", told["first_row_ms"],
              must=FIRST_ROW_MS_MAX),
        Figure(what="script, of each second", value=1_000 * each["script"], must=SCRIPT_MS_MAX),
        Figure(what="task, of each second", value=1_000 * each["task"]),
        Figure(what="browser, processor of each second", value=1_000 * each["browser"]),
        Figure(what="heap at first", value=first["heap"], unit=Unit.BYTES),
        Figure(what=f"heap after {minutes}", value=last["heap"], unit=Unit.BYTES,
               must=HEAP_GROWTH_MAX * first["heap"]),
        Figure(what="nodes at first", value=first["nodes"], unit=Unit.COUNT),
        Figure(what=f"nodes after {minutes}", value=last["nodes"], unit=Unit.COUNT),
        Figure(what=f"listeners after {minutes}", value=last["listeners"], unit=Unit.COUNT),
        Figure(what="JavaScript of all routes, gzip", value=script_bytes, unit=Unit.BYTES,
               must=GZIP_BYTES_MAX),
    ]  # fmt: skip


# The program


async def _measured(folder: Path, minutes: float) -> Any:
    """What the other process saw of a program that closes a slot each second."""
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(_now_ms()))
    async with ledger.transaction() as transaction:
        for metric in METRICS:
            for number in range(ROWS):
                market = Market(
                    venue="BENCH", base=f"C{number}", quote="USD", native=f"C{number}USD"
                )
                await transaction.catalogue.add(market, metric, interval=SLOT, origin="api")
    await ledger.close()
    config = Config(data=folder, track=(), interval=SLOT, windows_ms=(MINUTE_MS,))
    clock = VirtualClock(_now_ms() - BEFORE * SLOT.ms)
    async with AsyncExitStack() as stack:
        program = await stack.enter_async_context(build(config, clock=clock, venues=[]))
        while clock.now_ms() < _now_ms() - SLOT.ms:
            await _pass(program, clock, SLOT.slot(clock.now_ms()))
        listener = listen("127.0.0.1", 0)
        receipts = receipts_of(config.access, config.limits)
        web = asyncio.ensure_future(
            serve_on(create_app(program), listener, receipts=receipts,
                     leaving=program.streaming.close)
        )  # fmt: skip
        slots = asyncio.ensure_future(_go_on(program, clock))
        command = [sys.executable, "-m", "benchmarks.browser",
                   str(listener.getsockname()[1]), str(minutes)]  # fmt: skip
        looking = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        said, _ = await looking.communicate()
        for task in (slots, web):
            task.cancel()
        await asyncio.wait([slots, web])
    return json.loads(said)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _go_on(program: Program, clock: VirtualClock) -> None:
    """A slot each second of ours."""
    while True:
        slot = SLOT.slot(clock.now_ms())
        await asyncio.sleep(max(0.0, (SLOT.open_ms(slot + 1) + 100 - _now_ms()) / 1_000))
        await _pass(program, clock, slot)


async def _pass(program: Program, clock: VirtualClock, slot: int) -> None:
    """One slot: its readings, then its close."""
    await clock.advance_to_ms(SLOT.open_ms(slot + 1) + 100)
    rng = np.random.default_rng(slot)
    frames = []
    widths = Counter(series.block_id for series in program.catalogue.series)
    for block in program.catalogue.blocks.values():
        if block.derived:
            continue
        width = widths[block.id]
        values = LEVELS[block.metric] * np.exp(rng.normal(0.0, 0.01, width))
        frames.append(Frame(
            block_id=block.id, slot=slot, revision=1_100, recv_ms=SLOT.open_ms(slot + 1) + 100,
            values=values.astype("<f8").tobytes(), marks=bytes(width),
        ))  # fmt: skip
    await program.publish(frames)
    await program.tracker.close_slot(SLOT, slot)


# The other process


def _look(port: int, minutes: float) -> None:
    """Print what a browser takes to show it: JSON."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, headless=True, args=FLAGS)
        address = f"http://127.0.0.1:{port}/"
        first_row_ms = [_first_row_ms(browser, address) for _ in range(STARTS)]
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector(".rows .row")
        page.wait_for_timeout(5_000)  # what is only done once
        looks = _watched(browser, page, minutes)
        browser.close()
    print(json.dumps({"first_row_ms": first_row_ms, "looks": looks}))


def _first_row_ms(browser: Browser, address: str) -> float:
    """From navigation to the frame that shows the first row, nothing cached."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(FIRST_ROW)
    page.goto(address)
    page.wait_for_function("() => globalThis.firstRowMs")
    told: float = page.evaluate("firstRowMs")
    page.context.close()
    return told


def _watched(browser: Browser, page: Page, minutes: float) -> list[dict[str, float]]:
    session = page.context.new_cdp_session(page)
    whole = browser.new_browser_cdp_session()
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    began_s = time.monotonic()
    looks = [_seen(session, whole)]
    while time.monotonic() - began_s < 60 * minutes:
        page.wait_for_timeout(min(30_000, 60_000 * minutes))
        looks.append(_seen(session, whole))
    return looks


def _seen(session: CDPSession, whole: CDPSession) -> dict[str, float]:
    """The counters, all since the start but heap and nodes."""
    session.send("HeapProfiler.collectGarbage")
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    processes = whole.send("SystemInfo.getProcessInfo")["processInfo"]
    return {
        "at_s": time.monotonic(), "script": told["ScriptDuration"], "task": told["TaskDuration"],
        "browser": sum(one["cpuTime"] for one in processes), "heap": told["JSHeapUsedSize"],
        "nodes": told["Nodes"], "listeners": told["JSEventListeners"],
    }  # fmt: skip


if __name__ == "__main__":
    _look(int(sys.argv[1]), float(sys.argv[2]))
