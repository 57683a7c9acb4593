"""Flows by REST: what traded inside the slot just closed, read from candles after every poll.

Only for as many markets as half the venue's request budget allows; the rest stay missing and are
counted (SEMANTICS.md 5), unless a stream told of every trade of the slot: that costs nothing. The
last three closed slots are re-read each time, so a quiet slot becomes zero once a later candle, or
two more slots, prove it quiet. What was told to have traded did: a candle that is left out later
says nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np

from sigmawatch.app.filling import (
    FLOW_OF_METRIC,
    Supply,
    Timeline,
    flow_column,
    lay_out,
    patch_for,
)
from sigmawatch.app.framing import BlockPlan, Instead, Stamp, empty, framed, outage
from sigmawatch.app.health import reason_of
from sigmawatch.app.timing import within
from sigmawatch.domain.errors import SigmawatchError
from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue, VenueTraits

REREAD_SLOTS = 3
CONCURRENT_MAX = 8
_OWN = np.uint8(REASON_MASK | Flag.DERIVED)  # what a slot's own reading says: it fills no gap


def candle_span_ms(traits: VenueTraits, interval: Interval) -> int | None:
    """The widest candle of the venue that fits a whole number of times into a slot."""
    spans = [span for span in traits.candle_spans_ms if interval.ms % span == 0]
    return max(spans, default=None)


def flow_markets_max(
    traits: VenueTraits, interval: Interval, *, wanted: Mapping[Interval, int] | None = None
) -> int:
    """For how many markets half the request budget pays for one candle call a slot.

    wanted: of how many markets flows are wanted at each interval; where there are several, each has
    its share of that half, by what all of its markets would take.
    """
    if candle_span_ms(traits, interval) is None:
        return 0
    budget = traits.requests_per_minute / 2 * interval.ms / MINUTE_MS
    if wanted and len(wanted) > 1:
        calls = {each: count / each.ms for each, count in wanted.items()}
        budget *= calls[interval] / sum(calls.values())
    return int(budget // traits.candle_cost)


@dataclass(slots=True)
class FlowAnswer:
    """What one round of candle calls gave: timelines by market id, and reasons for the rest."""

    lines: dict[str, Timeline] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)


class Heard(Protocol):
    """What a stream told of trades."""

    def flow_from_ms(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> int | None:
        """From which span on until `to_ms` every trade of a market was heard; None for none."""
        ...


class FlowReader:
    """Reads the candles of one venue and turns them into frames and correcting patches."""

    def __init__(self, venue: Venue, clock: Clock, *, heard: Heard | None = None) -> None:
        """heard: the venue's stream, where it has one."""
        self._venue = venue
        self._heard = heard
        self._clock = clock
        self._told: dict[tuple[int, int], float] = {}
        self._lacking: set[int] = set()  # series of which a slot was read in vain for the last time
        self._found = False

    def take_found(self) -> bool:
        """Whether, since this was last asked, the venue told again of a series of which it had said
        nothing for as long as slots are re-read: those slots are a gap."""
        found, self._found = self._found, False
        return found

    async def read(
        self,
        natives: Sequence[str],
        interval: Interval,
        *,
        slot: int,
        deadline_ms: int,
        wanted: Mapping[Interval, int],
    ) -> FlowAnswer:
        """Candles of the last closed slots up to `slot` for each market, as many as come until
        `deadline_ms`; never raises for one. wanted: as `flow_markets_max`."""
        answer = FlowAnswer()
        span_ms = candle_span_ms(self._venue.traits, interval) or interval.ms
        heard = {
            one for one in natives if self._was_heard(one, interval, slot=slot, span_ms=span_ms)
        }
        asked = [one for one in natives if one not in heard]
        paid = asked[: flow_markets_max(self._venue.traits, interval, wanted=wanted)]
        allowed = [*heard, *paid]
        answer.reasons["over_budget"] += len(asked) - len(paid)
        gate = asyncio.Semaphore(CONCURRENT_MAX)

        async def one(native: str) -> None:
            async with gate:
                try:
                    answer.lines[native] = await self._line(
                        native, interval, slot=slot, span_ms=span_ms
                    )
                except SigmawatchError as error:
                    answer.reasons[reason_of(error)] += 1

        async def every() -> None:
            async with asyncio.TaskGroup() as group:
                for native in allowed:
                    group.create_task(one(native))

        try:
            await within(every(), clock=self._clock, until_ms=deadline_ms)
        except TimeoutError:
            answer.reasons["timeout"] += len(natives) - len(answer.lines) - answer.reasons.total()
        return answer

    def _was_heard(self, native: str, interval: Interval, *, slot: int, span_ms: int) -> bool:
        """Whether the stream told of every trade of `slot`: that costs no request."""
        from_ms, to_ms = interval.open_ms(slot), interval.open_ms(slot + 1)
        return self._heard is not None and (
            self._heard.flow_from_ms(native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
            == from_ms
        )

    async def _line(self, native: str, interval: Interval, *, slot: int, span_ms: int) -> Timeline:
        from_slot = slot + 1 - REREAD_SLOTS
        from_ms, to_ms = interval.open_ms(from_slot), interval.open_ms(slot + 1)
        candles = await self._venue.candles(native, span_ms=span_ms, from_ms=from_ms, to_ms=to_ms)
        return lay_out(
            [Supply(candles=candles, from_ms=from_ms)], interval,
            from_slot=from_slot, to_slot=slot + 1, now_ms=self._clock.now_ms(),
        )  # fmt: skip

    def items(
        self,
        plans: Sequence[tuple[BlockPlan, Sequence[Series]]],
        at: Stamp,
        *,
        lines: Mapping[str, Timeline],
        instead: Instead = MappingProxyType({}),
    ) -> list[Frame | Patch]:
        """The slot's frame of every flow block, and patches where an earlier slot turned out
        otherwise than told before. instead: as of `framing.Framer.frame`."""
        items: list[Frame | Patch] = []
        for plan, series in plans:
            items.append(_flow_frame(plan, at, lines=lines, instead=instead))
            for one in series:
                line = lines.get(one.market.native)
                if line is not None:
                    items.extend(self._corrections(one, line, at=at))
        oldest = at.slot - 2 * REREAD_SLOTS
        self._told = {key: value for key, value in self._told.items() if key[1] > oldest}
        return items

    def _corrections(self, series: Series, line: Timeline, *, at: Stamp) -> list[Patch]:
        self._withdraw_zeros(series, line)
        patch = patch_for(
            series, line, from_slot=line.from_slot, to_slot=at.slot, now_ms=at.recv_ms
        )
        self._tell(series, line, from_slot=at.slot, to_slot=at.slot + 1)
        fresh = self._tell(series, line, from_slot=line.from_slot, to_slot=at.slot)
        self._look_back(series, line.from_slot)
        return [patch] if fresh and patch is not None else []

    def _look_back(self, series: Series, slot: int) -> None:
        """The oldest slot of a line is read for the last time."""
        if (series.id, slot) not in self._told:
            self._lacking.add(series.id)
        elif series.id in self._lacking:
            self._lacking.discard(series.id)
            self._found = True

    def _withdraw_zeros(self, series: Series, line: Timeline) -> None:
        """Make unknown what the venue now leaves out of a slot whose trades we were told of."""
        for index in np.flatnonzero((line.flow_marks & REASON_MASK) == Reason.NO_TRADES).tolist():
            if self._told.get((series.id, line.from_slot + index), 0.0) > 0.0:
                line.flow_marks[index] = Reason.PENDING
                for flow in line.flows.values():
                    flow[index] = np.nan

    def _tell(self, series: Series, line: Timeline, *, from_slot: int, to_slot: int) -> bool:
        """Remember what is known of these slots; whether any of it is new."""
        values = line.flows[FLOW_OF_METRIC[series.metric]]
        fresh = False
        for slot in range(from_slot, to_slot):
            value = float(values[slot - line.from_slot])
            if np.isnan(value):
                continue
            key = (series.id, slot)
            fresh |= self._told.get(key) != value
            self._told[key] = value
        return fresh


def _flow_frame(
    plan: BlockPlan, at: Stamp, *, lines: Mapping[str, Timeline], instead: Instead
) -> Frame:  # fmt: skip
    if not lines:
        return outage(plan, at, instead=instead)
    values, marks = empty(plan, Reason.PENDING)
    for place, native in zip(plan.places, plan.natives, strict=True):
        line = lines.get(native)
        if line is None:
            marks[place] = Reason.OUTAGE
            continue
        told, why = flow_column(plan.block.metric, line)
        index = at.slot - line.from_slot
        if (why[index] & REASON_MASK) < MISSING:
            values[place] = told[index]
            marks[place] = why[index] & _OWN
    return framed(plan, at, values=values, marks=marks, instead=instead)
