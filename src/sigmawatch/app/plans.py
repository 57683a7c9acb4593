"""Plans: which series a collection run of a venue is to update, interval by interval.

Pure: the catalogue as it is goes in. One turn of Python a series whenever the catalogue changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.framing import BlockPlan, Stamp, stamp
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval

Planned = tuple[BlockPlan, tuple[Series, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which part of the series a run covers: `index` of `count`, counted from 1."""

    index: int = 1
    count: int = 1

    def holds(self, series: Series) -> bool:
        return series.id % self.count == self.index - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run is to update at one interval: blocks with their live series. paused: market ids
    of which nothing is to be asked."""

    interval: Interval
    levels: tuple[Planned, ...]
    flows: tuple[Planned, ...]
    paused: frozenset[str] = frozenset()

    def asked(self, pairs: Sequence[Planned]) -> int:
        """How many series of `pairs` are to be updated."""
        return sum(one.market.native not in self.paused for _, series in pairs for one in series)

    @property
    def expected(self) -> int:
        return self.asked((*self.levels, *self.flows))

    @property
    def flow_natives(self) -> tuple[str, ...]:
        """The ids of the markets whose flows are to be asked for."""
        natives = (one.market.native for _, series in self.flows for one in series)
        return tuple(native for native in dict.fromkeys(natives) if native not in self.paused)

    @classmethod
    def of(
        cls, interval: Interval, pairs: Sequence[Planned], *, paused: frozenset[str]
    ) -> Plan:  # fmt: skip
        """The plan of those of `pairs` that are of `interval`."""
        mine = [pair for pair in pairs if pair[0].block.interval == interval]
        levels = tuple(p for p in mine if METRICS[p[0].block.metric].kind is Kind.LEVEL)
        flows = tuple(p for p in mine if METRICS[p[0].block.metric].kind is Kind.FLOW)
        return cls(interval=interval, levels=levels, flows=flows, paused=paused)


def planned(catalogue: Catalogue, venue: str, *, share: Share) -> tuple[Plan, ...]:
    """What a venue is to be asked for, by interval."""
    blocks: dict[int, list[Series]] = {}
    for one in catalogue.of_venue(venue):
        if share.holds(one) and not one.derived:
            blocks.setdefault(one.block_id, []).append(one)
    pairs = [
        (BlockPlan.of(catalogue.blocks[block_id], series), tuple(series))
        for block_id, series in blocks.items()
    ]
    intervals = sorted({plan.block.interval for plan, _ in pairs})
    paused = catalogue.paused_at(venue)
    return tuple(Plan.of(interval, pairs, paused=paused) for interval in intervals)


def moment_ms(plans: Sequence[Plan], now_ms: int) -> int | None:
    """The open of the slot that ended last."""
    each = (plan.interval for plan in plans)
    return max((one.open_ms(one.slot(now_ms) - 1) for one in each), default=None)


def stamped(plans: Sequence[Plan], asked_ms: int, *, recv_ms: int) -> list[tuple[BlockPlan, Stamp]]:
    """The level blocks of plans, each with the slot that an answer to `asked_ms` is of."""
    return [
        (block, stamp(plan.interval, recv_ms, asked_ms=asked_ms))
        for plan in plans
        for block, _ in plan.levels
    ]
