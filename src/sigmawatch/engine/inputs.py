"""What a rule is judged on: one slot of some series, and the slots before it.

Imports domain.expression, domain.window, engine.moments.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from sigmawatch.domain.expression import Among, RankKey
from sigmawatch.domain.window import Interval
from sigmawatch.engine.geometry import Column, Mask, Slots
from sigmawatch.engine.moments import Moments


class Others(Protocol):
    """One judged slot of some rows of one interval, and the slots before it.

    Columns are float64[rows], finite, NaN where unknown. span: how many slots make one value,
    1 for the slots themselves; of a flow that is their sum, unknown unless all are known, of a
    level the newest of the last 3 of them. lag: how many slots before the judged one.
    """

    @property
    def rows(self) -> int: ...

    @property
    def interval(self) -> Interval: ...

    def companion(self, name: str, *, span: int, lag: int, stands: bool = True) -> Column:
        """The value of another series, in a rule of the same market's metric `name`; unknown where
        that is not tracked. What `stands` is, of a level, the newest of the last 3 slots whatever
        the span."""


class Inputs(Others, Protocol):
    """What a rule is judged on: the rows are series of one metric."""

    def value(self, *, span: int, lag: int) -> Column:
        """The value of the `span` slots that end with the one `lag` ago, suspect ones unknown."""

    def close(self, *, span: int, lag: int) -> Column:
        """As `value`, but of a level where that is unknown up to 2 slots older."""

    def moments(self, count: int, *, span: int, lag: int, channels: int) -> Moments:
        """Of `count` values, each of `span` slots, the last of which ends `lag` ago; [.., rows].
        channels: 2 where its returns are wanted; a flow has none. To be read only."""

    def companion_moments(
        self, name: str, count: int, *, span: int, lag: int, channels: int
    ) -> Moments:
        """As `moments`, of another series."""

    def rank(self, by: RankKey, *, window_ms: int | None, lag: int) -> Column:
        """The rank, unknown where there is none or the ranking cannot be relied on."""

    def market_move(self, *, window_ms: int, among: Among | None) -> Column:
        """The median change of the peers over a window that ends with the newest closed slot, in
        percent: of all, or of those among the row's own."""

    def age_s(self) -> Column:
        """Seconds from the last change to the end of the judged slot."""

    def stale(self) -> Mask:
        """bool[rows], the state is stale."""

    @property
    def torn(self) -> bool:
        """Whether any series has a seam in the last day."""

    def since_seam(self, names: Collection[str]) -> Slots:
        """int64[rows]: how many slots before the judged one the newest source of the rule's own
        series, and of its companions of these names, began; a great many where all are of one."""

    def elsewhere(self, venue: str, *, span: int) -> Column:
        """The value of the same pair and metric at `venue`, where that is fresh or quiet; unknown
        at the venue itself."""
