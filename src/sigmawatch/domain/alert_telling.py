"""What is told of an alert state (SEMANTICS.md 7).

It follows from the phases alone: whoever was told last that it fires and is wrong hears so, and the
other way round, as soon as nothing holds it. So nothing is told twice, and what a mute, a silence,
an outage or our own absence withheld is told once, when it is over, if it still holds. Imports
domain.alert_policy, alert_rows, alert_state, alert_turn, notice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sigmawatch.domain.alert_policy import NoData
from sigmawatch.domain.alert_rows import without_data
from sigmawatch.domain.alert_state import (
    NO_HOLD,
    Course,
    Flapping,
    Hold,
    Phase,
    State,
    reminded,
)
from sigmawatch.domain.alert_turn import Account, Case, Effect, Reason, Telling
from sigmawatch.domain.notice import NoticeKind


class Teller:
    """Adds what a slot tells to its effects."""

    def __init__(self, case: Case, effects: list[Effect]) -> None:
        self._case = case
        self._effects = effects

    def told(self, state: State) -> State:
        """The state once everything that is due is told."""
        if state.owes:
            state = self._made_good(state)
        elif state.withheld:  # what was withheld is over before anybody was told
            state = replace(state, withheld=NO_HOLD)
        if without_data(state, self._case, policy=NoData.ALERT):
            state = self._without_data(state)
        if reminded(state, self._case.policy):
            state = self._reminded(state)
        if state.flapping:
            state = self._flapping(state)
        return state

    def gone(self, state: State) -> None:
        """Tell that a state is no more, where an episode of it is believed to fire and we are not
        to be quiet. There is no later at which it could be told."""
        if self._case.said.held & ~Hold.LATE:
            return
        for course in (state.owed, state.course):
            if course is not None and course.announced:
                self._end(course)

    def _made_good(self, state: State) -> State:
        """Tell what is owed: that an episode is over, that one fires."""
        if self._case.said.held:
            return replace(state, withheld=state.withheld or self._case.said.held)
        late, course, ended = state.withheld, state.course, state.owed is not None
        cooling = state.closed is not None and state.closed < self._case.slot
        if state.owed is not None:
            self._end(state.owed, withheld=late)
        if course is not None and course.announced and not state.phase.lasts:
            course, ended = self._end(course, withheld=late), True
        elif course is not None and state.phase.fires and not course.announced:
            kind = NoticeKind.FIRING if course.told is None else NoticeKind.ACTIVE_AGAIN
            new = course.opened == self._case.slot
            known = {"announced": True, "told": self._case.slot}
            course = self._tell(course, kind, withheld=NO_HOLD if new else late, **known)
        # An end that is told after its cooldown began takes the place of the hour's word on
        # flapping: else there would be one notice too many in it.
        summed = self._case.slot if ended and (late or cooling) else state.summed
        return replace(state, course=course, owed=None, withheld=NO_HOLD, summed=summed)

    def _tell(
        self, course: Course, kind: NoticeKind, *, withheld: Hold = NO_HOLD, **known: Any
    ) -> Course:
        """A notice of a course. known: what is so of it from now on."""
        self._effects.append(
            Telling(
                kind=kind,
                opened=course.opened,
                ordinal=course.notices,
                reopened=course.reopened,
                withheld=withheld,
            )
        )
        return replace(course, notices=course.notices + 1, **known)

    def _end(self, course: Course, *, withheld: Hold = NO_HOLD) -> Course:
        if self._case.policy.notify_resolved:
            of = (one.reason for one in self._effects if isinstance(one, Account))
            kind = NoticeKind.NO_DATA if Reason.NO_DATA in of else NoticeKind.RESOLVED
            return self._tell(course, kind, withheld=withheld, announced=False)
        return replace(course, announced=False)

    def _without_data(self, state: State) -> State:
        course = state.course
        assert course is not None
        if course.no_data:
            return state
        if not self._case.said.held:  # else its venue's outage is told of, or nobody wants to know
            course = self._tell(course, NoticeKind.NO_DATA)
        return replace(state, course=replace(course, no_data=True))

    def _reminded(self, state: State) -> State:
        course, case = state.course, self._case
        assert course is not None
        assert course.told is not None
        if state.unknown is not None or not case.over(course.told, case.policy.reminder_ms):
            return state
        if not case.said.held:
            course = self._tell(course, NoticeKind.REMINDER)
        return replace(state, course=replace(course, told=case.slot))

    def _flapping(self, state: State) -> State:
        case = self._case
        if case.slot - state.reopenings[-1] >= case.policy.hour:
            return replace(state, flapping=Flapping.NO)
        if state.summed is not None and case.slot - state.summed < case.policy.hour:
            return state
        state = replace(state, summed=case.slot)
        if case.said.held:
            return state
        assert state.course is not None
        kind = NoticeKind.SUMMARY if state.flapping is Flapping.TOLD else NoticeKind.FLAPPING
        return replace(state, course=self._tell(state.course, kind), flapping=Flapping.TOLD)


def settled(state: State, case: Case) -> State:
    """The state without what nothing follows from any more."""
    course, hour = state.course, case.policy.hour
    over = not state.phase.lasts and state.phase is not Phase.COOLDOWN
    if course is not None and over and not course.announced and not state.flapping:
        state = replace(state, course=None)
    if state.reopenings and case.slot - state.reopenings[-1] >= hour:
        state = replace(state, reopenings=())
    if state.summed is not None and not state.flapping and case.slot - state.summed >= hour:
        state = replace(state, summed=None)
    return state
