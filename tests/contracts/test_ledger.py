"""What every ledger promises (ports.ledger; RELIABILITY.md P01, P02, P07, P20, P29, P32)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.contracts.conftest import Database
from tests.contracts.samples import (
    MINUTE,
    SLOT,
    frame,
    market,
    patch,
    replayed,
    run,
    store,
    track,
)

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.domain.arrangement import Arrangement, ArrangementKind
from sigmawatch.domain.errors import NotFound, StorageNewer, Superseded
from sigmawatch.domain.frame import Flag, Frame, Patch
from sigmawatch.domain.series import BLOCK_SERIES_MAX
from sigmawatch.domain.window import Interval
from sigmawatch.ports.ledger import Claim


async def test_what_was_committed_is_there_after_a_restart(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    async with ledger.transaction() as transaction:
        await transaction.frames.insert([frame(values=[1.5, 2.5]), frame(SLOT + 1)])
        await transaction.runs.insert([run(5_000)])
    before = (await ledger.blocks(), await ledger.series(), await ledger.runs())
    await ledger.close()

    ledger = await database.open()
    assert (await ledger.blocks(), await ledger.series(), await ledger.runs()) == before
    [items] = [batch async for batch in ledger.replay(from_ms=0)]
    assert list(items) == [frame(values=[1.5, 2.5]), frame(SLOT + 1)]
    assert before[2] == [run(5_000)]


async def test_what_stands_under_a_name_is_told_to_whoever_wanted_it(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    first: list[Frame | Patch] = [frame(values=[1.0]), patch(values=[1.0], marks=[0])]
    second: list[Frame | Patch] = [frame(values=[2.0]), patch(values=[2.0], marks=[0])]
    async with ledger.transaction() as transaction:
        await transaction.frames.insert(first)
    async with ledger.transaction() as transaction:
        assert await transaction.frames.insert([*second, frame(SLOT + 1)]) == {frame(SLOT + 1).id}
        assert list(await transaction.frames.standing(second)) == first
        assert list(await transaction.frames.standing([frame(SLOT + 2)])) == []


async def test_a_transaction_is_kept_whole_or_not_at_all(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")

    async def torn() -> None:
        async with ledger.transaction() as transaction:
            await transaction.catalogue.add(market("ETH"), "price", interval=MINUTE, origin="api")
            await transaction.frames.insert([frame()])
            await transaction.runs.insert([run(5_000)])
            await transaction.catalogue.remove(99)

    with pytest.raises(NotFound):
        await torn()
    assert [series.market.base for series in await ledger.series()] == ["BTC"]
    assert await replayed(ledger) == []
    assert await ledger.runs() == []
    assert await store(ledger, frame()) == {frame().id}, "the next transaction is not disturbed"


async def test_a_cancelled_transaction_leaves_nothing_and_frees_the_writer(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    inserted, never = asyncio.Event(), asyncio.Event()

    async def unfinished() -> None:
        async with ledger.transaction() as transaction:
            await transaction.frames.insert([frame()])
            inserted.set()
            await never.wait()

    task = asyncio.create_task(unfinished())
    await inserted.wait()
    waiting = asyncio.create_task(store(ledger, frame(SLOT + 1)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await waiting == {frame(SLOT + 1).id}
    assert await replayed(ledger) == [frame(SLOT + 1).id]


async def test_wherever_a_cancellation_hits_the_next_transaction_finds_the_writer_free(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    for turns in range(24):
        task = asyncio.create_task(store(ledger, frame(SLOT + turns)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert await store(ledger, frame(SLOT - 1 - turns)) == {frame(SLOT - 1 - turns).id}
    kept = await replayed(ledger)
    assert len(kept) == len(set(kept)) >= 24


async def test_transactions_run_one_after_the_other_in_the_order_they_were_asked_for(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    async with asyncio.TaskGroup() as group:
        for slot in range(SLOT, SLOT + 8):
            group.create_task(store(ledger, frame(slot), patch(slot, marks=[Flag.FILLED])))
    pairs = [[frame(slot).id, patch(slot, marks=[0]).id] for slot in range(SLOT, SLOT + 8)]
    assert await replayed(ledger) == [item_id for pair in pairs for item_id in pair]


async def test_an_item_is_stored_once_whoever_offers_it_again(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    filled = patch(marks=[Flag.FILLED])
    assert await store(ledger, frame(values=[1.0]), filled) == {frame().id, filled.id}
    other = replace(filled, values=frame(values=[9.0]).values)
    assert await store(ledger, frame(values=[9.0]), other, frame(SLOT + 1)) == {frame(SLOT + 1).id}
    assert await store(ledger, frame(SLOT + 2), frame(SLOT + 2)) == {frame(SLOT + 2).id}
    items = [item async for batch in ledger.replay(from_ms=0) for item in batch]
    assert items == [frame(values=[1.0]), filled, frame(SLOT + 1), frame(SLOT + 2)]


async def test_one_transaction_takes_items_in_several_parts(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    filled = patch(marks=[Flag.FILLED])
    async with ledger.transaction() as transaction:
        assert await transaction.frames.insert([frame(SLOT + 1), filled]) == {
            frame(SLOT + 1).id,
            filled.id,
        }
        assert await transaction.frames.insert([]) == frozenset()
        assert await transaction.frames.insert([frame(SLOT)]) == {frame(SLOT).id}
    assert await replayed(ledger) == [frame(SLOT + 1).id, filled.id, frame(SLOT).id]


async def test_a_series_id_and_its_place_are_never_anothers(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    async with ledger.transaction() as transaction:
        await transaction.catalogue.remove(2)
    assert [series.id for series in await ledger.series()] == [1]
    await ledger.close()

    ledger = await database.open()
    assert await track(ledger, "SOL", "BTC") == [3, 1]
    assert [(series.id, series.place) for series in await ledger.series()] == [(1, 0), (3, 2)]
    with pytest.raises(NotFound):
        async with ledger.transaction() as transaction:
            await transaction.catalogue.remove(2)


async def test_a_series_that_was_removed_is_tracked_again_under_its_id(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    (_, before) = await ledger.series()
    async with ledger.transaction() as transaction:
        await transaction.catalogue.remove(2)
    await ledger.close()

    ledger = await database.open()
    async with ledger.transaction() as transaction:
        again = await transaction.catalogue.add(
            before.market, before.metric, interval=MINUTE, origin="pattern"
        )
        await transaction.catalogue.add(
            before.market, before.metric, interval=Interval(300_000), origin="api"
        )
    assert again == replace(before, origin="pattern"), "and who asks for it now says why"
    assert again.added_ms == before.added_ms
    await ledger.close()

    ledger = await database.open()
    assert [one.id for one in await ledger.series()] == [1, 2, 3]
    assert (await ledger.series())[1] == again
    assert ledger.damaged_count == 0


async def test_another_formula_of_the_same_name_is_another_series(database: Database) -> None:
    ledger = await database.open()
    defined, ids = market("GOLD", venue="DERIVED"), list[int]()
    for formula in ("2 * KRAKEN:BTC/USD", "3 * KRAKEN:BTC/USD", "2 * KRAKEN:BTC/USD"):
        async with ledger.transaction() as transaction:
            made = await transaction.catalogue.add(
                defined, "formula", interval=MINUTE, origin="api", formula=formula
            )
            await transaction.catalogue.remove(made.id)
        assert made.formula == formula
        ids.append(made.id)
    assert ids == [1, 2, 1]


async def test_tracking_twice_is_tracking_once(database: Database) -> None:
    ledger = await database.open()
    async with ledger.transaction() as transaction:
        catalogue = transaction.catalogue
        first = await catalogue.add(market(), "price", interval=MINUTE, origin="file")
        again = await catalogue.add(market(), "price", interval=MINUTE, origin="api")
        assert again == first, "who defined it first keeps it"
        assert await catalogue.series() == [first]
    assert await ledger.series() == [first]


async def test_who_has_more_to_say_takes_a_series_over_and_may_hand_it_back(
    database: Database,
) -> None:
    ledger = await database.open()
    origins = ("pattern", "api", "pattern", "file", "api")
    async with ledger.transaction() as transaction:
        add = transaction.catalogue.add
        told = [(await add(market(), "price", interval=MINUTE, origin=one)).origin
                for one in origins]  # fmt: skip
        assert told == ["pattern", "api", "api", "file", "file"]
        await transaction.catalogue.hand_over(1, origin="pattern")
        with pytest.raises(NotFound):
            await transaction.catalogue.hand_over(2, origin="pattern")
    await ledger.close()
    [series] = await (await database.open()).series()
    assert (series.id, series.origin) == (1, "pattern")


async def test_a_market_that_its_venue_calls_otherwise_keeps_its_series(database: Database) -> None:
    ledger = await database.open()
    async with ledger.transaction() as transaction:
        add, rename = transaction.catalogue.add, transaction.catalogue.rename
        btc = await add(market(), "price", interval=MINUTE, origin="api")
        eth = await add(market("ETH"), "price", interval=MINUTE, origin="api")
        assert await rename(btc.market, "XBT-NEW")
        assert not await rename(btc.market, "AGAIN"), "nobody is called so any more"
        assert not await rename(eth.market, "XBT-NEW"), "somebody else is"
    await ledger.close()
    ledger = await database.open()
    assert await ledger.series() == [
        replace(btc, market=replace(btc.market, native="XBT-NEW")), eth
    ]  # fmt: skip
    assert ledger.damaged_count == 0


async def test_what_was_arranged_is_there_after_a_restart(database: Database) -> None:
    ledger = await database.open()
    kind = ArrangementKind.PATTERN
    first = Arrangement(kind=kind, name="a", body={"members": ["ä", 'b"'], "n": 1})
    second = Arrangement(kind=kind, name="b", body={})
    async with ledger.transaction() as transaction:
        await transaction.arrangements.put(second)
        await transaction.arrangements.put(replace(first, body={"n": 0}))
        await transaction.arrangements.put(first)
    await ledger.close()
    ledger = await database.open()
    assert await ledger.arrangements() == [first, second]
    async with ledger.transaction() as transaction:
        assert await transaction.arrangements.remove(kind, "b")
        assert not await transaction.arrangements.remove(kind, "b")
    assert await ledger.arrangements() == [first]
    assert ledger.damaged_count == 0


async def test_a_series_keeps_the_formula_it_was_defined_with(database: Database) -> None:
    ledger = await database.open()
    defined = market("GOLD", venue="DERIVED")
    async with ledger.transaction() as transaction:
        add = transaction.catalogue.add
        texts = ("1.5 * KRAKEN:BTC/USD", "2 * KRAKEN:BTC/USD", None)
        made = [
            await add(defined, "formula", interval=MINUTE, origin="api", formula=text)
            for text in texts
        ]
        assert [one.formula for one in made] == ["1.5 * KRAKEN:BTC/USD"] * 3
        await transaction.catalogue.remove(made[0].id)
        again = await add(defined, "formula", interval=MINUTE, origin="file", formula="3 * 4")
        read = await add(market(), "price", interval=MINUTE, origin="api")
    assert again.formula == "3 * 4"
    assert again.id != made[0].id
    await ledger.close()
    ledger = await database.open()
    assert await ledger.series() == [again, read]


async def test_a_block_holds_one_venue_metric_and_interval_and_1024_places(
    database: Database,
) -> None:
    ledger = await database.open()
    names = [f"C{i}" for i in range(BLOCK_SERIES_MAX + 1)]
    await track(ledger, *names)
    await track(ledger, "BTC", metric="volume_24h_quote")
    async with ledger.transaction() as transaction:
        add = transaction.catalogue.add
        await add(market(venue="BINANCE"), "price", interval=MINUTE, origin="api")
        await add(market(), "price", interval=Interval(1_000), origin="api")
        await add(market(), "price", interval=MINUTE, origin="api")
    places = [(series.block_id, series.place) for series in await ledger.series()]
    assert places[: BLOCK_SERIES_MAX + 1] == [(1, i) for i in range(BLOCK_SERIES_MAX)] + [(2, 0)]
    assert places[BLOCK_SERIES_MAX + 1 :] == [(3, 0), (4, 0), (5, 0), (2, 1)]
    kinds = [(block.venue, block.metric, block.interval.ms) for block in await ledger.blocks()]
    assert kinds == [
        ("KRAKEN", "price", 60_000),
        ("KRAKEN", "price", 60_000),
        ("KRAKEN", "volume_24h_quote", 60_000),
        ("BINANCE", "price", 60_000),
        ("KRAKEN", "price", 1_000),
    ]


async def test_a_market_that_changed_its_name_or_state_is_known_by_the_venues_id(
    database: Database,
) -> None:
    ledger = await database.open()
    [series_id] = await track(ledger, "MATIC")
    renamed = replace(market("MATIC"), base="POL")
    async with ledger.transaction() as transaction:
        again = await transaction.catalogue.add(renamed, "price", interval=MINUTE, origin="api")
    assert again.id == series_id
    assert [series.market.name for series in await ledger.series()] == ["KRAKEN:POL/USD"]


async def test_a_replay_keeps_commit_order_and_leaves_out_what_ended_before(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    ends_before = patch(SLOT - 9, values=[1.0] * 9, marks=[Flag.FILLED] * 9)
    reaches_in = patch(SLOT - 8, values=[1.0] * 9, marks=[Flag.FILLED] * 9)
    await store(ledger, frame(SLOT + 3), frame(SLOT - 1), ends_before)
    await store(ledger, reaches_in, frame(SLOT))
    expected = [frame(SLOT + 3).id, reaches_in.id, frame(SLOT).id]
    assert await replayed(ledger, from_ms=MINUTE.open_ms(SLOT)) == expected
    assert await replayed(ledger, from_ms=MINUTE.open_ms(SLOT) + 59_999) == expected
    assert await replayed(ledger, from_ms=MINUTE.open_ms(SLOT + 4)) == []
    assert len(await replayed(ledger)) == 5


async def test_a_long_replay_has_no_hole_and_no_repeat(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    slots = range(SLOT, SLOT + 1_100)
    await store(ledger, *(frame(slot) for slot in slots))
    batches = [batch async for batch in ledger.replay(from_ms=MINUTE.open_ms(SLOT))]
    assert [item.id for batch in batches for item in batch] == [frame(slot).id for slot in slots]
    assert len(batches) > 1, "it comes in batches"
    assert all(batches)


async def test_reads_see_what_is_committed_while_a_transaction_is_open(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    async with ledger.transaction() as transaction:
        await transaction.frames.insert([frame()])
        await transaction.catalogue.add(market("ETH"), "price", interval=MINUTE, origin="api")
        assert await replayed(ledger) == []
        assert [series.market.base for series in await ledger.series()] == ["BTC"]
    assert await replayed(ledger) == [frame().id]


async def test_a_newer_schema_is_refused_without_a_write(database: Database) -> None:
    await (await database.open()).close()
    database.be_newer()
    before = database.content()
    with pytest.raises(StorageNewer, match=r"schema \d+, this program knows up to"):
        await database.open()
    assert database.content() == before


async def test_a_damaged_item_is_left_out_and_counted_once(database: Database) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    filled = patch(SLOT + 5, marks=[Flag.FILLED])
    later = frame(SLOT + 1, late_slots=2)
    await store(ledger, frame(SLOT), later, filled, frame(SLOT + 2))
    await ledger.close()
    database.flip_a_bit(later)
    database.flip_a_bit(filled)

    ledger = await database.open()
    assert ledger.damaged_count == 0
    for _ in range(2):
        assert await replayed(ledger) == [frame(SLOT).id, frame(SLOT + 2).id]
        assert ledger.damaged_count == 2


async def test_runs_come_newest_first_and_page_by_page(database: Database) -> None:
    ledger = await database.open()
    async with ledger.transaction() as transaction:
        await transaction.runs.insert([run(ms) for ms in (1_000, 2_000, 3_000)])
        await transaction.runs.insert([run(2_500, venue="BINANCE"), run(2_000, updated=0)])
    assert [one.started_ms for one in await ledger.runs()] == [3_000, 2_500, 2_000, 1_000]
    assert [one.started_ms for one in await ledger.runs(limit=2)] == [3_000, 2_500]
    assert [one.started_ms for one in await ledger.runs(before_ms=2_500)] == [2_000, 1_000]
    kraken = await ledger.runs(venue="KRAKEN", before_ms=3_000, limit=1)
    assert kraken == [run(2_000, updated=1)], "the first record of a run stands"


async def test_a_folder_is_live_since_its_first_frame_even_when_that_is_gone(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    await store(ledger, patch(marks=[Flag.FILLED]))
    assert await ledger.live_since_ms() is None, "a candle is no proof of a live venue"
    await store(ledger, frame(SLOT))
    await store(ledger, frame(SLOT + 7))
    await ledger.prune(before_ms=MINUTE.open_ms(SLOT + 100), rows_max=100)
    assert await ledger.live_since_ms() == frame(SLOT).recv_ms


async def test_work_that_was_claimed_anew_is_closed_to_who_had_it_before(
    database: Database,
) -> None:
    ledger = await database.open()
    await track(ledger, "BTC")
    async with ledger.claimed("sealing") as first:
        assert first is not None
    async with ledger.claimed("sealing") as second, ledger.claimed("moving") as other:
        assert second is not None
        assert other is not None
        assert (second.epoch - first.epoch, other.work) == (1, "moving")
        async with ledger.transaction() as transaction:
            await transaction.check(second)
            await transaction.frames.insert([frame()])
        with pytest.raises(Superseded, match="sealing"):
            await overtaken(ledger, first)
    assert await replayed(ledger) == [frame().id]


async def overtaken(ledger: SqlLedger, claim: Claim) -> None:
    async with ledger.transaction() as transaction:
        await transaction.frames.insert([frame(SLOT + 1)])
        await transaction.check(claim)
