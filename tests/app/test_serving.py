"""The address that stays good while what it shows changes from demo to live, and slot lines."""

from __future__ import annotations

import asyncio
import io
import socket
from pathlib import Path

import pytest
from rich.console import Console
from tests.web.listening import listening

from sigmawatch.adapters.clock import RealClock, ScaledClock
from sigmawatch.app.cli.api import ApiClient, in_process
from sigmawatch.app.cli.lines import Lines, SlotLine
from sigmawatch.app.cli.serving import Stage, fall_back
from sigmawatch.app.config import Config, Track
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.app.wiring import build
from sigmawatch_simulator import Config as SimulatorConfig
from sigmawatch_simulator import Simulator

TRACK = (Track(venue="kraken", markets=("BTC/USD",), metrics=("price",)),)


class Told(Lines):
    """Lines whose saying can be awaited."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO()))
        self.said: asyncio.Queue[str] = asyncio.Queue()

    def say(self, text: str) -> None:
        self.said.put_nowait(text)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def offline(folder: Path, port: int) -> Config:
    venues = {"kraken": VenueConfig(base_url=f"http://127.0.0.1:{port}")}
    return Config(data=folder, track=TRACK, venues=venues)


@pytest.mark.timeout(30)
async def test_the_demo_shows_while_no_venue_answers_and_live_as_soon_as_one_does(
    tmp_path: Path,
) -> None:
    port, lines = free_port(), Told()
    clock = ScaledClock(RealClock().now_ms(), speed=20.0)  # retries come every few seconds
    async with build(offline(tmp_path, port), clock=clock) as live, asyncio.TaskGroup() as group:
        stage = Stage(live, token="t")
        client = ApiClient(in_process(stage))
        serving = group.create_task(live.serve_until_cancelled())
        unconfigured = Config(data=tmp_path)
        falling = group.create_task(fall_back(unconfigured, live, stage=stage, lines=lines))
        assert (await client.get("/venues"))["demo"] is False
        early = await listening(live.streaming)
        assert "DEMO" in await lines.said.get()
        await early.until("reset")  # SEMANTICS.md 5: switches with a `reset`
        assert await early.told() == ("end", None)
        late = await listening(stage.program.streaming)
        assert (await late.until("hello"))["demo"] is True
        shown = await client.get("/venues")
        assert shown["demo"] is True
        assert len(shown["items"]) == 3
        assert (tmp_path / "demo").is_dir()
        simulated = SimulatorConfig(venues=("kraken",), ports={"kraken": port}, markets_count=5)
        async with Simulator(simulated):
            assert "live" in await lines.said.get()
            await falling
            assert (await client.get("/venues"))["demo"] is False
            assert stage.program is live
            await late.until("reset")
            assert await late.told() == ("end", None)
            serving.cancel()


async def test_a_configured_installation_is_never_replaced_by_the_demo(tmp_path: Path) -> None:
    config, lines = offline(tmp_path, free_port()), Told()
    clock = ScaledClock(RealClock().now_ms(), speed=3_600.0)
    async with build(config, clock=clock) as live, asyncio.TaskGroup() as group:
        stage = Stage(live, token="t")
        serving = group.create_task(live.serve_until_cancelled())
        await fall_back(config, live, stage=stage, lines=lines)
        assert stage.program is live
        assert lines.said.empty()
        serving.cancel()


def test_a_slot_line_says_what_came_what_did_not_and_what_moved() -> None:
    line = SlotLine(
        close_ms=0, venues={"BINANCE": (21, 21), "KRAKEN": (0, 21)},
        states={"BINANCE": "up", "KRAKEN": "rate_limited"}, backfill=(3, 7),
        top=("BINANCE:SOL/USDT", 0.0124), demo=True,
    )  # fmt: skip
    assert str(line).partition("  ")[2] == (
        "DEMO  BINANCE 21/21  KRAKEN 0/21 (rate_limited)  back-fill 43%  "
        "top BINANCE:SOL/USDT 1.240 %"
    )
