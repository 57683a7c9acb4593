"""Previews: a rule judged over stored history, by the code that judges live.

A preview is read by the day: the slots of the series that the rule looks at are told to a series
table of its own (engine.rehearsal), on whose boards the rule is tried (engine.trial). It runs in a
thread beside the others, some ten milliseconds at a time, and gives way to slots that close. It
judges by what is stored now, for the series tracked now: a value that came late was not there yet
when its slot was judged live.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sigmawatch.app.alerting.previewed import Preview, Tally
from sigmawatch.app.alerting.stored import StoredSlots
from sigmawatch.domain.alert_state import NO_HOLD, Hold
from sigmawatch.domain.errors import ExpressionInvalid, Invalid, NotFound
from sigmawatch.domain.expression import Clearing
from sigmawatch.domain.rule import (
    check_series_count,
    parse_clearing,
    parse_condition,
    print_clearing,
    print_condition,
)
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import HOUR_MS, Interval, format_span
from sigmawatch.engine.needs import Needs
from sigmawatch.engine.rehearsal import Rehearsal
from sigmawatch.engine.trial import Outcome, Said, Trial, tried
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.history import Pause
from sigmawatch.ports.zones import Zones

SLOTS_MAX = 50_000  # of one preview: 34 days of minutes
CELLS_MAX = 40_000_000  # slots x series
STEP_SLOTS = 32  # at once: some ten milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A rule that need not be saved. condition: its line."""

    condition: str
    settings: RuleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a preview asks of the program. series: those tracked now. windows_ms: of its boards.
    calm: waited for before each step."""

    stored: StoredSlots
    series: Callable[[], Sequence[Series]]
    watchlists: Callable[[], Mapping[str, Watchlist]]
    clock: Clock
    windows_ms: Sequence[int]
    zones: Zones
    calm: Pause


class Previews:
    """Over one program, one preview at a time."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._alone = asyncio.Lock()

    async def preview(self, draft: Draft, *, over_ms: int) -> Preview:
        """The `over_ms` before the newest closed slot. Raises ExpressionInvalid with the place,
        Invalid, NotFound where the target means nothing, StorageFailed."""
        by_interval: dict[Interval, list[Series]] = defaultdict(list)
        for one in self._meant(draft):
            by_interval[one.interval].append(one)
        async with self._alone:
            parts = [
                await _Showing(self._holdings, draft, series=mine).preview(over_ms)
                for _, mine in sorted(by_interval.items())
            ]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.merged(part)
        return whole

    def _meant(self, draft: Draft) -> Sequence[Series]:
        metric = parse_condition(draft.condition).metric
        target = draft.settings.target
        patterns = target.patterns_of(self._holdings.watchlists(), metric=metric)
        found = [one for one in self._holdings.series() if any(p.names(one) for p in patterns)]
        if not found:
            of = f" of {metric}" if metric else ""
            raise NotFound(f"the target means no tracked series{of}", field="target",
                           allowed="what `sigmawatch list` shows")  # fmt: skip
        return found


class _Showing:
    """One rule over series of one interval."""

    def __init__(self, holdings: Holdings, draft: Draft, *, series: Sequence[Series]) -> None:
        self._holdings, self._series, self._interval = holdings, series, series[0].interval
        self._mute = draft.settings.mute
        _check(draft, series)
        rule = tried("preview", draft.condition, settings=draft.settings)
        self._trial = Trial(rule, self._interval, series=series)
        ruling = self._trial.ruling
        self._needs = Needs(conditions=(ruling.condition, ruling.clear))
        self._looked_at = [*series, *self._needs.others(series, holdings.series())]
        if self._needs.age is not None:
            raise ExpressionInvalid(
                "age has no past: when a reading came is not kept; `stale` has one",
                text=draft.condition, position=self._needs.age.position,
            )  # fmt: skip
        windows_ms = tuple(dict.fromkeys((*holdings.windows_ms[:1], *self._needs.ranked_ms)))
        self._rehearsal = Rehearsal(
            self._interval, self._looked_at, needs=self._needs,
            windows_ms=windows_ms if self._needs.ranked else (),
        )  # fmt: skip

    async def preview(self, over_ms: int) -> Preview:
        stop = self._interval.slot(self._holdings.clock.now_ms())
        first = stop - max(over_ms // self._interval.ms, 1)
        self._check_size(stop - first)
        tally = Tally(self._interval, self._series)
        begin = first - self._needs.before_ranks(self._interval)
        known = begin - self._needs.before(
            self._interval, first_window_ms=self._holdings.windows_ms[0]
        )
        took_s = 0.0
        for part in _parts(known, stop, slots=self._interval.section_slots):
            stored = await self._holdings.stored.of(
                self._looked_at, from_slot=part[0], to_slot=part[1]
            )
            took_s += await asyncio.to_thread(_timed, self._rehearsal.tell, stored)
            outcomes = self._outcomes(begin, first=first)
            while tally.slots_count < part[1] - first:
                await self._holdings.calm()
                before = tally.slots_count
                took_s += await asyncio.to_thread(_timed, _enter, tally, outcomes)
                assert tally.slots_count > before
        return tally.preview(lines_of(self._trial.ruling), span=(first, stop),
                             took_ms=round(1_000 * took_s))  # fmt: skip

    def _check_size(self, slots: int) -> None:
        cells = slots * len(self._looked_at)
        if slots > SLOTS_MAX or cells > CELLS_MAX:
            longest = min(SLOTS_MAX, CELLS_MAX // len(self._looked_at)) * self._interval.ms
            hours_ms = max(longest // HOUR_MS, 1) * HOUR_MS
            raise Invalid(
                f"{slots:,} slots of {len(self._looked_at):,} series are too many for a preview",
                field="over", allowed=f"at most {format_span(hours_ms)}, or a narrower target",
            )  # fmt: skip

    def _outcomes(self, begin: int, *, first: int) -> Iterator[Outcome]:
        """What every slot told comes to, from `first` on; boards begin with `begin`, for who
        ranks."""
        slabs = self._rehearsal.table.slabs
        for board in self._rehearsal.boards(begin):
            if board.slot >= first:
                muted = self._muted(board.interval.open_ms(board.slot + 1))
                said = Said(held=Hold.MUTED if muted else NO_HOLD)
                yield self._trial.hear(board, slabs=slabs, said=said)

    def _muted(self, at_ms: int) -> bool:
        """Whether the rule's own hours forbid to tell of a slot that ends then."""
        offset_ms = self._holdings.zones.offset_ms
        return any(window.holds(at_ms + offset_ms(window.zone, at_ms)) for window in self._mute)


def _check(draft: Draft, series: Sequence[Series]) -> None:
    """Raise Invalid, ExpressionInvalid where a rule cannot be judged over series of an interval."""
    for metric in sorted({one.metric for one in series}):
        condition = parse_condition(draft.condition, interval=series[0].interval, metric=metric)
        if draft.settings.clear is not None:
            parse_clearing(draft.settings.clear, of=condition, interval=series[0].interval,
                           metric=metric)  # fmt: skip
        check_series_count(condition, len(series))


def lines_of(ruling: Ruling) -> tuple[str, str]:
    """Condition and clear condition in canonical form."""
    clear = ruling.clear
    line = print_clearing(clear) if isinstance(clear, Clearing) else print_condition(clear)
    return print_condition(ruling.condition), line


def _enter(tally: Tally, outcomes: Iterator[Outcome]) -> None:
    tally.enter(islice(outcomes, STEP_SLOTS))


def _timed(work: Callable[..., object], *arguments: object) -> float:
    """Seconds of the processor that it took."""
    start = time.thread_time()
    work(*arguments)
    return time.thread_time() - start


def _parts(first: int, stop: int, *, slots: int) -> Iterator[tuple[int, int]]:
    """[first, stop) in parts that end where sections do."""
    while first < stop:
        end = min((first // slots + 1) * slots, stop)
        yield first, end
        first = end
