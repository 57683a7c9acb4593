"""From one schema to the next: all or nothing, a copy first (RELIABILITY.md P29)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from tests.contracts.samples import frame, replayed, store, track

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.ledgers.statements import (
    Migration,
    load_migrations,
    load_statements,
    parse_statements,
)
from sigmawatch.domain.errors import StorageFailed, StorageNewer

OURS = load_migrations("sqlite")
NOTES = Migration(
    number=len(OURS) + 1,
    name="notes",
    sql="CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT; INSERT INTO notes VALUES (7);",
)
BROKEN = replace(NOTES, sql=NOTES.sql + "INSERT INTO nowhere VALUES (1);")


async def opened(folder: Path, migrations: Sequence[Migration] = OURS) -> SqliteLedger:
    return await SqliteLedger.open(folder, clock=VirtualClock(5), migrations=migrations)


async def filled(folder: Path) -> None:
    ledger = await opened(folder)
    await track(ledger, "BTC")
    await store(ledger, frame())
    await ledger.close()


def copies(folder: Path) -> list[Path]:
    return list(folder.glob("*.before-*"))


def tables(path: Path) -> set[str]:
    connection = apsw.Connection(str(path))
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    connection.close()
    return names


async def test_a_migration_keeps_the_data_and_leaves_a_copy_of_what_was(tmp_path: Path) -> None:
    await filled(tmp_path)
    ledger = await opened(tmp_path, [*OURS, NOTES])
    assert await replayed(ledger) == [frame().id]
    await ledger.close()
    assert "notes" in tables(tmp_path / "sigmawatch.db")

    [copy] = copies(tmp_path)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "notes" not in tables(copy)
    restored = tmp_path / "restored"
    restored.mkdir()
    copy.rename(restored / "sigmawatch.db")
    ledger = await opened(restored)
    assert await replayed(ledger) == [frame().id]
    await ledger.close()


async def test_a_new_folder_and_an_unchanged_schema_need_no_copy(tmp_path: Path) -> None:
    await (await opened(tmp_path, [*OURS, NOTES])).close()
    await (await opened(tmp_path, [*OURS, NOTES])).close()
    assert not copies(tmp_path)


async def test_a_migration_that_fails_leaves_the_old_schema(tmp_path: Path) -> None:
    await filled(tmp_path)
    with pytest.raises(StorageFailed, match="nowhere"):
        await opened(tmp_path, [*OURS, BROKEN])
    assert "notes" not in tables(tmp_path / "sigmawatch.db")
    ledger = await opened(tmp_path)
    assert await replayed(ledger) == [frame().id]
    await ledger.close()


async def test_each_migration_runs_once_and_says_when(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    await (await opened(tmp_path)).close()
    connection = apsw.Connection(str(tmp_path / "sigmawatch.db"))
    rows = connection.execute("SELECT number, checksum, applied_ms FROM migrations").fetchall()
    connection.close()
    assert rows == [(one.number, one.checksum, 5) for one in OURS]


async def test_an_older_program_and_another_build_are_refused(tmp_path: Path) -> None:
    await (await opened(tmp_path, [*OURS, NOTES])).close()
    with pytest.raises(StorageNewer):
        await opened(tmp_path)
    with pytest.raises(StorageFailed, match="another build"):
        await opened(tmp_path, [*OURS, replace(NOTES, sql="SELECT 1;")])


async def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sigmawatch.db").write_bytes(b"a letter to my aunt\n" * 100)
    with pytest.raises(StorageFailed, match="NotADB"):
        await opened(tmp_path)
    assert (tmp_path / "sigmawatch.db").read_bytes() == b"a letter to my aunt\n" * 100


def test_statements_are_named_once_and_hold_text() -> None:
    assert parse_statements("-- hello\n-- name: a\nSELECT 1\n\n-- name: b\n-- why\nSELECT 2\n") == {
        "a": "SELECT 1",
        "b": "-- why\nSELECT 2",
    }
    for text in ("-- name: a\n\n-- name: b\nSELECT 2", "-- name: a\nX\n-- name: a\nY"):
        with pytest.raises(AssertionError):
            parse_statements(text)
    assert "insert_frame" in load_statements("sqlite")
