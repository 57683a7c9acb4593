"""What every ledger promises of ranks and watchlists: what was put is there after a restart."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import fields, replace

import pytest
from tests.contracts.conftest import SqliteDatabase

from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.rank_column import RankColumn, Standing
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import DAY_MS, HOUR_MS, Interval

MINUTE = Interval(60_000)
STANDING = Standing(metric="price", by="sigma_rel", window_ms=DAY_MS, interval=MINUTE)
HOUR_END = 28_000_019  # the slot with which an hour ends


def column(slot: int, *ranks: int, standing: Standing = STANDING) -> RankColumn:
    ids = struct.pack(f"<{len(ranks)}q", *range(1, len(ranks) + 1))
    return RankColumn(standing=standing, slot=slot, of=len(ranks), peers=len(ranks), ids=ids,
                      ranks=struct.pack(f"<{len(ranks)}I", *ranks))  # fmt: skip


class Spoilt(RankColumn):
    """One that the disk does not give back as it was written."""

    def encode(self) -> bytes:
        body = RankColumn.encode(self)
        return body[:-9] + bytes([body[-9] ^ 1]) + body[-8:]


async def put(ledger: SqliteLedger, columns: Iterable[RankColumn]) -> None:
    async with ledger.transaction() as transaction:
        await transaction.ranks.put(columns)


async def slots(ledger: SqliteLedger, standing: Standing = STANDING) -> list[int]:
    return list(await ledger.rank_slots(standing, from_slot=0, to_slot=1 << 40))


async def test_ranks_are_read_back_as_they_were_put(database: SqliteDatabase) -> None:
    ledger = await database.open()
    hourly = Interval(HOUR_MS)
    others = [replace(STANDING, metric="bid"), replace(STANDING, by="sigma_abs"),
              replace(STANDING, window_ms=HOUR_MS), replace(STANDING, interval=hourly)]  # fmt: skip
    await put(ledger, [column(7, 2, 1), column(3, 1), *(column(5, 9, standing=o) for o in others)])
    await ledger.close()
    ledger = await database.open()
    assert await slots(ledger) == [3, 7]
    assert await ledger.rank_column(STANDING, 7) == column(7, 2, 1)
    assert await ledger.rank_column(STANDING, 4) is None
    assert list(await ledger.rank_slots(STANDING, from_slot=4, to_slot=7)) == []
    for other in others:
        assert await slots(ledger, other) == [5]


async def test_a_slot_ranked_anew_replaces_its_column(database: SqliteDatabase) -> None:
    ledger = await database.open()
    await put(ledger, [column(7, 2, 1)])
    await put(ledger, [column(7, 1, 2)])
    assert await ledger.rank_column(STANDING, 7) == column(7, 1, 2)
    assert await slots(ledger) == [7]


async def test_a_transaction_that_fails_puts_no_ranks(database: SqliteDatabase) -> None:
    ledger = await database.open()

    async def fail() -> None:
        async with ledger.transaction() as transaction:
            await transaction.ranks.put([column(7, 1)])
            await transaction.watchlists.put(Watchlist.of("majors", ["*:BTC/*"]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await slots(ledger) == []
    assert await ledger.watchlists() == []


async def test_old_quarters_go_and_hours_stay_until_they_are_too_old(
    database: SqliteDatabase,
) -> None:
    ledger = await database.open()
    hours = [HOUR_END + 60 * at for at in range(4)]
    quarters = [hour + 15 * at for hour in hours for at in range(4)]
    await put(ledger, [column(slot, 1) for slot in quarters])

    async def thin(quarters_before: int, before: int, rows_max: int = 100) -> int:
        async with ledger.transaction() as transaction:
            return await transaction.ranks.thin(
                quarters_before_ms=MINUTE.open_ms(quarters_before + 1),
                before_ms=MINUTE.open_ms(before + 1), rows_max=rows_max,
            )  # fmt: skip

    assert await thin(hours[2], 0) == 6
    assert await slots(ledger) == [*hours[:2], *quarters[8:]]
    assert await thin(hours[2], hours[0]) == 1
    assert await slots(ledger) == [hours[1], *quarters[8:]]
    assert await thin(hours[3], hours[3], 2) == 2
    assert len(await slots(ledger)) == 7


async def test_a_damaged_column_is_left_out_and_counted(database: SqliteDatabase) -> None:
    ledger = await database.open()
    whole = column(7, 2, 1)
    await put(ledger, [Spoilt(**{one.name: getattr(whole, one.name) for one in fields(whole)})])
    await put(ledger, [column(8, 1, 2)])
    for _ in range(2):
        assert await ledger.rank_column(STANDING, 7) is None
    assert await ledger.rank_column(STANDING, 8) == column(8, 1, 2)
    assert ledger.damaged_count == 1


async def test_watchlists_are_kept_replaced_and_removed(database: SqliteDatabase) -> None:
    ledger = await database.open()
    majors = Watchlist.of("majors", ["*:BTC/*", "kraken:eth-usd:price"])
    alts = Watchlist.of("alts", ["BINANCE:*/USDT"])
    for watchlist in (majors, alts, replace(majors, patterns=majors.patterns[:1])):
        async with ledger.transaction() as transaction:
            await transaction.watchlists.put(watchlist)
    await ledger.close()
    ledger = await database.open()
    assert await ledger.watchlists() == [alts, Watchlist.of("majors", ["*:BTC/*"])]
    async with ledger.transaction() as transaction:
        assert await transaction.watchlists.remove("alts")
        assert not await transaction.watchlists.remove("alts")
    assert [one.name for one in await ledger.watchlists()] == ["majors"]
