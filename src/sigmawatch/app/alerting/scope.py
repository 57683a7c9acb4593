"""What rules may speak of: series by kind, watchlists, channels, zones.

Which series a target means is asked of labels over everything that is tracked, made once for each
state of the catalogue, so ten thousand rules over as many series are checked within seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.rule_target import Target
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import Interval
from sigmawatch.engine.geometry import Rows
from sigmawatch.engine.labels import Label, Labels
from sigmawatch.ports.zones import Zones


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a condition is judged on. metric: None where that is not known."""

    interval: Interval
    metric: str | None

    def __str__(self) -> str:
        return f"{self.metric} of {self.interval}" if self.metric else f"slots of {self.interval}"


class Scope(Protocol):
    """What a rule is checked against."""

    @property
    def usual(self) -> Kind:
        """What is assumed where nothing is tracked that a rule is about."""
        ...

    @property
    def complete(self) -> bool:
        """Whether a name that is not among these means nothing; else it may mean something."""
        ...

    @property
    def watchlists(self) -> Mapping[str, Watchlist]: ...

    @property
    def channels(self) -> Collection[str]: ...

    @property
    def zones(self) -> Zones: ...

    @property
    def venues(self) -> Collection[str]:
        """Those of which something is tracked."""
        ...

    def kinds(self, target: Target, metric: str | None) -> Mapping[Kind, int]:
        """The series that a target means, counted by kind. metric: what the condition names."""
        ...

    def unconfirmed(
        self, target: Target, metric: str | None, *, venue: str
    ) -> tuple[Sequence[Series], int]:
        """Those of a target's series whose pair and metric nobody tracks at `venue`, with those of
        the venue itself; and how many there are in all."""
        ...


class _Tracked:
    """Labels over one state of the catalogue. codes: intp[rows], into kinds."""

    def __init__(self, series: tuple[Series, ...]) -> None:
        self.series = series
        self.labels = Labels(series)
        label = Label(f"{one.interval.ms} {one.metric}" for one in series)
        self.codes = label.codes
        kinds = (Kind(interval=one.interval, metric=one.metric) for one in series)
        self.kinds = tuple(dict.fromkeys(kinds))  # numbered as they come, as labels do
        self.venues = frozenset(one.market.venue for one in series)

    @cached_property
    def pairs(self) -> Rows:
        """intp[rows]: a number for everything that is one pair, metric and interval."""
        names = (f"{one.interval.ms} {one.metric} {one.market.pair}" for one in self.series)
        return Label(names).codes


class LiveScope:
    """Of a running program. channels: the names of all there are, now."""

    complete = True

    def __init__(
        self, catalogue: Catalogue, *, interval: Interval, zones: Zones,
        watchlists: Callable[[], Mapping[str, Watchlist]],
        channels: Callable[[], Collection[str]],
    ) -> None:  # fmt: skip
        self.usual = Kind(interval=interval, metric=None)
        self.zones = zones
        self._catalogue = catalogue
        self._watchlists = watchlists
        self._channels = channels
        self._known: tuple[tuple[Series, ...], _Tracked] | None = None

    @property
    def watchlists(self) -> Mapping[str, Watchlist]:
        return self._watchlists()

    @property
    def channels(self) -> Collection[str]:
        return self._channels()

    def kinds(self, target: Target, metric: str | None) -> Mapping[Kind, int]:
        tracked = self._tracked()
        patterns = target.patterns_of(self.watchlists, metric=metric)
        mask = tracked.labels.on(patterns)
        counts = np.bincount(tracked.codes[mask], minlength=len(tracked.kinds)).tolist()
        return {kind: n for kind, n in zip(tracked.kinds, counts, strict=True) if n}

    @property
    def venues(self) -> Collection[str]:
        return self._tracked().venues

    def unconfirmed(
        self, target: Target, metric: str | None, *, venue: str
    ) -> tuple[Sequence[Series], int]:
        tracked = self._tracked()
        mask = tracked.labels.on(target.patterns_of(self.watchlists, metric=metric))
        theirs = tracked.labels.venue.where(venue.__eq__)
        there = np.isin(tracked.pairs, tracked.pairs[theirs]) & ~theirs
        rows = np.flatnonzero(mask & ~there).tolist()
        return [tracked.series[row] for row in rows], int(np.count_nonzero(mask))

    def _tracked(self) -> _Tracked:
        series = self._catalogue.series
        if self._known is None or self._known[0] is not series:
            self._known = series, _Tracked(series)
        return self._known[1]


class FileScope(LiveScope):
    """Of configuration files alone: the database may know more names."""

    complete = False
