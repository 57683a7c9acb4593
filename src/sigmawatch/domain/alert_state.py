"""An alert state: all that is remembered of one rule over one series (SEMANTICS.md 7).

Times are slots of the rule's interval. A timer is the slot it began with and how many slots it
stood still since; what follows from a state and a slot is not kept, so a state that only waits does
not change. Imports domain.alert_policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from sigmawatch.domain.alert_policy import UNKNOWN_SLOTS_MAX as UNKNOWN_MAX
from sigmawatch.domain.alert_policy import NoData, Policy


class Phase(IntEnum):
    """Where a state is in its life. The numbers are stored."""

    WARMUP = 0
    OK = 1
    PENDING = 2
    FIRING = 3
    RECOVERING = 4
    COOLDOWN = 5
    REOPENED = 6

    @property
    def fires(self) -> bool:
        """Whether who is told of this state should believe that it fires."""
        return self in _FIRES

    @property
    def lasts(self) -> bool:
        """Whether its episode is open."""
        return self in _LASTS


_FIRES = (Phase.FIRING, Phase.RECOVERING)
_LASTS = (Phase.FIRING, Phase.RECOVERING, Phase.REOPENED)


class Hold(IntFlag):
    """Why nothing is told for now. LATE: the slot is judged more than `max_lateness` after it
    closed, because we were down."""

    MUTED = 1
    SILENCED = 2
    SUPPRESSED = 4
    LATE = 8


NO_HOLD = Hold(0)


class Flapping(IntEnum):
    """Whether a state goes to and fro: `FLAPPING_REOPENINGS` reopenings within an hour, until there
    was none for an hour."""

    NO = 0
    UNTOLD = 1
    TOLD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the newest episode went. opened: its first slot. announced: the last that was told of it
    is that it fires. notices: how many were told. told: the slot of the last word that it fires,
    reminders included. no_data: the missing data of now is dealt with."""

    opened: int
    reopened: int = 0
    notices: int = 0
    told: int | None = None
    announced: bool = False
    acknowledged: bool = False
    no_data: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One rule over one series, as the last judged slot left it.

    since: the slot its phase began with, None in warmup and ok. timer: the slot from which on the
    condition (pending, cooldown) or the clear condition (recovering) holds. frozen: how many slots
    of that were unknown. unknown: the first slot of those that are unknown now. closed: where the
    cooldown began. owed: an older episode whose end is still to be told. withheld: what kept
    something from being told. reopenings: the last five, while there was one within the hour.
    summed: the slot of the last word on its flapping, or of an end that was told late in its stead.
    triggers: episodes opened, where they are limited.
    """

    phase: Phase = Phase.WARMUP
    since: int | None = None
    timer: int | None = None
    frozen: int = 0
    unknown: int | None = None
    closed: int | None = None
    course: Course | None = None
    owed: Course | None = None
    withheld: Hold = NO_HOLD
    reopenings: tuple[int, ...] = ()
    flapping: Flapping = Flapping.NO
    summed: int | None = None
    triggers: int = 0

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to remember but the phase."""
        return self in (RESTING, GONE)

    @property
    def owes(self) -> bool:
        """Whether something is still to be told, once nothing holds it."""
        if self.owed is not None:
            return True
        if self.course is None or self.phase is Phase.REOPENED:
            return False
        return self.course.announced is not self.phase.fires


GONE = State()  # or never judged
RESTING = State(phase=Phase.OK)


def due(state: State, policy: Policy) -> int | None:
    """The first slot in which a state may change although its input does not; None for never."""
    slots = [*_timers(state, policy), *_counters(state, policy)]
    if policy.valid_until is not None and state != GONE:
        slots.append(policy.valid_until)
    return min(slots, default=None)


def _timers(state: State, policy: Policy) -> list[int]:
    slots = []
    if state.closed is not None:
        slots.append(state.closed + policy.slots(policy.cooldown_ms))
    if state.unknown is not None:
        if state.phase is Phase.REOPENED:
            slots[0] = max(slots[0], state.unknown + UNKNOWN_MAX)
        elif state.phase is not Phase.FIRING:
            slots.append(state.unknown + UNKNOWN_MAX)
    elif state.timer is not None:
        clearing = state.phase is Phase.RECOVERING
        span_ms = policy.clear_for_ms if clearing else policy.for_ms
        slots.append(state.timer + state.frozen + policy.slots(span_ms))
    return slots


def _counters(state: State, policy: Policy) -> list[int]:
    slots = []
    if state.reopenings:
        slots.append(state.reopenings[-1] + policy.hour)
    if state.summed is not None:
        slots.append(state.summed + policy.hour)
    course = state.course
    if course is None or not state.phase.lasts:
        return slots
    if state.unknown is not None and policy.no_data is not NoData.KEEP and not course.no_data:
        slots.append(state.unknown + policy.slots(policy.no_data_for_ms))
    elif state.unknown is None and reminded(state, policy):
        slots.append((course.told or 0) + policy.slots(policy.reminder_ms))
    return slots


def reminded(state: State, policy: Policy) -> bool:
    """Whether somebody is reminded of it from time to time."""
    course = state.course
    return (
        policy.reminder_ms > 0
        and state.phase is Phase.FIRING
        and course is not None
        and course.announced
        and not course.acknowledged
    )
