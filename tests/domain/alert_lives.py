"""Policies and long inputs to try on alert states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from tests.domain.alert_chronicle import Chronicle
from tests.domain.alert_stories import WORDS, a_policy

from sigmawatch.domain.alert_life import step
from sigmawatch.domain.alert_policy import NoData, Policy
from sigmawatch.domain.alert_state import NO_HOLD, Hold, State
from sigmawatch.domain.alert_turn import Account, Almost, Reason, Said, Telling, Truth

MIXED = [(condition, clear) for condition in Truth for clear in Truth]
RUNS = st.sampled_from([1, 1, 1, 2, 2, 3, 3, 4, 6, 15, 30, 61])


@st.composite
def policies(draw: st.DrawFn, *, until: bool = True) -> Policy:
    return a_policy(
        for_=draw(st.sampled_from([0, 0, 1, 2, 4])),
        clear_for=draw(st.sampled_from([0, 0, 1, 2, 4])),
        cooldown=draw(st.sampled_from([0, 1, 3, 15, 20, 60, 90])),
        reminder=draw(st.sampled_from([0, 0, 1, 5, 60])),
        no_data=draw(st.sampled_from(NoData)),
        no_data_for=draw(st.sampled_from([0, 1, 3, 5])),
        max_triggers=draw(st.sampled_from([None, None, None, 1, 3])),
        notify_resolved=draw(st.sampled_from([True, True, False])),
        valid_until_ms=draw(st.sampled_from([None, None, None, 60_000 * 50])) if until else None,
    )


@st.composite
def sequences(draw: st.DrawFn, *, operator: bool = True) -> list[Said]:
    """A few hundred slots: runs of one word, flutter, holds; operator: edits and ends too."""
    words = [*WORDS.values()] * 3 + MIXED
    holds = [NO_HOLD] * 6 + [Hold.MUTED, Hold.SUPPRESSED, Hold.LATE]
    said: list[Said] = []
    for _ in range(draw(st.integers(1, 14))):
        pattern = draw(st.lists(st.sampled_from(words), min_size=1, max_size=3))
        held = draw(st.sampled_from(holds))
        said += [Said(condition=condition, clear=clear, held=held)
                 for _ in range(draw(RUNS)) for condition, clear in pattern]  # fmt: skip
    if operator:
        for _ in range(draw(st.integers(0, 4))):
            place = draw(st.integers(0, len(said) - 1))
            said[place] = draw(events(said[place]))
    return said


@st.composite
def events(draw: st.DrawFn, said: Said) -> Said:
    kind: dict[str, Any] = draw(st.sampled_from([
        {"edited": True}, {"acknowledged": True}, {"acknowledged": True},
        {"ended": Reason.DISABLED},
    ]))  # fmt: skip
    return Said(condition=said.condition, clear=said.clear, held=said.held, **kind)


def lived(said: Sequence[Said], policy: Policy) -> tuple[Chronicle, list[State]]:
    """What the product makes of it, in the chronicle's terms, and the states."""
    told, state, states = Chronicle(policy), State(), []
    for slot, one in enumerate(said):
        turn = step(state, one, slot=slot, policy=policy)
        state = turn.state
        states.append(state)
        told.phases.append(state.phase.name)
        for effect in turn.effects:
            match effect:
                case Telling():
                    told.tellings.append((slot, effect.kind, effect.opened, effect.ordinal))
                case Account():
                    told.accounts.append(
                        (slot, effect.opened, effect.closed, effect.reason, effect.reopened)
                    )
                case Almost():
                    told.almosts.append((slot, effect.since))
    return told, states
