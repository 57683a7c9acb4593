"""Simulators that stand still, without request limits unless a test wants them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from tests.simulator.asking import NOON_MS

from sigmawatch_simulator import Config, Simulator

Make = Callable[..., Simulator]


@pytest.fixture(scope="session")
def still() -> Simulator:
    """Thirty markets per venue at one instant; tests only read it."""
    return _make(markets_count=30)


@pytest.fixture
def make() -> Make:
    """A simulator of a test's own."""
    return _make


@pytest.fixture
async def running() -> AsyncIterator[Simulator]:
    """On its ports, twelve markets per venue."""
    async with _make(markets_count=12) as simulator:
        yield simulator


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as session:
        yield session


def _make(**settings: Any) -> Simulator:
    standing: dict[str, Any] = {"start_ms": NOON_MS, "speed": 0.0, "limited": False}
    return Simulator(Config(**{**standing, **settings}))
