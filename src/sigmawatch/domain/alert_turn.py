"""What a slot says to an alert state, and what that makes of it (SEMANTICS.md 7).

Imports domain.alert_policy, alert_state, notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from sigmawatch.domain.alert_policy import UNKNOWN_SLOTS_MAX, Policy
from sigmawatch.domain.alert_state import NO_HOLD, Hold, Phase, State
from sigmawatch.domain.notice import NoticeKind


class Truth(IntEnum):
    """What a test came to; the numbers of engine.expression."""

    UNKNOWN = -1
    FALSE = 0
    TRUE = 1


class Reason(StrEnum):
    """Why a state is what it became, or stayed what it was."""

    COVERED = "enough is known to judge it"
    TRUE = "the condition is true"
    TRUE_LONG_ENOUGH = "the condition was true for long enough"
    NOT_LONG_ENOUGH = "the condition is true, not yet for long enough"
    FALSE = "the condition is not true"
    UNKNOWN = "not known at this slot"
    UNKNOWN_TOO_LONG = "not known for more than two slots"
    CLEARING = "the clear condition holds, not yet for long enough"
    CLEARED = "the clear condition holds"
    NOT_CLEAR = "the clear condition does not hold"
    COOLING = "in its cooldown"
    COOLDOWN_OVER = "the cooldown is over"
    TRUE_AGAIN = "true again in its cooldown"
    ACTIVE_AGAIN = "still not clear at the end of the cooldown"
    SPENT = "the rule has triggered as often as it may"
    NO_DATA = "nothing was known for too long"
    EDITED = "the condition was edited"
    DISABLED = "the rule was disabled"
    DELETED = "the rule was deleted"
    EXPIRED = "the rule has expired"
    DELISTED = "the market was delisted"
    UNTRACKED = "the series is not tracked any more"
    LEFT = "the series is not among those of the rule any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a slot says to a state. clear: what the clear condition came to. held: why nothing is to
    be told now. edited: the condition is another one since the slot before. ended: why there is no
    such state any more, one of the last six reasons. acknowledged: somebody has seen it."""

    condition: Truth
    clear: Truth
    held: Hold = NO_HOLD
    edited: bool = False
    ended: Reason | None = None
    acknowledged: bool = False

    @property
    def clears(self) -> bool:
        """What is true is not clear, whatever a clear condition of its own says."""
        return self.clear is Truth.TRUE and self.condition is not Truth.TRUE

    def known(self, phase: Phase) -> bool:
        """Whether it says what a phase waits for: that it clears, or that it is true."""
        if phase.lasts:
            return self.condition is Truth.TRUE or self.clear is not Truth.UNKNOWN
        return self.condition is not Truth.UNKNOWN


NOTHING_SAID = Said(condition=Truth.UNKNOWN, clear=Truth.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An effect: how an episode stands now. A later account of it, by `opened`, replaces this."""

    opened: int
    closed: int | None = None
    reason: str = ""
    reopened: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Almost:
    """An effect: it was pending since a slot, and did not fire."""

    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """An effect: something is to be told. ordinal: its place among what was told of the episode.
    withheld: what kept it from being told before. NO_DATA is of a series here; who collects them
    tells each venue's once."""

    kind: NoticeKind
    opened: int
    ordinal: int
    reopened: int = 0
    withheld: Hold = NO_HOLD


Effect = Account | Almost | Telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a slot made of a state."""

    state: State
    effects: tuple[Effect, ...] = ()
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a row of the table looks at, beside the state."""

    said: Said
    slot: int
    policy: Policy

    def over(self, since: int, span_ms: int) -> bool:
        return self.slot - since >= self.policy.slots(span_ms)

    def unknown_too_long(self, state: State) -> bool:
        return state.unknown is not None and self.slot - state.unknown >= UNKNOWN_SLOTS_MAX
