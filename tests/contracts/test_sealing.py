"""What every ledger promises of sealed history: a read tells the same before, during and after.

Items are of three days of one block; days are sealed in any order of events, steps are cut off, and
each time every series is read as it is from the frames and patches alone.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from tests.contracts.conftest import Database
from tests.contracts.samples import MINUTE, NAN, frame, patch, store, track

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.merge import Merged, block_of
from sigmawatch.app.sealing import seal
from sigmawatch.domain.frame import Flag, Frame, Patch, Reason
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, HOUR_MS
from sigmawatch.engine.rollups import Slotted, rolled_up
from sigmawatch.ports.history import Rollups, Stretch

DAY = 1_440
FIRST = 20_139 * DAY  # a midnight
END = FIRST + 3 * DAY
END_MS = MINUTE.open_ms(END)
FILLED = int(Flag.FILLED)
MARKS = [0, 0, 1, int(Flag.DERIVED), FILLED, int(Flag.FILLED | Flag.COARSE), int(Reason.SUSPECT)]


def market_items(dice: random.Random, *, series_ids: Sequence[int]) -> list[Frame | Patch]:
    """Some slots, close together and far apart, with patches over them and over midnights."""
    items: list[Frame | Patch] = []
    for _ in range(dice.randint(4, 12)):
        slot = FIRST + dice.choice([0, 1, 59, 60, 1_438, 1_439, 1_440, 1_441, 2_880, 3_000])
        values = [dice.choice([1.0, 2.0, 3.5, NAN]) for _ in range(dice.randint(1, 3))]
        marks = [int(Reason.OUTAGE) if math.isnan(v) else dice.choice(MARKS) for v in values]
        items.append(frame(slot, values=values, marks=marks, late_slots=dice.randint(0, 5)))
    for _ in range(dice.randint(1, 5)):
        slot, count = FIRST + dice.choice([0, 30, 1_430, 2_870]), dice.randint(1, 40)
        values = [dice.choice([1.0, 5.0, NAN]) for _ in range(count)]
        marks = [int(Reason.PENDING) if math.isnan(v) else FILLED for v in values]
        items.append(patch(slot, series_id=dice.choice(series_ids), values=values, marks=marks,
                           made_slot=FIRST + 5_000 + dice.randint(0, 3)))  # fmt: skip
    dice.shuffle(items)
    return list({item.id: item for item in items}.values())


def expected(items: Sequence[Frame | Patch], series: Series) -> Stretch:
    """As the frames and patches tell it, none of them sealed."""
    merged = Merged(block_of(series), [series.place], from_slot=FIRST, to_slot=END)
    merged.apply(items, columns={series.id: 0})
    values = merged.values.astype("<f8").tobytes()
    return Stretch(from_slot=FIRST, values=values, marks=merged.marks.tobytes())


def rolled(stretch: Stretch, *, levels: bool = True) -> Rollups:
    values = np.frombuffer(stretch.values, "<f8")[:, None]
    marks = np.frombuffer(stretch.marks, np.uint8)[:, None]
    slots = Slotted(from_slot=FIRST, interval_ms=MINUTE.ms, values=values, marks=marks,
                    levels=levels)  # fmt: skip
    [runs] = rolled_up(slots, width_ms=HOUR_MS)
    return runs


async def sealed(ledger: SqlLedger, *, before_ms: int = END_MS) -> int:
    """Seal everything that ends by then; how many sections that were."""
    [block] = await ledger.blocks()
    sections = await ledger.sealing.unsealed(block, before_ms=before_ms)
    for section in sections:
        await seal(ledger.sealing, section)
    return len(sections)


async def cleared(ledger: SqlLedger) -> int:
    [block] = await ledger.blocks()
    return await ledger.sealing.clear(block, rows_max=10_000)


async def cut_off(ledger: SqlLedger, *, turns: int) -> None:
    """Seal and clear, and stop somewhere on the way."""

    async def work() -> None:
        await sealed(ledger)
        await cleared(ledger)

    working = asyncio.ensure_future(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.wait([working])
    assert working.cancelled() or working.exception() is None


async def read(ledger: SqlLedger, series: Series) -> Stretch:
    return await ledger.stretch(series, from_slot=FIRST, to_slot=END)


async def runs(ledger: SqlLedger, series: Series) -> Rollups:
    return await ledger.rollups(series, width_ms=HOUR_MS, from_ms=0, to_ms=END_MS)


async def stored_count(ledger: SqlLedger) -> int:
    return sum([len(batch) async for batch in ledger.replay(from_ms=0)])


def same(told: Rollups, truth: Rollups) -> None:
    """Every run that is told is true, to the bit but for what a level's total follows from."""
    keep = np.isin(truth.at, told.at)
    assert len(told) == keep.sum()
    for name in ("n", "low", "high", "first", "last", "mean", "m2", "return_n", "return_mean",
                 "return_m2", "marks", "edges"):  # fmt: skip
        assert getattr(told, name).tobytes() == getattr(truth.picked(keep), name).tobytes(), name


@pytest.mark.parametrize("metric", ["price", "traded_quote"])
@pytest.mark.parametrize("seed", range(4))
async def test_nobody_can_tell_what_is_sealed_from_what_is_not(
    database: Database, metric: str, seed: int
) -> None:
    dice = random.Random(f"{metric} {seed}")
    ledger = await database.open()
    ids = await track(ledger, "BTC", "ETH", "SOL", metric=metric)
    series = await ledger.series()
    said: list[Frame | Patch] = []
    for item in market_items(dice, series_ids=ids):
        await store(ledger, item)
        said.append(item)
        step = dice.choice(["seal", "seal some", "clear", "cut off", "open anew", "nothing"])
        if step == "clear":
            await cleared(ledger)
        elif step == "cut off":
            await cut_off(ledger, turns=dice.randint(1, 60))
        elif step == "open anew":
            await ledger.close()
            ledger = await database.open()
        elif step != "nothing":
            before_ms = END_MS if step == "seal" else END_MS - dice.randint(1, 3) * DAY_MS
            await sealed(ledger, before_ms=before_ms)
        for one in series:
            assert await read(ledger, one) == expected(said, one), f"{seed} {step} {len(said)}"
    await sealed(ledger)
    await cleared(ledger)
    assert await stored_count(ledger) == 0
    for one in series:
        truth = expected(said, one)
        assert await read(ledger, one) == truth
        runs_told = await runs(ledger, one)
        same(runs_told, rolled(truth, levels=metric == "price"))
        assert len(runs_told) == len(rolled(truth, levels=metric == "price"))


async def test_a_slot_that_begins_meets_one_step_of_clearing_at_most(database: Database) -> None:
    """It gives way before each read and each transaction, of a few dozen items."""
    ledger = await database.open()
    await track(ledger, "BTC")
    await store(ledger, *(frame(FIRST + slot, values=[1.0]) for slot in range(150)))
    await sealed(ledger)
    left: list[int] = []

    async def between() -> None:
        left.append(await stored_count(ledger))

    [block] = await ledger.blocks()
    assert await ledger.sealing.clear(block, rows_max=10_000, between=between) == 150
    gone = [before - after for before, after in pairwise([*left, 0])]
    assert gone[::2] == [0] * (len(left) // 2)  # a read
    assert len(left) >= 6
    assert max(gone) <= 64


async def test_nothing_goes_before_its_section_is_sealed(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    await store(ledger, *(frame(FIRST + DAY * day, values=[1.0]) for day in range(3)))
    await store(ledger, patch(FIRST + DAY - 5, values=[2.0] * 10, marks=[FILLED] * 10))
    assert await cleared(ledger) == 0
    assert await sealed(ledger, before_ms=END_MS - 2 * DAY_MS) == 1
    assert await cleared(ledger) == 1, "the patch reaches into a day that is not sealed"
    assert await sealed(ledger, before_ms=END_MS - DAY_MS) == 1
    assert await cleared(ledger) == 2
    assert await sealed(ledger, before_ms=END_MS - DAY_MS) == 0
    assert await stored_count(ledger) == 1


async def test_a_word_for_a_sealed_day_is_told_at_once_and_sealed_with_the_next(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    btc, eth = await ledger.series()
    said = [frame(FIRST + slot, values=[float(slot), 7.0]) for slot in range(120)]
    await store(ledger, *said)
    await sealed(ledger)
    await cleared(ledger)
    late = patch(FIRST + 60, values=[NAN, 9.0], marks=[int(Reason.PENDING), FILLED])
    hole = patch(FIRST + 200, values=[9.0], marks=[FILLED], made_slot=FIRST + 999)
    await store(ledger, late, hole)
    truth = expected([*said, late, hole], btc)
    assert await read(ledger, btc) == truth
    told = await runs(ledger, btc)
    assert (told.at % 24).tolist() == [0], "an hour that a patch touches is not told from before"
    assert len(await runs(ledger, eth)) == 2, "another series' patch touches nothing of it"
    [section] = await ledger.sealing.unsealed(btc_block := block_of(btc), before_ms=END_MS)
    folded = await ledger.sealing.fold(section)
    assert (folded.revision, folded.series_ids) == (2, (btc.id,)), "one series changes, one is made"
    await seal(ledger.sealing, section)
    assert await ledger.sealing.clear(btc_block, rows_max=9) == 2
    assert await read(ledger, btc) == truth
    assert await read(ledger, eth) == expected(said, eth)
    same(await runs(ledger, btc), rolled(truth))


async def test_a_late_frame_is_judged_by_the_frames_that_were_sealed(database: Database) -> None:
    """ "One value per series and slot: the last observation." """
    ledger = await database.open()
    await track(ledger, "BTC")
    [series] = await ledger.series()
    first = frame(FIRST, values=[5.0], late_slots=3)
    await store(ledger, first)
    await sealed(ledger)
    await cleared(ledger)
    older, newer = frame(FIRST, values=[4.0], late_slots=2), frame(FIRST, values=[6.0],
                                                                   late_slots=4)  # fmt: skip
    await store(ledger, older)
    assert np.frombuffer((await read(ledger, series)).values)[0] == 5.0
    await sealed(ledger)
    await store(ledger, newer)
    assert await read(ledger, series) == expected([first, older, newer], series)
    assert (await read(ledger, series)).marks[0] == Flag.REVISED


async def test_what_is_sealed_can_be_read_whole_with_the_names_of_all_who_ever_stood_there(
    database: Database,
) -> None:
    ledger = await database.open()
    btc, eth = await track(ledger, "BTC", "ETH")
    series = await ledger.series()
    said: list[Frame | Patch] = [
        frame(FIRST + DAY * day, values=[1.0 + day, 2.0]) for day in range(3)
    ]
    await store(ledger, *said)
    await sealed(ledger, before_ms=END_MS - DAY_MS)
    late = patch(FIRST, series_id=btc, values=[9.0], marks=[FILLED | int(Flag.REVISED)])
    hole = patch(FIRST + 9, series_id=btc, values=[9.0], marks=[FILLED])
    await store(ledger, late, hole)
    await sealed(ledger, before_ms=END_MS - DAY_MS)
    async with ledger.transaction() as transaction:
        await transaction.catalogue.remove(eth)
    [block] = await ledger.blocks()
    [(first, revision), (_, other)] = await ledger.sealing.sealed(block)
    assert (revision, other) == (2, 1)
    whole = await ledger.sealing.whole(first)
    assert (whole.revision, whole.series_ids) == (2, (btc, eth))
    for k, one in enumerate(series):
        truth = expected([*said, late, hole], one)
        assert whole.values[:, k].tobytes() == truth.values[: 8 * DAY]
        assert whole.marks[:, k].tobytes() == truth.marks[:DAY]
    names = await ledger.sealing.names(block)
    assert names == {btc: "KRAKEN:BTC/USD:price", eth: "KRAKEN:ETH/USD:price"}


async def test_raw_slots_go_with_age_and_their_rollups_stay(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    btc, eth = await ledger.series()
    said = [frame(FIRST + DAY * day + slot, values=[1.0, 2.0]) for day in range(3)
            for slot in range(3)]  # fmt: skip
    await store(ledger, *said)
    assert await ledger.prune(before_ms=END_MS, rows_max=99) == 0, "nothing of it is sealed"
    await sealed(ledger, before_ms=END_MS - DAY_MS)
    await cleared(ledger)
    assert await ledger.oldest_ms(btc) == MINUTE.open_ms(FIRST)
    before_ms = MINUTE.open_ms(FIRST + 2 * DAY) - 1
    assert await ledger.prune(before_ms=before_ms, rows_max=1) == 1
    assert await ledger.prune(before_ms=before_ms, rows_max=99) == 1
    assert await ledger.prune(before_ms=before_ms, rows_max=99) == 0
    for one in (btc, eth):
        assert await ledger.oldest_ms(one) == MINUTE.open_ms(FIRST + DAY)
        assert set((await read(ledger, one)).marks[:DAY]) == {Reason.NOT_POLLED}
        assert len(await runs(ledger, one)) == 2
    hours = {HOUR_MS: MINUTE.open_ms(FIRST + DAY)}
    assert await ledger.prune(before_ms=0, rows_max=99, rollups_before_ms=hours) == 2
    assert [len(await runs(ledger, one)) for one in (btc, eth)] == [1, 1]


async def test_a_word_for_a_day_whose_slots_are_gone_changes_nothing_and_goes(
    database: Database,
) -> None:
    """Its rollups were made of all slots; one patch alone would make them wrong."""
    ledger = await database.open()
    await track(ledger, "BTC")
    [series] = await ledger.series()
    await store(ledger, *(frame(FIRST + slot, values=[1.0 + slot]) for slot in range(60)))
    await sealed(ledger)
    before = await runs(ledger, series)
    await cleared(ledger)
    await ledger.prune(before_ms=END_MS, rows_max=99)
    await store(ledger, patch(FIRST + 3, values=[9.0], marks=[FILLED]))
    assert await sealed(ledger) == 0
    assert await cleared(ledger) == 1
    same(await runs(ledger, series), before)
    assert len(before) == 1


async def test_bound_rollups_say_what_they_said_and_take_in_what_is_sealed_again(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    btc, eth = await ledger.series()
    said: list[Frame | Patch] = [
        frame(FIRST + slot * 17, values=[1.0 + slot % 7, 2.0]) for slot in range(200)
    ]
    await store(ledger, *said)
    await sealed(ledger)
    [block] = await ledger.blocks()
    later_ms = END_MS + 60 * DAY_MS
    assert await ledger.sealing.bind(block, before_ms=END_MS, rows_max=9) == 0
    assert await ledger.sealing.bind(block, before_ms=later_ms, rows_max=1) == 1
    assert await ledger.sealing.bind(block, before_ms=later_ms, rows_max=9) == 1
    assert await ledger.sealing.bind(block, before_ms=later_ms, rows_max=9) == 0
    for one in (btc, eth):
        same(await runs(ledger, one), rolled(expected(said, one)))
    said.append(patch(FIRST + 100, series_id=btc.id, values=[50.0], marks=[FILLED]))
    await store(ledger, said[-1])
    await sealed(ledger)
    same(await runs(ledger, btc), rolled(expected(said, btc)))
    assert await ledger.sealing.bind(block, before_ms=later_ms, rows_max=9) == 1
    told = await runs(ledger, btc)
    same(told, rolled(expected(said, btc)))
    assert len(told) == len(rolled(expected(said, btc)))


async def test_slots_of_seconds_are_sealed_by_the_hour_and_rolled_up_to_five_minutes(
    database: Database,
) -> None:
    from tests.contracts.samples import market

    from sigmawatch.domain.window import Interval

    ledger = await database.open()
    async with ledger.transaction() as transaction:
        series = await transaction.catalogue.add(
            market(), "price", interval=Interval(1_000), origin="api"
        )
    first = FIRST * 60
    frames = [
        Frame(block_id=series.block_id, slot=first + slot, revision=1_000, values=np.array(
            [float(slot)], "<f8").tobytes(), marks=b"\0", recv_ms=(first + slot + 1) * 1_000)
        for slot in range(3_500, 3_700)
    ]  # fmt: skip
    await store(ledger, *frames)
    before = await ledger.stretch(series, from_slot=first, to_slot=first + 7_200)
    assert await sealed(ledger) == 2
    await cleared(ledger)
    assert await stored_count(ledger) == 0
    assert await ledger.stretch(series, from_slot=first, to_slot=first + 7_200) == before
    for width_ms, n in ((300_000, [100, 100]), (HOUR_MS, [100, 100])):
        told = await ledger.rollups(series, width_ms=width_ms, from_ms=0, to_ms=END_MS)
        assert told.n.tolist() == n
