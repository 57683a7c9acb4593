"""One look of every rule `on: reading` at readings of a running slot (docs/decisions/0022).

A true reading opens an episode at once where nothing has to last; everything else is left to the
slot's close, which hears the states as they are left here. So the same readings again change
nothing, and states keep the slot that they heard last: the one before. Imports domain.alert_state,
ruling; engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from sigmawatch.domain.alert_state import Hold
from sigmawatch.domain.expression import Condition
from sigmawatch.domain.ruling import Ruling
from sigmawatch.engine.alert_states import Change, Heard
from sigmawatch.engine.expression import TRUE, UNKNOWN, Verdict
from sigmawatch.engine.expression import judge as judged
from sigmawatch.engine.geometry import Mask
from sigmawatch.engine.judge import Decisions, Hearing
from sigmawatch.engine.rule_ranks import RuleRanks
from sigmawatch.engine.rule_states import RuleStates
from sigmawatch.engine.running import RunningBoard
from sigmawatch.engine.seats import Key, Seats
from sigmawatch.engine.sitting import Alone, Brief, Sitting, together
from sigmawatch.engine.slab import Slab
from sigmawatch.engine.slab_inputs import SlabInputs
from sigmawatch.engine.tidings import Tidings


def judge_readings(
    hearing: Hearing, brief: Brief, *, slabs: Sequence[Slab], seats: Seats
) -> Decisions:
    """What follows from readings: a function of hearing and brief, whatever `seats` kept. The
    hearing's board is a running one; its blocks are those that a frame came of.

    Cost: of the slabs that a reading is in, what their rules' evaluation takes.
    """
    return _AtReadings(hearing, brief, slabs=slabs, seats=seats).judge()


class _AtReadings(Sitting):
    def judge(self) -> Decisions:
        board = self._board
        assert isinstance(board, RunningBoard)
        due: list[tuple[Ruling, Mask]] = []
        for ruling in self._brief.rulings:
            with Alone(self._seats, ruling):
                only = self._concerned(ruling, board.read)
                if only.any():
                    due.append((ruling, only))
        rulings = [ruling for ruling, _ in due]
        verdicts = together(partial(self._looked, board), rulings, seats=self._seats)
        for ruling, only in due:
            if ruling.key in verdicts:
                with Alone(self._seats, ruling):
                    self._opened(ruling, verdicts[ruling.key], only=only)
        return Decisions(states=self._states, memories=self._memories, episodes=self._episodes,
                         notices=self._notices)  # fmt: skip

    def _concerned(self, ruling: Ruling, read: Mask) -> Mask:
        """bool[rows of its states]: those that a reading came of. None of those that are to begin
        anew or have left: their slot's close sees to that first."""
        nobody = np.zeros(0, np.bool_)
        if self._slot < ruling.first_slot:
            return nobody
        layout, rows = self._board.layout, self._brief.rows[ruling.rule.id]
        seat = self._seats.states(ruling, self._hearing, rows=rows)
        if not seat.stands(layout, rows):
            if (seat.leaving(layout, rows) & ~seat.states.gone).any():
                return nobody
            seat.seat(layout, rows)
        blocks = seat.those(self._hearing.blocks)
        blocks &= ~seat.edited(blocks)
        mine, only = read[seat.rows], seat.of_blocks(blocks)
        return mine if only is None else mine & only

    def _looked(self, board: RunningBoard, rulings: Sequence[Ruling]) -> dict[Key, Verdict]:
        """Int8[rows of the board] each."""
        found = {each.key: np.full(len(board.series), UNKNOWN, np.int8) for each in rulings}
        ranks = RuleRanks(board)
        for slab, asked in self._asked(rulings, board.read):
            inputs = SlabInputs(slab, board, slabs=self._slabs, ranks=ranks)
            conditions = [condition for _, condition in asked]
            for (key, _), verdict in zip(asked, judged(conditions, inputs), strict=True):
                found[key][slab.part] = verdict
        return found

    def _asked(
        self, rulings: Sequence[Ruling], read: Mask
    ) -> Iterator[tuple[Slab, list[tuple[Key, Condition]]]]:
        """The slabs that a reading is in, and who judges them."""
        for slab in self._slabs:
            if read[slab.part].any():
                asked = [(each.key, each.condition) for each in rulings
                         if each.condition.metric in (None, slab.metric)]  # fmt: skip
                if asked:
                    yield slab, asked

    def _opened(self, ruling: Ruling, verdict: Verdict, *, only: Mask) -> None:
        seat = self._seats.find(ruling.key)
        assert seat is not None
        said = verdict[seat.at]
        fires = only & (said == TRUE)
        if not fires.any():
            return
        blocks = seat.blocks_of([np.flatnonzero(fires)])
        changes = self._caught_up(seat, blocks)
        heard = Heard(condition=said, clear=np.full(len(said), UNKNOWN, np.int8),
                      held=self._held(seat))  # fmt: skip
        changes += seat.states.read(self._slot, heard, only=fires)
        if not changes:
            return
        tidings = Tidings(ruling=ruling, slot=self._slot)
        tidings.take(changes, seat.ids)
        touched = seat.blocks_of([change.rows for change in changes])
        self._states += seat.made(touched, self._slot - 1)
        self._tell_of(seat, tidings)

    def _caught_up(self, seat: RuleStates, blocks: Mask) -> list[Change]:
        """What blocks missed before this slot, as a slot that closes sees to it: a life may begin
        with a reading, and end before a slot has closed."""
        changes: list[Change] = []
        for first, late in seat.gaps(blocks, self._slot, before=self._hearing.before):
            changes += seat.states.pass_over(
                first, self._slot, held=Hold.LATE, only=seat.of_blocks(late)
            )
            seat.note(late, self._slot - 1)
        return changes

    def _tell_of(self, seat: RuleStates, tidings: Tidings) -> None:
        """As a slot does; of what is not there only slots tell."""
        ruling = seat.ruling
        before = memory = self._seats.memory(ruling, self._hearing)
        self._episodes += tidings.episodes
        if tidings.words or memory.storm.waiting:
            memory, notices = tidings.told(memory, self._evidence, states_count=len(seat.rows))
            self._notices += notices
        if memory != before:
            self._memories.append(self._seats.remember(ruling, memory, slot=self._slot))
