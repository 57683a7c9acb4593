"""A rule tried on boards: what it would decide and tell, without anybody being told.

It is judged by the hand that judges live (engine.sitting), and what that decides is kept here in
the place of a database. Imports domain.alert, alert_life, ruling; engine.judge, seats, sitting.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np

from sigmawatch.domain.alert import Episode, Remembered, Rule, States
from sigmawatch.domain.alert_life import step
from sigmawatch.domain.alert_state import GONE, NO_HOLD, Hold, Phase, State
from sigmawatch.domain.alert_turn import Reason, Truth
from sigmawatch.domain.alert_turn import Said as Heard
from sigmawatch.domain.expression import Comparison
from sigmawatch.domain.expression_printer import print_node, print_value
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.frame import Reason as Mark
from sigmawatch.domain.notice import Notice
from sigmawatch.domain.rule_settings import On, RuleSettings
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.alert_states import Phases
from sigmawatch.engine.expression import UNKNOWN, measure
from sigmawatch.engine.geometry import Rows
from sigmawatch.engine.judge import Hearing
from sigmawatch.engine.reading_sitting import judge_readings
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.running import running
from sigmawatch.engine.seats import Seats
from sigmawatch.engine.sitting import Brief, judge
from sigmawatch.engine.slab import Slab
from sigmawatch.engine.slab_inputs import SlabInputs, judge_board
from sigmawatch.engine.snapshot import Board, Layout

RULE = 1  # the id of what is tried
STORM = "storm"  # whom a notice is about, where it is many
SAMPLED = 16  # of so many slots one is asked how much of it is not known

Compared = tuple[str, float, str, float]  # a comparison, its sides, NaN where unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What comes to a trial from outside with a slot. acknowledged: series whose episode somebody
    has seen. ended: why the rule is judged for the last time."""

    held: Hold = NO_HOLD
    ended: Reason | None = None
    acknowledged: frozenset[int] = frozenset()


NOTHING = Said()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a slot came to. almost_count: series that were pending and did not fire. unknown_count:
    those that could not be judged, None where nobody looked."""

    slot: int
    episodes: Sequence[Episode] = ()
    notices: Sequence[Notice] = ()
    almost_count: int = 0
    unknown_count: int | None = None


def about(notice: Notice) -> int | str:
    """Whom a notice is about: a series by its id, a venue by its name, or STORM."""
    of = notice.episode.removeprefix(f"{notice.rule_id}-").rpartition("-")[0]
    return int(of) if of.isdigit() else of


def tried(name: str, text: str, *, settings: RuleSettings) -> Rule:
    """A rule that nobody has saved."""
    return Rule(id=RULE, name=name, version=1, text=text, settings=settings.encode(),
                origin="api", enabled=True, created_ms=0, made_ms=0)  # fmt: skip


class Trial:
    """One rule over some series of one interval. For one thread at a time."""

    def __init__(self, rule: Rule, interval: Interval, *, series: Collection[Series]) -> None:
        """The rule as if it had always been there. Raises Invalid where it cannot be judged at the
        interval."""
        self._versions = [replace(rule, id=RULE, created_ms=0)]
        self._interval = interval
        self.series = tuple(series)
        self.ruling = self._ruled(None)
        self._seats = Seats()
        self._states: dict[tuple[int, int], States] = {}
        self._memories: dict[tuple[int, int], Remembered] = {}
        self._before: int | None = None
        self._layout: Layout | None = None
        self._rows: Rows = np.zeros(0, np.intp)
        self._phases: Phases = np.zeros(0, np.uint8)

    def _ruled(self, ended: Reason | None) -> Ruling:
        return Ruling.of(self._versions[-1], self._versions, interval=self._interval, ended=ended)

    def edit(self, rule: Rule) -> None:
        """Another version of the rule, from the next slot on."""
        self._versions.append(replace(rule, id=RULE, created_ms=0, version=len(self._versions) + 1))
        self.ruling = self._ruled(None)

    def state(self, series_id: int) -> State:
        """As the last slot left it."""
        seat = self._seats.find(self.ruling.key)
        row = None if seat is None else seat.row_of(series_id)
        return GONE if seat is None or row is None else seat.states.state(row)

    def hear(self, board: Board, *, slabs: Sequence[Slab], said: Said = NOTHING) -> Outcome:
        """Judge the board's slot. Slots are heard in order, each once."""
        if board.layout is not self._layout:
            self._layout = board.layout
            rows = [board.layout.rows[one.id] for one in self.series]
            self._rows = np.sort(np.array(rows, np.intp))
        hearing = Hearing(
            board=board, blocks=frozenset(board.layout.blocks), awaited=frozenset(),
            before=self._before, states=self._states, memories=self._memories,
        )  # fmt: skip
        if said.ended is not None:
            self.ruling = self._ruled(said.ended)
        brief = Brief(
            rulings=[self.ruling], rows={RULE: self._rows}, held={RULE: said.held},
            acknowledged=[(RULE, one, self._opened(one)) for one in said.acknowledged],
        )  # fmt: skip
        decisions = judge(hearing, brief, slabs=slabs, seats=self._seats)
        assert not self._seats.errors, self._seats.errors
        self._before = board.slot
        self._states |= {one.key: one for one in decisions.states}
        self._memories |= {one.key: one for one in decisions.memories}
        return Outcome(
            slot=board.slot, episodes=decisions.episodes, notices=decisions.notices,
            almost_count=self._almost(), unknown_count=self._unknown(board, slabs),
        )  # fmt: skip

    def read(
        self, before: Board, reading: tuple[int, float], *, slabs: Sequence[Slab],
        said: Said = NOTHING,
    ) -> Outcome:  # fmt: skip
        """Look at a reading, of a series and its value, in the middle of the slot after the one
        that was heard last, whose board is `before`."""
        slot = before.slot + 1
        if self.ruling.settings.on is not On.READING:
            return Outcome(slot=slot)
        frame = _frame(before, reading)
        hearing = Hearing(
            board=running(before, [frame]), blocks=frozenset({frame.block_id}),
            awaited=frozenset(), before=before.slot, states=self._states, memories=self._memories,
        )  # fmt: skip
        brief = Brief(rulings=[self.ruling], rows={RULE: self._rows}, held={RULE: said.held})
        decisions = judge_readings(hearing, brief, slabs=slabs, seats=self._seats)
        assert not self._seats.errors, self._seats.errors
        self._states |= {one.key: one for one in decisions.states}
        self._memories |= {one.key: one for one in decisions.memories}
        return Outcome(slot=slot, episodes=decisions.episodes, notices=decisions.notices)

    def _opened(self, series_id: int) -> int:
        """The slot with which the newest episode of a series opened."""
        course = self.state(series_id).course
        return -1 if course is None else course.opened

    def _almost(self) -> int:
        """How many states were pending before the slot and did not fire with it."""
        seat = self._seats.find(self.ruling.key)
        before, self._phases = self._phases, np.zeros(0, np.uint8)
        if seat is None:
            return 0
        self._phases = seat.states.phases
        if len(before) != len(self._phases):
            return 0
        return int(
            np.count_nonzero(
                (before == np.uint8(Phase.PENDING)) & (self._phases == np.uint8(Phase.OK))
            )
        )

    def _unknown(self, board: Board, slabs: Sequence[Slab]) -> int | None:
        """How many series the condition says nothing of, every now and then."""
        if board.slot % SAMPLED:
            return None
        known = np.zeros(len(board.series), np.bool_)
        for metric in sorted({one.metric for one in self.series}):
            said = judge_board([self.ruling.condition], board, slabs=slabs, metric=metric)
            known |= said[0] != UNKNOWN
        return int(np.count_nonzero(~known[self._rows]))

    def why(self, series_id: int, *, before: State, board: Board, slabs: Sequence[Slab]) -> str:
        """Why the state of a series, `before` the board's slot, became what it is or stayed; holds
        apart. The slot is the newest."""
        ruling, row = self.ruling, board.layout.rows[series_id]
        metric = board.series[row].metric
        said = judge_board([ruling.condition, ruling.clear], board, slabs=slabs, metric=metric)
        condition, clear = (Truth(int(verdict[row])) for verdict in said)
        heard = Heard(condition=condition, clear=clear)
        return str(step(before, heard, slot=board.slot, policy=ruling.policy).reason)

    def compared(self, board: Board, series_id: int, *, slabs: Sequence[Slab]) -> list[Compared]:
        """What every comparison of the condition came to at the board's slot, the newest."""
        condition, row = self.ruling.condition, board.layout.rows[series_id]
        slab = next(one for one in slabs if one.part.start <= row < one.part.stop)
        inputs = SlabInputs(slab, board, slabs=slabs, ranks=RuleRanks(board))
        found: list[Compared] = []
        for node in condition.test.walk():
            if isinstance(node, Comparison):
                left, right = (
                    float(measure(side, inputs, span_ms=condition.span_ms)[row - slab.part.start])
                    for side in (node.left, node.right)
                )
                text = print_node(node, names=repeat(print_value(condition)))
                found.append((text, left, node.operator, right))
        return found


def _frame(before: Board, reading: tuple[int, float]) -> Frame:
    """A frame that says one thing, in the middle of the slot after a board's."""
    series_id, value = reading
    one = before.series[before.layout.rows[series_id]]
    values = np.full(one.place + 1, np.nan)
    values[one.place] = value
    marks = bytes([Mark.NO_PLACE] * one.place + [Mark.OBSERVED])
    slot, half_ms = before.slot + 1, before.interval.ms // 2
    return Frame(
        block_id=one.block_id, slot=slot, revision=half_ms, open=True, marks=marks,
        recv_ms=before.interval.open_ms(slot) + half_ms, values=values.astype("<f8").tobytes(),
    )  # fmt: skip
