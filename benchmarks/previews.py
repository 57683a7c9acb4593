"""How long a preview of a rule takes: history judged again, by the code that judges live.

    python -m benchmarks previews            1,000 series x 24 h, and one series x 30 d

`first` copies the slots out of a live table and builds the table that is judged on; `judged` is
the processor time of the thread that tells, closes, judges and counts. Must: 1,000 series x 24 h
in 2 s, of the processor and altogether; aim 0.5 s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import cast

import numpy as np

from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.alerting.preview import Draft, Holdings, Previews
from sigmawatch.app.alerting.previewed import Preview
from sigmawatch.app.alerting.stored import StoredSlots
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.past import Past
from sigmawatch.app.tables import Tables
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import History, Sealing, Stretch

MINUTE = Interval(MINUTE_MS)
HELD = 1_530  # slots of a day's ring
RUNS = 3
RULES = (
    "price > 3 * mean(1h)",
    "price > 1.001 * mean(1h) for 2m",
    "sigma_abs[10m] > 3 * mean(sigma_abs[10m], 1h)",
    "zscore(24h) > 4",
    "rank(sigma_rel, 24h) <= 10",
)


class Now:
    """A clock that stands."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms


class Stored:
    """History that is at hand: what is left to measure is everything else."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    async def stretch(self, series: Series, *, from_slot: int, to_slot: int) -> Stretch:
        count = to_slot - from_slot
        return Stretch(from_slot=from_slot, values=np.resize(self._values, count).tobytes(),
                       marks=bytes(count))  # fmt: skip


def the_series(count: int) -> list[Series]:
    return [
        Series(
            id=number + 1, metric="price", interval=MINUTE, block_id=1, place=number,
            market=Market(venue="KRAKEN", base=f"C{number}", quote="USD", native=f"C{number}USD"),
        )
        for number in range(count)
    ]  # fmt: skip


def previews(series: Sequence[Series], compute: ComputeThread) -> Previews:
    """Over a table that holds the last day."""
    rng = np.random.default_rng(1)
    steps = rng.normal(0, 1e-3, (HELD, len(series)))
    values = 100.0 * np.exp(steps.cumsum(axis=0))
    tables, now = Tables(Catalogue()), 28_000_000
    tables.enroll([Block(id=1, venue="KRAKEN", metric="price", interval=MINUTE)], series)
    frames = [
        Frame(
            block_id=1, slot=now - HELD + number, revision=61_000, values=row.tobytes(),
            marks=bytes([Reason.OBSERVED]) * len(series),
            recv_ms=MINUTE.open_ms(now - HELD + number) + 61_000,
        )
        for number, row in enumerate(values)
    ]  # fmt: skip
    tables.of(MINUTE).restore(frames)
    clock = cast("Clock", Now(MINUTE.open_ms(now)))
    past = Past(cast("History", Stored(values[:, 0])), hot=_nothing, clock=clock)
    stored = StoredSlots(past, tables, sealing=cast("Sealing", None), compute=compute, clock=clock)
    return Previews(Holdings(
        stored=stored, series=lambda: series, watchlists=dict, clock=clock,
        windows_ms=(DAY_MS, HOUR_MS), zones=IanaZones(), calm=compute.calm,
    ))  # fmt: skip


async def _nothing(*_: object, **__: object) -> None:
    return None


async def measured(count: int, line: str, *, over_ms: int) -> tuple[Preview, float, float]:
    """The preview, and the medians of its processor time and of the clock's, in seconds."""
    compute = ComputeThread()
    over = previews(the_series(count), compute)
    draft = Draft(condition=line, settings=RuleSettings(target=parse_target(["*"])))
    previewed: list[Preview] = []
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        previewed.append(await over.preview(draft, over_ms=over_ms))
        taken.append(time.perf_counter() - start)
    compute.close()
    judged = [preview.took_ms / 1_000 for preview in previewed]
    return previewed[-1], float(np.median(judged)), float(np.median(taken))


def main() -> None:
    print(f"{'rule':<48}{'series':>8}{'days':>6}{'judged':>10}{'in all':>10}{'episodes':>10}")
    cases = [(1_000, line, DAY_MS) for line in RULES[:3]]
    cases += [(1_000, line, 30 * MINUTE_MS) for line in RULES[3:]]  # needs a day before it
    cases += [(1, RULES[0], 30 * DAY_MS), (5, RULES[0], 7 * DAY_MS)]
    for count, line, over_ms in cases:
        preview, judged_s, taken_s = asyncio.run(measured(count, line, over_ms=over_ms))
        days = over_ms / DAY_MS
        print(f"{line:<48}{count:>8,}{days:>6.2g}{judged_s:>8.2f} s{taken_s:>8.2f} s"
              f"{len(preview.episodes):>10,}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
