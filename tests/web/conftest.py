"""A real program for the tests of the API; only its venues and its clock are ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
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
MOVES = {base: 1.0 + 0.001 * place for place, base in enumerate(reversed(BASES))}


@dataclass(kw_only=True)
class World:
    """A running program, and the hands that move it."""

    program: Program
    clock: VirtualClock
    venues: Mapping[str, MemoryVenue]
    app: Litestar
    client: httpx.AsyncClient
    slot: int = MINUTE.slot(START_MS)
    prices: dict[str, dict[str, float]] = field(default_factory=dict)

    async def pass_slots(self, count: int, moves: Mapping[str, float] | None = None) -> None:
        """Let slots go by. moves: base -> factor its price changes by, in turn up and down."""
        for _ in range(count):
            self._move(moves or {})
            boundary_ms = MINUTE.open_ms(self.slot + 1)
            await self.clock.advance_to_ms(boundary_ms + 1_000)
            async with asyncio.TaskGroup() as group:
                for collector in self.program.stations.collectors:
                    group.create_task(collector.run_once(RunKind.POLL, boundary_ms=boundary_ms))
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
        answer = await self.client.get(f"/api/v1{path}", params=query or None)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        return answer.json()


def listed(base: str, venue: str) -> Market:
    return Market(venue=venue, base=base, quote="USD", native=f"{base}USD")


def a_venue(name: str, clock: VirtualClock) -> MemoryVenue:
    venue = MemoryVenue(clock, name=name)
    venue.listed = [listed(base, name) for base in (*BASES, "NEW")]
    venue.listed.append(Market(venue=name, base="BTC", quote="EUR", native="BTCEUR"))
    venue.prices = {f"{base}USD": 10.0 * 7**place for place, base in enumerate(BASES)}
    return venue


@asynccontextmanager
async def a_world(
    folder: Path,
    *,
    source: Path | None = None,
    demo: bool = False,
    start_ms: int = START_MS,
    **settings: object,
) -> AsyncIterator[World]:
    """Two venues with six prices each, before their first slot. source: as if from that file.
    settings: more of the configuration."""
    clock = VirtualClock(start_ms)
    venues = {name: a_venue(name, clock) for name in VENUES}
    track = tuple(
        Track(venue=name.lower(), markets=tuple(f"{b}/USD" for b in BASES), metrics=("price",))
        for name in VENUES
    )
    config = Config.model_validate({"data": folder, "track": track, **settings})
    config._source = source
    given = list(venues.values())
    async with wiring.build(config, clock=clock, venues=given, demo=demo) as program:
        await program.stations.list_all()
        app = create_app(program, token=TOKEN)
        asgi: Any = app
        transport = httpx.ASGITransport(asgi, raise_app_exceptions=False)  # in this very loop
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000"
        ) as client:
            yield World(
                program=program,
                clock=clock,
                venues=venues,
                app=app,
                client=client,
                slot=MINUTE.slot(start_ms),
            )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world of the test's own, before its first slot."""
    async with a_world(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def moving(world: World) -> World:
    """Twelve slots later; every base has moved by its own measure, XRP not at all."""
    await world.pass_slots(12, MOVES)
    return world


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def still(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """As `moving`, but one for all tests that only read: never moved, never changed."""
    async with a_world(tmp_path_factory.mktemp("still")) as made:
        await made.pass_slots(12, MOVES)
        yield made


reading = pytest.mark.asyncio(loop_scope="session")
