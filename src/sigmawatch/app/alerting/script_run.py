"""Runs a `.rules` script: its rules judged over its values, slot by slot, as live rules are.

What is expected is looked at when its slot was judged; what was expected and not found is told with
the state, its reason and the numbers. Imports app.alerting.script, domain, engine, ports.zones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.alerting.script import (
    SUMMARY,
    Act,
    ExpectNotice,
    ExpectState,
    ExpectTells,
    Script,
    ScriptInvalid,
    ScriptRule,
    Step,
)
from sigmawatch.app.alerting.script_steps import RESOLVED
from sigmawatch.domain.alert import Rule
from sigmawatch.domain.alert_policy import MAX_LATENESS_MS
from sigmawatch.domain.alert_state import Hold, Phase, State
from sigmawatch.domain.alert_turn import Reason
from sigmawatch.domain.frame import Reason as Mark
from sigmawatch.domain.window import Interval
from sigmawatch.engine.needs import Needs
from sigmawatch.engine.rehearsal import Rehearsal, Stored
from sigmawatch.engine.slab import Slab
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.trial import STORM, Compared, Outcome, Said, Trial, about, tried
from sigmawatch.ports.zones import Zones

DIGITS_MIN = 6  # a number is as expected when so many of its digits are


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A line of the script that does not hold. found: what was there instead, a line each."""

    line: int
    text: str
    found: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of a script. expected_count: lines that expect something."""

    name: str
    expected_count: int
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


def run_script(script: Script, *, zones: Zones) -> Ran:
    """Raises ScriptInvalid where a step cannot be."""
    run = _Run(script, zones)
    run.slots()
    expected = [step for step in script.steps if not isinstance(step, Act)]
    return Ran(name=script.name, expected_count=len(expected), failures=tuple(run.failures))


Told = tuple[int, int | str, str]  # slot, about whom, kind


class _Ruled:
    """One rule as it goes through the script."""

    def __init__(self, rule: ScriptRule, interval: Interval) -> None:
        self.rule = rule
        self.trial = Trial(_saved(rule), interval, series=rule.series)
        self.ended: Reason | None = None
        self.silent_until = 0
        self.told: list[Told] = []
        self.closed: set[int] = set()  # series whose newest episode is over
        self.before: dict[int, State] = {}  # the slot that is judged, those that are asked for


class _Run:
    def __init__(self, script: Script, zones: Zones) -> None:
        self._script, self._zones = script, zones
        self._ruled = {rule.name: _Ruled(rule, script.interval) for rule in script.rules}
        self._down: tuple[int, int] = (0, 0)
        self._steps: dict[int, list[Step]] = defaultdict(list)
        for step in script.steps:
            self._steps[step.slot].append(step)
        self._board: Board | None = None  # of the slot before
        self.failures: list[Failure] = []

    def slots(self) -> None:
        """Judge them all."""
        script = self._script
        edited = [step.edited for step in script.steps
                  if isinstance(step, Act) and step.edited is not None]  # fmt: skip
        needs = Needs(conditions=tuple(
            each for rule in (*script.rules, *edited) for each in (rule.condition, rule.clear)
        ))  # fmt: skip
        rehearsal = Rehearsal(
            script.interval, [one.series for one in script.loaded], needs=needs,
            windows_ms=sorted(needs.ranked_ms),
        )  # fmt: skip
        rehearsal.tell(_stored(script))
        for board in rehearsal.boards(script.first_slot):
            self._slot(board, rehearsal.table.slabs)
            self._board = board
        for step in script.steps:
            if isinstance(step, ExpectTells):
                self._tells(step)
        self.failures.sort(key=lambda failure: failure.line)

    def _slot(self, board: Board, slabs: Sequence[Slab]) -> None:
        steps = self._steps[board.slot]
        acts = [step for step in steps if isinstance(step, Act)]
        self._fall(acts, slot=board.slot)
        self._read([act for act in acts if act.verb == "read"], slabs)
        for ruled in self._ruled.values():
            if ruled.ended is None:
                asked = [step.about for step in steps if isinstance(step, ExpectState)]
                ruled.before = {one: ruled.trial.state(one) for one in asked
                                if isinstance(one, int)}  # fmt: skip
                said = self._said(ruled, acts, board=board)
                self._note(ruled, ruled.trial.hear(board, slabs=slabs, said=said))
                ruled.ended = said.ended
        for step in steps:
            if not isinstance(step, Act | ExpectTells):
                self._look(step, board=board, slabs=slabs)

    # What happens

    def _fall(self, acts: Iterable[Act], *, slot: int) -> None:
        """Go down, or remember that we are."""
        for act in acts:
            if self._away(slot):
                raise ScriptInvalid("nobody is there then, we are down", line=act.line)
            if act.verb == "down":
                assert act.until is not None
                self._down = slot, act.until

    def _read(self, acts: Sequence[Act], slabs: Sequence[Slab]) -> None:
        """What comes inside a slot, before it closes, one after the other."""
        for act in acts:
            if self._board is None:
                raise ScriptInvalid("nothing has closed before it", line=act.line)
            assert isinstance(act.about, int)
            assert act.value is not None
            for ruled in self._ruled.values():
                if ruled.ended is None:
                    said = Said(held=self._held(ruled, self._board))
                    reading = (act.about, act.value)
                    self._note(
                        ruled, ruled.trial.read(self._board, reading, slabs=slabs, said=said)
                    )

    def _away(self, slot: int) -> bool:
        return self._down[0] <= slot < self._down[1]

    def _said(self, ruled: _Ruled, acts: Iterable[Act], *, board: Board) -> Said:
        everybody = frozenset(one.id for one in ruled.rule.series)
        seen: frozenset[int] = frozenset()
        ended = None
        for act in acts:
            if act.rule != ruled.rule.name:
                continue
            if act.verb == "acknowledge":
                seen |= {act.about} if isinstance(act.about, int) else everybody
            elif act.verb == "silence":
                ruled.silent_until = act.until or 0
            elif act.edited is not None:
                ruled.trial.edit(_saved(act.edited))
            else:
                ended = Reason.DISABLED if act.verb == "disable" else Reason.DELETED
        return Said(held=self._held(ruled, board), ended=ended, acknowledged=seen)

    def _held(self, ruled: _Ruled, board: Board) -> Hold:
        """Why nothing is told for now."""
        end_ms = board.interval.open_ms(board.slot + 1)
        held = Hold(0)
        for window in ruled.rule.settings.mute:
            if window.holds(end_ms + self._zones.offset_ms(window.zone, end_ms)):
                held |= Hold.MUTED
        if board.slot < ruled.silent_until:
            held |= Hold.SILENCED
        back_ms = board.interval.open_ms(self._down[1])
        if self._away(board.slot) and back_ms - end_ms > MAX_LATENESS_MS:
            held |= Hold.LATE
        return held

    def _note(self, ruled: _Ruled, outcome: Outcome) -> None:
        for one in outcome.episodes:
            over = one.closed_ms is not None
            (ruled.closed.add if over else ruled.closed.discard)(one.series_id)
        slot = self._down[1] if self._away(outcome.slot) else outcome.slot
        for notice in outcome.notices:
            whom = about(notice)
            ruled.told.append((slot, SUMMARY if whom == STORM else whom, notice.kind.value))

    # What is expected

    def _look(self, step: Step, *, board: Board, slabs: Sequence[Slab]) -> None:
        if self._away(step.slot):
            raise ScriptInvalid("nobody is there then, we are down", line=step.line)
        ruled = self._ruled[step.rule]
        if isinstance(step, ExpectNotice):
            told = self._told(ruled, step.about, slot=step.slot)
            kinds = [kind for _, _, kind in told]
            if (kinds != [step.kind]) if step.kind else kinds:
                self._fail(step, [f"told {self._list(ruled, told)}"])
        elif isinstance(step, ExpectState):
            assert isinstance(step.about, int)
            compared = ruled.trial.compared(board, step.about, slabs=slabs)
            right = self._is(ruled, step.about, state=step.state)
            if not right or (
                step.because and not any(_like(one, step.because) for one in compared)
            ):
                found = self._state(step, board, slabs=slabs)
                self._fail(step, [found, *map(_words, compared)])

    def _tells(self, step: ExpectTells) -> None:
        ruled = self._ruled[step.rule]
        told = self._told(ruled, step.about)
        if [(kind, slot) for slot, _, kind in told] != list(step.told):
            self._fail(step, [f"tells {self._list(ruled, told)}"])

    def _told(
        self, ruled: _Ruled, about: int | str | None, *, slot: int | None = None
    ) -> list[Told]:
        return [
            one for one in ruled.told
            if about in (None, one[1]) and slot in (None, one[0])
        ]  # fmt: skip

    def _is(self, ruled: _Ruled, series_id: int, *, state: str) -> bool:
        phase = ruled.trial.state(series_id).phase
        if state == RESOLVED:
            return series_id in ruled.closed and phase in (Phase.COOLDOWN, Phase.OK, Phase.WARMUP)
        return phase.name.lower() == state

    def _fail(self, step: Step, found: Sequence[str]) -> None:
        self.failures.append(Failure(line=step.line, text=step.text, found=tuple(found)))

    def _state(self, step: ExpectState, board: Board, *, slabs: Sequence[Slab]) -> str:
        ruled, series_id = self._ruled[step.rule], step.about
        assert isinstance(series_id, int)
        state = ruled.trial.state(series_id)
        since = "" if state.since is None else f" since {self._script.clock(state.since)}"
        why = str(ruled.ended) if ruled.ended else ruled.trial.why(
            series_id, before=ruled.before[series_id], board=board, slabs=slabs
        )  # fmt: skip
        return f"{state.phase.name.lower()}{since}: {why}"

    def _list(self, ruled: _Ruled, told: Iterable[Told]) -> str:
        names: dict[int | str, str] = {one.id: one.name for one in ruled.rule.series}
        said = [
            f"{kind} {self._script.clock(slot)}"
            + ("" if about == SUMMARY else f" ({names.get(about, about)})")
            for slot, about, kind in told
        ]
        return ", ".join(said) or "nothing"


def _saved(rule: ScriptRule) -> Rule:
    return tried(rule.name, rule.text, settings=rule.settings)


def _stored(script: Script) -> Stored:
    """What the script loads, and what it takes away."""
    columns = {}
    for one in script.loaded:
        values = np.full(script.slots_count, np.nan)
        values[: len(one.values)] = [np.nan if v is None else v for v in one.values]
        marks = np.full(script.slots_count, Mark.OBSERVED, np.uint8)
        marks[1:][values[1:] == values[:-1]] = Mark.UNCHANGED
        marks[np.isnan(values)] = Mark.OUTAGE
        for step in script.steps:
            if isinstance(step, Act) and step.verb == "delist" and step.about == one.series.id:
                gone = step.slot - script.first_slot
                values[gone:], marks[gone:] = np.nan, Mark.DELISTED
        columns[one.series.id] = values, marks
    return Stored(from_slot=script.first_slot, slots=script.slots_count, columns=columns)


def _like(compared: Compared, because: tuple[str, str, str]) -> bool:
    _, left, relation, right = compared
    return relation == because[1] and _same(left, because[0]) and _same(right, because[2])


def _same(number: float, text: str) -> bool:
    digits = max(len(text.strip("-").replace(".", "").lstrip("0")), DIGITS_MIN)
    return f"{number:.{digits}g}" == f"{float(text):.{digits}g}"


def _words(compared: Compared) -> str:
    text, left, relation, right = compared

    def known(number: float) -> str:
        return "unknown" if np.isnan(number) else f"{number:.6g}"

    return f"{text}: {known(left)} {relation} {known(right)}"
