"""The life of an alert state: SEMANTICS.md 7 as a total function from value to value.

    turn = step(state, said, slot=slot, policy=policy)
    turn.state, turn.effects, turn.reason

Every slot is judged once, in order. A slot may take a state through several rows of the table: a
cooldown that is over is over before the slot's own word is heard, so nothing that fires is lost
between two phases. Imports domain.alert_policy, alert_rows, alert_state, alert_telling, alert_turn.
"""

from __future__ import annotations

from dataclasses import replace

from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_rows import closing, edited, row, spent, timed
from sigmawatch.domain.alert_state import GONE, NO_HOLD, Hold, Phase, State, due
from sigmawatch.domain.alert_telling import Teller, settled
from sigmawatch.domain.alert_turn import Case, Effect, Reason, Said, Truth, Turn

NOTHING_SAID = Said(condition=Truth.UNKNOWN, clear=Truth.UNKNOWN)

_UNMOVED = {
    Phase.WARMUP: Reason.UNKNOWN,
    Phase.OK: Reason.FALSE,
    Phase.PENDING: Reason.NOT_LONG_ENOUGH,
    Phase.FIRING: Reason.NOT_CLEAR,
    Phase.RECOVERING: Reason.CLEARING,
    Phase.COOLDOWN: Reason.COOLING,
    Phase.REOPENED: Reason.COOLING,
}


def step(state: State, said: Said, *, slot: int, policy: Policy) -> Turn:
    """The state after `slot`, what follows, and why. The slots before it were judged."""
    if said.ended is None and policy.valid_until is not None and slot >= policy.valid_until:
        said = replace(said, ended=Reason.EXPIRED)
    case = Case(said=said, slot=slot, policy=policy)
    if said.ended is not None:
        return _ended(state, case, reason=said.ended)
    reason, effects = None, list[Effect]()
    if said.acknowledged and state.course is not None:
        state = replace(state, course=replace(state.course, acknowledged=True))
    if said.edited:
        before = state
        state, more = edited(state, case)
        reason, effects = None if state is before else Reason.EDITED, [*more]
    state, because = _taken(timed(state, case), case, effects=effects)
    state = settled(Teller(case, effects).told(state), case)
    return Turn(state=state, effects=tuple(effects), reason=reason or because or _why(state, case))


def _taken(state: State, case: Case, *, effects: list[Effect]) -> tuple[State, Reason | None]:
    """Through as many rows of the table as hold, and the reason of the last."""
    reason = None
    while (taken := row(state, case)) is not None:
        state, reason, more = taken
        effects += more
    return state, reason


def _why(state: State, case: Case) -> Reason:
    if not case.said.known(state.phase):
        return Reason.UNKNOWN
    if state.phase is Phase.OK and case.said.condition is Truth.TRUE:
        return Reason.SPENT
    return _UNMOVED[state.phase]


def _ended(state: State, case: Case, *, reason: Reason) -> Turn:
    effects = [*closing(state, case, reason=reason)]
    Teller(case, effects).gone(state)
    return Turn(state=GONE, effects=tuple(effects), reason=reason)


def opened(state: State, said: Said, *, slot: int, policy: Policy) -> Turn:
    """What a reading inside `slot` makes of a state: where the slot, if it ended with it, would
    open an episode, the state after it; else the state as it is. Everything else is for closed
    slots to say: a `for`, an end, a cooldown (docs/decisions/0022). Of the slot again, once it has
    closed, `step` is told."""
    begins = state.phase in (Phase.WARMUP, Phase.OK, Phase.COOLDOWN)
    if begins and said.condition is Truth.TRUE and policy.for_ms == 0:
        turn = step(state, said, slot=slot, policy=policy)
        if turn.state.phase is Phase.FIRING:
            return turn
    return Turn(state=state, reason=_UNMOVED[state.phase])


def pass_over(
    state: State, *, first: int, stop: int, policy: Policy, held: Hold = NO_HOLD
) -> tuple[State, tuple[tuple[int, Turn], ...]]:  # fmt: skip
    """The state after the slots [first, stop), of which nothing is known: what `step` makes of them
    one by one, without looking at those that change nothing. The turns that had effects, with their
    slots. held: in all of them; what is late only at first is passed over in two."""
    said, turns, slot = replace(NOTHING_SAID, held=held), [], first
    while slot < stop:
        turn = step(state, said, slot=slot, policy=policy)
        state = turn.state
        if turn.effects:
            turns.append((slot, turn))
        after = due(state, policy)
        slot = stop if after is None else max(slot + 1, after)
    return state, tuple(turns)


def moved_by(state: State, said: Said, *, policy: Policy) -> bool:
    """Whether what a slot says of condition and clear changes a state that is not yet due; `step`
    leaves it as it is otherwise, unless an event or the end of a hold comes with it."""
    true = said.condition is Truth.TRUE
    match state.phase:
        case Phase.WARMUP:
            return said.known(state.phase)
        case Phase.OK:
            return true and not spent(state, policy)
        case Phase.COOLDOWN if state.timer is None:
            return true
    known = said.known(state.phase)
    if not known or state.unknown is not None:
        return known is (state.unknown is not None)
    if state.phase in (Phase.PENDING, Phase.COOLDOWN):
        return not true
    return said.clears is not (state.phase is Phase.RECOVERING)
