"""What judging some conditions needs: which series beside its own, which windows, how far back.

Who judges the past loads exactly that. Imports domain.expression, rule; engine.freshness,
membership, slab.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sigmawatch.domain.expression import (
    Age,
    Companion,
    Condition,
    ConfirmedBy,
    Excess,
    Node,
    Rank,
    RankKey,
)
from sigmawatch.domain.expression_reach import reach_ms
from sigmawatch.domain.metric import METRICS
from sigmawatch.domain.rule import ranked_windows_ms, standing_windows_ms
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import HOUR_MS, Interval
from sigmawatch.engine.freshness import READ_SLOTS
from sigmawatch.engine.membership import MEMBERSHIP_SLOTS
from sigmawatch.engine.slab import REACH_SLOTS

_LATEST_OF_OTHERS = {RankKey.VOLUME_24H_REF, RankKey.SPREAD_BP}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Of some conditions at once."""

    conditions: tuple[Condition, ...]

    @property
    def _nodes(self) -> list[Node]:
        return [node for condition in self.conditions for node in condition.test.walk()]

    @property
    def age(self) -> Age | None:
        """The first `age`; its past is not kept."""
        return next((node for node in self._nodes if isinstance(node, Age)), None)

    @property
    def ranked(self) -> bool:
        """Whether its peers are looked at."""
        return any(isinstance(node, Rank | Excess) for node in self._nodes)

    @property
    def surges(self) -> bool:
        """Whether it is looked at how far values are above the hour before."""
        return any(isinstance(node, Rank) and node.by is RankKey.SURGE for node in self._nodes)

    @property
    def standing_ms(self) -> frozenset[int]:
        return frozenset().union(*map(standing_windows_ms, self.conditions))

    @property
    def ranked_ms(self) -> frozenset[int]:
        return frozenset().union(*map(ranked_windows_ms, self.conditions))

    def before_ranks(self, interval: Interval) -> int:
        """How many slots of rankings before the first judged one are looked at."""
        if not self.ranked:
            return 0
        back_ms = max(reach_ms(condition.test) for condition in self.conditions)
        return MEMBERSHIP_SLOTS + min(back_ms, HOUR_MS) // interval.ms

    def before(self, interval: Interval, *, first_window_ms: int = 0) -> int:
        """How many slots before the first board must be known. first_window_ms: of the boards."""
        reached = (reach_ms(one.test) + (one.span_ms or 0) for one in self.conditions)
        ranked = (*self.ranked_ms, first_window_ms, HOUR_MS) if self.ranked else ()
        return -(-max(*reached, *ranked) // interval.ms) + REACH_SLOTS + READ_SLOTS

    def others(self, own: Collection[Series], tracked: Iterable[Series]) -> list[Series]:
        """The tracked series that are looked at beside `own`: companions of the same market, the
        same pair at a venue that is to confirm, everybody who is ranked beside them."""
        interval = next(iter(own)).interval
        metrics = {one.metric for one in own}
        markets = {(one.market.venue, one.market.native) for one in own}
        pairs = {(one.metric, one.market.pair) for one in own}
        names = {node.name for node in self._nodes if isinstance(node, Companion)}
        venues = {node.venue for node in self._nodes if isinstance(node, ConfirmedBy)}
        keys = {node.by for node in self._nodes if isinstance(node, Rank)}
        of_rank = {key.value for key in keys & _LATEST_OF_OTHERS if key.value in METRICS}
        mine = {one.id for one in own}

        def wanted(one: Series) -> bool:
            market = one.market
            return (
                (one.metric in names and (market.venue, market.native) in markets)
                or (market.venue in venues and (one.metric, market.pair) in pairs)
                or (self.ranked and one.metric in metrics | of_rank)
            )

        return [
            one for one in tracked
            if one.interval == interval and one.id not in mine and wanted(one)
        ]  # fmt: skip
