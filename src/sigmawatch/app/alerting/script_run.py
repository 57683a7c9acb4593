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
from sigmawatch.domain.alert_policy import MAX_LATENESS_MS
from sigmawatch.domain.alert_state import Hold, Phase
from sigmawatch.domain.alert_turn import Account, Reason
from sigmawatch.domain.frame import Reason as Mark
from sigmawatch.engine.needs import Needs
from sigmawatch.engine.rehearsal import Rehearsal, Stored
from sigmawatch.engine.snapshot import Board
from sigmawatch.engine.trial import Said, Tidings, Trial, Tried
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


class _Ruled:
    """One rule as it goes through the script."""

    def __init__(self, rule: ScriptRule, interval_policy: Tried) -> None:
        self.rule = rule
        self.trial = Trial(interval_policy, rule.series)
        self.ended: Reason | None = None
        self.gone: set[int] = set()  # series that were delisted
        self.silent_until = 0
        self.told: list[tuple[int, int | str, str]] = []  # slot, about whom, kind
        self.reasons: dict[int, str] = {}  # by series: the last that was given
        self.closed: set[int] = set()  # series whose newest episode is over


class _Run:
    def __init__(self, script: Script, zones: Zones) -> None:
        self._script, self._zones = script, zones
        self._ruled = {rule.name: _Ruled(rule, self._tried(rule)) for rule in script.rules}
        self._down: tuple[int, int] = (0, 0)
        self._steps: dict[int, list[Step]] = defaultdict(list)
        for step in script.steps:
            if step.slot < script.first_slot and not isinstance(step, ExpectTells):
                raise ScriptInvalid("that is before the first slot", line=step.line)
            self._steps[step.slot].append(step)
        self.failures: list[Failure] = []

    def _tried(self, rule: ScriptRule) -> Tried:
        policy = rule.settings.policy(self._script.interval, for_ms=rule.condition.for_ms)
        return Tried(condition=rule.condition, clear=rule.clear, policy=policy)

    def slots(self) -> None:
        """Judge them all."""
        script = self._script
        edited = [step.edited for step in script.steps
                  if isinstance(step, Act) and step.edited is not None]  # fmt: skip
        conditions = [each for rule in (*script.rules, *edited)
                      for each in (rule.condition, rule.clear)]  # fmt: skip
        needs = Needs(conditions=tuple(conditions))
        rehearsal = Rehearsal(
            script.interval, [one.series for one in script.loaded], ranked=needs.ranked,
            windows_ms=sorted(needs.ranked_ms), standing_ms=needs.standing_ms,
        )  # fmt: skip
        rehearsal.tell(_stored(script))
        for board in rehearsal.boards(script.first_slot):
            self._slot(board, rehearsal)
        for step in script.steps:
            if isinstance(step, ExpectTells):
                self._tells(step)
        self.failures.sort(key=lambda failure: failure.line)

    def _slot(self, board: Board, rehearsal: Rehearsal) -> None:
        steps = self._steps[board.slot]
        acts = [step for step in steps if isinstance(step, Act)]
        self._fall(acts, slot=board.slot)
        for ruled in self._ruled.values():
            if ruled.ended is None:
                said = self._said(ruled, acts, board=board)
                tidings = ruled.trial.hear(board, slabs=rehearsal.table.slabs, said=said)
                self._note(ruled, tidings)
                ruled.ended = said.ended if said.ended_ids is None else None
        for step in steps:
            if not isinstance(step, Act | ExpectTells):
                self._look(step, board=board, rehearsal=rehearsal)

    # What happens

    def _fall(self, acts: Iterable[Act], *, slot: int) -> None:
        """Go down, or remember that we are."""
        for act in acts:
            if act.verb == "down":
                assert act.until is not None
                self._down = slot, act.until
            elif self._down[0] <= slot < self._down[1]:
                raise ScriptInvalid("nobody is there then, we are down", line=act.line)

    def _said(self, ruled: _Ruled, acts: Iterable[Act], *, board: Board) -> Said:
        mine = [act for act in acts if act.rule == ruled.rule.name]
        seen: set[int] = set()
        edited, ended = False, None
        for act in mine:
            if act.verb == "acknowledge":
                seen |= (
                    {act.about}
                    if isinstance(act.about, int)
                    else {one.id for one in ruled.rule.series}
                )
            elif act.verb == "silence":
                ruled.silent_until = act.until or 0
            elif act.verb == "edit":
                assert act.edited is not None
                edited = True
                ruled.trial.edit(self._tried(act.edited))
            else:
                ended = Reason.DISABLED if act.verb == "disable" else Reason.DELETED
        ruled.gone |= {act.about for act in acts if act.verb == "delist"
                       and isinstance(act.about, int)}  # fmt: skip
        mine_gone = ruled.gone & {one.id for one in ruled.rule.series}
        return Said(
            held=self._held(ruled, board), edited=edited, acknowledged=frozenset(seen),
            ended=ended or (Reason.DELISTED if mine_gone else None),
            ended_ids=None if ended else frozenset(mine_gone) or None,
        )  # fmt: skip

    def _held(self, ruled: _Ruled, board: Board) -> Hold:
        """Why nothing is told for now."""
        open_ms = board.interval.open_ms(board.slot)
        held = Hold(0)
        for window in ruled.rule.settings.mute:
            if window.holds(open_ms + self._zones.offset_ms(window.zone, open_ms)):
                held |= Hold.MUTED
        if board.slot < ruled.silent_until:
            held |= Hold.SILENCED
        back_ms = board.interval.open_ms(self._down[1])
        late_ms = back_ms - board.interval.open_ms(board.slot + 1)
        if self._down[0] <= board.slot < self._down[1] and late_ms > MAX_LATENESS_MS:
            held |= Hold.LATE
        return held

    def _note(self, ruled: _Ruled, tidings: Tidings) -> None:
        for series_id, turn in tidings.turns:
            ruled.reasons[series_id] = str(turn.reason.value)
            for effect in turn.effects:
                if isinstance(effect, Account):
                    over = effect.closed is not None
                    (ruled.closed.add if over else ruled.closed.discard)(series_id)
        down = self._down[0] <= tidings.slot < self._down[1]
        slot = self._down[1] if down else tidings.slot
        ruled.told += [(slot, word.series_id, word.telling.kind.value) for word in tidings.single]
        if tidings.summary is not None:
            ruled.told.append((slot, SUMMARY, "summary"))
        ruled.told += [(slot, venue, "no_data") for venue in tidings.venues]

    # What is expected

    def _look(self, step: Step, *, board: Board, rehearsal: Rehearsal) -> None:
        if self._down[0] <= step.slot < self._down[1]:
            raise ScriptInvalid("nobody is there then, we are down", line=step.line)
        ruled = self._ruled[step.rule]
        if isinstance(step, ExpectNotice):
            told = self._told(ruled, step.about, slot=step.slot)
            kinds = [kind for _, _, kind in told]
            if (kinds != [step.kind]) if step.kind else kinds:
                self._fail(step, [f"told {self._list(ruled, told)}"])
        elif isinstance(step, ExpectState):
            assert isinstance(step.about, int)
            compared = ruled.trial.compared(board, step.about, slabs=rehearsal.table.slabs)
            right = self._is(ruled, step.about, state=step.state)
            if not right or (
                step.because and not any(_like(one, step.because) for one in compared)
            ):
                self._fail(step, [self._state(ruled, step.about), *map(_words, compared)])

    def _tells(self, step: ExpectTells) -> None:
        ruled = self._ruled[step.rule]
        told = self._told(ruled, step.about)
        if [(kind, slot) for slot, _, kind in told] != list(step.told):
            self._fail(step, [f"tells {self._list(ruled, told)}"])

    def _told(
        self, ruled: _Ruled, about: int | str | None, *, slot: int | None = None
    ) -> list[tuple[int, int | str, str]]:
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

    def _state(self, ruled: _Ruled, series_id: int) -> str:
        state = ruled.trial.state(series_id)
        since = "" if state.since is None else f" since {self._script.clock(state.since)}"
        reason = ruled.reasons.get(series_id, "nothing was known yet")
        return f"{state.phase.name.lower()}{since}: {reason}"

    def _list(self, ruled: _Ruled, told: Iterable[tuple[int, int | str, str]]) -> str:
        names: dict[int | str, str] = {one.id: one.name for one in ruled.rule.series}
        said = [
            f"{kind} {self._script.clock(slot)}"
            + ("" if about == SUMMARY else f" ({names.get(about, about)})")
            for slot, about, kind in told
        ]
        return ", ".join(said) or "nothing"


def _stored(script: Script) -> Stored:
    columns = {}
    for one in script.loaded:
        values = np.full(script.slots_count, np.nan)
        values[: len(one.values)] = [np.nan if v is None else v for v in one.values]
        marks = np.full(script.slots_count, Mark.OBSERVED, np.uint8)
        marks[1:][values[1:] == values[:-1]] = Mark.UNCHANGED
        marks[np.isnan(values)] = Mark.OUTAGE
        columns[one.series.id] = values, marks
    return Stored(from_slot=script.first_slot, slots=script.slots_count, columns=columns)


Compared = tuple[str, float, str, float]  # the comparison, and what it came to


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
