"""What every ledger promises of silences (ports.alerts; SEMANTICS.md 7)."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest
from tests.contracts.conftest import Database, PostgresDatabase, SqliteDatabase

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.window import DAY_MS, HOUR_MS

START_MS = 1_740_000_000_000
QUIET = Silence(
    target=parse_target(["kraken:*/USD", "watchlist:majors"]), rule="hot", from_ms=START_MS,
    until_ms=START_MS + HOUR_MS, by="ann", comment="maintenance",
)  # fmt: skip


async def add(ledger: SqlLedger, silence: Silence) -> Silence:
    async with ledger.transaction() as transaction:
        return await transaction.silences.add(silence)


async def test_a_silence_is_there_after_a_restart_until_it_is_over(database: Database) -> None:
    """SEMANTICS.md 7: "Silences by pattern with an end"."""
    ledger = await database.open()
    first = await add(ledger, QUIET)
    second = await add(ledger, replace(QUIET, rule=None, until_ms=START_MS + 2 * HOUR_MS))
    await ledger.close()
    ledger = await database.open()
    assert await ledger.alerts.silences(after_ms=START_MS) == [first, second]
    assert await ledger.alerts.silences(after_ms=first.until_ms) == [second]
    assert first == replace(QUIET, id=first.id)
    assert second.id != first.id


async def test_a_silence_can_be_ended_before_its_time_and_never_after_it(
    database: Database,
) -> None:
    ledger = await database.open()
    silence = await add(ledger, QUIET)
    for at_ms in (silence.until_ms + 1, START_MS + 60_000):
        async with ledger.transaction() as transaction:
            ended = await transaction.silences.end(silence.id, at_ms=at_ms)
        assert ended is not None
        assert ended.until_ms == min(at_ms, silence.until_ms)
    async with ledger.transaction() as transaction:
        assert await transaction.silences.end(99, at_ms=START_MS) is None
    found = await ledger.alerts.silences(after_ms=0)
    assert [one.until_ms for one in found] == [START_MS + 60_000]


async def test_a_damaged_silence_is_left_out_and_counted(database: Database) -> None:
    ledger = await database.open()
    await add(ledger, QUIET)
    kept = await add(ledger, QUIET)
    await ledger.close()
    _change(database, "UPDATE silences SET until_ms = until_ms + 1 WHERE id = 1")
    ledger = await database.open()
    assert await ledger.alerts.silences(after_ms=0) == [kept]
    assert ledger.damaged_count == 1


def _change(database: Database, statement: str) -> None:
    if isinstance(database, PostgresDatabase):
        database._execute(statement)
    else:
        assert isinstance(database, SqliteDatabase)
        connection = apsw.Connection(str(database.folder / "sigmawatch.db"))
        connection.execute(statement)
        connection.close()


def test_a_silence_without_an_end_within_a_year_is_refused() -> None:
    with pytest.raises(Invalid, match="ends after it begins"):
        replace(QUIET, until_ms=QUIET.from_ms - 1)
    with pytest.raises(Invalid, match="within a year"):
        replace(QUIET, until_ms=QUIET.from_ms + 367 * DAY_MS)
    with pytest.raises(Invalid, match="one line"):
        replace(QUIET, comment="a\r\nb")
