"""The life of an alert state over any input: its bounds, and a naive second implementation."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from hypothesis import event, given, target
from hypothesis import strategies as st
from tests.domain.alert_chronicle import Chronicle
from tests.domain.alert_lives import lived, policies, sequences
from tests.domain.alert_stories import WORDS, a_policy
from tests.examples import examples

from sigmawatch.domain.alert_life import NOTHING_SAID, moved_by, pass_over, step
from sigmawatch.domain.alert_policy import NoData, Policy
from sigmawatch.domain.alert_state import NO_HOLD, Hold, State, due
from sigmawatch.domain.alert_turn import Said


@examples(40)
@given(sequences(), policies())
def test_a_life_is_what_the_text_says_counted_anew_at_every_slot(
    said: list[Said], policy: Policy
) -> None:
    naive = Chronicle(policy)
    for one in said:
        naive.judge(one)
    product, _ = lived(said, policy)
    for kind in {telling[1] for telling in product.tellings}:
        event(str(kind))
    for what in ("phases", "accounts", "almosts", "tellings"):
        assert getattr(product, what) == getattr(naive, what), what


@examples(15)
@given(sequences(operator=False), policies(until=False))
def test_a_state_sends_no_more_notices_an_hour_than_its_cooldown_allows(
    said: list[Said], policy: Policy
) -> None:
    """"Notices per state and hour, reminders apart, <= 2 x ceil(60 min / cooldown) + 1"; missing
    data is told of by venue."""  # fmt: skip
    most = policy.notices_an_hour_max
    if most is not None:
        target(float(busiest(said, policy) - most))
        assert busiest(said, policy) <= most


def test_a_state_that_does_its_worst_sends_no_more_notices_than_its_cooldown_allows() -> None:
    """The same where reopenings, holds and new episodes come as thick as they can."""
    seed = 20_260_101
    for turn in range(40):
        rng = random.Random(seed + turn)
        policy = a_policy(cooldown=rng.choice([11, 15, 20, 25, 30, 59, 60, 61, 75]))
        said = list(worst(rng, slots=400))
        most = policy.notices_an_hour_max
        assert most is not None
        assert busiest(said, policy) <= most, f"seed {seed + turn}"


def worst(rng: random.Random, *, slots: int) -> Iterator[Said]:
    held = NO_HOLD
    for _ in range(slots):
        if rng.random() < 0.05:
            held = rng.choice([NO_HOLD, NO_HOLD, Hold.MUTED, Hold.LATE])
        word = rng.choices("TBCU", [6, 1, 6, 1])[0]
        condition, clear = WORDS[word]
        yield Said(condition=condition, clear=clear, held=held)


def busiest(said: Sequence[Said], policy: Policy) -> int:
    """The most notices within any hour."""
    told, _ = lived(said, policy)
    slots = [at for at, kind, _, _ in told.tellings if kind not in {"reminder", "no_data"}]
    return max((sum(at <= one < at + policy.hour for one in slots) for at in slots), default=0)


@examples(15)
@given(sequences(), policies())
def test_nothing_is_told_twice_and_no_firing_is_lost(said: list[Said], policy: Policy) -> None:
    """"Nothing is sent twice"; "*resolved* only if *firing* was sent"; and wherever nothing is
    held, who is told of a state knows whether it fires."""  # fmt: skip
    product, states = lived(said, policy)
    names = [(opened, ordinal) for _, _, opened, ordinal in product.tellings]
    assert len(set(names)) == len(names)
    believed: dict[int, bool] = {}
    tellings = iter([*product.tellings, (len(said), "", -1, -1)])
    at, kind, opened, _ = next(tellings)
    for slot, (one, state) in enumerate(zip(said, states, strict=True)):
        while at == slot:
            if kind in {"firing", "active_again"}:
                silent = kind == "active_again" and not policy.notify_resolved
                assert silent or not believed.get(opened), "told twice that it fires"
                believed[opened] = True
            elif kind == "resolved" or (kind == "no_data" and policy.no_data is NoData.OK):
                assert believed[opened], "told of an end that nobody was told the start of"
                believed[opened] = False
            at, kind, opened, _ = next(tellings)
        if state.phase.fires and not one.held:
            assert state.course is not None
            assert believed[state.course.opened]


@examples(15)
@given(sequences(operator=False), policies(), st.integers(0, 300))
def test_slots_of_which_nothing_is_known_are_passed_over_as_if_one_by_one(
    said: list[Said], policy: Policy, gap: int
) -> None:
    """ "Time is slot time and advances without data"."""
    _, states = lived(said, policy)
    state, first = states[-1], len(said)
    after, turns = pass_over(state, first=first, stop=first + gap, policy=policy)
    one_by_one = []
    for slot in range(first, first + gap):
        turn = step(state, NOTHING_SAID, slot=slot, policy=policy)
        state = turn.state
        if turn.effects:
            one_by_one.append((slot, turn))
    assert (after, list(turns)) == (state, one_by_one)


@examples(15)
@given(sequences(), policies())
def test_a_state_changes_only_when_it_is_due_or_what_is_said_moves_it(
    said: list[Said], policy: Policy
) -> None:
    """So who judges many may leave those alone that neither holds for."""
    state = State()
    for slot, one in enumerate(said):
        turn = step(state, one, slot=slot, policy=policy)
        moment = due(state, policy)
        quiet = moment is None or slot < moment
        told = state.owes and state.withheld != one.held
        if quiet and not told and not moved_by(state, one, policy=policy) and plain(one):
            assert (turn.state, turn.effects) == (state, ())
        state = turn.state
        after = due(state, policy)
        assert after is None or after > slot, "due and not done"


def plain(said: Said) -> bool:
    return said.ended is None and not said.edited and not said.acknowledged
