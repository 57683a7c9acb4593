"""What is kept in memory of every rule from slot to slot: its states, and what it remembers.

What is stored decides: whatever is not what a hearing says was left is read anew. Imports
domain.alert, alert_state, errors, rule_memory, ruling; engine.judge, rule_states, silence.
"""

from __future__ import annotations

from collections import Counter

from sigmawatch.domain.alert import Remembered
from sigmawatch.domain.alert_state import Hold, Phase
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule_memory import NOTHING, Memory
from sigmawatch.domain.ruling import Ruling
from sigmawatch.engine.geometry import Rows
from sigmawatch.engine.judge import Hearing
from sigmawatch.engine.rule_states import RuleStates
from sigmawatch.engine.silence import Venues
from sigmawatch.engine.snapshot import Board

Key = tuple[int, int]  # rule, interval in milliseconds


class Seats:
    """Of one program. Not for two threads at a time. errors: why a rule was not judged the last
    time, until it is."""

    def __init__(self) -> None:
        self.errors: dict[Key, str] = {}
        self._states: dict[Key, RuleStates] = {}
        self._memories: dict[Key, tuple[Remembered | None, Memory]] = {}
        self._venues: dict[int, Venues] = {}  # by interval
        self._looked: dict[Key, int] = {}  # the newest slot at which silence was looked at

    def find(self, key: Key) -> RuleStates | None:
        """The states of a rule as they are now."""
        return self._states.get(key)

    def states(self, ruling: Ruling, hearing: Hearing, *, rows: Rows) -> RuleStates:
        """The states of a rule, as a hearing says they were left; rows: of the board, that it is
        about."""
        states = self._states.get(ruling.key)
        if states is None or not states.current(hearing.states):
            states = RuleStates(ruling, hearing.board.layout)
            states.restore(rows, hearing.states)
            self._states[ruling.key] = states
        states.take_over(ruling)
        return states

    def tally(self) -> tuple[Counter[Phase], Counter[Hold]]:
        """How many states there are in each phase, and of how many something is held back, by
        why."""
        phases, withheld = Counter[Phase](), Counter[Hold]()
        for seat in self._states.values():
            of_phase, of_hold = seat.states.tally()
            phases.update(of_phase)
            withheld.update(of_hold)
        return phases, withheld

    def forget(self, key: Key) -> None:
        """Read what is kept of a rule anew the next time."""
        self._states.pop(key, None)
        self._memories.pop(key, None)

    def memory(self, ruling: Ruling, hearing: Hearing) -> Memory:
        """What is remembered of a rule."""
        stored = hearing.memories.get(ruling.key)
        kept, memory = self._memories.get(ruling.key, (None, NOTHING))
        if kept is not stored:
            memory = NOTHING if stored is None else _read(stored)
            self._memories[ruling.key] = stored, memory
        return memory

    def remember(self, ruling: Ruling, memory: Memory, *, slot: int) -> Remembered:
        """What is to be stored of a rule from now on."""
        rule_id, interval_ms = ruling.key
        kept, _ = self._memories.get(ruling.key, (None, NOTHING))
        slot = slot if kept is None else max(slot, kept.slot)
        told = Remembered(rule_id=rule_id, interval_ms=interval_ms, slot=slot, body=memory.encode())
        self._memories[ruling.key] = told, memory
        return told

    def newest_look(self, key: Key, slot: int) -> bool:
        """Whether silence was not looked at yet at a later slot."""
        before = self._looked.get(key, -1)
        self._looked[key] = max(slot, before)
        return slot >= before

    def venues(self, board: Board) -> Venues:
        known = self._venues.get(board.interval.ms)
        if known is None or known.layout is not board.layout:
            known = self._venues[board.interval.ms] = Venues(board.layout)
        return known


def _read(stored: Remembered) -> Memory:
    """Nothing where it is damaged: a storm is forgotten, no alert is."""
    try:
        return Memory.decode(stored.body)
    except Invalid:
        return NOTHING
