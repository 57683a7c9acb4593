"""Lives of an alert state written as a line, a letter a slot.

T  true             B  not true, not clear (the band)     C  not true, clear
U  unknown
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sigmawatch.domain.alert_life import step
from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_state import NO_HOLD, Hold, Phase, State
from sigmawatch.domain.alert_turn import Account, Almost, Reason, Said, Telling, Truth
from sigmawatch.domain.window import MINUTE_MS, Interval

START = 29_000_000  # a slot of 2025
WORDS = {
    "T": (Truth.TRUE, Truth.FALSE),
    "B": (Truth.FALSE, Truth.FALSE),
    "C": (Truth.FALSE, Truth.TRUE),
    "U": (Truth.UNKNOWN, Truth.UNKNOWN),
}
NO_EVENTS: Mapping[int, Mapping[str, Any]] = {}


def a_policy(**minutes: Any) -> Policy:
    """Slots of a minute; `for_=2` and the like in minutes, everything else as it is."""
    spans = {"for_": "for_ms", "clear_for": "clear_for_ms", "cooldown": "cooldown_ms",
             "reminder": "reminder_ms", "no_data_for": "no_data_for_ms"}  # fmt: skip
    settings = {spans.get(name, name): each * MINUTE_MS if name in spans else each
                for name, each in minutes.items()}  # fmt: skip
    return Policy(interval=Interval(MINUTE_MS), **settings)


def said(letter: str, *, held: Hold = NO_HOLD, **events: Any) -> Said:
    condition, clear = WORDS[letter]
    return Said(condition=condition, clear=clear, held=held, **events)


@dataclass
class Story:
    """What became of a state; slots are counted from the first letter."""

    state: State = field(default_factory=State)
    phases: list[Phase] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    tellings: list[tuple[int, Telling]] = field(default_factory=list)
    accounts: list[tuple[int, Account]] = field(default_factory=list)
    almosts: list[int] = field(default_factory=list)

    @property
    def told(self) -> list[tuple[int, str]]:
        """Slot and kind of everything that was told."""
        return [(at, str(one.kind)) for at, one in self.tellings]

    @property
    def phase(self) -> str:
        """The last one."""
        return self.phases[-1].name.lower()

    @property
    def line(self) -> str:
        """The phases, a letter a slot."""
        return "".join("?" if one is Phase.REOPENED else one.name[0].lower() if one.value != 5
                       else "z" for one in self.phases)  # fmt: skip


def live(
    line: str,
    policy: Policy | None = None,
    *,
    held: Sequence[Hold] = (),
    events: Mapping[int, Mapping[str, Any]] = NO_EVENTS,
    state: State | None = None,
) -> Story:
    """The life over a line. held: of the first slots; events: more of what is said, by place."""
    story, policy = Story(state=state or State()), policy or a_policy()
    for place, letter in enumerate(line.replace(" ", "")):
        hold = held[place] if place < len(held) else NO_HOLD
        turn = step(
            story.state,
            said(letter, held=hold, **events.get(place, {})),
            slot=START + place,
            policy=policy,
        )
        story.state = turn.state
        story.phases.append(turn.state.phase)
        story.reasons.append(turn.reason)
        for effect in turn.effects:
            if isinstance(effect, Telling):
                story.tellings.append((place, effect))
            elif isinstance(effect, Account):
                story.accounts.append((place, effect))
            elif isinstance(effect, Almost):
                story.almosts.append(effect.since - START)
    return story
