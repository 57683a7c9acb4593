"""A PostgreSQL database instead of the file: how it is chosen, and the whole program on it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr
from tests.app.doubles import MemoryVenue
from tests.app.test_program import T0, fileless, program, venue

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.cli import main
from sigmawatch.app.config import Config
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.program import Program
from sigmawatch.app.sources import load_config
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import InUse, Refused
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.window import MINUTE_MS

ADDRESS = "postgresql://me:s3cret@db.example.org:5433/prices?sslmode=require"


def chosen(environ: Mapping[str, str], **overrides: object) -> str:
    config = load_config(environ=environ, overrides=overrides)
    return config.database.get_secret_value()


def test_the_flag_comes_before_our_variable_and_that_before_everybodys() -> None:
    everybodys = {"DATABASE_URL": "postgres://a/b"}
    ours = everybodys | {"SIGMAWATCH_DATABASE": "postgresql://c/d"}
    assert chosen({}) == ""
    assert chosen(everybodys) == "postgres://a/b"
    assert chosen(ours) == "postgresql://c/d"
    assert chosen(ours, database="postgresql://e/f") == "postgresql://e/f"


def test_a_database_of_another_kind_is_refused_where_it_is_meant_for_us_only() -> None:
    assert chosen({"DATABASE_URL": "mysql://me:s3cret@a/b"}) == ""
    with pytest.raises(ConfigProblems, match="must be the address of a PostgreSQL") as caught:
        chosen({}, database="mysql://me:s3cret@a/b")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("", "data"),
        (ADDRESS, "postgresql://me@db.example.org:5433/prices"),
        ("postgresql:///prices?host=/run&password=s3cret", "postgresql:///prices"),
        ("postgres://h/p", "postgresql://h/p"),
    ],
)
def test_a_password_is_never_shown(address: str, place: str) -> None:
    config = Config(database=SecretStr(address))
    assert config.place == place
    assert "s3cret" not in repr(config)


@pytest.fixture
def _own_logs() -> Iterator[None]:
    """The command sets up logging for its process; the loggers of other tests as they were."""
    root = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], level = root
    logging.root.setLevel(level)


@pytest.mark.usefixtures("_own_logs")
def test_a_server_that_is_not_there_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address = "postgresql://me:s3cret@127.0.0.1:1/prices"
    monkeypatch.setattr(sys, "argv", ["sigmawatch", "migrate", "--database", address])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.err.startswith("the database cannot be reached: ")
    assert said.err.count("\n") == 1
    assert "s3cret" not in said.out + said.err


async def test_without_its_driver_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith("sigmawatch.adapters.ledgers.post")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    config = Config(data=tmp_path, database=SecretStr(ADDRESS))
    with pytest.raises(Refused, match=r"needs psycopg.*'sigmawatch\[postgres\]'"):
        async with build(config, venues=[]):
            pass


# The program


def on_server(folder: Path, url: str) -> Config:
    return fileless(folder).model_copy(update={"database": SecretStr(url)})


def board(made: Program) -> dict[str, float]:
    """What a client sees of the newest slot; a running one's reading is not in it."""
    found = made.snapshot.boards[MINUTE_MS]
    return {one.name: float(found.value[found.row(one.id)]) for one in found.series}


async def test_what_was_collected_is_there_after_a_restart_on_another_machine(
    tmp_path: Path, postgres_url: str
) -> None:
    clock = VirtualClock(T0 + 1_000)
    async with program(on_server(tmp_path / "one", postgres_url), clock=clock) as p:
        (run,) = await p.stations.collect()
        assert run.outcome == "complete"
        await p.track(parse_market("KRAKEN:SOL/USD"), ["price"])
        await p.tracker.refresh()
        before = board(p)
        assert len(before) == 3
        assert not (tmp_path / "one" / "data" / "sigmawatch.db").exists()
    clock = VirtualClock(T0 + 2_000)
    async with program(on_server(tmp_path / "two", postgres_url), clock=clock) as p:
        assert repr(board(p)) == repr(before)
        assert [one.outcome for one in await p.runs()] == ["complete"]
        assert await p.live_since_ms() is not None


async def test_two_programs_may_share_a_database_but_not_a_folder(
    tmp_path: Path, postgres_url: str
) -> None:
    async with program(on_server(tmp_path, postgres_url)) as p:
        await p.stations.list_all()
        with pytest.raises(InUse):
            async with program(on_server(tmp_path, postgres_url)):
                pass
        away: MemoryVenue = venue(VirtualClock(T0))
        async with program(on_server(tmp_path / "second", postgres_url), away) as other:
            assert len(other.catalogue.series) == 2
