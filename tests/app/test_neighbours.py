"""Several programs on one database: each takes over what another one has changed, without a
restart. The same with real processes: tests/faults/test_two_programs.py."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.app.test_database import on_server
from tests.app.test_program import T0, fileless, program

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.access.keys import Wanted
from sigmawatch.app.channel_config import SecretsConfig
from sigmawatch.app.definitions import Definition
from sigmawatch.app.neighbours import LOOK_MS
from sigmawatch.app.program import Program
from sigmawatch.domain.audit import OURSELVES
from sigmawatch.domain.caller import Role, Scope
from sigmawatch.domain.following import Following, parse_market_pattern
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import MINUTE_MS, Interval


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(T0 + 5_000)


@asynccontextmanager
async def two(
    folder: Path, url: str, clock: VirtualClock
) -> AsyncIterator[tuple[Program, Program]]:
    async with (
        program(on_server(folder / "one", url), clock=clock) as one,
        program(on_server(folder / "two", url), clock=clock) as other,
    ):
        await one.stations.list_all()
        yield one, other


async def comes_to_hold(clock: VirtualClock, holds: Callable[[], bool]) -> None:
    """While seconds pass."""
    async with asyncio.timeout(60):
        while not holds():
            await clock.advance_to_ms(clock.now_ms() + LOOK_MS)
            await asyncio.sleep(0.01)


def tracked(one: Program) -> set[str]:
    return {f"{each.id} {each.name} {each.origin}" for each in one.catalogue.series}


async def test_what_one_program_tracks_and_no_longer_does_the_other_takes_over(
    tmp_path: Path, postgres_url: str, clock: VirtualClock
) -> None:
    async with two(tmp_path, postgres_url, clock) as (one, other):
        await comes_to_hold(clock, lambda: tracked(other) == tracked(one) != set())
        (series,) = await one.track(parse_market("KRAKEN:SOL/USD"), ["price"])
        await comes_to_hold(clock, lambda: other.catalogue.by_id(series.id) == series)
        await other.tracker.refresh()
        assert series in other.snapshot.boards[MINUTE_MS].series
        await other.untrack(series)
        await comes_to_hold(clock, lambda: one.catalogue.by_id(series.id) is None)
        await one.tracker.refresh()
        assert series not in one.snapshot.boards[MINUTE_MS].series


async def test_formulas_and_watchlists_are_shared(
    tmp_path: Path, postgres_url: str, clock: VirtualClock
) -> None:
    async with two(tmp_path, postgres_url, clock) as (one, other):
        interval = Interval(MINUTE_MS)
        formula = Definition.of(
            "BTC/ETH", "KRAKEN:BTC/USD / KRAKEN:ETH/USD", interval=interval
        )  # fmt: skip
        series = await one.define(formula)
        await one.watchlists.put(Watchlist.of("majors", ["*:BTC/*"]))
        await comes_to_hold(clock, lambda: other.catalogue.by_id(series.id) == series)
        await comes_to_hold(clock, lambda: [w.name for w in other.watchlists.all] == ["majors"])
        await other.watchlists.remove("majors")
        await comes_to_hold(clock, lambda: not one.watchlists.all)


async def test_a_pattern_is_followed_by_all_whoever_was_told(
    tmp_path: Path, postgres_url: str, clock: VirtualClock
) -> None:
    async with two(tmp_path, postgres_url, clock) as (one, other):
        wanted = Following(pattern=parse_market_pattern("kraken:*/USD"), metrics=("price",),
                           interval=Interval(MINUTE_MS))  # fmt: skip
        made, _ = await one.patterns.add(wanted)
        await comes_to_hold(clock, lambda: list(other.patterns.all) == [made])
        await comes_to_hold(clock, lambda: tracked(other) == tracked(one))
        await other.patterns.remove(made.id)
        await comes_to_hold(clock, lambda: not one.patterns.all)
        await comes_to_hold(clock, lambda: tracked(other) == tracked(one))
        assert all(each.origin == "api" for each in one.catalogue.series)


async def test_both_may_add_the_same_at_once(
    tmp_path: Path, postgres_url: str, clock: VirtualClock
) -> None:
    async with two(tmp_path, postgres_url, clock) as (one, other):
        await other.stations.list_all()
        sol = parse_market("KRAKEN:SOL/USD")
        async with asyncio.TaskGroup() as group:
            both = [group.create_task(each.track(sol, ["price"])) for each in (one, other)]
        assert both[0].result() == both[1].result()
        await comes_to_hold(clock, lambda: tracked(other) == tracked(one))


async def test_a_key_that_is_revoked_here_is_good_nowhere_seconds_later(
    tmp_path: Path, postgres_url: str, clock: VirtualClock
) -> None:
    # SECURITY.md: "revocation effective <= 5 s also for open SSE"
    pepper = SecretsConfig(pepper=SecretStr(base64.b64encode(bytes(range(32))).decode()))
    one_s, others = [
        on_server(tmp_path / name, postgres_url).model_copy(update={"secrets": pepper})
        for name in ("one", "two")
    ]
    async with program(one_s, clock=clock) as one, program(others, clock=clock) as other:
        await one.access.users.add("ada", Role.ADMIN, password="correct horse", by=OURSELVES)
        wanted = Wanted(name="ci", scopes=frozenset({Scope.READ_METRICS}))
        made = await one.access.keys.make(wanted, by=OURSELVES)
        book = other.access.book
        await comes_to_hold(clock, lambda: book.of_key(made.token, address="::1") is not None)
        assert book.guarded
        caller = book.of_key(made.token, address="::1")
        assert caller is not None
        await one.access.keys.revoke(made.key.id, by=OURSELVES)
        await comes_to_hold(clock, lambda: book.of_key(made.token, address="::1") is None)
        assert not book.holds(caller)


async def test_a_file_is_not_looked_at_every_second(tmp_path: Path, clock: VirtualClock) -> None:
    async with program(fileless(tmp_path), clock=clock) as alone:
        assert await alone._ports.ledger.catalogue_version() is None
