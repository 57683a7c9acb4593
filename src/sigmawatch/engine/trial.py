"""A rule tried on boards: what it would decide and tell, without anybody being told.

The evaluator, the life of a state and the gathering of storms are those of live judging; what is
not here is what follows from its outside: silences, suppression, and what an earlier slot left.
Imports domain.storm, engine.alert_states, slab_inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_state import NO_HOLD, Hold, State
from sigmawatch.domain.alert_turn import Reason, Telling, Turn
from sigmawatch.domain.expression import Comparison, Condition
from sigmawatch.domain.expression_printer import print_node, print_value
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.series import Series
from sigmawatch.domain.storm import Storm, Summary, Word, gather, venues_to_tell
from sigmawatch.engine.alert_states import AlertStates, Heard
from sigmawatch.engine.expression import UNKNOWN, measure
from sigmawatch.engine.geometry import Mask
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.slab import Slab
from sigmawatch.engine.slab_inputs import SlabInputs, judge_board
from sigmawatch.engine.snapshot import Board, Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A rule as far as deciding goes."""

    condition: Condition
    clear: Condition
    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What comes to a trial from outside with a slot. series_ids: of whom `ended` and
    `acknowledged` are; None for all."""

    held: Hold = NO_HOLD
    edited: bool = False
    ended: Reason | None = None
    acknowledged: frozenset[int] = frozenset()
    ended_ids: frozenset[int] | None = None


NOTHING = Said()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidings:
    """What a slot came to. turns: what changed or follows, by series. single, summary, venues: what
    is told: of one series, of a storm, of venues without data. unknown_count: states that could
    not be judged."""

    slot: int
    turns: tuple[tuple[int, Turn], ...] = ()
    single: tuple[Word, ...] = ()
    summary: Summary | None = None
    venues: tuple[str, ...] = ()
    unknown_count: int = 0

    @property
    def notices_count(self) -> int:
        return len(self.single) + (self.summary is not None) + len(self.venues)


class Trial:
    """One rule over some series of one interval. For one thread at a time."""

    def __init__(self, rule: Tried, series: Collection[Series]) -> None:
        self._rule = rule
        self._series = sorted(series, key=lambda one: one.id)
        self._number = {one.id: row for row, one in enumerate(self._series)}
        self._metrics = sorted({one.metric for one in self._series})
        self._states = AlertStates(rule.policy, len(self._series))
        self._storm = Storm()
        self._silent: frozenset[str] = frozenset()  # venues that were told of
        self._layout: Layout | None = None
        self._rows = np.zeros(0, np.intp)

    def state(self, series_id: int) -> State:
        return self._states.state(self._number[series_id])

    def hear(self, board: Board, *, slabs: Sequence[Slab], said: Said = NOTHING) -> Tidings:
        """Judge the board's slot. Slots are heard in order, each once."""
        condition, clear = self._judged(board, slabs)
        heard = Heard(
            condition=condition, clear=clear, held=said.held, edited=said.edited,
            acknowledged=self._those(said.acknowledged) if said.acknowledged else None,
        )  # fmt: skip
        only = None
        changes = []
        if said.ended is not None:
            gone = self._those(said.ended_ids)
            end = Heard(condition=condition, clear=clear, held=said.held, ended=said.ended)
            changes += self._states.hear(board.slot, end, only=gone)
            only = ~gone
        changes += self._states.hear(board.slot, heard, only=only)
        turns = tuple(
            (self._series[row].id, change.turn)
            for change in changes
            for row in change.rows.tolist()
        )
        unknown_count = int(np.count_nonzero(condition == UNKNOWN))
        return self._told(board, turns, unknown_count=unknown_count)

    def edit(self, rule: Tried) -> None:
        """Another version of the rule, from the next slot on, which is to hear of it."""
        if rule.policy != self._rule.policy:
            self._states = self._states.under(rule.policy)
        self._rule = rule

    def compared(
        self, board: Board, series_id: int, *, slabs: Sequence[Slab]
    ) -> list[tuple[str, float, str, float]]:
        """What every comparison of the condition came to at the board's slot, the newest: its text
        and sides, NaN where unknown."""
        condition, row = self._rule.condition, board.layout.rows[series_id]
        slab = next(one for one in slabs if one.part.start <= row < one.part.stop)
        inputs = SlabInputs(slab, board, slabs=slabs, ranks=RuleRanks(board))
        found: list[tuple[str, float, str, float]] = []
        for node in condition.test.walk():
            if isinstance(node, Comparison):
                left, right = (
                    float(measure(side, inputs, span_ms=condition.span_ms)[row - slab.part.start])
                    for side in (node.left, node.right)
                )
                text = print_node(node, names=repeat(print_value(condition)))
                found.append((text, left, node.operator, right))
        return found

    def _those(self, series_ids: Collection[int] | None) -> Mask:
        if series_ids is None:
            return np.ones(len(self._series), np.bool_)
        return np.array([one.id in series_ids for one in self._series], np.bool_)

    def _judged(self, board: Board, slabs: Sequence[Slab]) -> list[np.ndarray]:
        """int8[series] of the condition and of the clear condition."""
        if board.layout is not self._layout:
            self._layout = board.layout
            self._rows = np.array([board.layout.rows[one.id] for one in self._series], np.intp)
        both = (self._rule.condition, self._rule.clear)
        said = [np.full(len(self._series), UNKNOWN, np.int8) for _ in both]
        for metric in self._metrics:
            found = judge_board(both, board, slabs=slabs, metric=metric)
            for whole, part in zip(said, found, strict=True):
                np.maximum(whole, part[self._rows], out=whole)  # unknown of all others
        return said

    def _told(
        self, board: Board, turns: tuple[tuple[int, Turn], ...], *, unknown_count: int
    ) -> Tidings:
        words = [
            Word(series_id=series_id, telling=effect)
            for series_id, turn in turns
            for effect in turn.effects
            if isinstance(effect, Telling)
        ]
        spoken = [word for word in words if word.telling.kind is not NoticeKind.NO_DATA]
        silent = [word for word in words if word.telling.kind is NoticeKind.NO_DATA]
        self._storm, gathered = gather(
            self._storm, spoken, slot=board.slot, interval=board.interval,
            states_count=len(self._series),
        )  # fmt: skip
        venues: frozenset[str] = frozenset()
        if silent or self._silent:
            self._silent, venues = venues_to_tell(
                self._silent, missing=frozenset(self._venue(word.series_id) for word in silent),
                silent=self._without_data(),
            )  # fmt: skip
        return Tidings(
            slot=board.slot, turns=turns, single=gathered.single, summary=gathered.summary,
            venues=tuple(sorted(venues)), unknown_count=unknown_count,
        )  # fmt: skip

    def _venue(self, series_id: int) -> str:
        return self._series[self._number[series_id]].market.venue

    def _without_data(self) -> frozenset[str]:
        """The venues of states that still miss data which was told of."""
        return frozenset(
            one.market.venue
            for row, one in enumerate(self._series)
            if (course := self._states.state(row).course) is not None and course.no_data
        )
