"""Fail-over: what is shown from which venue, seams, and what follows from them (SEMANTICS.md 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.app.test_deriving import MINUTE, World
from tests.engine.world import NAN, START, a_frame, a_patch

from sigmawatch.domain.fail_over import PATIENCE
from sigmawatch.domain.frame import REASON_MASK, Flag, Frame, Patch, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import SOURCE
from sigmawatch.domain.rule import parse_condition
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS
from sigmawatch.engine.expression import FALSE, TRUE, UNKNOWN
from sigmawatch.engine.ranking import Why
from sigmawatch.engine.slab_inputs import judge_board
from sigmawatch.engine.snapshot import Board

BLOCKS = {"KRAKEN:price": 1, "COINBASE:price": 2, "DERIVED:source": 3, "DERIVED:price": 4}
KRAKEN, COINBASE, CHOICE, VIEW = 11, 21, 31, 41
FORMULA = "failover(KRAKEN:BTC/USD, COINBASE:BTC/USD)"
NAME, CHOSEN = "DERIVED:BTC/USD:price", "DERIVED:BTC/USD:source"
TIMES = 5.0  # what the second venue asks for the same


def stitched() -> list[Series]:
    """KRAKEN:BTC/USD and its backup, which of them is shown, and what is."""
    return [
        Series(
            id=10 * block_id + 1, metric=kind.partition(":")[2], interval=MINUTE,
            block_id=block_id, place=0, formula=FORMULA if "DERIVED" in kind else None,
            market=Market(venue=kind.partition(":")[0], base="BTC", quote="USD", native="BTC/USD"),
        )
        for kind, block_id in BLOCKS.items()
    ]  # fmt: skip


def a_world() -> World:
    return World(stitched(), blocks=BLOCKS)


def poll(world: World, slot: int, kraken: float, coinbase: float | None = None) -> None:
    """Both venues are asked; who does not answer is NAN. Then the slot closes."""
    coinbase = kraken * TIMES if coinbase is None else coinbase
    world.take(a_frame(slot, [kraken], block_id=BLOCKS["KRAKEN:price"]))
    world.take(a_frame(slot, [coinbase], block_id=BLOCKS["COINBASE:price"]))
    world.close(slot)


def an_outage(world: World, *, calm: int = 3, lasts: int = 4, after: int = 0) -> int:
    """Prices of 100 and 500; the first venue is silent for a while. The first silent slot."""
    down = START + calm
    for slot in range(START, down):
        poll(world, slot, 100.0)
    for slot in range(down, down + lasts):
        poll(world, slot, NAN, 500.0)
    for slot in range(down + lasts, down + lasts + after):
        poll(world, slot, 100.0)
    return down


def values(world: World, name: str, first: int, stop: int) -> list[float]:
    return [world.says(name, slot)[0] for slot in range(first, stop)]


def test_the_backup_is_shown_from_the_second_silent_slot_on_with_a_seam() -> None:
    """SEMANTICS.md 5: "the view stitches them with a visible seam"."""
    world = a_world()
    down = an_outage(world)
    told = values(world, NAME, START, down + 4)
    assert told[:3] + told[4:] == [100.0] * 3 + [500.0] * 3
    assert math.isnan(told[3])
    assert world.reason(NAME, down) is Reason.OUTAGE
    assert world.says(NAME, down + 1) == (500.0, Reason.SEAM | Flag.DERIVED)
    assert world.says(NAME, down + 2) == (500.0, Reason.OBSERVED | Flag.DERIVED)
    assert values(world, CHOSEN, START, down + 4) == [1.0] * 4 + [2.0] * 3


def test_the_first_venue_is_shown_again_once_it_was_read_ten_times_with_another_seam() -> None:
    world = a_world()
    down = an_outage(world, after=PATIENCE.back_slots + 2)
    back = down + 4 + PATIENCE.back_slots - 1
    assert values(world, NAME, down + 1, back) == [500.0] * (back - down - 1)
    assert world.says(NAME, back) == (100.0, Reason.SEAM | Flag.DERIVED)
    assert world.says(NAME, back + 1) == (100.0, Reason.OBSERVED | Flag.DERIVED)


def test_what_is_filled_in_later_changes_what_is_shown_from_there_and_nothing_else() -> None:
    """SEMANTICS.md 2: "Later ones revise history, are marked `revised`"; never two sources."""
    world = a_world()
    down = an_outage(world)
    late = a_patch(down, [101.0] * 4, Reason.OBSERVED | Flag.FILLED, series_id=KRAKEN)
    world.take(late)
    made = world.settle(down + 3)
    assert [(one.series_id, one.from_slot, len(one.marks)) for one in made
            if isinstance(one, Patch)] == [(VIEW, down, 1)]  # fmt: skip
    assert values(world, NAME, down, down + 4) == [101.0, 500.0, 500.0, 500.0]
    assert world.says(NAME, down)[1] & Flag.FILLED
    assert world.reason(NAME, down + 1) is Reason.SEAM
    assert values(world, CHOSEN, down, down + 4) == [1.0, 2.0, 2.0, 2.0]
    assert world.settle(down + 3) == []


def standing(
    world: World, first: int, count: int, *, moves: bool = True, every: int = 1
) -> list[float]:
    """The first venue answers with the same row slot after slot. moves: the second one's changes;
    every: at least in so many slots, the first of them included. What is shown, by slot."""
    for at in range(count):
        slot, moved = first + at, moves and at % every == 0
        world.take(a_frame(slot, [100.0], [Reason.UNCHANGED], block_id=BLOCKS["KRAKEN:price"]))
        mark = Reason.OBSERVED if moved else Reason.UNCHANGED
        world.take(a_frame(slot, [500.0], [mark], block_id=BLOCKS["COINBASE:price"]))
        world.close(slot)
    return values(world, CHOSEN, first, first + count)


def test_a_venue_that_tells_the_same_again_and_again_is_left_while_its_backup_moves() -> None:
    """SEMANTICS.md 4: "frozen (reads succeed, whole payload unchanged for max(15 slots, 20 x its
    own median change gap)"; docs/decisions/0041."""
    world = a_world()
    for slot in range(START, START + 3):
        poll(world, slot, 100.0)
    shown = standing(world, START + 3, 24, every=5)
    assert shown == [1.0] * 20 + [2.0] * 4, "still for 20 slots, by its pace, and for one more"
    assert world.reason(NAME, START + 23) is Reason.SEAM
    assert values(world, NAME, START + 22, START + 24) == [100.0, 500.0]


def test_where_nobody_moves_nobody_is_left() -> None:
    world = a_world()
    for slot in range(START, START + 3):
        poll(world, slot, 100.0)
    assert set(standing(world, START + 3, 60, moves=False)) == {1.0}


def test_a_market_that_moves_seldom_is_waited_for() -> None:
    world = a_world()
    for slot in range(START, START + 31):
        mark = Reason.OBSERVED if (slot - START) % 5 == 0 else Reason.UNCHANGED
        world.take(a_frame(slot, [100.0], [mark], block_id=BLOCKS["KRAKEN:price"]))
        world.take(a_frame(slot, [500.0], block_id=BLOCKS["COINBASE:price"]))
        world.close(slot)
    shown = standing(world, START + 31, 104)
    assert shown == [1.0] * 100 + [2.0] * 4, "20 times five minutes, and one more"


def test_who_moves_again_is_shown_again_after_ten_slots() -> None:
    world = a_world()
    for slot in range(START, START + 3):
        poll(world, slot, 100.0)
    standing(world, START + 3, 24)
    moving = START + 27
    for slot in range(moving, moving + PATIENCE.back_slots + 1):
        poll(world, slot, 100.0)
    assert values(world, CHOSEN, moving, moving + 11) == [2.0] * 9 + [1.0] * 2


def test_candles_of_the_first_venue_do_not_count_as_its_being_read() -> None:
    world = a_world()
    down = an_outage(world, after=1)
    filled = a_patch(down - 8, [101.0] * 12, Reason.OBSERVED | Flag.FILLED, series_id=KRAKEN)
    world.take(filled)
    poll(world, down + 5, 100.0)
    assert world.says(CHOSEN, down + 5)[0] == 2.0


def test_a_day_before_it_was_asked_for_is_the_first_venues() -> None:
    world = World([one for one in stitched() if not one.derived], blocks=BLOCKS)
    for slot in range(START, START + 5):
        poll(world, slot, 100.0 if slot < START + 2 else NAN, 500.0)
    world.track(stitched())
    world.settle(START + 4)
    assert values(world, NAME, START, START + 2) == [100.0, 100.0]
    assert world.reason(NAME, START + 3) is Reason.OUTAGE
    poll(world, START + 5, NAN, 500.0)
    assert world.says(NAME, START + 5) == (500.0, Reason.SEAM | Flag.DERIVED)


def restarted(world: World) -> World:
    """Another process that reads back what is stored."""
    again = a_world()
    again.items = list(world.items)
    again.table.restore(world.items)
    again.deriver.restored(world.items)
    return again


@pytest.mark.parametrize("at", range(1, 18))
def test_a_restart_at_any_slot_changes_nothing(at: int) -> None:
    """SEMANTICS.md 5: what is decided follows from what is stored."""
    prices = [100.0] * 3 + [NAN] * 3 + [100.0] * 12
    whole, cut = a_world(), a_world()
    for step, price in enumerate(prices):
        slot = START + step
        if step == at:
            cut = restarted(cut)
            cut.settle(slot - 1)
        poll(whole, slot, price, 500.0)
        poll(cut, slot, price, 500.0)
    stop = START + len(prices)
    for name in (NAME, CHOSEN):
        told = [[each.says(name, slot) for slot in range(START, stop)] for each in (whole, cut)]
        np.testing.assert_equal(told[0], told[1])


def test_slots_in_which_we_were_down_are_of_the_venue_that_was_shown_before() -> None:
    world = a_world()
    down = an_outage(world)
    again = restarted(world)
    poll(again, down + 9, NAN, 500.0)
    again.take(a_patch(down + 4, [501.0] * 5, Reason.OBSERVED | Flag.FILLED, series_id=COINBASE))
    again.settle(down + 9)
    assert values(again, CHOSEN, down + 3, down + 10) == [2.0] * 7
    assert values(again, NAME, down + 4, down + 10) == [501.0] * 5 + [500.0]
    reasons = [again.reason(NAME, slot) for slot in range(down + 2, down + 10)]
    assert Reason.SEAM not in reasons


def test_two_trackers_that_hold_the_same_make_the_same_frames() -> None:
    one, other = a_world(), a_world()
    for world, order in ((one, 1), (other, -1)):
        frames = [a_frame(START, [100.0], block_id=1), a_frame(START, [500.0], block_id=2)]
        world.take(*frames[::order])
    made = [{frame.id: frame.encode() for frame in world.close(START)} for world in (one, other)]
    assert made[0] == made[1]
    assert len(made[0]) == 2


# Orders


def asked(world: World, *, away: bool) -> list[Patch]:
    patches = world.deriver.asked("KRAKEN", away=away)
    world.take(*patches)
    return patches


def test_who_is_kept_away_from_is_left_with_the_next_slot_and_stays_so_over_a_restart() -> None:
    world = a_world()
    down = an_outage(world, lasts=0)
    assert asked(world, away=True)
    assert asked(world, away=True) == []  # it is said already
    assert world.deriver.asked("COINBASE", away=True) == []  # nobody has it first
    again = restarted(world)
    for slot in range(down, down + 15):
        poll(again, slot, 100.0)
    assert world.says(CHOSEN, down - 1)[0] == -1.0
    assert values(again, CHOSEN, down, down + 15) == [-2.0] * 15
    assert again.says(NAME, down) == (500.0, Reason.SEAM | Flag.DERIVED)
    asked(again, away=False)
    poll(again, down + 15, 100.0)
    assert again.says(CHOSEN, down + 15)[0] == 1.0
    assert again.says(NAME, down + 15) == (100.0, Reason.SEAM | Flag.DERIVED)


def test_an_order_before_the_first_slot_has_nobody_to_hear_it() -> None:
    assert a_world().deriver.asked("KRAKEN", away=True) == []


# What follows: statistics, ranks, rules


def board(world: World, slot: int) -> Board:
    return world.table.close(slot)


def row(shown: Board) -> int:
    return shown.layout.rows[VIEW]


def verdict(world: World, text: str, slot: int) -> int:
    shown = board(world, slot)
    condition = parse_condition(text, interval=MINUTE, metric="price")
    (said,) = judge_board([condition], shown, slabs=world.table.slabs, metric="price")
    return int(said[row(shown)])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("xxxx.c"), min_size=30, max_size=90), st.integers(0, 2**32 - 1))
def test_deviations_and_changes_are_their_slow_definitions(told: list[str], seed: int) -> None:
    """SEMANTICS.md 5: "no return crosses a seam"; x: both are read, `.` and c: only one."""
    world, noise = a_world(), np.random.default_rng(seed)
    for step, seen in enumerate(told):
        price = 100.0 * math.exp(0.01 * noise.standard_normal())
        kraken, coinbase = NAN if seen == "." else price, NAN if seen == "c" else 5 * price
        poll(world, START + step, kraken, coinbase)
    last = START + len(told) - 1
    shown = board(world, last)
    for window_ms in (HOUR_MS, DAY_MS):
        told_by = shown.statistics[window_ms]
        slots = window_ms // MINUTE.ms
        prices, sources = history(world, last - slots, last + 1)
        inside, of = prices[1:], sources[1:]
        there = np.isfinite(inside)
        pairs = zip(inside[:-1], inside[1:], of[:-1], of[1:], strict=True)
        returns = [math.log(b / a) for a, b, s, t in pairs if s == t and a == a and b == b]  # noqa: PLR0124
        expected = np.std(returns) * math.sqrt(slots) if returns else NAN
        np.testing.assert_allclose(told_by.sigma_ret[row(shown)], expected, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(told_by.sigma_abs[row(shown)], np.std(inside[there]), rtol=1e-9)
        assert told_by.seam[row(shown)] == (len(set(of[of > 0.0].tolist())) > 1)


def history(world: World, first: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of the view, and which venue each is of; 0 before the first."""
    slots = range(first, stop)
    held = [slot >= START for slot in slots]
    prices = [
        world.says(NAME, slot)[0] if at else NAN for slot, at in zip(slots, held, strict=True)
    ]
    sources = [
        world.says(CHOSEN, slot)[0] if at else 0.0 for slot, at in zip(slots, held, strict=True)
    ]
    return np.array(prices), np.array(sources)


def test_no_change_and_no_surge_is_told_across_a_seam() -> None:
    """SEMANTICS.md 2 and 5: five times the price is no change of 400 %."""
    world = a_world()
    down = an_outage(world, calm=65, lasts=2)
    for slot in range(down + 2, down + 70):
        poll(world, slot, NAN, 500.0)
    seam = down + 1
    hour = HOUR_MS // MINUTE.ms
    before, at = board(world, seam - 2), board(world, seam)
    assert before.statistics[HOUR_MS].change_pct[row(before)] == 0.0
    assert np.isnan(at.statistics[HOUR_MS].change_pct[row(at)])
    assert np.isnan(at.surge[row(at)])
    last, next_ = board(world, seam + hour - 1), board(world, seam + hour)
    assert np.isnan(last.statistics[HOUR_MS].change_pct[row(last)])
    assert next_.statistics[HOUR_MS].change_pct[row(next_)] == 0.0
    assert np.isnan(last.surge[row(last)])
    assert next_.surge[row(next_)] == 1.0


def test_ranks_leave_out_whose_window_holds_two_sources_and_say_so() -> None:
    world = a_world()
    down = an_outage(world, calm=65, lasts=70)
    shown = board(world, down + 30)
    for by in ("sigma_rel", "sigma_abs", "change_pct"):
        ranking = shown.ranking("price", by, window_ms=HOUR_MS)
        assert (ranking.rank[row(shown)], ranking.why[row(shown)]) == (0, Why.SEAM)
    by_returns = shown.ranking("price", "sigma_ret", window_ms=HOUR_MS)
    assert by_returns.why[row(shown)] == Why.RANKED  # no return crosses it
    after = board(world, down + 1 + 60)
    assert after.ranking("price", "sigma_rel", window_ms=HOUR_MS).why[row(after)] == Why.RANKED


@pytest.mark.parametrize(
    ("text", "unknown_slots", "then"),
    [
        ("price > 3 * mean(1h)", 60, FALSE),
        ("price < 0.5 * mean(30m)", 30, FALSE),
        ("abs(change_pct(15m)) > 5", 15, FALSE),
        ("price > 2 * max(10m)", 10, FALSE),
        ("crosses_above(300)", 1, FALSE),
        ("price > 300", 0, TRUE),  # it has no window
        ("price > 400 and change(value, 5m) == 0", 5, TRUE),
    ],
)
def test_rules_are_unknown_until_their_windows_hold_one_source(
    text: str, unknown_slots: int, then: int
) -> None:
    """SEMANTICS.md 5, to the slot."""
    world = a_world()
    down = an_outage(world, calm=65, lasts=2)
    seam = down + 1
    for slot in range(seam + 1, seam + 65):
        poll(world, slot, NAN, 500.0)
    if unknown_slots:
        assert verdict(world, text, seam - 3) == FALSE
        assert verdict(world, text, seam) == UNKNOWN
        assert verdict(world, text, seam + unknown_slots - 1) == UNKNOWN
    assert verdict(world, text, seam + unknown_slots) == then


def test_a_slot_is_never_of_two_venues() -> None:
    """Every value that is shown is what the chosen venue said, bit for bit."""
    world = a_world()
    an_outage(world, after=14)
    frames = [one for one in world.items if isinstance(one, Frame) and one.block_id == 4]
    for frame in frames:
        source = int(abs(world.says(CHOSEN, frame.slot)[0]))
        of = ("KRAKEN:BTC/USD:price", "COINBASE:BTC/USD:price")[source - 1]
        np.testing.assert_equal(world.says(NAME, frame.slot)[0], world.says(of, frame.slot)[0])
    assert {one.marks[0] & REASON_MASK for one in frames} >= {Reason.SEAM, Reason.OUTAGE}


def test_the_choice_is_a_series_of_its_own() -> None:
    choice: Sequence[Series] = [one for one in stitched() if one.metric == SOURCE]
    assert not choice[0].stitched
    assert all(one.stitched == (one.id == VIEW) for one in stitched())
