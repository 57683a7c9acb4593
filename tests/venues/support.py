"""What the venue tests share: recorded bodies, chance that stands still, adapters on loopback."""

from __future__ import annotations

import json
import math
import random
from array import array
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol, cast

import pytest

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.venues import VenueSettings, venue_for
from sigmawatch.adapters.venues.http import VenueHttp
from sigmawatch.domain.reading import Tickers
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue

DATA = Path(__file__).parents[3] / "shared" / "data"
T0_MS = 1_762_819_200_000  # 2025-11-11 00:00 UTC
MINUTE_MS = 60_000
AMPLE = 1_000_000.0  # a budget that nothing waits for


def recorded(name: str) -> Path:
    """A recorded file; skips the test, saying so, where the folder is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no recorded data: {name} is not beside this checkout")
    return path


def captured(name: str, text: str) -> bytes:
    """The body of the first HTTP answer in a capture of lines `URL -> time: BODY`."""
    for line in text.splitlines():
        head, found, body = line.partition(": ")
        if found and " -> " in head:
            return body.encode()
    raise AssertionError(f"no answer in {name}")


def row(tickers: Tickers, native: str) -> dict[str, float]:
    """One market of an answer: metric -> value, without the missing ones."""
    at = tickers.natives.index(native)
    values = {name: column[at] for name, column in tickers.columns.items()}
    return {name: value for name, value in values.items() if not math.isnan(value)}


def sound(tickers: Tickers) -> bool:
    """Whether every value keeps its rule: finite, price above zero, volume not negative."""
    for name, column in tickers.columns.items():
        values = [value for value in column if not math.isnan(value)]
        least = 0.0 if name.startswith("volume") or name == "spread_bp" else math.ulp(0.0)
        if not all(least <= value <= 1e100 for value in values):
            return False
    pairs = zip(tickers.columns.get("bid", ()), tickers.columns.get("ask", ()), strict=True)
    return not any(ask < bid for bid, ask in pairs)


def floats(values: array[float]) -> list[float | None]:
    """A column with None for what is missing, so that it compares."""
    return [None if math.isnan(value) else value for value in values]


def body(value: object) -> bytes:
    """JSON as a venue sends it."""
    return json.dumps(value, separators=(",", ":")).encode()


class Dice(random.Random):
    """Chance that always falls the same way."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self._value = value

    def random(self) -> float:
        return self._value


class Adapter(Venue, Protocol):
    """A venue asked by REST, with what only tests and telemetry look at."""

    http: VenueHttp
    rejected_markets: Mapping[str, str]


@asynccontextmanager
async def venue_at(
    base_url: str, name: str, *, clock: Clock | None = None, **settings: object
) -> AsyncIterator[Adapter]:
    """An adapter pointed at `base_url`, closed at the end. Half of each back-off is waited."""
    options: Mapping[str, object] = {"requests_per_minute": AMPLE, "timeout_s": 5.0, **settings}
    venue = venue_for(
        VenueSettings(name=name, base_url=base_url, **options),  # type: ignore[arg-type]
        clock=clock or VirtualClock(T0_MS),
        rng=Dice(0.5),
    )
    try:
        yield cast(Adapter, venue)
    finally:
        await venue.close()
