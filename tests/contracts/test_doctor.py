"""What an examination finds in either database, and what is saved of a file
(RELIABILITY.md P07, 2.5)."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw
import numpy as np
import pytest
from tests.contracts.conftest import Database, PostgresDatabase, SqliteDatabase
from tests.contracts.samples import MINUTE, SLOT, frame, patch, replayed, run, store, track

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.examining import Way, examine_folder
from sigmawatch.adapters.ledgers.postgres_examining import examine_server
from sigmawatch.adapters.ledgers.salvaging import salvage
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.cli.checking import lines, verdict
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.domain.audit import Deed
from sigmawatch.domain.errors import Conflict, NotFound
from sigmawatch.domain.frame import Flag, Reason
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.ports.doctor import Examined

VICTIM = frame(SLOT + 1, values=[1.0, 2.0], late_slots=2)
WAY = Way(told=lambda done, total: None, stopped=threading.Event())


def examined(database: Database) -> Examined:
    if isinstance(database, SqliteDatabase):
        return examine_folder(database.folder, way=WAY)
    assert isinstance(database, PostgresDatabase)
    return examine_server(database.url, place="postgresql://here", way=WAY)


def delete(database: Database, what: str) -> None:
    """As damage does: behind the ledger's back."""
    if isinstance(database, SqliteDatabase):
        connection = apsw.Connection(str(database.folder / "sigmawatch.db"))
        connection.execute(f"DELETE FROM {what}")
        connection.close()
    else:
        assert isinstance(database, PostgresDatabase)
        database._execute(f"DELETE FROM {what}")


@pytest.fixture
async def filled(database: Database) -> Database:
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    for item in (frame(SLOT), VICTIM, frame(SLOT + 2), frame(SLOT + 3)):
        await store(ledger, item)
    await store(ledger, patch(SLOT, series_id=2, values=[5.0], marks=[Flag.FILLED]))
    async with ledger.transaction() as transaction:
        await transaction.runs.insert([run(5_000), run(6_000)])
    await ledger.close()
    return database


async def test_an_empty_database_is_sound(database: Database) -> None:
    ledger = await database.open()
    assert await replayed(ledger) == []
    assert ledger.damage == []
    await ledger.close()
    assert examined(database).sound


async def test_a_database_as_it_should_be_needs_nothing(filled: Database) -> None:
    found = examined(filled)
    assert (found.sound, found.items_count, found.schema) == (True, 5, found.schema_known)
    assert verdict(found) is Exit.OK
    assert [*lines(found)][-1].split() == ["to", "do", "nothing"]


async def test_damage_is_named_by_what_it_told_of_and_when(filled: Database) -> None:
    filled.flip_a_bit(VICTIM)
    found = examined(filled)
    [one] = found.damage
    assert (one.block_id, one.from_ms) == (1, MINUTE.open_ms(SLOT + 1))
    assert one.until_ms == MINUTE.open_ms(SLOT + 2)
    assert verdict(found) is Exit.PARTIAL
    told = "\n".join(lines(found))
    span = f"{rfc3339(MINUTE.open_ms(SLOT + 1))} to {rfc3339(MINUTE.open_ms(SLOT + 2))}"
    assert f"of KRAKEN price 1m, {span}" in told


async def test_a_frame_that_vanished_is_named_and_its_slot_marked(filled: Database) -> None:
    """RELIABILITY.md P07: "damage reported by series + time range; other ranges still served"."""
    delete(filled, f"frames WHERE slot = {SLOT + 1}")
    [one] = examined(filled).damage
    assert (one.reason, one.from_ms) == ("it is missing", MINUTE.open_ms(SLOT + 1))
    ledger = await filled.open()
    [series, _] = await ledger.series()
    told = await ledger.stretch(series, from_slot=SLOT, to_slot=SLOT + 4)
    assert list(told.marks) == [0, Reason.DAMAGED, 0, 0]
    assert np.isnan(np.frombuffer(told.values)[1])


@pytest.mark.parametrize(
    ("what", "named"),
    [
        ("series WHERE id = 2", "series rows"),
        ("runs WHERE started_ms = 6000", "run rows"),
        ("links WHERE id = (SELECT max(id) FROM links)", "link"),
    ],
)
async def test_a_row_that_vanished_is_noticed(filled: Database, what: str, named: str) -> None:
    if what.startswith("series"):
        delete(filled, "patches")
    delete(filled, what)
    assert any(one.what.startswith(named) for one in examined(filled).damage)


async def test_a_torn_chain_loses_nothing_that_is_there(filled: Database) -> None:
    delete(filled, "links WHERE id = (SELECT min(id) FROM links)")
    ledger = await filled.open()
    assert len(await replayed(ledger)) == 5
    assert [one.what.split()[0] for one in ledger.damage] == ["link"]


async def file_with(folder: Path) -> None:
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0))
    await track(ledger, "BTC", "ETH")
    await store(ledger, frame(SLOT + 1, values=[0.5, 2.5], late_slots=0))
    for slot in range(SLOT, SLOT + 4):
        await store(ledger, frame(slot, values=[1.0, 2.0]))
    await ledger.close()


async def test_what_verifies_is_saved_and_the_damaged_file_stays_as_it_is(tmp_path: Path) -> None:
    await file_with(tmp_path / "old")
    connection = apsw.Connection(str(tmp_path / "old" / "sigmawatch.db"))
    connection.execute("UPDATE frames SET slot = slot + 9 WHERE slot = ? AND revision > 0",
                       (SLOT + 1,))  # fmt: skip
    connection.execute("UPDATE markets SET base = 'DOGE' WHERE id = 2")
    connection.close()
    before = (tmp_path / "old" / "sigmawatch.db").read_bytes()

    made = salvage(tmp_path / "old", tmp_path / "new", way=WAY)
    assert made.lost == {"frames": 1, "markets": 1, "series": 1}
    assert (tmp_path / "old" / "sigmawatch.db").read_bytes() == before
    assert not examine_folder(tmp_path / "new", way=WAY).damage

    ledger = await SqliteLedger.open(tmp_path / "new", clock=VirtualClock(0))
    [series] = await ledger.series()
    told = await ledger.stretch(series, from_slot=SLOT, to_slot=SLOT + 4)
    assert np.frombuffer(told.values).tolist()[2:] == [1.0, 1.0]
    assert told.marks[1] == Reason.DAMAGED, "an older observation is not taken for it"
    assert await track(ledger, "SOL") == [3], "no id is given twice"
    assert [one.block_id for one in await ledger.series()] == [1, 2], "nor a place"
    await ledger.close()


async def test_what_belongs_to_somebody_is_saved_as_theirs(tmp_path: Path) -> None:
    ledger = await SqliteLedger.open(tmp_path / "old", clock=VirtualClock(0))
    lists = [Watchlist.of("mine", ["*:BTC/*"], owner_id=7), Watchlist.of("ours", ["*:ETH/*"])]
    async with ledger.transaction() as transaction:
        for one in lists:
            await transaction.watchlists.put(one)
        silence = await transaction.silences.add(Silence(
            target=parse_target(["KRAKEN:*/*"]), from_ms=0, until_ms=9, by="ada", owner_id=7,
        ))  # fmt: skip
        row = await transaction.audit.append(Deed(who="ada", what="silence.add", about="1"))
    await ledger.close()
    assert not salvage(tmp_path / "old", tmp_path / "new", way=WAY).lost
    ledger = await SqliteLedger.open(tmp_path / "new", clock=VirtualClock(0))
    assert await ledger.watchlists() == lists
    assert await ledger.alerts.silences(after_ms=0) == [silence]
    assert await ledger.access.audit() == [row]
    assert not ledger.damage
    await ledger.close()


async def test_nothing_is_saved_over_a_database_or_from_nowhere(tmp_path: Path) -> None:
    await file_with(tmp_path / "old")
    with pytest.raises(Conflict):
        salvage(tmp_path / "old", tmp_path / "old" / ".." / "old2" / ".." / "old", way=WAY)
    with pytest.raises(NotFound):
        salvage(tmp_path / "nowhere", tmp_path / "new", way=WAY)
