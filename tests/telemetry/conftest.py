"""A real program, as the tests of the API have it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.web.conftest import MOVES, World, a_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Before its first slot."""
    async with a_world(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def moving(world: World) -> World:
    """Twelve slots later."""
    await world.pass_slots(12, MOVES)
    return world
