"""The alert states of one rule over many series, judged in one pass (SEMANTICS.md 6, 7).

A state remembers no series, so states that are equal are kept once: a row holds the number of its
state in a pool, and of what a slot says only those rows are looked at whose state it moves, or is
due. Rows in one state that hear the same are judged once, by domain.alert_life, whose table this
never repeats. Cost: 0.2 ms for 100,000 rows, and 40 µs for each different thing that happens in the
slot, however many rows it happens to. Imports domain.alert_codec, alert_life, alert_policy,
alert_rows, alert_state, alert_turn; engine.block_rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sigmawatch.domain.alert_codec import RECORD_BYTES, encode_state, encode_states
from sigmawatch.domain.alert_life import moved_by, opened, pass_over, step
from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_rows import spent
from sigmawatch.domain.alert_state import GONE, NO_HOLD, RESTING, Hold, Phase, State, due
from sigmawatch.domain.alert_turn import Reason, Said, Truth, Turn
from sigmawatch.engine.block_rows import Cut
from sigmawatch.engine.geometry import Mask, Rows

Verdict = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int32]
Bits = npt.NDArray[np.uint16]
Phases = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]

_WORDS = [(condition, clear) for condition in Truth for clear in Truth]
_EVERY_WORD = np.uint16((1 << len(_WORDS)) - 1)
_SAID = [Said(condition=condition, clear=clear) for condition, clear in _WORDS]
_LASTS = np.array([phase.lasts for phase in sorted(Phase)])  # by number
_AT_REST = (GONE, RESTING)  # the first states of every pool
_HELD_SHIFT, _SEEN_SHIFT, _CODE_BITS = 4, 8, 9  # of what a row hears, after its word
_NEVER = np.iinfo(np.int64).max
_POOL_MIN = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heard:
    """What a slot says to every row.

    condition, clear: int8[rows], TRUE, FALSE or UNKNOWN of engine.expression. held: of all rows, or
    uint8[rows]. acknowledged: bool[rows]. edited, ended: as in domain.alert_turn.Said.
    """

    condition: Verdict
    clear: Verdict
    held: Hold | npt.NDArray[np.uint8] = NO_HOLD
    acknowledged: Mask | None = None
    edited: bool = False
    ended: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """One thing that happened in a slot, and the rows it happened to, ascending."""

    slot: int
    turn: Turn
    rows: Rows


class AlertStates:
    """Of one rule over `rows` rows, which begin in their warmup. Not for two threads at a time."""

    def __init__(self, policy: Policy, rows: int) -> None:
        self._policy = policy
        self._number: Numbers = np.zeros(rows, np.int32)  # of each row's state

        self._pool: list[State] = []
        self._numbers: dict[State, int] = {}
        self._moved: Bits = np.zeros(_POOL_MIN, np.uint16)  # by which words each is moved
        self._due = np.full(_POOL_MIN, _NEVER)
        self._owes: Mask = np.zeros(_POOL_MIN, np.bool_)
        self._phase: Phases = np.zeros(_POOL_MIN, np.uint8)
        self._pool_max = _POOL_MIN
        self._words: dict[tuple[Phase, bool, bool, bool], int] = {}
        for state in _AT_REST:
            self._interned(state)

    @property
    def phases(self) -> Phases:
        """uint8[rows]: domain.alert_state.Phase of every row."""
        return self._phase.take(self._number)

    @property
    def distinct_count(self) -> int:
        """How many states are kept, each once."""
        return len(self._pool)

    def tally(self) -> tuple[Mapping[Phase, int], Mapping[Hold, int]]:
        """How many rows are in each phase, and of how many something is held back, by why."""
        counts = np.bincount(self._number, minlength=len(self._pool)).tolist()
        phases, withheld = Counter[Phase](), Counter[Hold]()
        for state, count in zip(self._pool, counts, strict=True):
            phases[state.phase] += count
            for hold in Hold:
                withheld[hold] += count if hold in state.withheld else 0
        return phases, withheld

    def state(self, row: int) -> State:
        return self._pool[int(self._number[row])]

    # What slots do to them

    def hear(self, slot: int, heard: Heard, *, only: Mask | None = None) -> list[Change]:
        """Judge `slot` for every row, or `only` some: bool[rows]. The slots before it were judged
        for these rows. What changed or follows, in no order that means anything."""
        words = _words(heard)
        rows = self._concerned(slot, heard, words=words)
        if only is not None:
            rows = rows[only[rows]]
        changes = self._judged(slot, heard, rows=rows, words=words)
        self._tidy()
        return changes

    def read(self, slot: int, heard: Heard, *, only: Mask) -> list[Change]:
        """Hear a reading inside `slot`, which is still to be judged, for some rows: bool[rows].
        What it opened."""
        rows = np.flatnonzero(only & (heard.condition == Truth.TRUE))
        changes = self._judged(slot, heard, rows=rows, words=_words(heard), step=opened)
        self._tidy()
        return changes

    def pass_over(
        self, first: int, stop: int, *, held: Hold = NO_HOLD, only: Mask | None = None
    ) -> list[Change]:
        """Judge the slots [first, stop), of which nothing is known: we were down; for every row, or
        `only` some: bool[rows]. What followed and what changed, ascending by slot."""
        changes = []
        among = np.arange(len(self._number)) if only is None else np.flatnonzero(only)
        before = self._number[among]
        for number in np.unique(before).tolist():
            state, turns = pass_over(
                self._pool[number], first=first, stop=stop, policy=self._policy, held=held
            )
            if state != self._pool[number]:
                last = Turn(state=state, reason=Reason.UNKNOWN)
                turns = (*turns, (stop - 1, last))
            if turns:
                rows = among[before == number]
                self._number[rows] = self._interned(state)
                changes += [Change(slot=slot, turn=turn, rows=rows) for slot, turn in turns]
        self._tidy()
        return sorted(changes, key=lambda change: change.slot)

    def _concerned(self, slot: int, heard: Heard, *, words: Phases) -> Rows:
        """The rows that anything can happen to."""
        if heard.edited or heard.ended is not None or self._expired(slot):
            return np.arange(len(self._number))
        count = len(self._pool)
        moved = self._moved[:count].copy()
        moved[self._due[:count] <= slot] = _EVERY_WORD
        if isinstance(heard.held, Hold) and not heard.held:
            moved[self._owes[:count]] = _EVERY_WORD
        concerned = ((moved.take(self._number) >> words) & np.uint16(1)).astype(np.bool_)
        if not isinstance(heard.held, Hold) and self._owes[:count].any():
            concerned |= self._owes.take(self._number) & (heard.held == 0)
        if heard.acknowledged is not None:
            concerned |= heard.acknowledged
        return np.flatnonzero(concerned)

    def _expired(self, slot: int) -> bool:
        return self._policy.valid_until is not None and slot >= self._policy.valid_until

    def _judged(
        self, slot: int, heard: Heard, *, rows: Rows, words: Phases,
        step: Callable[..., Turn] = step,
    ) -> list[Change]:  # fmt: skip
        """What the slot makes of `rows`: those in one state that hear the same at once."""
        if not len(rows):
            return []
        codes = _codes(heard, rows, words=words)
        order, edges = _runs(self._number[rows].astype(np.int64) << _CODE_BITS | codes)
        changes = []
        for start, stop in pairwise(edges.tolist()):
            same = rows[order[start:stop]]
            before = self.state(int(same[0]))
            said = _said(heard, int(codes[order[start]]))
            turn = step(before, said, slot=slot, policy=self._policy)
            if turn.state != before or turn.effects:
                self._number[same] = self._interned(turn.state)
                changes.append(Change(slot=slot, turn=turn, rows=same))
        return changes

    # The pool

    def _interned(self, state: State) -> int:
        """The number of a state, a new one if need be."""
        number = self._numbers.get(state)
        if number is not None:
            return number
        number = self._numbers[state] = len(self._pool)
        self._pool.append(state)
        if number == len(self._due):
            self._moved, self._due, self._owes, self._phase = (
                np.concatenate([each, np.zeros_like(each)])
                for each in (self._moved, self._due, self._owes, self._phase)
            )
        self._moved[number] = self._moving_words(state)
        after = due(state, self._policy)
        self._due[number] = _NEVER if after is None else after
        self._owes[number] = state.owes
        self._phase[number] = state.phase
        return number

    def _moving_words(self, state: State) -> int:
        """A bit for each of _WORDS, set where it moves a state: `moved_by`, which looks at nothing
        but this key."""
        key = state.phase, state.timer is None, state.unknown is None, spent(state, self._policy)
        words = self._words.get(key)
        if words is None:
            moved = (moved_by(state, said, policy=self._policy) for said in _SAID)
            words = self._words[key] = sum(each << bit for bit, each in enumerate(moved))
        return words

    def _tidy(self) -> None:
        """Forget states that no row is in, once they are more than the others."""
        if len(self._pool) <= self._pool_max:
            return
        resting = np.arange(len(_AT_REST), dtype=np.int32)
        used = np.union1d(resting, self._number)
        self._number = np.searchsorted(used, self._number).astype(np.int32)
        self._pool = [self._pool[number] for number in used.tolist()]
        self._numbers = {state: number for number, state in enumerate(self._pool)}
        for column in (self._moved, self._due, self._owes, self._phase):
            column[: len(used)] = column[used]
        self._pool_max = max(_POOL_MIN, 2 * len(used))

    # Rows, and what is stored of them

    def put(self, rows: Rows, states: Sequence[State]) -> None:
        """What rows were left in, from a database."""
        each = {id(state): state for state in states}  # most are the same object: hashing is dear
        numbers = {key: self._interned(state) for key, state in each.items()}
        self._number[rows] = [numbers[id(state)] for state in states]

    def under(self, policy: Policy) -> AlertStates:
        """The same states, to live by another policy."""
        other = AlertStates(policy, 0)
        other._number = np.array([other._interned(state) for state in self._pool], np.int32)[
            self._number
        ]
        return other

    def rearrange(self, rows: Rows) -> None:
        """Other rows. rows: intp[new rows], the old row of each, -1 for one that is new."""
        self._number = np.where(rows < 0, 0, self._number.take(rows, mode="wrap"))

    def bodies(self, cut: Cut) -> list[bytes]:
        """The states of some blocks (domain.alert_codec). 2,000 states of 98 blocks: 0.5 ms."""
        numbers = self._number.take(cut.rows)
        moved = np.flatnonzero(numbers >= len(_AT_REST))
        records = self._encoded(numbers[moved])
        records[:, :2] = cut.places[moved].astype("<u2").view(np.uint8).reshape(-1, 2)
        told, past = records.tobytes(), (self._phase != Phase.WARMUP).take(numbers)
        cuts = (np.searchsorted(moved, cut.edges) * RECORD_BYTES).tolist()
        return [
            encode_states(bits, (told[start:stop],))
            for bits, (start, stop) in zip(cut.bits(past), pairwise(cuts), strict=True)
        ]

    def _encoded(self, numbers: Numbers) -> npt.NDArray[np.uint8]:
        """uint8[n, RECORD_BYTES]: the records of some states, as of place 0; each once encoded."""
        each, which = np.unique(numbers, return_inverse=True)
        records = b"".join(encode_state(0, self._pool[number]) for number in each.tolist())
        return np.frombuffer(records, np.uint8).reshape(-1, RECORD_BYTES)[which]

    @property
    def gone(self) -> Mask:
        """bool[rows]: those of which nothing is remembered, and that are in no phase."""
        return np.asarray(self._number == _AT_REST.index(GONE))

    @property
    def any_lasting(self) -> bool:
        """Whether an episode is open; now and then it was one a few slots ago."""
        return bool(_LASTS[self._phase[: len(self._pool)]].any())


def _words(heard: Heard) -> Phases:
    """uint8[rows]: which of _WORDS each row hears."""
    words = heard.condition * np.int8(len(Truth))
    words += heard.clear
    words += np.int8(len(_WORDS) // 2)
    return words.view(np.uint8)


def _codes(heard: Heard, rows: Rows, *, words: Phases) -> Codes:
    """int64[rows]: all that is different in what some rows hear, as one number."""
    codes = words[rows].astype(np.int64)
    if not isinstance(heard.held, Hold):
        codes |= heard.held[rows].astype(np.int64) << _HELD_SHIFT
    if heard.acknowledged is not None:
        codes |= heard.acknowledged[rows].astype(np.int64) << _SEEN_SHIFT
    return codes


def _said(heard: Heard, code: int) -> Said:
    condition, clear = _WORDS[code & 15]
    held = heard.held if isinstance(heard.held, Hold) else Hold(code >> _HELD_SHIFT & 15)
    return Said(
        condition=condition, clear=clear, held=held, edited=heard.edited, ended=heard.ended,
        acknowledged=bool(code >> _SEEN_SHIFT),
    )  # fmt: skip


def _runs(keys: Codes) -> tuple[Rows, Rows]:
    """The order that puts equal keys together and keeps theirs, and where each run of them starts,
    the end too."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    return order, np.concatenate([[0], starts, [len(keys)]])
