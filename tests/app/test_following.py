"""Patterns in a running program: who joins, who leaves, who stays for somebody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.app.doubles import MemoryVenue
from tests.app.test_program import S0, T0, fileless, program

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.config import Config
from sigmawatch.app.program import Program
from sigmawatch.app.sources import load_config
from sigmawatch.domain.errors import Conflict, Invalid, NotFound, Unavailable
from sigmawatch.domain.following import Following, parse_market_pattern
from sigmawatch.domain.market import Market, parse_market
from sigmawatch.domain.venue import RunKind
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, Interval

TOP = "kraken:*/EUR top 2 by volume_24h_quote"


def listed(base: str, quote: str = "EUR") -> Market:
    return Market(venue="KRAKEN", base=base, quote=quote, native=f"{base}{quote}")


def a_venue(clock: VirtualClock, *, budget: float = 600.0) -> MemoryVenue:
    """Four markets in euros, AEUR the busiest, and two in dollars, which tracks BTC and ETH."""
    made = MemoryVenue(clock, budget=budget)
    bases = ("A", "B", "C", "D")
    made.listed = [*(listed(base) for base in bases), listed("BTC", "USD"), listed("ETH", "USD")]
    made.prices = {one.native: 10.0 for one in made.listed}
    made.volumes = {one.native: 100.0 - place for place, one in enumerate(made.listed)}
    return made


def wanted(text: str, *metrics: str) -> Following:
    return Following(pattern=parse_market_pattern(text), metrics=metrics or ("price",),
                     interval=Interval(MINUTE_MS))  # fmt: skip


class World:
    def __init__(self, program: Program, clock: VirtualClock, venue: MemoryVenue) -> None:
        self.program, self.clock, self.venue = program, clock, venue

    async def lists_again(self, after_ms: int = HOUR_MS) -> None:
        """The venue's list is read once more, as it is hourly."""
        await self.clock.advance_to_ms(self.clock.now_ms() + after_ms)
        [collector] = self.program.stations.collectors
        await collector.refresh_markets()
        await self.program.stations.listed("KRAKEN")

    @property
    def euros(self) -> set[str]:
        """What is tracked in euros, and why."""
        return {f"{one.market.base}:{one.metric}:{one.origin}"
                for one in self.program.catalogue.series if one.market.quote == "EUR"}  # fmt: skip


@asynccontextmanager
async def a_world(config: Config, *, budget: float = 600.0) -> AsyncIterator[World]:
    clock = VirtualClock(T0 + 5_000)
    venue = a_venue(clock, budget=budget)
    async with program(config, venue, clock=clock) as made:
        await made.stations.list_all()
        yield World(made, clock, venue)


async def test_a_listing_joins_and_a_delisting_leaves_an_hour_after_it_is_sure(
    tmp_path: Path,
) -> None:
    async with a_world(fileless(tmp_path)) as world:
        _, new = await world.program.patterns.add(wanted("kraken:*/EUR"))
        assert new
        assert world.euros == {f"{base}:price:pattern" for base in "ABCD"}
        world.venue.listed = [one for one in world.venue.listed if one.base != "A"]
        world.venue.listed.append(listed("NEW"))
        everybody = {f"{base}:price:pattern" for base in ("A", "B", "C", "D", "NEW")}
        await world.lists_again()
        assert world.euros == everybody, "A may come back"
        await world.lists_again()
        assert world.euros == everybody, "A is shown as delisted"
        await world.lists_again()
        assert world.euros == everybody - {"A:price:pattern"}


async def test_a_top_is_ranked_by_markets_that_nobody_tracks_and_a_series_keeps_its_id(
    tmp_path: Path,
) -> None:
    async with a_world(fileless(tmp_path)) as world:
        await world.program.patterns.add(wanted(TOP))
        assert world.euros == {"A:price:pattern", "B:price:pattern"}
        ids = {one.market.base: one.id for one in world.program.catalogue.series}
        world.venue.volumes |= {"DEUR": 1_000.0, "BEUR": 1.0}  # D, A, C, B
        await world.lists_again()
        assert world.euros == {"A:price:pattern", "D:price:pattern"}
        assert ids["A"] == next(
            one.id for one in world.program.catalogue.series if one.market.base == "A"
        )


async def test_a_market_that_is_listed_again_has_its_series_and_their_past(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        await world.program.patterns.add(wanted("kraken:*/EUR"))
        [before] = [one for one in world.program.catalogue.series if one.market.base == "B"]
        [collector] = world.program.stations.collectors
        boundary_ms = T0 + MINUTE_MS
        await world.clock.advance_to_ms(boundary_ms + 1_000)
        await collector.run_once(RunKind.POLL, boundary_ms=boundary_ms)
        gone, world.venue.listed = world.venue.listed, [
            one for one in world.venue.listed if one.base != "B"
        ]  # fmt: skip
        for _ in range(3):
            await world.lists_again()
        assert "B:price:pattern" not in world.euros
        world.venue.listed = gone
        await world.lists_again()
        [after] = [one for one in world.program.catalogue.series if one.market.base == "B"]
        assert after == before
        stored = await world.program.stretch(after, from_slot=S0, to_slot=S0 + 2)
        assert np.frombuffer(stored.values, "<f8")[0] == 10.0


async def test_a_venue_that_does_not_answer_moves_nobody(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        await world.program.patterns.add(wanted(TOP))
        world.venue.volumes["DEUR"] = 1_000.0
        world.venue.error = Unavailable("down")
        await world.program.stations.listed("KRAKEN")
        assert world.euros == {"A:price:pattern", "B:price:pattern"}
        with pytest.raises(Unavailable):
            await world.program.patterns.add(wanted("kraken:*/USD top 1 by volume_24h_quote"))


async def test_a_market_stays_tracked_while_anything_names_it(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        first, _ = await world.program.patterns.add(wanted("kraken:*/EUR"))
        second, _ = await world.program.patterns.add(wanted("kraken:A/*"))
        await world.program.track(parse_market("KRAKEN:B/EUR"), ["price"])
        assert world.euros == {
            "A:price:pattern", "B:price:api", "C:price:pattern", "D:price:pattern"
        }  # fmt: skip
        await world.program.patterns.remove(first.id)
        assert world.euros == {"A:price:pattern", "B:price:api"}
        await world.program.patterns.remove(second.id)
        assert world.euros == {"B:price:api"}


async def test_what_is_let_go_by_its_name_stays_for_the_pattern_alone(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        [series] = await world.program.track(parse_market("KRAKEN:A/EUR"), ["price"])
        made, _ = await world.program.patterns.add(wanted("kraken:*/EUR"))
        await world.program.untrack(series)
        assert "A:price:pattern" in world.euros
        kept = world.program.catalogue.by_id(series.id)
        assert kept is not None
        with pytest.raises(Conflict, match=r"KRAKEN:\*/EUR"):
            await world.program.untrack(kept)
        await world.program.patterns.remove(made.id)
        assert world.euros == set()


async def test_what_cannot_be_followed_is_refused_and_nothing_is_tracked(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path), budget=6.0) as world:
        add = world.program.patterns.add
        with pytest.raises(Invalid, match="lists no market"):
            await add(wanted("kraken:*/JPY"))
        with pytest.raises(Invalid, match="does not offer ask"):
            await add(wanted("kraken:*/EUR", "ask"))
        with pytest.raises(Invalid, match="pays for traded volumes of 3 markets"):
            await add(wanted("kraken:*/EUR", "price", "traded_quote"))
        with pytest.raises(NotFound):
            await add(wanted("moon:*/EUR"))
        assert world.euros == set()
        assert not world.program.patterns.all


async def test_the_same_pattern_again_changes_nothing_and_other_metrics_do(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        made, _ = await world.program.patterns.add(wanted(TOP))
        again, new = await world.program.patterns.add(wanted(TOP.upper()))
        assert (again, new) == (made, False)
        other, new = await world.program.patterns.add(wanted(TOP, "bid"))
        assert (other.id, new) == (made.id, False)
        assert world.euros == {"A:bid:pattern", "B:bid:pattern"}


async def test_what_belongs_to_a_pattern_is_known_after_a_restart(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        made, _ = await world.program.patterns.add(wanted(TOP))
        world.venue.volumes["CEUR"] = 99.5  # between A and B: third place is enough to stay
        await world.lists_again()
        assert len(world.euros) == 3
    async with a_world(fileless(tmp_path)) as world:
        assert [one.id for one in world.program.patterns.all] == [made.id]
        assert world.euros == {f"{base}:price:pattern" for base in "ABC"}, "the edge is remembered"


def written(folder: Path, *markets: str) -> Config:
    path = folder / "sigmawatch.toml"
    path.write_text(f'[[track]]\nvenue = "kraken"\nmarkets = {list(markets)}\n')
    return load_config(path, environ={}, overrides={"data": folder / "data"})


async def test_a_file_follows_patterns_beside_markets_and_is_changed_in_the_file(
    tmp_path: Path,
) -> None:
    config = written(tmp_path, "BTC/USD", "*/EUR top 1 by volume_24h_quote", "*/JPY")
    async with a_world(config) as world:
        metrics = ("price", "volume_24h_quote", "volume_24h_ref")
        assert world.euros == {f"A:{metric}:pattern" for metric in metrics}
        [report] = world.program.stations.reports()
        assert list(report.unresolved) == ["KRAKEN:*/JPY"]
        [one] = world.program.patterns.all
        with pytest.raises(Conflict, match=r"sigmawatch\.toml"):
            await world.program.patterns.remove(one.id)
    async with a_world(written(tmp_path, "BTC/USD", "A/EUR")) as world:
        assert not world.program.patterns.all
        assert "A:price:file" in world.euros
        assert not any(name.endswith("pattern") for name in world.euros)


async def test_a_market_that_its_venue_calls_otherwise_goes_on(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        await world.program.patterns.add(wanted(TOP))
        before = {one.name: one.id for one in world.program.catalogue.series}
        venue = world.venue
        for native in ("AEUR", "BTCUSD"):
            venue.prices[f"NEW{native}"] = venue.prices.pop(native)
            venue.volumes[f"NEW{native}"] = venue.volumes.pop(native)
        venue.listed = [
            replace(one, native=f"NEW{one.native}") if one.native in {"AEUR", "BTCUSD"} else one
            for one in venue.listed
        ]
        await world.lists_again()
        assert {one.name: one.id for one in world.program.catalogue.series} == before
        [collector] = world.program.stations.collectors
        boundary_ms = world.clock.now_ms() // MINUTE_MS * MINUTE_MS + MINUTE_MS
        await world.clock.advance_to_ms(boundary_ms + 1_000)
        run = await collector.run_once(RunKind.POLL, boundary_ms=boundary_ms)
        assert (run.expected, run.failed) == (4, 0)
    async with a_world(fileless(tmp_path)) as world:
        assert {one.name: one.id for one in world.program.catalogue.series} == before


async def test_those_who_stay_lose_no_slot_while_others_come_and_go(tmp_path: Path) -> None:
    async with a_world(fileless(tmp_path)) as world:
        [collector] = world.program.stations.collectors
        made = wanted("kraken:*/EUR")
        for minute in range(1, 6):
            await world.clock.advance_to_ms(T0 + minute * MINUTE_MS + 1_000)
            if minute % 2:
                made, _ = await world.program.patterns.add(wanted("kraken:*/EUR"))
            else:
                await world.program.patterns.remove(made.id)
            run = await collector.run_once(RunKind.POLL, boundary_ms=T0 + minute * MINUTE_MS)
            assert run.failed == 0
        await world.program.tracker.refresh()
        btc = next(one for one in world.program.catalogue.series if one.market.base == "BTC")
        stretch = await world.program.stretch(btc, from_slot=S0, to_slot=S0 + 5)
        assert list(np.frombuffer(stretch.values)) == [10.0] * 5
