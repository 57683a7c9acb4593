"""Many alert states judged at once are what each is by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.domain.alert_lives import policies, sequences
from tests.domain.alert_stories import a_policy
from tests.examples import examples

from sigmawatch.domain.alert_codec import decode_states
from sigmawatch.domain.alert_life import pass_over, step
from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_state import GONE, NO_HOLD, Hold, Phase, State
from sigmawatch.domain.alert_turn import Effect, Reason, Said, Truth
from sigmawatch.engine.alert_states import AlertStates, Change, Heard
from sigmawatch.engine.block_rows import Cut

ROWS = 7


def heard(said: Sequence[Said]) -> Heard:
    """What every row hears: of edits and ends the first row's."""
    return Heard(
        condition=np.array([one.condition for one in said], np.int8),
        clear=np.array([one.clear for one in said], np.int8),
        held=np.array([one.held for one in said], np.uint8),
        acknowledged=np.array([one.acknowledged for one in said]),
        edited=said[0].edited,
        ended=said[0].ended,
    )


def effects(changes: Sequence[Change]) -> dict[int, list[tuple[int, tuple[Effect, ...]]]]:
    """Row -> slots and effects."""
    found: dict[int, list[tuple[int, tuple[Effect, ...]]]] = {}
    for change in changes:
        for row in change.rows.tolist():
            if change.turn.effects:
                found.setdefault(row, []).append((change.slot, change.turn.effects))
    return found


@examples(10)
@given(st.lists(sequences(), min_size=ROWS, max_size=ROWS), policies())
def test_states_judged_at_once_are_what_each_is_by_itself(
    lines: list[list[Said]], policy: Policy
) -> None:
    states, table = [GONE] * ROWS, AlertStates(policy, ROWS)
    for slot, row in enumerate(zip(*lines, strict=False)):
        said = [replace(one, edited=row[0].edited, ended=row[0].ended) for one in row]
        turns = [
            step(state, one, slot=slot, policy=policy)
            for state, one in zip(states, said, strict=True)
        ]
        changes = table.hear(slot, heard(said))
        states = [turn.state for turn in turns]
        assert [table.state(each) for each in range(ROWS)] == states
        assert effects(changes) == {
            each: [(slot, turn.effects)] for each, turn in enumerate(turns) if turn.effects
        }
    assert table.phases.tolist() == [state.phase for state in states]


@examples(8)
@given(st.lists(sequences(operator=False), min_size=3, max_size=3), policies(), st.integers(1, 200))
def test_rows_pass_over_what_nothing_is_known_of_as_each_does(
    lines: list[list[Said]], policy: Policy, gap: int
) -> None:
    table, last = AlertStates(policy, 3), 0
    for slot, said in enumerate(zip(*lines, strict=False)):
        table.hear(slot, heard(said))
        last = slot + 1
    alone = [
        pass_over(table.state(each), first=last, stop=last + gap, policy=policy, held=Hold.LATE)
        for each in range(3)
    ]
    before = [table.state(each) for each in range(3)]
    some = table.pass_over(last, last + gap, held=Hold.LATE, only=np.array([True, False, False]))
    assert [table.state(each) for each in (1, 2)] == before[1:]
    changes = some + table.pass_over(
        last, last + gap, held=Hold.LATE, only=np.array([False, True, True])
    )
    moved = {row for change in changes for row in change.rows.tolist()}
    assert moved >= {each for each in range(3) if table.state(each) != before[each]}
    assert [table.state(each) for each in range(3)] == [state for state, _ in alone]
    told = {each: [(slot, turn.effects) for slot, turn in turns]
            for each, (_, turns) in enumerate(alone) if turns}  # fmt: skip
    assert effects(changes) == told
    assert [one.slot for one in some] == sorted(one.slot for one in some)


@examples(8)
@given(st.lists(sequences(), min_size=ROWS, max_size=ROWS), policies(), st.permutations(range(50)))
def test_what_is_stored_of_a_block_is_what_its_rows_are_in(
    lines: list[list[Said]], policy: Policy, places: list[int]
) -> None:
    table = AlertStates(policy, ROWS)
    for slot, said in enumerate(zip(*lines, strict=False)):
        table.hear(slot, heard(said))
    rows, where = np.arange(ROWS), np.array(places[:ROWS])
    order = np.argsort(where)
    cut = Cut(rows=rows[order], places=where[order], edges=np.array([0, ROWS]))
    [body] = table.bodies(cut)
    stored = decode_states(body)
    again = AlertStates(policy, ROWS)
    again.put(rows, [stored.get(place, GONE) for place in where.tolist()])
    assert [again.state(each) for each in range(ROWS)] == [
        table.state(each) for each in range(ROWS)
    ]
    assert set(stored) <= set(places[:ROWS])


def every(truth: Truth, *, rows: int, held: Hold = NO_HOLD) -> Heard:
    """True and not clear, or the other way round."""
    condition = np.full(rows, truth, np.int8)
    return Heard(condition=condition, clear=np.int8(1) - condition, held=held)


def test_what_happens_to_many_is_judged_once() -> None:
    table = AlertStates(a_policy(), 1_000)
    [known] = table.hear(0, every(Truth.FALSE, rows=1_000))
    assert known.turn.reason is Reason.COVERED
    [fired] = table.hear(1, every(Truth.TRUE, rows=1_000))
    assert len(fired.rows) == 1_000
    assert table.hear(2, every(Truth.TRUE, rows=1_000)) == []


def test_a_block_that_is_heard_late_is_heard_by_itself() -> None:
    table = AlertStates(a_policy(), 4)
    some = np.array([True, False, True, False])
    table.hear(5, every(Truth.TRUE, rows=4), only=some)
    assert table.phases.tolist() == [3, 0, 3, 0]
    table.hear(6, every(Truth.TRUE, rows=4), only=some)
    [late] = table.hear(5, every(Truth.TRUE, rows=4), only=~some)
    assert late.rows.tolist() == [1, 3]
    assert table.state(1) == table.state(0)


def test_a_hold_over_all_rows_that_ends_is_noticed_without_a_word() -> None:
    table = AlertStates(a_policy(), 2)
    assert not tellings(table.hear(0, every(Truth.TRUE, rows=2, held=Hold.MUTED)))
    assert table.hear(1, every(Truth.TRUE, rows=2, held=Hold.MUTED)) == []
    assert tellings(table.hear(2, every(Truth.TRUE, rows=2)))


def tellings(changes: Sequence[Change]) -> bool:
    return any(len(change.turn.effects) and "Telling" in repr(change.turn) for change in changes)


def test_rows_that_are_arranged_anew_keep_their_states() -> None:
    table = AlertStates(a_policy(), 3)
    condition = np.array([1, 0, -1], np.int8)
    table.hear(0, Heard(condition=condition, clear=-condition))
    table.rearrange(np.array([2, -1, 0, 1]))
    assert table.phases.tolist() == [Phase.WARMUP, Phase.WARMUP, Phase.FIRING, Phase.OK]


def test_states_that_nobody_is_in_are_forgotten() -> None:
    table = AlertStates(a_policy(cooldown=1), 2)
    for slot in range(0, 3_000, 3):
        for at, word in enumerate((Truth.TRUE, Truth.FALSE, Truth.FALSE)):
            table.hear(slot + at, every(word, rows=2))
    assert table.distinct_count < 600
    assert table.state(0) == State(phase=Phase.OK)


@pytest.mark.parametrize("reason", [Reason.DELETED, Reason.DISABLED])
def test_a_rule_that_ends_ends_every_row(reason: Reason) -> None:
    table = AlertStates(a_policy(), 3)
    condition = np.array([1, 0, -1], np.int8)
    table.hear(0, Heard(condition=condition, clear=-condition))
    [closed, *rest] = table.hear(1, Heard(condition=condition, clear=-condition, ended=reason))
    assert table.phases.tolist() == [0, 0, 0]
    assert [one.rows.tolist() for one in (closed, *rest) if one.turn.effects] == [[0]]
