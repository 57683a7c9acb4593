"""What readings inside a slot make of an alert state (docs/decisions/0022): an episode begins with
them, and the bounds of SEMANTICS.md 7 hold as they are."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.alert_lives import policies, sequences
from tests.domain.alert_stories import START, WORDS, a_policy, live, said
from tests.examples import examples

from sigmawatch.domain.alert_life import opened, step
from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_state import NO_HOLD, Hold, Phase, State
from sigmawatch.domain.alert_turn import Account, Said, Telling

Told = list[tuple[int, str, int, int]]  # slot, kind, opened, ordinal


def lived(slots: list[Said], policy: Policy, *, read: list[list[Said]]) -> tuple[Told, Told]:
    """Tellings, and accounts (slot, "opened" or "closed", opened, closed), of a life whose slots
    are read so often before they close."""
    told: Told = []
    accounts: Told = []
    state = State()
    for slot, (one, readings) in enumerate(zip(slots, read, strict=True)):
        for each in readings:
            turn = opened(state, each, slot=slot, policy=policy)
            assert turn.state is state or turn.state.phase is Phase.FIRING
            again = opened(turn.state, each, slot=slot, policy=policy)
            assert (again.state, again.effects) == (turn.state, ()), "hearing it twice is nothing"
            _enter(turn.effects, slot, told=told, accounts=accounts)
            state = turn.state
        turn = step(state, one, slot=slot, policy=policy)
        _enter(turn.effects, slot, told=told, accounts=accounts)
        state = turn.state
    return told, accounts


def _enter(effects: object, slot: int, *, told: Told, accounts: Told) -> None:
    assert isinstance(effects, tuple)
    for effect in effects:
        if isinstance(effect, Telling):
            told.append((slot, str(effect.kind), effect.opened, effect.ordinal))
        elif isinstance(effect, Account):
            what = "opened" if effect.closed is None else "closed"
            closed = -1 if effect.closed is None else effect.closed
            accounts.append((slot, what, effect.opened, closed))


@pytest.mark.parametrize(
    ("line", "minutes", "opens"),
    [
        ("C", {}, True),  # ok
        ("U", {}, True),  # warmup: what is true is known
        ("C", {"for_": 1}, False),  # "true for `for`" is counted in closed slots
        ("TC", {"cooldown": 3}, False),  # its cooldown: the slot reopens it, if it says so
        ("TCCC", {"cooldown": 3}, True),  # over, with the slot
        ("TC", {"cooldown": 0}, True),
        ("T", {}, False),  # it fires already
        ("TTC", {"max_triggers": 1, "cooldown": 0}, False),
    ],
)
def test_a_true_reading_opens_an_episode_where_its_slot_would(
    line: str, minutes: dict[str, int], opens: bool
) -> None:
    policy, story = a_policy(**minutes), live(line, a_policy(**minutes))
    slot = START + len(line)
    turn = opened(story.state, said("T"), slot=slot, policy=policy)
    assert [one.opened for one in turn.effects if isinstance(one, Account)] == [slot] * opens
    assert (turn.state == story.state) is not opens


@pytest.mark.parametrize("letter", ["B", "C", "U"])
@pytest.mark.parametrize("line", ["C", "T", "TC", "TCT", "U"])
def test_a_reading_that_is_not_true_moves_nothing(line: str, letter: str) -> None:
    policy, state = a_policy(), live(line).state
    turn = opened(state, said(letter), slot=START + len(line), policy=policy)
    assert (turn.state, turn.effects) == (state, ())


def test_a_rule_that_has_expired_hears_no_reading() -> None:
    policy = a_policy(valid_until_ms=(START + 1) * 60_000)
    state = live("C", policy).state
    assert opened(state, said("T"), slot=START + 1, policy=policy).state == state


@examples(20)
@given(sequences(), policies(), st.randoms(use_true_random=False))
def test_nothing_is_told_twice_however_often_slots_are_read(
    slots: list[Said], policy: Policy, rng: random.Random
) -> None:
    told, accounts = lived(slots, policy, read=_readings(rng, slots))
    names = [(opened_at, ordinal) for _, _, opened_at, ordinal in told]
    assert len(set(names)) == len(names)
    begun = [of for _, what, of, _ in accounts if what == "opened"]
    assert len(set(begun)) <= len({at for at, *_ in accounts})
    ends = {of: closed for _, what, of, closed in accounts if what == "closed"}
    assert all(of <= closed for of, closed in ends.items())


@examples(15)
@given(policies(until=False), st.integers(0, 1 << 32))
def test_a_state_that_is_read_all_the_time_sends_no_more_notices_an_hour(
    policy: Policy, seed: int
) -> None:
    """"Notices per state and hour, reminders apart, <= 2 x ceil(60 min / cooldown) + 1"; where
    most is told: every slot is read true and closes clear as often as not."""  # fmt: skip
    rng, most = random.Random(seed), policy.notices_an_hour_max
    if most is None:
        return
    slots = []
    for _ in range(300):
        condition, clear = WORDS[rng.choices("TBCU", [4, 1, 8, 1])[0]]
        held = rng.choices([NO_HOLD, Hold.MUTED, Hold.LATE], [20, 1, 1])[0]
        slots.append(Said(condition=condition, clear=clear, held=held))
    told, _ = lived(slots, policy, read=[[said("T")] for _ in slots])
    at = [slot for slot, kind, _, _ in told if kind not in {"reminder", "no_data"}]
    assert all(sum(one <= other < one + policy.hour for other in at) <= most for one in at)


def _readings(rng: random.Random, slots: list[Said]) -> list[list[Said]]:
    return [
        [said(rng.choice("TTCB"), held=one.held) for _ in range(rng.choice([0, 0, 1, 3]))]
        for one in slots
    ]
