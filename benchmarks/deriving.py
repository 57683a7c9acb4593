"""What derived series cost a slot, beside the close of the same table.

    python -m benchmarks deriving         5,000 markets over six venues, both `_ref` volumes of each

`derive` computes the derived frames of a slot, `apply` takes them in, `close` makes the board;
`late` is a venue's frame that comes after the close; `day` looks over every derived value of 24 h,
as a restart does in the background, in steps of which the longest is told. `formula` is one of
1,000 ratios of two prices, at the close. Must: `derive` in 5 ms, `formula` in 0.2 ms.

Times are the processor time of the one thread that works (see benchmarks.engine).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

import numpy as np

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.deriving import Deriver
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import BLOCK_SERIES_MAX, DERIVED, Block, Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.table import SeriesTable

T = TypeVar("T")
MINUTE = Interval(60_000)
START = 28_000_000
SLOTS = 40
VENUES = ("BINANCE", "BITSTAMP", "BYBIT", "COINBASE", "KRAKEN", "OKX")
QUOTES = ("USD", "USDT", "EUR", "BTC", "ETH", "GBP", "TRY", "BRL")
METRICS = ("price", "volume_24h_quote", "volume_24h_ref", "traded_quote", "traded_ref")
RATES = {"KRAKEN": ("BTC/USD", "EUR/USD", "GBP/USD"), "COINBASE": ("BTC/USD", "ETH/USD"),
         "BINANCE": ("BTC/USDT", "BTC/TRY", "BTC/BRL")}  # fmt: skip


def main() -> None:
    print("".join(f"{name:>10}" for name in ("derive", "p95", "apply", "close", "late", "day",
                                             "longest", "formula")))  # fmt: skip
    world = World(markets=5_000, formulas=0)
    derive, apply, close = (np.array(column) for column in zip(*world.slots(), strict=True))
    late, _ = world.settled([world.frame(world.read[0], START + SLOTS - 1, late_ms=14_000)])
    other = World(markets=5_000, formulas=1_000)
    formula = (np.median([took for took, _, _ in other.slots()]) - np.median(derive)) / 1_000
    day, longest = world.looked_over()
    shown = (np.median(derive), np.quantile(derive, 0.95), np.median(apply), np.median(close), late)
    print("".join(f"{took:>7.2f} ms" for took in shown)
          + f"{day:>7.0f} ms{longest:>7.2f} ms{formula:>7.3f} ms")  # fmt: skip


class World:
    """A series table of many venues, and what is derived over it."""

    def __init__(self, *, markets: int, formulas: int) -> None:
        self._series: list[Series] = []
        self._blocks: list[Block] = []
        self._places: Counter[int] = Counter()
        for venue in VENUES:
            pairs = [*RATES.get(venue, ())]
            pairs += [f"C{n:04d}/{QUOTES[n % len(QUOTES)]}" for n in range(markets // len(VENUES))]
            for metric in METRICS:
                for pair in pairs:
                    self._add(venue, pair, metric=metric)
        for n in range(formulas):
            text = f"KRAKEN:C{n % 800:04d}/{QUOTES[n % len(QUOTES)]} / KRAKEN:BTC/USD"
            self._add(DERIVED, f"F{n}/BTC", metric="formula", formula=text)
        self.read = [one.id for one in self._blocks
                     if one.venue != DERIVED and not one.metric.endswith("_ref")]  # fmt: skip
        catalogue = Catalogue()
        catalogue.put(blocks=self._blocks, series=self._series)
        self.table = SeriesTable(MINUTE)
        for block in self._blocks:
            self.table.add_block(block)
        self.table.add_all(self._series)
        self.deriver = Deriver(self.table, catalogue, reference="USD")
        self._rng = np.random.default_rng(1)

    def _add(self, venue: str, pair: str, *, metric: str, formula: str | None = None) -> None:
        last = self._blocks[-1] if self._blocks else None
        if last is None or (last.venue, last.metric) != (venue, metric) or (
            self._places[last.id] == BLOCK_SERIES_MAX
        ):  # fmt: skip
            last = Block(id=len(self._blocks) + 1, venue=venue, metric=metric, interval=MINUTE)
            self._blocks.append(last)
        base, _, quote = pair.partition("/")
        self._series.append(Series(
            id=len(self._series) + 1, metric=metric, interval=MINUTE, block_id=last.id,
            market=Market(venue=venue, base=base, quote=quote, native=pair),
            place=self._places[last.id], formula=formula,
        ))  # fmt: skip
        self._places[last.id] += 1

    def frame(self, block_id: int, slot: int, *, late_ms: int = 500) -> Frame:
        count = self._places[block_id]
        return Frame(
            block_id=block_id, slot=slot, revision=60_000 + late_ms,
            recv_ms=MINUTE.open_ms(slot + 1) + late_ms, marks=bytes(count),
            values=self._rng.uniform(1.0, 100.0, count).tobytes(),
        )  # fmt: skip

    def slots(self) -> Iterator[tuple[float, float, float]]:
        """Milliseconds to derive, apply and close each slot."""
        for slot in range(START, START + SLOTS):
            for block_id in self.read:
                self._take(self.frame(block_id, slot))
            (frames, _), derive = timed(partial(self.deriver.close, slot))
            _, apply = timed(partial(self._applied, frames))
            _, close = timed(partial(self.table.close, slot))
            yield derive, apply, close
        self.settled([])

    def _applied(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.table.apply(frame)

    def _take(self, frame: Frame) -> None:
        if self.table.apply(frame):
            self.deriver.changed(frame)

    def settled(self, frames: list[Frame]) -> tuple[float, float]:
        """Milliseconds until nothing waits after `frames`, and those of the longest step."""
        for frame in frames:
            self._take(frame)
        steps = []
        waiting = True
        while waiting:
            (items, waiting), took = timed(partial(self.deriver.settle, START + SLOTS - 1))
            steps.append(took)
            for item in items:
                if self.table.apply(item):
                    self.deriver.changed(item)
        return sum(steps), max(steps)

    def looked_over(self) -> tuple[float, float]:
        """As `settled`, by a process that has just restarted."""
        catalogue = Catalogue()
        catalogue.put(blocks=self._blocks, series=self._series)
        self.deriver = Deriver(self.table, catalogue, reference="USD")
        return self.settled([])


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and its milliseconds of this thread."""
    started = time.thread_time()
    return work(), 1e3 * (time.thread_time() - started)
