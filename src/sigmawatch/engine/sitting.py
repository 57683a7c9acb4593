"""One hearing of every rule in force: who is judged, what they say, what follows.

Rules are evaluated together, so that equal parts are computed once, and each lives by itself: what
one raises is shown at it, and the others go on. Imports domain.alert, alert_state, alert_turn,
ruling; engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.alert import Episode, Remembered, States
from sigmawatch.domain.alert_state import NO_HOLD, Hold
from sigmawatch.domain.alert_turn import Reason
from sigmawatch.domain.expression import Condition
from sigmawatch.domain.notice import Notice
from sigmawatch.domain.ruling import Ruling
from sigmawatch.engine.alert_states import Change, Heard
from sigmawatch.engine.evidence import Evidence
from sigmawatch.engine.expression import UNKNOWN, Verdict
from sigmawatch.engine.freshness import State as Freshness
from sigmawatch.engine.geometry import Mask, Rows
from sigmawatch.engine.judge import Decisions, Hearing
from sigmawatch.engine.reading_blocks import Readers
from sigmawatch.engine.rule_states import RuleStates
from sigmawatch.engine.seats import Key, Seats
from sigmawatch.engine.silence import Silence
from sigmawatch.engine.slab import Slab
from sigmawatch.engine.slab_inputs import judge_board
from sigmawatch.engine.tidings import Tidings

T = TypeVar("T")
Holds = npt.NDArray[np.uint8]
Verdicts = tuple[Verdict, Verdict]  # condition, clear; int8[rows of the board]
Acknowledged = tuple[int, int, int]  # rule, series, the slot its episode opened with
_NOBODY: Rows = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Brief:
    """What is said of a hearing from outside.

    rulings: those in force at the board's interval, and those that were and have ended. rows: by
    rule, the rows of the board it is about, ascending; the same array while they are the same.
    held: by rule, why nothing is told: of all rows, or uint8[rows of the board]; a rule without is
    not held. acknowledged: episodes that somebody has seen.
    """

    rulings: Sequence[Ruling]
    rows: Mapping[int, Rows]
    held: Mapping[int, Hold | Holds] = field(default_factory=dict)
    acknowledged: Collection[Acknowledged] = ()


def judge(hearing: Hearing, brief: Brief, *, slabs: Sequence[Slab], seats: Seats) -> Decisions:
    """What follows from a hearing: a function of it and the brief, whatever `seats` kept. slabs: of
    the table that made the board.

    Cost over 100,000 series: 0.4 ms a rule in which nothing happens, its evaluation apart.
    """
    return Sitting(hearing, brief, slabs=slabs, seats=seats).judge()


class Sitting:
    """One hearing. Whoever builds on it decides who is called, and what that leads to."""

    def __init__(
        self, hearing: Hearing, brief: Brief, *, slabs: Sequence[Slab], seats: Seats
    ) -> None:
        self._hearing, self._brief, self._slabs, self._seats = hearing, brief, slabs, seats
        self._board, self._slot = hearing.board, hearing.board.slot
        self._silence = Silence.of(hearing.board, seats.venues(hearing.board))
        self._evidence = Evidence(hearing.board, slabs)
        self._readers = Readers(hearing.board.layout, hearing.awaited)
        self._delisted = hearing.board.state == np.uint8(Freshness.DELISTED)
        self._any_delisted = bool(self._delisted.any())
        self._paused = hearing.board.state == np.uint8(Freshness.PAUSED)
        self._any_paused = bool(self._paused.any())
        self._any_unread = bool(self._silence.unread.any())
        self._any_stale = bool(self._silence.stale.any())
        self._states: list[States] = []
        self._memories: list[Remembered] = []
        self._episodes: list[Episode] = []
        self._notices: list[Notice] = []
        self._left: set[int] = set()

    def judge(self) -> Decisions:
        due = []
        for ruling in self._brief.rulings:
            with Alone(self._seats, ruling):
                if self._called(ruling):
                    due.append(ruling)
        verdicts = together(self._evaluated, due, seats=self._seats)
        for ruling in due:
            if ruling.key in verdicts:
                with Alone(self._seats, ruling):
                    self._ruled_on(ruling, verdicts[ruling.key])
        return Decisions(
            states=self._states, memories=self._memories, episodes=self._episodes,
            notices=self._notices, left=frozenset(self._left),
        )  # fmt: skip

    # Who is judged

    def _called(self, ruling: Ruling) -> bool:
        """Whether a rule has anything to hear; its states are there then. Who is not among its
        series any more has left."""
        if ruling.ended is not None:
            self._end(ruling)
            return False
        if self._slot < ruling.first_slot:
            return False
        layout, rows = self._board.layout, self._brief.rows.get(ruling.rule.id, _NOBODY)
        seat = self._seats.states(ruling, self._hearing, rows=rows)
        if not seat.stands(layout, rows):
            self._reseat(seat, rows)
        self._left |= self._readers.waiting(ruling, seat.blocks) & self._hearing.blocks
        return bool(self._heard(seat).any())

    def _heard(self, seat: RuleStates) -> Mask:
        """bool[blocks]: those whose states of a rule are judged now."""
        waiting = self._readers.waiting(seat.ruling, seat.blocks)
        blocks = self._hearing.blocks - waiting if waiting else self._hearing.blocks
        return seat.unheard(blocks, self._slot)

    def _reseat(self, seat: RuleStates, rows: Rows) -> None:
        layout = self._board.layout
        left = seat.leaving(layout, rows) & ~seat.states.gone
        tracked = np.isin(seat.ids, layout.ids)
        held = self._whole(seat.ruling)
        changes = _gone(seat, left & tracked, slot=self._slot, reason=Reason.LEFT, held=held)
        changes += _gone(seat, left & ~tracked, slot=self._slot, reason=Reason.UNTRACKED, held=held)
        tidings = Tidings(ruling=seat.ruling, slot=self._slot, gone=seat.series if changes else {})
        tidings.take(changes, seat.ids)
        touched = seat.blocks_of([change.rows for change in changes])
        gone = [block for block, was in zip(seat.blocks, touched, strict=True) if was]
        seat.seat(layout, rows)
        if changes:
            self._states += seat.made(seat.those(gone), self._slot)
            self._states += seat.emptied(gone, self._slot)
            self._tell(seat, tidings)

    @cached_property
    def _kept(self) -> Set[int]:
        """The rules of which states are stored."""
        here = self._board.layout.blocks
        stored = self._hearing.states.items()
        return {rule for (rule, block), one in stored if one.body and block in here}

    def _end(self, ruling: Ruling) -> None:
        """A rule is judged for the last time: nothing of its states is kept."""
        assert ruling.ended is not None
        if ruling.rule.id not in self._kept:
            return
        seat = self._seats.states(ruling, self._hearing, rows=_NOBODY)
        everybody, held = np.ones(len(seat.rows), np.bool_), self._whole(ruling)
        changes = _gone(seat, everybody, slot=self._slot, reason=ruling.ended, held=held)
        tidings = Tidings(ruling=ruling, slot=self._slot, gone=seat.series if changes else {})
        tidings.take(changes, seat.ids)
        self._tell(seat, tidings)
        self._states += seat.ended(self._slot)
        self._seats.forget(ruling.key)

    # What they say

    def _evaluated(self, rulings: Sequence[Ruling]) -> dict[Key, Verdicts]:
        """Equal parts of all conditions are computed once. When it clears matters only to those
        whose episode lasts."""
        asked: dict[str, list[tuple[Key, int, Condition]]] = {}
        lasting = {r.key: self._seated(r).states.any_lasting for r in rulings}
        for ruling in rulings:
            for metric in self._metrics(ruling):
                mine = asked.setdefault(metric, [])
                mine.append((ruling.key, 0, ruling.condition))
                if lasting[ruling.key]:
                    mine.append((ruling.key, 1, ruling.clear))
        unknown = np.full(len(self._board.series), UNKNOWN, np.int8)
        found = {ruling.key: [unknown, unknown] for ruling in rulings}
        for metric, conditions in asked.items():
            verdicts = judge_board(
                [each for _, _, each in conditions], self._board, slabs=self._slabs, metric=metric
            )
            for (key, which, _), verdict in zip(conditions, verdicts, strict=True):
                known = found[key][which]
                found[key][which] = verdict if known is unknown else np.maximum(known, verdict)
        return {key: (self._unpaused(condition), self._unpaused(clear))
                for key, (condition, clear) in found.items()}  # fmt: skip

    def _unpaused(self, verdict: Verdict) -> Verdict:
        """What is paused says nothing, not even that it is stale."""
        return np.where(self._paused, np.int8(UNKNOWN), verdict) if self._any_paused else verdict

    def _metrics(self, ruling: Ruling) -> list[str]:
        if ruling.condition.metric is not None:
            return [ruling.condition.metric]
        rows = self._seated(ruling).rows
        return [name for name, mask in self._board.layout.metrics.items() if mask[rows].any()]

    def _seated(self, ruling: Ruling) -> RuleStates:
        seat = self._seats.find(ruling.key)
        assert seat is not None
        return seat

    # What follows

    def _ruled_on(self, ruling: Ruling, verdicts: Verdicts) -> None:
        seat = self._seated(ruling)
        blocks = self._heard(seat)
        changes: list[Change] = []
        for first, late in seat.gaps(blocks, self._slot, before=self._hearing.before):
            # What we were down for, or never heard, is unknown, and nothing is told of it: what is
            # still so at this slot is told now.
            changes += seat.states.pass_over(
                first, self._slot, held=Hold.LATE, only=seat.of_blocks(late)
            )
        edited = seat.edited(blocks)
        changes += self._judged(seat, verdicts, blocks=blocks, edited=edited)
        seat.note(blocks, self._slot)
        tidings = Tidings(ruling=ruling, slot=self._slot)
        tidings.take(changes, seat.ids)
        changed = seat.blocks_of([change.rows for change in changes]) | edited
        if changed.any():
            self._states += seat.made(changed, self._slot)
        self._tell(seat, tidings)
        self._seats.errors.pop(ruling.key, None)

    def _judged(
        self, seat: RuleStates, verdicts: Verdicts, *, blocks: Mask, edited: Mask
    ) -> list[Change]:
        only, changes = seat.of_blocks(blocks), list[Change]()
        if self._any_delisted:
            delisted = self._delisted[seat.at]
            mine = _and(only, delisted) & ~seat.states.gone
            changes += _gone(
                seat, mine, slot=self._slot, reason=Reason.DELISTED, held=self._held(seat)
            )
            only = _and(only, ~delisted)
        condition, clear = (verdict[seat.at] for verdict in verdicts)
        heard = Heard(condition=condition, clear=clear, held=self._held(seat),
                      acknowledged=self._acknowledged(seat))  # fmt: skip
        if edited.any():
            anew = _and(seat.of_blocks(edited), np.ones(len(seat.rows), np.bool_))
            changes += seat.states.hear(
                self._slot, replace(heard, edited=True), only=_and(only, anew)
            )
            only = _and(only, ~anew)
        return changes + seat.states.hear(self._slot, heard, only=only)

    def _whole(self, ruling: Ruling) -> Hold:
        """Why nothing is told of a rule as a whole."""
        held = self._brief.held.get(ruling.rule.id, NO_HOLD)
        return held if isinstance(held, Hold) else NO_HOLD

    def _held(self, seat: RuleStates) -> Hold | Holds:
        """Why nothing is told of its rows: what the brief says, venues that do not answer, and what
        is paused."""
        held = self._brief.held.get(seat.ruling.rule.id, NO_HOLD)
        if isinstance(held, Hold) and not (self._any_unread or self._any_paused):
            return held
        told = (
            np.full(len(seat.rows), int(held), np.uint8) if isinstance(held, Hold)
            else held[seat.rows]
        )  # fmt: skip
        quiet = self._silence.suppressed(seat.rows) | self._paused[seat.at]
        told |= quiet.astype(np.uint8) * np.uint8(Hold.SUPPRESSED)
        return told

    def _acknowledged(self, seat: RuleStates) -> Mask | None:
        """bool[rows]: whose episode of now somebody has seen, and it does not know yet."""
        rule_id = seat.ruling.rule.id
        rows = [
            seat.row_of(series) for rule, series, opened in self._brief.acknowledged
            if rule == rule_id and not seat.knows((series, opened))
        ]  # fmt: skip
        found = [row for row in rows if row is not None]
        if not found:
            return None
        mask = np.zeros(len(seat.rows), np.bool_)
        mask[found] = True
        return mask

    # What is kept and told

    def _tell(self, seat: RuleStates, tidings: Tidings) -> None:
        ruling = seat.ruling
        before = memory = self._seats.memory(ruling, self._hearing)
        self._episodes += tidings.episodes
        if tidings.words or memory.storm.waiting:
            memory, notices = tidings.told(memory, self._evidence, states_count=len(seat.rows))
            self._notices += notices
        news = memory.silent or self._any_stale
        if news and ruling.ended is None and self._may_tell_of_silence(ruling):
            rows = seat.rows if ruling.asks_for_silence else seat.rows[:0]
            silent = self._silence.told_of(rows)
            memory, notices = tidings.of_silence(memory, self._evidence, silent=silent)
            self._notices += notices
        if memory != before:
            self._memories.append(self._seats.remember(ruling, memory, slot=self._slot))

    def _may_tell_of_silence(self, ruling: Ruling) -> bool:
        held = self._brief.held.get(ruling.rule.id, NO_HOLD)
        free = not isinstance(held, Hold) or not held
        return free and self._seats.newest_look(ruling.key, self._slot)


def _gone(
    seat: RuleStates, rows: Mask, *, slot: int, reason: Reason, held: Hold | Holds
) -> list[Change]:
    """Some rows are judged for the last time."""
    if not rows.any():
        return []
    unknown = np.full(len(rows), UNKNOWN, np.int8)
    heard = Heard(condition=unknown, clear=unknown, held=held, ended=reason)
    return seat.states.hear(slot, heard, only=rows)


def _and(some: Mask | None, others: Mask) -> Mask:
    """Both; None is all."""
    return others if some is None else some & others


class Alone:
    """What a rule raises is its own error: it is shown there, and the others go on."""

    def __init__(self, seats: Seats, ruling: Ruling) -> None:
        self._seats, self._ruling = seats, ruling

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._seats.errors[self._ruling.key] = str(error) or repr(error)
        self._seats.forget(self._ruling.key)
        return True


def together(
    judge: Callable[[Sequence[Ruling]], dict[Key, T]], rulings: Sequence[Ruling], *, seats: Seats
) -> dict[Key, T]:
    """What `judge` finds of all rules at once; where that fails, of one by one, so that one fails
    alone."""
    try:
        return judge(rulings)
    except Exception:  # noqa: BLE001 - whatever a rule does, the others are judged
        found: dict[Key, T] = {}
        for ruling in rulings:
            with Alone(seats, ruling):
                found |= judge([ruling])
        return found
