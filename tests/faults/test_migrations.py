"""Migrations from every schema there was: killed at every system call, they leave the schema before
or after one of them, with all that was stored (RELIABILITY.md P29)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from tests.faults.migrating import start
from tests.faults.nursery import CALLS, Nursery, Point, nursery, points_in
from tests.faults.old_schemas import NEWEST, Content, Database, File, Schemas, Schemata, fault
from tests.faults.tier import Finding, spread, tell, times
from tests.faults.tracer import needs_strace
from tests.postgres import empty_database

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


class Kind(NamedTuple):
    """One kind of database: how to get an empty one, and at which calls a program that opens it can
    be killed. log: where strace writes."""

    name: str
    empty: Callable[[], AbstractContextManager[Database]]
    calls: tuple[str, ...]
    log: Path


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kind:
    log = tmp_path / "log"
    if request.param == "sqlite":

        @contextmanager
        def empty() -> Iterator[Database]:
            yield File(tmp_path / "data")

        return Kind("sqlite", empty, CALLS, log)
    server = request.getfixturevalue("postgres_server")

    @contextmanager
    def emptied() -> Iterator[Database]:
        with empty_database(server) as url:
            yield Schemata(url)

    return Kind("postgres", emptied, ("sendto",), log)


@pytest.fixture
def schemas(kind: Kind) -> Schemas:
    """Every schema that once was, in its own words."""
    found: dict[int, frozenset[str]] = {}
    for version in range(1, NEWEST + 1):
        with kind.empty() as database:
            database.make(version)
            found[version] = database.content().schema
    assert len(set(found.values())) == NEWEST
    return found


@pytest_asyncio.fixture
async def lives() -> AsyncIterator[Nursery]:
    async with nursery("tests.faults.migrating") as warm:
        yield warm


async def test_every_old_database_becomes_the_newest_with_all_its_rows(
    kind: Kind, schemas: Schemas
) -> None:
    for version in range(1, NEWEST):
        with kind.empty() as database:
            database.make(version)
            before = database.content()
            assert (before.version, len(before.rows["frames"])) == (version, 2)
            await start(database.where)
            assert newest(database, before, schemas) == ""


def newest(database: Database, before: Content, schemas: Schemas) -> str:
    """What is wrong with a database that was brought up to date."""
    after = database.content()
    if after.version != NEWEST:
        return f"{after.version} migrations ran"
    return fault(after, before, schemas=schemas)


async def test_before_a_file_changes_a_copy_of_it_is_made_and_the_newest_ones_stay(
    tmp_path: Path,
) -> None:
    database = File(tmp_path / "data")
    database.make(4)
    names = [f"sigmawatch.before-000{number}.db" for number in (2, 3, 4)]
    for name in names:
        (tmp_path / "data" / name).touch()
    await start(database.where)
    copies = sorted(path.name for path in (tmp_path / "data").glob("*.before-*"))
    assert copies == [*names[1:], "sigmawatch.before-0005.db"]
    with closing(sqlite3.connect(tmp_path / "data" / copies[-1])) as copy:
        assert copy.execute("SELECT count(*) FROM migrations").fetchone() == (4,)
        assert copy.execute("SELECT count(*) FROM frames").fetchone() == (2,)


class Kills(NamedTuple):
    """What kills left. wrong: what must not be; left: which schemas."""

    kills: int
    wrong: list[str]
    left: set[int]

    @property
    def figures(self) -> Mapping[str, int]:
        return {"kills": self.kills, "between": len(self.wrong), "schemas_left": len(self.left)}


async def killed(
    kind: Kind, schemas: Schemas, lives: Nursery, *, kills: int, bug: str = "sound"
) -> Kills:
    """Starts over the oldest schema, killed at points spread evenly; with a bug, until one is seen
    to go wrong."""
    chosen = spread(await points(kind, lives, bug=bug), kills)
    found = Kills(len(chosen), [], set())
    for point in chosen:
        with kind.empty() as database:
            database.make(1)
            before = database.content()
            inject = f"inject={point.call}:signal=SIGKILL:when={point.number}"
            options = ("-o", os.devnull, "-e", f"trace={point.call}", "-e", inject)
            await lives.lived(f"{database.where} {bug}", strace=options)
            left = database.content()
            found.left.add(left.version)
            seen = fault(left, before, schemas=schemas)
            if not seen and bug == "sound":
                await start(database.where)
                seen = newest(database, before, schemas)
            found.wrong.extend([f"{point}: {seen}"] if seen else [])
            if seen and bug != "sound":
                break
    return found


async def points(kind: Kind, lives: Nursery, *, bug: str) -> list[Point]:
    """Where a start can be killed: it is lived to its end, and its calls are counted."""
    with kind.empty() as database:
        database.make(1)
        options = ("-o", str(kind.log), "-e", f"trace={','.join(kind.calls)}")
        assert not await lives.lived(f"{database.where} {bug}", strace=options)
        return points_in(kind.log.read_text(), kind.calls)


@needs_strace
async def test_a_kill_at_any_system_call_leaves_the_schema_before_or_after_a_migration(
    kind: Kind, schemas: Schemas, lives: Nursery
) -> None:
    """RELIABILITY.md P29: "old or new schema, never between"."""
    found = await killed(kind, schemas, lives, kills=times(change=12, full=1_000))
    said = f"kill -9 at a system call of the migrations, {kind.name}"
    tell(Finding(promise="P29", fault=said, figures=found.figures))
    assert not found.wrong, found.wrong[:3]
    assert len(found.left) > 1, "all kills came before the first commit, or after the last"


@needs_strace
async def test_the_check_above_notices_a_migration_that_is_no_transaction(
    kind: Kind, schemas: Schemas, lives: Nursery
) -> None:
    found = await killed(kind, schemas, lives, kills=40, bug="torn")
    said = f"kill -9 in migrations without a transaction, {kind.name}"
    tell(Finding(promise="P29", fault=said, figures=found.figures, control=True))
    assert found.wrong
