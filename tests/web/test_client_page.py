"""docs/reference/client.md: every example on it runs as it stands, on a running program."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from tests.web.conftest import MOVES, World
from tests.web.test_server import serving

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "client.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("source", EXAMPLES, ids=range(len(EXAMPLES)))
async def test_an_example_of_the_page_runs(
    moving: World, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(moving.app) as (port, _), asyncio.timeout(60):
        monkeypatch.setenv("SIGMAWATCH_URL", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("SIGMAWATCH_KEY", raising=False)
        example = asyncio.create_task(asyncio.to_thread(exec, source, {"__name__": "example"}))
        while not example.done():  # slots close, for who waits for one
            await moving.pass_slots(1, MOVES)
            await asyncio.wait([example], timeout=0.2)
        await example
