"""The program as web and command line see it: tracking, collecting, back-filling, restarting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.app.doubles import MemoryVenue, market

from sigmawatch.adapters.buses.local import Limits, LocalBus
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.config import Config, Track
from sigmawatch.app.program import Program
from sigmawatch.app.sources import load_config
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import Conflict, Invalid, NotFound, Unavailable
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.window import DAY_MS, MINUTE_MS

S0 = 28_000_000
T0 = S0 * MINUTE_MS
FILE = """
[[track]]
venue = "kraken"
markets = {markets}
metrics = {metrics}
"""


def venue(clock: VirtualClock, *, name: str = "KRAKEN") -> MemoryVenue:
    made = MemoryVenue(clock, name=name)
    bases = ("BTC", "ETH", "SOL")
    made.listed = [market(base, venue=name) for base in bases]
    made.prices = {f"{base}USD": 100.0 + index for index, base in enumerate(bases)}
    made.rows = {
        f"{base}USD": [((S0 - k) * MINUTE_MS, 100.0 + k % 7, 2.0) for k in range(2_900, 0, -1)]
        for base in bases
    }
    return made


def written(folder: Path, markets: Sequence[str], metrics: Sequence[str] = ("price",)) -> Config:
    path = folder / "sigmawatch.toml"
    path.write_text(FILE.format(markets=list(markets), metrics=list(metrics)))
    return load_config(path, environ={}, overrides={"data": folder / "data"})


def fileless(folder: Path) -> Config:
    track = Track(venue="kraken", markets=("BTC/USD", "ETH/USD"), metrics=("price",))
    return Config(data=folder / "data", track=(track,))


@asynccontextmanager
async def program(
    config: Config, *venues: MemoryVenue, clock: VirtualClock | None = None
) -> AsyncIterator[Program]:
    clock = clock or VirtualClock(T0 + 5_000)
    async with build(config, clock=clock, venues=venues or [venue(clock)]) as made:
        yield made


def names(made: Program) -> list[str]:
    return [f"{one.name}:{one.origin}" for one in made.catalogue.series]


async def test_what_the_file_names_is_tracked_and_what_it_cannot_have_is_told(
    tmp_path: Path,
) -> None:
    async with program(written(tmp_path, ["BTC/USD", "DOGE/USD"])) as p:
        await p.stations.list_all()
        assert names(p) == ["KRAKEN:BTC/USD:price:file"]
        (report,) = p.stations.reports()
        assert list(report.unresolved) == ["KRAKEN:DOGE/USD"]


async def test_what_a_file_defines_is_read_only_elsewhere_and_says_which_file(
    tmp_path: Path,
) -> None:
    async with program(written(tmp_path, ["BTC/USD"])) as p:
        await p.stations.list_all()
        with pytest.raises(Conflict, match=r"sigmawatch\.toml"):
            await p.untrack(p.catalogue.series[0])


async def test_a_series_the_file_no_longer_names_is_dropped_and_others_stay(
    tmp_path: Path,
) -> None:
    async with program(written(tmp_path, ["BTC/USD", "ETH/USD"])) as p:
        await p.stations.list_all()
        await p.track(parse_market("KRAKEN:SOL/USD"), ["price"])
    async with program(written(tmp_path, ["ETH/USD"])) as p:
        await p.stations.list_all()
        assert names(p) == ["KRAKEN:ETH/USD:price:file", "KRAKEN:SOL/USD:price:api"]


async def test_a_file_takes_over_what_was_tracked_before_and_lets_go_when_it_is_gone(
    tmp_path: Path,
) -> None:
    async with program(fileless(tmp_path)) as p:
        await p.stations.list_all()
        assert names(p) == ["KRAKEN:BTC/USD:price:api", "KRAKEN:ETH/USD:price:api"]
    async with program(written(tmp_path, ["BTC/USD"])) as p:
        await p.stations.list_all()
        assert names(p) == ["KRAKEN:BTC/USD:price:file", "KRAKEN:ETH/USD:price:api"]
        await p.tracker.refresh()
        board = p.snapshot.boards[MINUTE_MS]
        assert [one.origin for one in board.series] == ["file", "api"]
    async with program(fileless(tmp_path)) as p:
        await p.untrack(p.catalogue.series[0])
        assert names(p) == ["KRAKEN:ETH/USD:price:api"]


async def test_a_venue_that_cannot_be_asked_is_no_reason_to_call_its_market_unknown(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(T0 + 5_000)
    away = venue(clock)
    away.error = Unavailable("reset")
    async with program(fileless(tmp_path), away, clock=clock) as p:
        with pytest.raises(Unavailable, match="has not told its markets yet: reset"):
            await p.track(parse_market("KRAKEN:BTC/USD"), ["price"])
        assert p.stations.reports()[0].status.state == "down"


async def test_a_failure_inside_is_raised_as_itself(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with program(fileless(tmp_path)):
            raise KeyError("what the embedder did")


async def test_a_default_that_a_user_removed_does_not_come_back(tmp_path: Path) -> None:
    async with program(fileless(tmp_path)) as p:
        await p.stations.list_all()
        assert len(p.catalogue.series) == 2
        await p.untrack(p.catalogue.series[0])
    async with program(fileless(tmp_path)) as p:
        await p.stations.list_all()
        assert names(p) == ["KRAKEN:ETH/USD:price:api"]


async def test_unknown_markets_venues_and_metrics_are_answered_with_what_is_allowed(
    tmp_path: Path,
) -> None:
    async with program(fileless(tmp_path)) as p:
        with pytest.raises(NotFound, match="no venue lists"):
            await p.track(parse_market("KRAKEN:NOPE/USD"), ["price"])
        with pytest.raises(NotFound, match="no venue BITSTAMP is configured") as venue_error:
            await p.track(parse_market("BITSTAMP:BTC/USD"), ["price"])
        assert venue_error.value.allowed == "KRAKEN"
        with pytest.raises(Invalid, match="does not offer trades") as metric_error:
            await p.track(parse_market("KRAKEN:BTC/USD"), ["trades"])
        assert "traded_quote" in metric_error.value.allowed
        with pytest.raises(NotFound):
            await p.stations.collect(venue="BITSTAMP")
        assert p.catalogue.series != ()


async def test_a_pair_listed_by_two_venues_must_name_its_venue(tmp_path: Path) -> None:
    clock = VirtualClock(T0 + 5_000)
    both = venue(clock), venue(clock, name="COINBASE")
    async with program(fileless(tmp_path), *both, clock=clock) as p:
        with pytest.raises(Invalid, match="more than once"):
            await p.track(parse_market("SOL/USD"), ["price"])
        (series,) = await p.track(parse_market("coinbase:sol-usd"), ["price"])
        assert series.name == "COINBASE:SOL/USD:price"


async def test_one_run_without_a_server_tracks_polls_and_is_on_disk_when_it_returns(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(T0 + 1_000)
    async with program(fileless(tmp_path), clock=clock) as p:
        (run,) = await p.stations.collect()
        assert (run.outcome, run.expected, run.updated) == ("complete", 2, 2)
    clock = VirtualClock(T0 + 2_000)
    async with program(fileless(tmp_path), clock=clock) as p:
        stretch = await p.stretch(p.catalogue.series[0], from_slot=S0 - 1, to_slot=S0)
        assert np.frombuffer(stretch.values, "<f8").tolist() == [100.0]
        assert [run.outcome for run in await p.runs()] == ["complete"]


async def test_a_venue_that_is_away_gives_a_run_of_none_and_stops_nobody(tmp_path: Path) -> None:
    clock = VirtualClock(T0 + 1_000)
    away, there = venue(clock), venue(clock, name="COINBASE")
    config = written(tmp_path, ["BTC/USD"])
    async with program(config, away, there, clock=clock) as p:
        await p.stations.list_all()
        await p.track(parse_market("COINBASE:ETH/USD"), ["price"])
        away.error = Unavailable("reset")
        runs = {run.venue: run for run in await p.stations.collect()}
    assert (runs["KRAKEN"].outcome, runs["COINBASE"].outcome) == ("none", "complete")


async def test_back_fill_on_request_brings_the_day_before(tmp_path: Path) -> None:
    clock = VirtualClock(T0 + 5_000)
    async with program(fileless(tmp_path), clock=clock) as p:
        await p.stations.backfill()
        await passing(clock, lambda: finished(p))
        day = DAY_MS // MINUTE_MS
        stretch = await p.stretch(p.catalogue.series[0], from_slot=S0 - day, to_slot=S0)
        assert not np.isnan(np.frombuffer(stretch.values, "<f8")).any()


async def test_a_program_that_runs_polls_closes_and_recovers_the_gap_after_a_restart(
    tmp_path: Path,
) -> None:
    clock = VirtualClock(T0 + 5_000)
    async with program(fileless(tmp_path), clock=clock) as p:
        await serve_minutes(p, clock, minutes=2)
    clock = VirtualClock(T0 + 12 * MINUTE_MS + 30_000)
    back = venue(clock)
    back.rows["BTCUSD"] += [((S0 + k) * MINUTE_MS, 500.0 + k, 1.0) for k in range(12)]
    async with program(fileless(tmp_path), back, clock=clock) as p:
        series = p.catalogue.series[0]
        gap = await p.stretch(series, from_slot=S0 + 2, to_slot=S0 + 12)
        assert set(gap.marks) == {Reason.NOT_POLLED}
        await serve_minutes(p, clock, minutes=1)
        filled = await p.stretch(series, from_slot=S0, to_slot=S0 + 12)
    values = np.frombuffer(filled.values, "<f8").tolist()
    assert values[:2] == [100.0, 100.0]  # a polled level is never replaced
    assert values[2:] == [502.0 + k for k in range(10)]


async def serve_minutes(p: Program, clock: VirtualClock, *, minutes: int) -> None:
    """Run every role for some slots of the virtual clock."""
    start_slot = clock.now_ms() // MINUTE_MS
    async with asyncio.TaskGroup() as group:
        task = group.create_task(p.serve_until_cancelled())
        for slot in range(start_slot, start_slot + minutes):
            await passing(clock, partial(_done, p, slot))
        task.cancel()


def _done(p: Program, slot: int) -> bool:
    return closed(p) >= slot and finished(p)


def closed(p: Program) -> int:
    board = p.snapshot.boards.get(MINUTE_MS)
    return board.slot if board else -1


def finished(p: Program) -> bool:
    return bool(p.jobs()) and all(job.finished_ms for job in p.jobs())


async def passing(clock: VirtualClock, holds: Callable[[], bool]) -> None:
    """Let time pass in steps small enough for the threads to keep up, until it holds."""
    for _ in range(5_000):
        if holds():
            return
        await clock.advance_to_ms(clock.now_ms() + 50, turns=3)
        await asyncio.sleep(0.001)  # the threads' turn
    raise AssertionError("it never came to hold")


async def test_a_collection_that_cannot_be_stored_is_not_answered_as_if_it_were(
    tmp_path: Path,
) -> None:
    async with program(fileless(tmp_path)) as p:
        await p.stations.list_all()
        nobody_reads = LocalBus(limits=Limits(publish_timeout_s=0.01))
        (collector,) = p.stations.collectors
        collector._bus = nobody_reads
        with pytest.raises(Unavailable, match="not stored within"):
            await p.stations.collect()
