"""The whole program against the venue double, slot by slot, on one clock that stands still between.

Everything of the product is real but the clock: HTTP on loopback, bus, database, tables, REST. The
loops run as they do in `run`; the world moves the time and waits until each slot is closed and each
collector waits for the next one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from tests.faults.oracle import Stored

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app import wiring
from sigmawatch.app.collector import TIMEOUT_RATIO
from sigmawatch.app.config import BackfillConfig, Config, Track
from sigmawatch.app.program import Program
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.app.web import create_app
from sigmawatch.domain.window import Interval
from sigmawatch_simulator import Config as DoubleConfig
from sigmawatch_simulator import Simulator
from sigmawatch_simulator.clock import VirtualClock as VenueClock
from sigmawatch_simulator.past import Span
from sigmawatch_simulator.text import fixed

MINUTE = Interval(60_000)
START_MS = 1_762_819_200_000 + 3_630_000  # 2025-11-11 01:00:30 UTC, in the middle of a slot
OFFSET_MS = 1_000
VENUES = ("KRAKEN", "COINBASE", "BINANCE")  # of most tests
NATIVE = (*VENUES, "OKX", "BYBIT", "BITSTAMP")  # every venue that has an adapter of ours
_DOLLARS, _TETHER = ("BTC/USD", "ETH/USD", "SOL/USD"), ("BTC/USDT", "ETH/USDT", "SOL/USDT")
MARKETS = {
    "KRAKEN": _DOLLARS, "COINBASE": _DOLLARS, "BINANCE": _TETHER,
    "OKX": _TETHER, "BYBIT": _TETHER, "BITSTAMP": _DOLLARS,
}  # fmt: skip
METRICS = ("price", "volume_24h_base", "traded_quote")


@asynccontextmanager
async def a_double(**options: Any) -> AsyncIterator[Simulator]:
    """Three venues of a dozen markets; their clock stands still and nobody is limited."""
    given = {"markets_count": 12, "start_ms": START_MS, "speed": 0.0, "limited": False, **options}
    async with Simulator(DoubleConfig(**given)) as simulator:
        yield simulator


def configured(
    double: Simulator, folder: Path, *, names: Sequence[str] = VENUES, streams: Sequence[str] = (),
    **options: Any,
) -> Config:  # fmt: skip
    """Three markets at each of the venues `names`, pointed at the double. Only the world's clock
    ends a call, since the machine may be busy. streams: which of them are listened to."""
    venues = {
        name.lower(): VenueConfig(
            base_url=double.base_url(name.lower()), requests_per_minute=1e6, timeout_s=60.0,
            stream=name in streams,
        )
        for name in names
    }  # fmt: skip
    tracks = tuple(
        Track(venue=name.lower(), markets=MARKETS[name], metrics=METRICS) for name in names
    )
    given = {"data": folder, "track": tracks, "venues": venues, **options}
    return Config(**given)


NO_BACKFILL = BackfillConfig(enabled=False)


async def until(holds: Callable[[], object]) -> None:
    """Wait, in real time and not for long, until something in the background has happened."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


class WatchedClock(VirtualClock):
    """Knows who waits for what: moment -> how many. follower: goes where it goes, stop by stop."""

    def __init__(self, start_ms: int) -> None:
        super().__init__(start_ms)
        self.waiting: Counter[int] = Counter()
        self.follower: VenueClock | None = None

    async def sleep_until_ms(self, ts_ms: int) -> None:
        self.waiting[ts_ms] += 1
        try:
            await super().sleep_until_ms(ts_ms)
        finally:
            self.waiting[ts_ms] -= 1

    def _move_to_ms(self, ts_ms: int) -> None:
        super()._move_to_ms(ts_ms)
        if self.follower is not None:
            self.follower.set_ms(ts_ms)


@dataclass(kw_only=True)
class World:
    """A running program and its clock, in step with the double's."""

    program: Program
    clock: WatchedClock
    double: Simulator
    client: httpx.AsyncClient
    folder: Path
    interval: Interval = MINUTE  # of the slots that pass
    slot: int = field(init=False)
    excused: set[tuple[str, int]] = field(default_factory=set)  # what a venue itself told wrongly

    def __post_init__(self) -> None:
        self.slot = self.interval.slot(self.clock.now_ms())

    # Time

    async def begin(self) -> None:
        """Wait for the first answers: markets tracked, one run each, the day before filled in."""
        count = sum(len(track.markets) * len(track.metrics) for track in self.program.config.track)
        await until(lambda: len(self.program.catalogue.series) == count)
        await until(self.polled)
        if self.program.config.backfill.enabled:
            await self.filled()

    async def pass_slots(self, count: int = 1) -> None:
        """Let slots end, one after the other: each is polled, closed and shown."""
        for _ in range(count):
            await self.move_to_ms(self.interval.open_ms(self.slot + 1) + OFFSET_MS)
            self.slot += 1
            await until(self.closed)
            await until(self.polled)

    async def pass_slots_unanswered(self, venues: Sequence[str], count: int) -> None:
        """As `pass_slots`, while some venues keep every call waiting for longer than a slot."""
        for _ in range(count):
            boundary_ms = self.interval.open_ms(self.slot + 1)
            self.double.counters.reset()
            await self.move_to_ms(boundary_ms + OFFSET_MS)
            async with asyncio.timeout(60):
                for venue in venues:
                    await self.double.counters.arrival(venue.lower())
            self.slot += 1
            await until(lambda: self.polled(but=len(venues)))
            await self.move_to_ms(boundary_ms + OFFSET_MS + round(TIMEOUT_RATIO * self.interval.ms))
            await until(self.closed)
            await until(self.polled)

    async def move_to_ms(self, ts_ms: int) -> None:
        """Both clocks go there together; who was due on the way has begun its work."""
        self.clock.follower = self.double.clock
        await self.clock.advance_to_ms(ts_ms, turns=20)
        self.clock.follower = None

    def closed(self) -> bool:
        board = self.program.snapshot.boards.get(self.interval.ms)
        return board is not None and board.slot >= self.slot - 1

    def polled(self, but: int = 0) -> bool:
        """Whether every collector, `but` some, has done its run and waits for the slot's end; so
        may others."""
        due_ms = self.interval.open_ms(self.slot + 1) + OFFSET_MS
        return self.clock.waiting[due_ms] >= len(self.program.stations.collectors) - but

    async def filled(self) -> None:
        """Wait until no back-fill is wanted or under way, and what it brought is on the boards."""
        await until(lambda: self.program.jobs() and not self._filling())
        await self.program.tracker.refresh()

    def _filling(self) -> bool:
        return any(job.finished_ms is None for job in self.program.jobs())

    # Looking, as a client does

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def rows(self, venue: str, metric: str = "price") -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (
            await self.get("/metrics", venue=venue, metric=metric, limit=100)
        )["items"]
        return items

    async def row(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/metrics/{name.replace('/', '-')}")
        return found

    async def records(self, name: str, first: int, last: int) -> list[tuple[Any, list[str]]]:
        """(value, marks) of the slots [first, last]."""
        query = {"from": str(MINUTE.open_ms(first)), "to": str(MINUTE.open_ms(last + 1))}
        answer = await self.get(f"/metrics/{name.replace('/', '-')}/records", **query)
        assert len(answer["items"]) == last - first + 1
        return [(item["value"], item.get("marks", [])) for item in answer["items"]]

    async def venue(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/venues/{name}")
        return found

    async def last_run(self, venue: str) -> dict[str, Any]:
        items = (await self.get("/runs", venue=venue, limit=1))["items"]
        found: dict[str, Any] = items[0]
        return found

    async def run_of(self, venue: str, slot: int) -> dict[str, Any]:
        """The poll that closed `slot`, once it is on disk."""
        started_ms = MINUTE.open_ms(slot + 1) + OFFSET_MS
        async with asyncio.timeout(60):
            while True:
                items = (await self.get("/runs", venue=venue, limit=200))["items"]
                for item in items:
                    if item["id"].endswith(f":{started_ms}"):
                        found: dict[str, Any] = item
                        return found

    # The truth, which faults do not touch

    def truth(self, name: str, first: int, last: int) -> dict[int, Minute]:
        """What the double's model says of the slots [first, last] of `KRAKEN:BTC/USD`."""
        venue, pair = name.split(":")[:2]
        stage = self.double.stages[venue.lower()]
        position = next(at for at, market in enumerate(stage.markets) if market.pair == pair)
        market = stage.markets[position]
        span = Span(
            first_ms=MINUTE.open_ms(first), end_ms=MINUTE.open_ms(last + 1), step_ms=MINUTE.ms
        )
        found = stage.scene(self.double.clock.now_ms()).past(position).candles(span)
        ticks, quotes = market.tick_decimals, market.quote_decimals
        return {
            open_ms // MINUTE.ms: Minute(
                low=float(fixed(low, ticks)), high=float(fixed(high, ticks)),
                close=float(fixed(close, ticks)), quote=float(fixed(quote, quotes)),
            )
            for open_ms, low, high, close, quote in zip(
                found.open_ms.tolist(), found.low.tolist(), found.high.tolist(),
                found.close.tolist(), found.quote.tolist(), strict=True,
            )
        }  # fmt: skip

    def stored(self) -> Stored:
        return Stored(self.folder, scratch=self.folder.parent)

    def assert_nothing_bad_is_stored(self, *, since: int) -> None:
        """Read every frame and patch back: what counts lies within what the market did. Prices
        around their slot (a poll comes a second after it, a coarse candle covers five)."""
        counted: dict[str, dict[int, list[float]]] = {}
        for name, slot, value in self.stored().counted():
            counted.setdefault(name, {}).setdefault(slot, []).append(value)
        assert len(counted) == len(self.program.catalogue.series)
        for name, slots in counted.items():
            assert all(value >= 0.0 for values in slots.values() for value in values), name
            if name.endswith(":price"):
                self._assert_prices(name, slots, since=since)

    def _assert_prices(self, name: str, slots: Mapping[int, list[float]], *, since: int) -> None:
        truth = self.truth(name, min(slots) - 5, max(slots) + 5)
        for slot, values in slots.items():
            reach = 1 if slot >= since else 5
            near = [truth[at] for at in range(slot - reach, slot + reach + 1) if at in truth]
            low, high = min(m.low for m in near), max(m.high for m in near)
            sound = all(low <= value <= high for value in values)
            assert sound or (name, slot) in self.excused, (name, slot, values)


@dataclass(frozen=True, kw_only=True)
class Minute:
    """What one market did in one slot; quote: what was traded."""

    low: float
    high: float
    close: float
    quote: float


@asynccontextmanager
async def a_world(double: Simulator, config: Config) -> AsyncIterator[World]:
    """The program running over `config`, from the double's time on."""
    clock = WatchedClock(double.clock.now_ms())
    async with wiring.build(config, clock=clock) as program, asyncio.TaskGroup() as group:
        app: Any = create_app(program)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        running = group.create_task(program.serve_until_cancelled())
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:8000"
        ) as client:
            world = World(
                program=program,
                clock=clock,
                double=double,
                client=client,
                folder=config.data,
                interval=config.interval,
            )
            yield world
        running.cancel()
