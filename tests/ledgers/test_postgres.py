"""What the ledger on a server promises beyond the contract: the server, and the line to it, may go
away at any moment (RELIABILITY.md P25, P29, P32)."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.contracts.samples import MINUTE, SLOT, frame, market, patch, replayed, store, track
from tests.ledgers.line import Line
from tests.ledgers.opening import asked, until
from tests.pace import allowed_s
from tests.postgres import with_options

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.postgres import PostgresLedger
from sigmawatch.adapters.ledgers.postgres_server import Patience
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.adapters.ledgers.statements import Migration, load_migrations, load_statements
from sigmawatch.domain.errors import (
    Refused,
    StorageFailed,
    StorageNewer,
    StorageUnavailable,
    Superseded,
    Unavailable,
)
from sigmawatch.domain.frame import Flag
from sigmawatch.domain.storage import StorageState

OURS = load_migrations("postgres")
NOTES = Migration(
    number=len(OURS) + 1,
    name="notes",
    sql="CREATE TABLE notes (id BIGINT); INSERT INTO notes VALUES (7);",
)


async def opened(
    url: str, migrations: Sequence[Migration] = OURS, *, patience: Patience | None = None
) -> PostgresLedger:
    return await PostgresLedger.open(
        url, clock=VirtualClock(5), migrations=migrations, patience=patience
    )


WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"
CLAIMS = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'sigmawatch claim%'"
END_CLAIMS = CLAIMS.replace("1", "pg_terminate_backend(pid)", 1)


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[PostgresLedger]:
    made = await opened(postgres_url)
    yield made
    await made.close()


@pytest.fixture
def line(postgres_url: str) -> Iterator[Line]:
    with tempfile.TemporaryDirectory(prefix="sigmawatch-") as folder:
        made = Line(Path(folder), postgres_url)
        yield made
        made.close()


# The line breaks


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_line_that_breaks_at_the_commit_loses_nothing_and_repeats_nothing(
    line: Line, when: str
) -> None:
    """RELIABILITY.md P25: "a proxy that cuts the line after COMMIT was sent; retry is
    idempotent"."""
    ledger = await opened(line.url)
    assert await track(ledger, "BTC", "ETH") == [1, 2]
    async with ledger.transaction() as transaction:
        inserted = await transaction.frames.insert([frame(), patch(marks=[Flag.FILLED])])
        added = await transaction.catalogue.add(market("SOL"), "price", interval=MINUTE,
                                                origin="api")  # fmt: skip
        await transaction.catalogue.remove(2)
        line.cut = when
    assert line.cuts_count, "the line did break"
    assert inserted == {frame().id, patch(marks=[0]).id}
    assert [one.id for one in await ledger.series()] == [1, added.id] == [1, 3]
    assert await store(ledger, frame(), frame(SLOT + 1)) == {frame(SLOT + 1).id}
    assert await replayed(ledger) == [frame().id, patch(marks=[0]).id, frame(SLOT + 1).id]
    await ledger.close()


async def test_a_commit_that_was_lost_is_not_taken_for_kept_because_another_program_wrote_since(
    line: Line, postgres_url: str
) -> None:
    ledger, other = await opened(line.url), await opened(postgres_url)
    await track(ledger, "BTC")
    line.closed, line.cut = True, "before"
    task = asyncio.create_task(store(ledger, frame()))
    await until(lambda: bool(line.turned_away_count))
    assert await store(other, frame(SLOT + 1)) == {frame(SLOT + 1).id}
    line.closed = False
    assert await task == {frame().id}
    assert await replayed(ledger) == [frame(SLOT + 1).id, frame().id]
    await ledger.close()
    await other.close()


async def test_wherever_the_line_breaks_in_a_transaction_it_ends_as_if_it_had_not(
    line: Line,
) -> None:
    ledger = await opened(line.url)
    await track(ledger, "BTC")
    for breaks_at in range(4):
        slot = SLOT + 10 * breaks_at
        steps: list[Callable[[], None]] = [lambda: None] * 4
        steps[breaks_at] = line.hang_up
        steps[0]()
        async with ledger.transaction() as transaction:
            steps[1]()
            assert await transaction.frames.insert([frame(slot)]) == {frame(slot).id}
            steps[2]()
            assert await transaction.frames.insert([frame(slot), frame(slot + 1)]) == {
                frame(slot + 1).id
            }
            steps[3]()
    kept = [frame(SLOT + 10 * n + k).id for n in range(4) for k in range(2)]
    assert await replayed(ledger) == kept
    await ledger.close()


async def test_a_read_whose_line_breaks_is_read_again(line: Line) -> None:
    ledger = await opened(line.url)
    await track(ledger, "BTC")
    for _ in range(3):
        line.hang_up()
        assert [one.market.base for one in await ledger.series()] == ["BTC"]
    await ledger.close()


async def test_what_another_program_changed_meanwhile_is_no_matter_for_guessing(
    line: Line, postgres_url: str
) -> None:
    ledger, other = await opened(line.url), await opened(postgres_url)
    await track(ledger, "BTC")

    async def torn() -> None:
        async with ledger.transaction() as transaction:
            assert await transaction.frames.insert([frame()]) == {frame().id}
            line.hang_up()
            assert await store(other, frame()) == {frame().id}

    with pytest.raises(StorageFailed, match="another program has changed"):
        await torn()
    assert await store(ledger, frame(SLOT + 1)) == {frame(SLOT + 1).id}, "the next one goes on"
    await ledger.close()
    await other.close()


async def test_a_server_that_stays_away_makes_transactions_wait_and_reads_fail(
    line: Line,
) -> None:
    ledger = await opened(line.url, patience=Patience(reads_s=0.3))
    await track(ledger, "BTC")
    line.closed = True
    line.hang_up()
    task = asyncio.create_task(store(ledger, frame()))
    with pytest.raises(Unavailable, match="the database does not answer"):
        await ledger.series()
    assert not task.done()
    line.closed = False
    assert await task == {frame().id}
    assert await replayed(ledger) == [frame().id]
    await ledger.close()


async def test_who_cannot_wait_is_told_soon_that_the_database_is_away_and_nothing_is_stored(
    line: Line,
) -> None:
    ledger = await opened(line.url)
    await track(ledger, "BTC")
    line.closed = True
    line.hang_up()
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match="storage away: the database cannot be reach"):
            async with asyncio.timeout(60):
                await track(ledger, "ETH")
    away = ledger.storage.status
    assert away.state is StorageState.AWAY
    line.closed = False
    async with asyncio.timeout(60):
        assert (await ledger.storage.changed(away)).state is StorageState.OK, "nobody writes"
    assert [one.market.base for one in await ledger.series()] == ["BTC"]
    assert await track(ledger, "ETH") == [2]
    await ledger.close()


async def test_who_only_reads_finds_out_for_everybody_that_the_database_is_away(
    line: Line,
) -> None:
    ledger = await opened(line.url, patience=Patience(reads_s=0.1))
    line.closed = True
    line.hang_up()
    with pytest.raises(Unavailable):
        await ledger.series()
    async with asyncio.timeout(60):
        while ledger.storage.status.state is not StorageState.AWAY:
            await ledger.storage.changed(ledger.storage.status)
    await ledger.close()


async def test_reads_that_queue_for_a_server_that_is_away_do_not_wait_for_each_other(
    line: Line,
) -> None:
    ledger = await opened(line.url, patience=Patience(reads_s=0.3))
    line.closed = True
    line.hang_up()
    # One after the other they would take thirteen turns.
    async with asyncio.timeout(allowed_s(3.0)):
        found = await asyncio.gather(*[ledger.series() for _ in range(40)], return_exceptions=True)
    assert {type(one) for one in found} == {Unavailable}
    await ledger.close()


async def test_an_answer_that_never_came_is_not_waited_for(line: Line) -> None:
    """As behind a proxy that has forgotten the line: the server has done its part, and says so
    to whoever asks."""
    ledger = await opened(line.url, patience=Patience(silence_s=0.1))
    await track(ledger, "BTC")
    line.forget()
    async with asyncio.timeout(60):
        assert await store(ledger, frame()) == {frame().id}
    assert await replayed(ledger) == [frame().id]
    await ledger.close()


async def test_a_server_that_waits_for_the_rest_of_what_was_said_is_not_waited_for(
    line: Line,
) -> None:
    """It calls that "active", as when it works: each would wait for the other, for ever."""
    ledger = await opened(line.url, patience=Patience(silence_s=0.1))
    await track(ledger, "BTC")
    frames = [frame(SLOT + k) for k in range(64)]
    line.cut = "within"
    async with asyncio.timeout(60):
        assert await store(ledger, *frames) == {one.id for one in frames}
    assert line.cuts_count
    await ledger.close()


async def test_a_line_that_is_slow_to_take_what_we_say_is_waited_for(line: Line) -> None:
    tries: list[None] = []

    def long(session: Session) -> object:
        tries.append(None)
        return value(session.execute("SELECT length(:text)", {"text": "x" * 400_000}))

    ledger = await opened(line.url, patience=Patience(silence_s=0.1))
    async with ledger._begun() as transaction:
        line.dripping = True
        assert await transaction.run(long) == 400_000
    assert len(tries) == 1, "it was given up"
    await ledger.close()


async def test_a_statement_that_takes_its_time_is_waited_for(postgres_url: str) -> None:
    def slow(session: Session) -> object:
        return value(session.execute("SELECT 7 FROM pg_sleep(0.7)"))

    ledger = await opened(postgres_url, patience=Patience(silence_s=0.1))
    async with ledger._begun() as transaction:
        assert await transaction.run(slow) == 7
    await ledger.close()


async def test_a_program_that_stands_still_in_a_transaction_holds_nobody_up(
    postgres_url: str,
) -> None:
    ledger = await opened(postgres_url, patience=Patience(frozen_s=0.2))
    other = await opened(postgres_url)
    await track(ledger, "BTC")
    async with asyncio.timeout(60), ledger.transaction(bulk=True) as transaction:
        await transaction.frames.insert([frame()])
        assert await store(other, frame(SLOT + 1)) == {frame(SLOT + 1).id}
    assert await replayed(other) == [frame(SLOT + 1).id, frame().id], "and is told later"
    await ledger.close()
    await other.close()


async def test_what_is_left_of_a_lost_connection_on_the_server_holds_nobody_up(
    line: Line,
) -> None:
    """The server would keep its transaction, and with it the right to write, for a minute."""
    ledger = await opened(line.url)
    await track(ledger, "BTC")
    async with asyncio.timeout(60), ledger.transaction(bulk=True) as transaction:
        await transaction.frames.insert([frame()])
        line.lose()
        await transaction.frames.insert([frame(SLOT + 1)])
    assert await replayed(ledger) == [frame().id, frame(SLOT + 1).id]
    await ledger.close()


async def test_a_transaction_that_breaks_the_line_every_time_is_given_up(line: Line) -> None:
    ledger = await opened(line.url)
    await track(ledger, "BTC")

    def poison(session: Session) -> None:
        line.hang_up()
        session.execute("SELECT 1")

    with pytest.raises(StorageFailed, match="10 times in one transaction"):
        async with ledger._begun(bulk=True) as transaction:
            await transaction.run(poison)
    assert await store(ledger, frame()) == {frame().id}
    await ledger.close()


async def test_who_waits_for_a_server_that_is_away_can_be_cancelled(line: Line) -> None:
    ledger = await opened(line.url)
    await track(ledger, "BTC")
    line.closed = True
    line.hang_up()
    task = asyncio.create_task(store(ledger, frame()))
    await until(lambda: bool(line.turned_away_count))
    task.cancel()
    async with asyncio.timeout(60):
        await asyncio.wait([task])
    assert task.cancelled()
    line.closed = False
    assert await store(ledger, frame()) == {frame().id}
    await ledger.close()


# Several programs


async def test_two_programs_write_one_database_and_what_both_have_is_stored_once(
    postgres_url: str,
) -> None:
    first, second = await opened(postgres_url), await opened(postgres_url)
    assert await track(first, "BTC") == await track(second, "BTC") == [1]
    assert await track(second, "ETH") == [2]
    assert await track(first, "SOL", "ETH") == [3, 2]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(store(who, *(frame(SLOT + slot + k) for k in range(3))))
            for slot in range(8)
            for who in (first, second)
        ]
    new = [item_id for task in tasks for item_id in task.result()]
    assert len(new) == len(set(new)) == 10
    assert sorted(await replayed(first)) == sorted(new)
    assert await replayed(first) == await replayed(second)
    await first.close()
    await second.close()


async def test_who_waits_for_another_programs_transaction_can_be_cancelled(
    postgres_url: str,
) -> None:
    first, second = await opened(postgres_url), await opened(postgres_url)
    await track(first, "BTC")
    async with first.transaction() as transaction:
        await transaction.frames.insert([frame()])
        task = asyncio.create_task(store(second, frame(SLOT + 1)))
        await until(lambda: bool(asked(postgres_url, WAITING)))
        task.cancel()
        async with asyncio.timeout(60):
            await asyncio.wait([task])
        assert task.cancelled()
    assert await store(second, frame(SLOT + 1)) == {frame(SLOT + 1).id}
    await first.close()
    await second.close()


async def test_one_program_at_a_time_has_a_claim_and_loses_it_with_its_connection(
    postgres_url: str,
) -> None:
    first, second = await opened(postgres_url), await opened(postgres_url)
    async with first.claimed("sealing") as claim, second.claimed("sealing") as refused:
        assert claim is not None
        assert refused is None
        async with second.claimed("moving") as other:
            assert other is not None
        asked(postgres_url, END_CLAIMS)  # as when the line breaks, unnoticed here
        await until(lambda: not asked(postgres_url, CLAIMS))
        async with second.claimed("sealing") as taken_over:
            assert taken_over is not None
            with pytest.raises(Superseded):
                async with first.transaction() as transaction:
                    await transaction.check(claim)
    await first.close()
    await second.close()


async def test_one_program_at_a_time_seals_and_one_that_was_overtaken_stores_nothing(
    postgres_url: str,
) -> None:
    """Two that fold the same section would each delete what only the other has stored."""
    first, second = await opened(postgres_url), await opened(postgres_url)
    await track(first, "BTC")
    row = {"series_id": 1, "from_slot": SLOT, "revision": 1, "body": b"folded"}
    async with first.sealing.alone() as ours, second.sealing.alone() as theirs:
        assert (ours, theirs) == (True, False)
        asked(postgres_url, END_CLAIMS)
        await until(lambda: not asked(postgres_url, CLAIMS))
        async with second.sealing.alone() as taken_over:
            assert taken_over
            with pytest.raises(Superseded):
                await first.sealing._ledger.write({"upsert_column": [row]})
            await second.sealing._ledger.write({"upsert_column": [row | {"revision": 2}]})
    assert asked(postgres_url, "SELECT revision FROM section_columns") == [(2,)]
    await first.close()
    await second.close()


async def test_a_program_that_was_overtaken_by_a_migration_stops(postgres_url: str) -> None:
    older = await opened(postgres_url)
    await track(older, "BTC")
    newer = await opened(postgres_url, [*OURS, NOTES])
    with pytest.raises(StorageNewer, match="run that version"):
        await store(older, frame())
    assert await store(newer, frame()) == {frame().id}
    await older.close()
    await newer.close()


async def test_two_programs_that_start_at_once_migrate_once(postgres_url: str) -> None:
    async with asyncio.TaskGroup() as group:
        starts = [group.create_task(opened(postgres_url)) for _ in range(4)]
    rows = asked(postgres_url, "SELECT number, checksum, applied_ms FROM migrations ORDER BY 1")
    assert rows == [(one.number, one.checksum, 5) for one in OURS]
    for start in starts:
        await start.result().close()


# Schema and settings


async def test_a_migration_keeps_the_data_and_one_that_fails_leaves_the_old_schema(
    ledger: PostgresLedger, postgres_url: str
) -> None:
    await track(ledger, "BTC")
    await store(ledger, frame())
    with pytest.raises(StorageFailed, match="nowhere"):
        await opened(postgres_url, [*OURS, replace(NOTES, sql=f"{NOTES.sql} TABLE nowhere;")])
    assert asked(postgres_url, "SELECT to_regclass('notes')") == [(None,)]
    after = await opened(postgres_url, [*OURS, NOTES])
    assert await replayed(after) == [frame().id]
    assert asked(postgres_url, "SELECT id FROM notes") == [(7,)]
    await after.close()


async def test_both_dialects_have_the_same_steps() -> None:
    def steps(dialect: str) -> list[tuple[int, str]]:
        return [(one.number, one.name) for one in load_migrations(dialect)]

    assert steps("sqlite") == steps("postgres")


async def test_a_commit_is_synced_even_where_the_address_says_it_need_not_be(
    postgres_url: str,
) -> None:
    ledger = await opened(with_options(postgres_url, "-c synchronous_commit=off"))

    def setting(session: Session) -> object:
        return value(session.execute("SHOW synchronous_commit"))

    await ledger._writer.begin()
    assert await ledger._writer.run(setting) == "on"
    await ledger._writer.rollback()
    await ledger.close()


async def test_a_transaction_with_a_statement_that_failed_is_never_reported_as_kept(
    ledger: PostgresLedger,
) -> None:
    await track(ledger, "BTC")

    async def careless() -> None:
        async with ledger.transaction() as transaction:
            await transaction.frames.insert([frame()])
            with pytest.raises(StorageFailed, match="ForeignKey"):
                await transaction.frames.insert([frame(block_id=7)])

    with pytest.raises(StorageFailed, match="was not kept"):
        await careless()
    assert await replayed(ledger) == []
    assert await store(ledger, frame()) == {frame().id}


@pytest.mark.parametrize(
    ("url", "error", "text"),
    [
        ("postgresql://me:s3cret@127.0.0.1:1/x", Unavailable, "cannot be reached"),
        ("postgresql://me:s3cret@127.0.0.1:1/x?sslmode=certainly", Unavailable, "sslmode"),
        ("postgresql://me:s3cret@127.0.0.1:1/x?secret=s3cret", Refused, "not understood"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told_without_its_password(
    url: str, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        await opened(url)
    assert "s3cret" not in repr(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_named(postgres_url: str) -> None:
    elsewhere = urlsplit(postgres_url)._replace(path="/nowhere").geturl()
    with pytest.raises(Unavailable, match='database "nowhere" does not exist'):
        await opened(elsewhere)


_SMALL = {"blocks"}  # some hundreds at most


@pytest.mark.parametrize(
    "name",
    [
        "delete_runs", "delete_columns", "find_series", "insert_frame", "select_columns",
        "select_frames_by_id", "select_links", "select_patches_by_id", "select_rollups",
        "select_runs", "select_runs_of_venue", "select_sections",
    ],
)  # fmt: skip
async def test_no_statement_that_runs_often_must_read_a_whole_table(
    ledger: PostgresLedger, postgres_url: str, name: str
) -> None:
    """Tables of tests are so small that reading them whole is best; forbidden to, the planner
    shows whether it has an index to do otherwise."""
    statement = load_statements("postgres")[name]
    numbers: dict[str, str] = {}
    numbered = re.sub(
        r"(?<![:\w]):([a-z_]+)",
        lambda m: numbers.setdefault(m[1], f"${len(numbers) + 1}"),
        statement,
    )
    plan = asked(postgres_url, f"SET enable_seqscan = off; EXPLAIN (GENERIC_PLAN) {numbered}")
    whole = {found[1] for (line,) in plan if (found := re.search(r"Seq Scan on (\w+)", str(line)))}
    assert whole <= _SMALL
