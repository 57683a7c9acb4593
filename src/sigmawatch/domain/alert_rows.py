"""The rows of the table of SEMANTICS.md 7: from phase to phase.

`timed` moves a state's timers, `row` then takes it through the rows, one at a time, until none
holds. What is told of that is another module's (domain.alert_telling). Imports
domain.alert_policy, alert_state, alert_turn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sigmawatch.domain.alert_policy import FLAPPING_REOPENINGS, NoData, Policy
from sigmawatch.domain.alert_state import Course, Flapping, Phase, State
from sigmawatch.domain.alert_turn import Account, Almost, Case, Effect, Reason, Truth

Row = tuple[State, Reason, tuple[Effect, ...]]


def row(state: State, case: Case) -> Row | None:
    """What the next row of the table makes of a state, None where it stays."""
    match state.phase:
        case Phase.WARMUP:
            known = case.said.known(state.phase)
            return (replace(state, phase=Phase.OK), Reason.COVERED, ()) if known else None
        case Phase.OK:
            return _of_ok(state, case)
        case Phase.PENDING:
            return _of_pending(state, case)
        case Phase.COOLDOWN:
            return _of_cooldown(state, case)
    return _of_lasting(state, case)


def _of_ok(state: State, case: Case) -> Row | None:
    if case.said.condition is not Truth.TRUE or spent(state, case.policy):
        return None
    if case.policy.for_ms == 0:
        return _opened(state, case, reason=Reason.TRUE)
    pending = replace(state, phase=Phase.PENDING, since=case.slot, timer=case.slot)
    return pending, Reason.NOT_LONG_ENOUGH, ()


def _of_pending(state: State, case: Case) -> Row | None:
    if case.said.condition is Truth.TRUE:
        done = _timer_over(state, case, span_ms=case.policy.for_ms)
        return _opened(state, case, reason=Reason.TRUE_LONG_ENOUGH) if done else None
    if case.said.condition is Truth.FALSE:
        reason = Reason.FALSE
    elif case.unknown_too_long(state):
        reason = Reason.UNKNOWN_TOO_LONG
    else:
        return None
    assert state.since is not None
    return _in_phase(state, Phase.OK, since=None), reason, (Almost(since=state.since),)


def _of_cooldown(state: State, case: Case) -> Row | None:
    assert state.closed is not None
    if case.over(state.closed, case.policy.cooldown_ms):
        return _after_cooldown(state), Reason.COOLDOWN_OVER, ()
    if case.said.condition is Truth.TRUE and _timer_over(state, case, span_ms=case.policy.for_ms):
        return _reopened(state, case)
    return None


def _of_lasting(state: State, case: Case) -> Row | None:
    """Firing, recovering, reopened."""
    if without_data(state, case, policy=NoData.OK):
        return _closed(state, case, reason=Reason.NO_DATA)
    if state.phase is Phase.REOPENED:
        return _of_reopened(state, case)
    if state.phase is Phase.RECOVERING:
        return _of_recovering(state, case)
    if not case.said.clears:
        return None
    if case.policy.clear_for_ms == 0:
        return _closed(state, case, reason=Reason.CLEARED)
    recovering = _in_phase(state, Phase.RECOVERING, since=case.slot, timer=case.slot)
    return recovering, Reason.CLEARING, ()


def _of_recovering(state: State, case: Case) -> Row | None:
    if case.said.clears:
        done = _timer_over(state, case, span_ms=case.policy.clear_for_ms)
        return _closed(state, case, reason=Reason.CLEARED) if done else None
    known = case.said.known(state.phase)
    if not known and not case.unknown_too_long(state):
        return None
    firing = _in_phase(state, Phase.FIRING, since=case.slot, unknown=state.unknown)
    return firing, Reason.NOT_CLEAR if known else Reason.UNKNOWN_TOO_LONG, ()


def _of_reopened(state: State, case: Case) -> Row | None:
    if case.said.clears:
        return _closed(state, case, reason=Reason.CLEARED)
    assert state.closed is not None
    known = case.said.known(state.phase) or case.unknown_too_long(state)
    if not known or not case.over(state.closed, case.policy.cooldown_ms):
        return None
    firing = _in_phase(state, Phase.FIRING, since=case.slot, unknown=state.unknown)
    return firing, Reason.ACTIVE_AGAIN, ()


# What rows have in common


def _in_phase(state: State, phase: Phase, *, since: int | None, **more: Any) -> State:
    """A phase, without the timers of the one before."""
    changes: dict[str, Any] = {"timer": None, "frozen": 0, "unknown": None, "closed": None} | more
    return replace(state, phase=phase, since=since, **changes)


def _timer_over(state: State, case: Case, *, span_ms: int) -> bool:
    assert state.timer is not None
    return case.over(state.timer + state.frozen, span_ms)


def spent(state: State, policy: Policy) -> bool:
    return policy.max_triggers is not None and state.triggers >= policy.max_triggers


def without_data(state: State, case: Case, *, policy: NoData) -> bool:
    """Whether nothing is known for so long that `policy`, if it is the rule's, has its say."""
    if case.policy.no_data is not policy or state.unknown is None or not state.phase.lasts:
        return False
    return case.over(state.unknown, case.policy.no_data_for_ms)


def _opened(state: State, case: Case, *, reason: Reason) -> Row:
    before = state.course if state.course is not None and state.course.announced else state.owed
    firing = _in_phase(
        state,
        Phase.FIRING,
        since=case.slot,
        course=Course(opened=case.slot),
        owed=before,
        triggers=0 if case.policy.max_triggers is None else state.triggers + 1,
    )
    return firing, reason, (Account(opened=case.slot),)


def _closed(state: State, case: Case, *, reason: Reason) -> Row:
    assert state.course is not None
    closed = case.slot if state.closed is None else state.closed  # a cooldown is not extended
    cooling = _in_phase(state, Phase.COOLDOWN, since=case.slot, closed=closed)
    return cooling, reason, (_account(state.course, slot=case.slot, reason=reason),)


def _reopened(state: State, case: Case) -> Row:
    assert state.course is not None
    course = replace(state.course, reopened=state.course.reopened + 1)
    before, hour = state.reopenings, case.policy.hour
    calm = bool(before) and case.slot - before[-1] >= hour  # an hour was quiet, to the slot
    flapping = Flapping.NO if calm else state.flapping
    recent = (*before, case.slot)[-FLAPPING_REOPENINGS:]
    flaps = len(recent) == FLAPPING_REOPENINGS and case.slot - recent[0] < hour
    state = _in_phase(
        state,
        Phase.REOPENED,
        since=case.slot,
        closed=state.closed,
        course=course,
        reopenings=recent,
        flapping=max(flapping, Flapping.UNTOLD) if flaps else flapping,
    )
    return state, Reason.TRUE_AGAIN, (Account(opened=course.opened, reopened=course.reopened),)


def _after_cooldown(state: State) -> State:
    """Ok; or pending, where the condition is true already but not yet for long enough."""
    if state.timer is None:
        return _in_phase(state, Phase.OK, since=None)
    return replace(state, phase=Phase.PENDING, since=state.timer, closed=None)


def _account(course: Course, *, slot: int, reason: Reason) -> Account:
    return Account(opened=course.opened, closed=slot, reason=reason, reopened=course.reopened)


def timed(state: State, case: Case) -> State:
    """Timers that begin, stand still, go on or end, whatever the phase then makes of it."""
    if state.phase in (Phase.WARMUP, Phase.OK):
        return state
    if not case.said.known(state.phase):
        return _timed_unknown(state, case)
    if state.unknown is not None:
        state = _thawed(state, case.slot)
    if state.phase is Phase.COOLDOWN:
        true = case.said.condition is Truth.TRUE
        if true is not (state.timer is not None):
            return replace(state, timer=case.slot if true else None, frozen=0)
    return state


def _timed_unknown(state: State, case: Case) -> State:
    if state.phase is not Phase.COOLDOWN:
        return replace(state, unknown=case.slot) if state.unknown is None else state
    if state.timer is None:
        return state
    if case.unknown_too_long(state):
        return replace(state, timer=None, frozen=0, unknown=None)
    return replace(state, unknown=case.slot) if state.unknown is None else state


def _thawed(state: State, slot: int) -> State:
    assert state.unknown is not None
    frozen = state.frozen if state.timer is None else state.frozen + slot - state.unknown
    course = state.course
    if course is not None and course.no_data:
        course = replace(course, no_data=False)
    return replace(state, unknown=None, frozen=frozen, course=course)


def edited(state: State, case: Case) -> tuple[State, tuple[Effect, ...]]:
    """What an edit of its condition makes of a state, before the slot is judged by the new one: an
    episode stays open where that is true, a cooldown runs on, everything else begins anew."""
    if state.phase is Phase.COOLDOWN:
        return replace(state, timer=None, frozen=0, unknown=None), ()
    if state.phase.lasts and case.said.condition is Truth.TRUE:
        return state, ()
    anew = _in_phase(state, Phase.WARMUP, since=None)
    return anew, closing(state, case, reason=Reason.EDITED)


def closing(state: State, case: Case, *, reason: Reason) -> tuple[Effect, ...]:
    """The account of an episode that ends whatever its condition says, where one is open."""
    if not state.phase.lasts:
        return ()
    assert state.course is not None
    return (_account(state.course, slot=case.slot, reason=reason),)
