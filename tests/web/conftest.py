"""A real program for the tests of the API; only its venues and its clock are ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from tests.app.doubles import MemoryVenue

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app import wiring
from sigmawatch.app.config import Config, Track
from sigmawatch.app.program import Program
from sigmawatch.app.web import create_app
from sigmawatch.domain.market import Market
from sigmawatch.domain.venue import RunKind
from sigmawatch.domain.window import Interval

MINUTE = Interval(60_000)
START_MS = 1_795_248_000_000  # 2026-11-21T08:00:00Z
TOKEN = "t" * 43
BASES = ("BTC", "ETH", "SOL", "ADA", "DOT", "XRP")
VENUES = ("BINANCE", "KRAKEN")


@dataclass(kw_only=True)
class World:
    """A running program, and the hands that move it."""

    program: Program
    clock: VirtualClock
    venues: Mapping[str, MemoryVenue]
    app: Litestar
    client: AsyncTestClient[Litestar]
    slot: int = MINUTE.slot(START_MS)
    prices: dict[str, dict[str, float]] = field(default_factory=dict)

    async def pass_slots(self, count: int, moves: Mapping[str, float] | None = None) -> None:
        """Let slots go by. moves: base -> factor its price changes by, in turn up and down."""
        for _ in range(count):
            self._move(moves or {})
            boundary_ms = MINUTE.open_ms(self.slot + 1)
            await self.clock.advance_to_ms(boundary_ms + 1_000)
            for collector in self.program.collectors:
                await collector.run_once(RunKind.POLL, boundary_ms=boundary_ms)
            await self.program.tracker.close_slot(MINUTE, self.slot)
            self.slot += 1

    def _move(self, moves: Mapping[str, float]) -> None:
        up = self.slot % 2 == 0
        for venue in self.venues.values():
            for native in venue.prices:
                factor = moves.get(native.removesuffix("USD"), 1.0)
                venue.prices[native] *= factor if up else 1.0 / factor

    async def get(self, path: str, **query: object) -> Any:
        """The JSON of a successful GET below /api/v1."""
        answer = await self.client.get(f"/api/v1{path}", params=query)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return answer.json()


def listed(base: str, venue: str) -> Market:
    return Market(venue=venue, base=base, quote="USD", native=f"{base}USD")


def a_venue(name: str, clock: VirtualClock) -> MemoryVenue:
    venue = MemoryVenue(clock, name=name)
    venue.listed = [listed(base, name) for base in (*BASES, "NEW")]
    venue.prices = {f"{base}USD": 10.0 * 7**place for place, base in enumerate(BASES)}
    return venue


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two venues with six prices each, before their first slot."""
    clock = VirtualClock(START_MS)
    venues = {name: a_venue(name, clock) for name in VENUES}
    config = Config(
        data=tmp_path / "data",
        track=tuple(
            Track(venue=name.lower(), markets=tuple(f"{b}/USD" for b in BASES), metrics=("price",))
            for name in VENUES
        ),
    )
    async with wiring.build(config, clock=clock, venues=list(venues.values())) as program:
        await program.list_venues()
        app = create_app(program, token=TOKEN)
        async with AsyncTestClient(
            app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False
        ) as client:
            yield World(program=program, clock=clock, venues=venues, app=app, client=client)


@pytest.fixture
async def moving(world: World) -> World:
    """Forty slots later; every base moves by its own measure, all of XRP not at all."""
    moves = {base: 1.0 + 0.001 * place for place, base in enumerate(reversed(BASES))}
    await world.pass_slots(40, moves)
    return world
