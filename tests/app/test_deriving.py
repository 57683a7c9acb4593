"""Derived series follow from their inputs, whenever and in whatever order those arrive."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.world import NAN, START, a_frame, a_patch

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.deriving import Deriver
from sigmawatch.domain.frame import REASON_MASK, Flag, Frame, Patch, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import DERIVED, Block, Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.table import SeriesTable

MINUTE = Interval(60_000)
KINDS = ("KRAKEN:price", "KRAKEN:volume_24h_quote", "KRAKEN:volume_24h_ref", "KRAKEN:traded_quote",
         "KRAKEN:traded_ref", "COINBASE:price", "DERIVED:formula")  # fmt: skip
BLOCKS = {kind: number for number, kind in enumerate(KINDS, start=1)}
PAIRS = ("BTC/USD", "BTC/EUR", "ETH/EUR")
FORMULAS = {
    "AAA/EUR": "KRAKEN:BTC/EUR:price - 2 * DERIVED:BBB/EUR:formula",
    "BBB/EUR": "KRAKEN:ETH/EUR:price * 10",
    "CCC/USD": "KRAKEN:ETH/EUR:volume_24h_ref + KRAKEN:BTC/USD:volume_24h_ref",
    "DDD/EUR": "KRAKEN:BTC/EUR:traded_quote[2m]",
}


def a_series(kind: str, pair: str, *, place: int, formula: str | None = None) -> Series:
    venue, _, metric = kind.partition(":")
    base, _, quote = pair.partition("/")
    return Series(
        id=10 * BLOCKS[kind] + place, metric=metric, interval=MINUTE, block_id=BLOCKS[kind],
        market=Market(venue=venue, base=base, quote=quote, native=pair), place=place,
        formula=formula,
    )  # fmt: skip


def everything() -> list[Series]:
    read = [
        a_series(kind, pair, place=place)
        for kind in KINDS[:5] for place, pair in enumerate(PAIRS)
    ]  # fmt: skip
    computed = [
        a_series("DERIVED:formula", name, place=place, formula=text)
        for place, (name, text) in enumerate(FORMULAS.items())
    ]
    return [*read, a_series("COINBASE:price", "EUR/USD", place=0), *computed]


class World:
    """A series table and what is derived over it; everything is durable at once. blocks: their
    numbers, by venue and metric."""

    def __init__(self, series: Sequence[Series], *, blocks: Mapping[str, int] = BLOCKS) -> None:
        self.blocks = blocks
        self.catalogue = Catalogue()
        self.table = SeriesTable(MINUTE)
        self.deriver = Deriver(self.table, self.catalogue, reference="USD")
        self.items: list[Frame | Patch] = []
        self.track(series)

    def track(self, series: Sequence[Series]) -> None:
        for kind, number in self.blocks.items():
            venue, _, metric = kind.partition(":")
            block = Block(id=number, venue=venue, metric=metric, interval=MINUTE)
            self.table.add_block(block)
            self.catalogue.put(blocks=[block])
        self.table.add_all(series)
        self.catalogue.put(series=series)

    def take(self, *items: Frame | Patch) -> None:
        for item in items:
            self.items.append(item)
            if self.table.apply(item):
                self.deriver.changed(item)

    def close(self, slot: int) -> list[Frame]:
        frames, _ = self.deriver.close(slot)
        for frame in frames:
            self.items.append(frame)
            self.table.apply(frame)
        return frames

    def settle(self, slot: int) -> list[Frame | Patch]:
        """Work until nothing waits; what that made."""
        made: list[Frame | Patch] = []
        for _ in range(1_000):
            items, waiting = self.deriver.settle(slot)
            self.take(*items)
            made += items
            if not waiting:
                return made
        raise AssertionError("the same is derived for ever")

    def says(self, name: str, slot: int) -> tuple[float, int]:
        """Value and mark of a series at a slot."""
        (one,) = [each for each in self.catalogue.series if each.name == name]
        values, marks = self.table.stretch(one.id, from_slot=slot, to_slot=slot + 1)
        return float(values[0]), int(marks[0])

    def reason(self, name: str, slot: int) -> Reason:
        return Reason(self.says(name, slot)[1] & REASON_MASK)


def prices(
    slot: int, btc_usd: float, btc_eur: float, eth_eur: float, *, late_ms: int = 500
) -> Frame:
    values = [btc_usd, btc_eur, eth_eur]
    return a_frame(slot, values, block_id=BLOCKS["KRAKEN:price"], late_ms=late_ms)


def volumes(
    slot: int, *values: float, marks: Sequence[int] | None = None, late_ms: int = 500
) -> Frame:
    block_id = BLOCKS["KRAKEN:volume_24h_quote"]
    return a_frame(slot, values, marks, block_id=block_id, late_ms=late_ms)


def flows(slot: int, *values: float, marks: Sequence[int] | None = None) -> Frame:
    return a_frame(slot, values, marks, block_id=BLOCKS["KRAKEN:traded_quote"])


def euro(slot: int, price: float) -> Frame:
    return a_frame(slot, [price], block_id=BLOCKS["COINBASE:price"])


def test_a_volume_in_the_reference_is_the_quote_volume_times_the_slots_rate() -> None:
    world = World(everything())
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0), volumes(START, 3.0, 5.0, 7.0))
    world.take(flows(START, 0.5, 0.25, NAN, marks=[0, Reason.NO_TRADES, Reason.PENDING]))
    world.close(START)
    assert world.says("KRAKEN:BTC/USD:volume_24h_ref", START) == (3.0, Flag.DERIVED)
    assert world.says("KRAKEN:ETH/EUR:volume_24h_ref", START)[0] == 7.0 * 60_000 / 50_000
    quiet = Reason.NO_TRADES | Flag.DERIVED
    assert world.says("KRAKEN:BTC/EUR:traded_ref", START) == (0.25 * 1.2, quiet)
    assert world.reason("KRAKEN:ETH/EUR:traded_ref", START) is Reason.PENDING
    world.take(prices(START + 1, 60_000.0, 50_000.0, 2_000.0), volumes(START + 1, 3.0, 5.0, 7.0))
    world.take(euro(START + 1, 1.25))  # a direct market, though of another venue, comes first
    world.close(START + 1)
    assert world.says("KRAKEN:ETH/EUR:volume_24h_ref", START + 1)[0] == 7.0 * 1.25


def test_a_derived_slot_is_missing_for_the_reason_of_what_is_missing() -> None:
    world = World(everything())
    marks = [Reason.DELISTED, Reason.UNCHANGED, Reason.OBSERVED]
    world.take(prices(START, NAN, 50_000.0, 2_000.0), volumes(START, NAN, 5.0, 7.0, marks=marks))
    world.close(START)
    assert world.reason("KRAKEN:BTC/USD:volume_24h_ref", START) is Reason.DELISTED
    assert world.reason("KRAKEN:ETH/EUR:volume_24h_ref", START) is Reason.NOT_POLLED  # EUR/USD
    assert world.reason("DERIVED:CCC/USD:formula", START) is Reason.NOT_POLLED
    world.take(euro(START - 4, 1.25))
    world.settle(START)
    assert world.says("KRAKEN:BTC/EUR:volume_24h_ref", START) == (
        5.0 * 1.25, Reason.UNCHANGED | Flag.DERIVED,
    )  # fmt: skip
    assert world.reason("DERIVED:CCC/USD:formula", START) is Reason.DELISTED


def test_a_formula_may_read_another_whatever_their_order_and_metric() -> None:
    world = World(everything())
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0), volumes(START, 3.0, 5.0, 7.0))
    (formulas,) = [f for f in world.close(START) if f.block_id == BLOCKS["DERIVED:formula"]]
    assert world.says("DERIVED:AAA/EUR:formula", START) == (10_000.0, Flag.DERIVED)
    assert world.says("DERIVED:CCC/USD:formula", START)[0] == 7.0 * 1.2 + 3.0
    assert world.reason("DERIVED:DDD/EUR:formula", START) is Reason.NOT_POLLED
    assert formulas.revision == 60_500  # of the newest frame they follow from


def test_a_composite_of_several_is_of_those_that_are_there() -> None:
    line = "composite(KRAKEN:BTC/EUR, KRAKEN:BTC/USD / COINBASE:EUR/USD)"
    composite = a_series("DERIVED:formula", "EEE/EUR", place=4, formula=line)
    world = World([*everything(), composite])
    name = composite.name
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0))
    world.close(START)
    assert world.says(name, START) == (50_000.0, Flag.DERIVED)  # no word of COINBASE
    world.take(prices(START + 1, 60_000.0, 50_000.0, 2_000.0), euro(START + 1, 1.25))
    world.close(START + 1)
    assert world.says(name, START + 1) == (49_000.0, Flag.DERIVED)
    world.take(prices(START + 2, 90_000.0, 50_000.0, 2_000.0), euro(START + 2, 1.25))
    world.close(START + 2)
    assert world.reason(name, START + 2) is Reason.PENDING  # they disagree
    for slot in range(START + 3, START + 7):
        world.take(prices(slot, NAN, NAN, 2_000.0))
        world.close(slot)
    assert world.reason(name, START + 6) is Reason.OUTAGE


def test_a_composite_tells_of_its_members_and_their_marks() -> None:
    line = "composite(KRAKEN:BTC/EUR, KRAKEN:BTC/USD / COINBASE:EUR/USD)"
    composite = a_series("DERIVED:formula", "EEE/EUR", place=4, formula=line)
    world = World([*everything(), composite])
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0))
    world.close(START)
    ((pool, marks),) = world.deriver.pools(composite.id, START)
    assert (pool.text, pool.value) == (line, 50_000.0)
    assert [[Reason(mark & REASON_MASK) for mark in each.tolist()] for each in marks] == [
        [Reason.OBSERVED], [Reason.OBSERVED, Reason.NOT_POLLED],
    ]  # fmt: skip
    assert world.deriver.pools(10, START) == []


def test_two_trackers_that_hold_the_same_make_the_same_frames() -> None:
    """DESIGN.md: "what they compute depends on the readings alone"."""
    one, other = World(everything()), World(list(reversed(everything())))
    items = [
        prices(START, 60_000.0, 50_000.0, 2_000.0), volumes(START, 3.0, 5.0, 7.0, late_ms=900),
        euro(START, 1.25), flows(START, 0.5, 0.25, 0.125),
    ]  # fmt: skip
    one.take(*items)
    other.take(*reversed(items))
    made = [{frame.id: frame.encode() for frame in each.close(START)} for each in (one, other)]
    assert made[0] == made[1]
    assert set(made[0]) == {f"3:{START}:60900", f"5:{START}:60500", f"7:{START}:60900"}


def test_where_nothing_is_derived_a_close_has_nothing_to_commit_and_nothing_waits() -> None:
    world = World([one for one in everything() if not one.derived])
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0))
    assert world.deriver.close(START) == ([], False)
    world.take(a_patch(START, [4_000.0], Reason.OBSERVED, series_id=12))
    assert world.deriver.settle(START) == ([], False)


def test_a_value_that_comes_after_the_close_changes_all_that_follows_from_it_once() -> None:
    world = World(everything())
    for slot in range(START, START + 5):
        world.take(prices(slot, 60_000.0, 50_000.0, 2_000.0), volumes(slot, 3.0, 5.0, 7.0))
        world.close(slot)
    world.take(a_patch(START + 1, [4_000.0], Reason.OBSERVED, series_id=12))
    made = world.settle(START + 4)
    assert world.says("DERIVED:AAA/EUR:formula", START + 1) == (
        -30_000.0, Reason.OBSERVED | Flag.DERIVED | Flag.REVISED,
    )  # fmt: skip
    assert [(i.series_id, i.from_slot, len(i.marks)) for i in made if isinstance(i, Patch)] == [
        (71, START + 1, 1), (70, START + 1, 1),
    ]  # fmt: skip
    assert world.settle(START + 4) == []


def test_what_is_revised_twice_within_a_second_is_told_twice() -> None:
    world = World(everything())
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0))
    world.close(START)
    for made_slot, price in ((START + 1, 3_000.0), (START + 2, 4_000.0)):
        late = a_patch(START, [price], Reason.OBSERVED, series_id=12, made_slot=made_slot)
        world.take(dataclasses.replace(late, recv_ms=MINUTE.open_ms(START + 2)))
        world.settle(START)
    assert world.says("DERIVED:BBB/EUR:formula", START)[0] == 40_000.0


def test_what_was_revised_is_not_told_again_for_having_been_revised() -> None:
    world = World(everything())
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0))
    world.close(START)
    world.take(a_patch(START, [4_000.0], Reason.OBSERVED, series_id=12))
    world.settle(START)
    assert world.says("DERIVED:AAA/EUR:formula", START)[1] & Flag.REVISED
    world.take(a_patch(START, [50_000.0], Reason.CARRIED, series_id=11))  # of no consequence
    assert world.settle(START) == []


def test_a_late_flow_changes_every_slot_whose_span_holds_it() -> None:
    world = World(everything())
    for slot in range(START, START + 4):
        world.take(flows(slot, 1.0, NAN if slot == START + 1 else 2.0, 1.0))
        world.close(slot)
    world.take(a_patch(START + 1, [5.0], Reason.OBSERVED | Flag.FILLED, series_id=41))
    world.settle(START + 3)
    spans = [world.says("DERIVED:DDD/EUR:formula", START + at)[0] for at in (1, 2, 3)]
    assert spans == [7.0, 7.0, 4.0]


def test_a_frame_that_comes_after_the_close_makes_the_frames_it_would_have_made_before() -> None:
    late, punctual = World(everything()), World(everything())
    for world in (late, punctual):
        world.take(prices(START, 60_000.0, 50_000.0, 2_000.0))
    frame = volumes(START, 3.0, 5.0, 7.0, late_ms=14_000)
    late.close(START)
    late.take(frame)
    again = late.settle(START)
    punctual.take(frame)
    expected = [f for f in punctual.close(START) if f.revision == frame.revision]
    assert [item.id for item in again] == [item.id for item in expected]
    assert [item.encode() for item in again] == [item.encode() for item in expected]


def test_a_late_frame_that_changes_nothing_makes_nothing() -> None:
    world = World(everything())
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0), euro(START, 1.25))
    world.take(volumes(START, 3.0, 5.0, 7.0))
    world.close(START)
    world.take(a_patch(START, [61_000.0], Reason.OBSERVED, series_id=10))  # a worse way to euros
    assert [i.series_id for i in world.settle(START) if isinstance(i, Patch)] == []
    world.take(a_frame(START, [1.25], block_id=BLOCKS["COINBASE:price"], late_ms=14_000))
    assert world.settle(START) == []


def test_a_day_of_candles_for_the_inputs_is_a_day_of_what_follows_from_them() -> None:
    world = World(everything())
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0), volumes(START, 3.0, 5.0, 7.0))
    world.close(START)
    mark = Reason.OBSERVED | Flag.FILLED
    day = 1_440
    for series_id, value in ((10, 60_000.0), (11, 40_000.0), (22, 8.0)):
        patch = a_patch(START - day, [value] * day, mark, series_id=series_id, made_slot=START + 1)
        world.take(patch)
    made = world.settle(START)
    assert [(p.series_id, len(p.marks)) for p in made if isinstance(p, Patch)] == [(32, day)]
    values, marks = world.table.stretch(32, from_slot=START - day, to_slot=START)
    np.testing.assert_array_equal(values, 8.0 * 60_000 / 40_000)
    assert set(marks.tolist()) == {mark | Flag.DERIVED}


def test_who_is_derived_from_now_on_gets_its_past_too() -> None:
    every = everything()
    new = every[-2]
    world = World([one for one in every if one is not new])
    for slot in range(START, START + 3):
        world.take(prices(slot, 60_000.0, 50_000.0, 2_000.0), volumes(slot, 3.0, 5.0, slot - START))
        world.close(slot)
    world.track([new])
    world.settle(START + 2)
    values, _ = world.table.stretch(new.id, from_slot=START, to_slot=START + 3)
    np.testing.assert_allclose(values, [3.0, 4.2, 5.4])


def test_what_was_known_stays_when_its_market_is_no_longer_tracked() -> None:
    world = World(everything())
    world.take(prices(START, 60_000.0, 50_000.0, 2_000.0), volumes(START, 3.0, 5.0, 7.0))
    world.close(START)
    world.catalogue.drop(10)  # KRAKEN:BTC/USD, by which euros were known
    world.take(a_patch(START, [9.0], Reason.OBSERVED, series_id=22))
    assert world.settle(START) == []
    assert world.says("KRAKEN:ETH/EUR:volume_24h_ref", START)[0] == 7.0 * 1.2


def test_slots_that_nobody_closed_are_derived_with_the_next_one() -> None:
    world = World(everything())
    for slot in range(START, START + 4):
        world.take(prices(slot, 60_000.0, 50_000.0, 2_000.0), volumes(slot, 3.0, 5.0, 7.0))
    world.close(START)
    world.close(START + 3)
    world.settle(START + 3)
    told = [
        world.says("KRAKEN:BTC/USD:volume_24h_ref", slot)[0] for slot in range(START, START + 4)
    ]
    assert told == [3.0, 3.0, 3.0, 3.0]


def test_an_earlier_process_left_nothing_underived_for_long() -> None:
    before, after = World(everything()), World(everything())
    for slot in range(START, START + 4):
        items = prices(slot, 60_000.0, 50_000.0, 2_000.0), volumes(slot, 3.0, 5.0, 7.0)
        before.take(*items)
        before.close(slot)
        after.table.restore(items)
    after.settle(START + 3)
    for one in before.catalogue.series:
        spans = [
            w.table.stretch(one.id, from_slot=START, to_slot=START + 4) for w in (before, after)
        ]
        for told, again in zip(*spans, strict=True):
            assert told.tobytes() == again.tobytes(), one.name


SLOTS = range(START, START + 6)
amounts = st.floats(1.0, 9.0)
moments = st.sampled_from(SLOTS)
arrivals = st.lists(
    st.one_of(
        st.builds(prices, moments, amounts, amounts, amounts, late_ms=st.integers(1, 90_000)),
        st.builds(volumes, moments, amounts, amounts, amounts, late_ms=st.integers(1, 90_000)),
        st.builds(euro, moments, amounts),
        st.builds(
            lambda slot, value, series_id, mark: a_patch(slot, [value], mark, series_id=series_id),
            moments, amounts, st.sampled_from([10, 11, 12, 20, 22, 41]),
            st.sampled_from([Reason.OBSERVED, Reason.OBSERVED | Flag.FILLED,
                             Reason.CARRIED | Flag.FILLED | Flag.COARSE]),
        ),
        st.builds(lambda slot, value: flows(slot, value, value, value), moments, amounts),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=40)
@given(arrivals, st.randoms(use_true_random=False), st.lists(st.booleans(), min_size=12))
def test_whatever_the_order_of_arrival_the_derived_values_are_those_of_the_final_inputs(
    items: list[Frame | Patch], random: object, pauses: list[bool]
) -> None:
    """SEMANTICS.md 2: "Late values ... recompute their slot and every statistic over it"."""
    world = World(everything())
    order = sorted(items, key=lambda _: random.random())  # type: ignore[attr-defined]
    closing = list(SLOTS)
    for item, pause in zip(order, pauses, strict=False):
        world.take(item)
        if pause and closing:
            world.close(closing.pop(0))
        elif pause:
            world.settle(SLOTS[-1])
    while closing:
        world.close(closing.pop(0))
    world.settle(SLOTS[-1])
    for slot in SLOTS:
        for name, expected in slow(world, slot).items():
            told = world.says(name, slot)[0]
            assert math.isclose(told, expected, rel_tol=1e-14) or (
                math.isnan(told) and math.isnan(expected)
            ), (name, slot)


def slow(world: World, slot: int) -> dict[str, float]:
    """What is derived at a slot, from SEMANTICS.md alone and what the inputs say in the end."""

    def at(name: str, back: int = 0) -> float:
        value, mark = world.says(name, slot - back)
        return NAN if mark & REASON_MASK >= Reason.OUTAGE else value

    def close(name: str) -> float:
        return next((at(name, b) for b in range(11) if not math.isnan(at(name, b))), NAN)

    direct = close("COINBASE:EUR/USD:price")
    over = close("KRAKEN:BTC/USD:price") / close("KRAKEN:BTC/EUR:price")
    rate = {"USD": 1.0, "EUR": over if math.isnan(direct) else direct}
    found = {
        f"KRAKEN:{pair}:{kind}_ref": at(f"KRAKEN:{pair}:{kind}_quote") * rate[pair[-3:]]
        for pair in PAIRS for kind in ("volume_24h", "traded")
    }  # fmt: skip
    found["DERIVED:BBB/EUR:formula"] = at("KRAKEN:ETH/EUR:price") * 10
    found["DERIVED:AAA/EUR:formula"] = (
        at("KRAKEN:BTC/EUR:price") - 2 * found["DERIVED:BBB/EUR:formula"]
    )
    found["DERIVED:CCC/USD:formula"] = (
        found["KRAKEN:ETH/EUR:volume_24h_ref"] + found["KRAKEN:BTC/USD:volume_24h_ref"]
    )
    found["DERIVED:DDD/EUR:formula"] = at("KRAKEN:BTC/EUR:traded_quote") + at(
        "KRAKEN:BTC/EUR:traded_quote", 1
    )
    return found


def test_the_venue_of_formulas_is_nobodys() -> None:
    assert {one.market.venue for one in everything() if one.formula} == {DERIVED}
