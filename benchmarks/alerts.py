"""How long it takes to judge rules at a slot, their states, accounts and bodies included.

    python -m benchmarks alerts           10 rules over 1,000, 10,000 and 100,000 series

`evaluate` is the conditions alone, `quiet` the whole judgement of a slot in which nothing happens,
`busy` of one in which 1 % of all states change: they become pending, and are encoded. `storm` is
the first slot in which they fire: an account for each, one summary a rule. Must: the states on top
of the evaluation 10 ms, aim 5 ms when 1 % change.

Times are the processor time of the one thread that works (see benchmarks.engine); medians.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from benchmarks.shared.world import market

from sigmawatch.domain.alert import Remembered, Rule, States
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import BLOCK_SERIES_MAX, Block, Series
from sigmawatch.domain.window import HOUR_MS, Interval
from sigmawatch.engine.judge import Decisions, Hearing
from sigmawatch.engine.seats import Seats
from sigmawatch.engine.sitting import Brief, judge
from sigmawatch.engine.slab_inputs import judge_board
from sigmawatch.engine.table import SeriesTable

TEN_MINUTES = Interval(600_000)  # a day of them is a tenth of the memory, the work is the same
RULES = 10
RUNS = 12
START = 3_000_000


def main() -> None:
    names = ("series", "evaluate", "quiet", "on top", "busy", "on top", "storm")
    print("".join(f"{name:>12}" for name in names))
    for count in (1_000, 10_000, 100_000):
        evaluate, quiet = World(count, "price > {}").slots(share=0.0)
        also, busy = World(count, "price > {} for 12h").slots(share=0.01)
        _, storm = World(count, "price > {}").slots(share=0.01, runs=1)
        shown = (evaluate, quiet, quiet - evaluate, busy, busy - also, storm)
        print(f"{count:>12,}" + "".join(f"{each:>9.2f} ms" for each in shown), flush=True)


class World:
    """Series whose values are 100, but for some that are beyond every rule."""

    def __init__(self, count: int, line: str) -> None:
        self._count = count
        self._table = SeriesTable(TEN_MINUTES, windows_ms=(HOUR_MS,))
        blocks = range(1, -(-count // BLOCK_SERIES_MAX) + 1)
        for number in blocks:
            self._table.add_block(
                Block(id=number, venue="BENCH", metric="price", interval=TEN_MINUTES)
            )
        self._table.add_all([
            Series(id=n + 1, market=market(n), metric="price", interval=TEN_MINUTES,
                   block_id=n // BLOCK_SERIES_MAX + 1, place=n % BLOCK_SERIES_MAX)
            for n in range(count)
        ])  # fmt: skip
        self._rulings = [_ruling(number, line.format(200 + number)) for number in range(1, 11)]
        rows = np.arange(count)
        self._brief = Brief(rulings=self._rulings, rows=dict.fromkeys(range(1, RULES + 1), rows))
        self._blocks, self._seats = frozenset(blocks), Seats()
        self._states: dict[tuple[int, int], States] = {}
        self._memories: dict[tuple[int, int], Remembered] = {}

    def slots(self, *, share: float, runs: int = RUNS) -> tuple[float, float]:
        """Milliseconds of the evaluation and of the whole, medians; share: of the series that
        change in every slot."""
        rng = np.random.default_rng(1)
        times: list[tuple[float, float]] = []
        for slot in range(START, START + runs + 2):
            values = np.full(self._count, 100.0)
            if slot >= START + 2:
                values[rng.random(self._count) < share] = 1_000.0
            times.append(self._slot(slot, values))
        first, second = np.median(times[2:], axis=0)
        return float(first), float(second)

    def _slot(self, slot: int, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[
        float, float
    ]:  # fmt: skip
        for frame in _frames(slot, values):
            self._table.apply(frame)
        board = self._table.close(slot)
        conditions = [one.condition for one in self._rulings]
        evaluate = _took(
            lambda: judge_board(conditions, board, slabs=self._table.slabs, metric="price")
        )
        hearing = Hearing(
            board=board, blocks=self._blocks, awaited=frozenset(), before=slot - 1,
            states=self._states, memories=self._memories,
        )  # fmt: skip
        found: list[Decisions] = []
        whole = _took(
            lambda: found.append(
                judge(hearing, self._brief, slabs=self._table.slabs, seats=self._seats)
            )
        )
        assert not self._seats.errors, self._seats.errors
        self._states |= {one.key: one for one in found[0].states}
        self._memories |= {one.key: one for one in found[0].memories}
        return evaluate, whole


def _ruling(number: int, line: str) -> Ruling:
    settings = RuleSettings(target=parse_target(["*:*/*"])).encode()
    rule = Rule(id=number, name=f"rule-{number}", version=1, text=line, settings=settings,
                origin="api", enabled=True, created_ms=0, made_ms=0)  # fmt: skip
    return Ruling.of(rule, [rule], interval=TEN_MINUTES, ended=None)


def _frames(slot: int, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Sequence[Frame]:
    marks = bytes([Reason.OBSERVED]) * len(values)
    recv_ms = TEN_MINUTES.open_ms(slot + 1) + 500
    return [
        Frame(block_id=at // BLOCK_SERIES_MAX + 1, slot=slot, revision=600_500, recv_ms=recv_ms,
              values=values[at : at + BLOCK_SERIES_MAX].astype("<f8").tobytes(),
              marks=marks[at : at + BLOCK_SERIES_MAX])
        for at in range(0, len(values), BLOCK_SERIES_MAX)
    ]  # fmt: skip


def _took(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return 1_000.0 * (time.thread_time() - start)


if __name__ == "__main__":
    main()
