"""A stream that was recorded and is replayed: the same frames, record for record.

What is recorded is the whole program listening to the double, its stream broken meanwhile; the
replay hears the recording through the same session code. Cut off anywhere it plays up to there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.faults.oracle import Body, Stored
from tests.simulation.fault_table import HANDSHAKES
from tests.simulation.listening import ListeningWorld
from tests.simulation.world import (
    MARKETS,
    METRICS,
    MINUTE,
    NO_BACKFILL,
    World,
    a_double,
    a_world,
    configured,
    until,
)

from sigmawatch.adapters.venues.recording import Recorder, read_recording
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.venues.streams.socket import SocketStream
from sigmawatch.app.config import Config
from sigmawatch.app.derived_config import FailOverConfig
from sigmawatch.app.listening.streamed import StreamedVenue
from sigmawatch.app.replay import Replay
from sigmawatch.app.web import create_app
from sigmawatch.app.wiring_replay import replaying
from sigmawatch_simulator import Fault

ROOMY = 100_000_000
HERE = "http://127.0.0.1:8000"
SERIES = 2 * len(MARKETS["KRAKEN"]) * len(METRICS)
Frames = Mapping[tuple[int, int], Sequence[Body]]  # by block and slot


def record(world: World, recorder: Recorder) -> None:
    """Everything that the venues of a world that has not begun will say."""
    for collector in world.program.stations.collectors:
        venue = collector.venue
        if isinstance(venue, StreamedVenue):
            assert venue.listener.report().connections == 0
            venue = venue.polled
        assert isinstance(venue, RestVenue)
        venue.http.tap = recorder.hearing(collector.name)
        if isinstance(venue.stream, SocketStream):
            venue.stream.tap = recorder.write


async def lived(heard: ListeningWorld) -> None:
    """A life of a stream: it stands, is silent, is cut off, is refused, and stands again."""
    faults, venue = heard.world.double.faults, heard.venue.lower()
    await heard.lives()
    await heard.pass_slots(3)
    with faults.on(Fault(kind="ws_silent", venue=venue)):
        await heard.pass_s(20)
    await heard.lives()
    refused = Fault(kind="server_error", venue=venue, path=HANDSHAKES[heard.venue])
    with faults.on(Fault(kind="ws_abort", venue=venue), refused):
        await heard.pass_s(15)
    await heard.lives(within_s=90)
    heard.catch_up()
    await heard.pass_slots(3)


@pytest.fixture(params=tuple(HANDSHAKES))
def venue(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def recorded(folder: Path, venue: str) -> AsyncIterator[tuple[Config, Frames]]:
    """The configuration of a life that was recorded to `told.jsonl`, and what it stored."""
    recorder = Recorder(folder / "told.jsonl", bytes_max=ROOMY)
    async with a_double() as double:
        config = configured(
            double, folder / "data", names=(venue,), streams=(venue,), backfill=NO_BACKFILL,
        )  # fmt: skip
        async with a_world(double, config) as world:
            record(world, recorder)
            await world.begin()
            heard = ListeningWorld(world, venue)
            await lived(heard)
            frames = world.stored().frames
        recorder.close()
        yield config, frames


async def play(replay: Replay) -> None:
    """To its end."""
    async with asyncio.TaskGroup() as group:
        hearing = group.create_task(replay.listen_for_ever())
        async for _ in replay.slots():
            pass
        hearing.cancel()


async def replayed(config: Config, source: Path, *, folder: Path) -> Frames:
    """What a replay stored."""
    async with replaying(config, source, folder=folder) as replay:
        await play(replay)
    return Stored(folder, scratch=folder.parent / "scratch").frames


def between(frames: Frames, first: int, last: int) -> Frames:
    """Those of the slots [first, last]."""
    return {key: some for key, some in frames.items() if first <= key[1] <= last}


async def test_a_stream_that_was_recorded_is_replayed_record_for_record(
    tmp_path: Path, venue: str
) -> None:
    async with recorded(tmp_path, venue) as (config, told):
        again = await replayed(config, tmp_path / "told.jsonl", folder=tmp_path / "again")
    slots = {slot for _, slot in told}
    first, last = min(slots) + 2, max(slots) - 1  # of the first we heard a part
    assert last - first >= 3
    assert between(again, first, last) == between(told, first, last)


async def test_a_recorded_stream_that_is_cut_off_is_replayed_up_to_there(tmp_path: Path) -> None:
    """Where the tear goes through a frame, in the middle of the recording."""
    async with recorded(tmp_path, "KRAKEN") as (config, told):
        whole = (tmp_path / "told.jsonl").read_bytes()
        torn = tmp_path / "torn.jsonl"
        torn.write_bytes(whole[: whole.index(b"\n", 2 * len(whole) // 3) - 7])
        recording = read_recording(torn)
        again = await replayed(config, torn, folder=tmp_path / "again")
    number = torn.read_bytes().count(b"\n") + 1
    assert recording.notes == [f"torn.jsonl is cut off in line {number}: played up to there"]
    first, last = min(slot for _, slot in told) + 2, max(slot for _, slot in again)
    assert last < max(slot for _, slot in told)
    assert last - first >= 2
    assert between(again, first, last - 1) == between(told, first, last - 1)


async def test_a_fail_over_is_replayed_as_it_was(tmp_path: Path) -> None:
    stitched = FailOverConfig(market="kraken:BTC/USD", backups=("coinbase:BTC/USD",))
    recorder, names = Recorder(tmp_path / "told.jsonl", bytes_max=ROOMY), ("KRAKEN", "COINBASE")
    async with a_double() as double:
        config = configured(
            double, tmp_path / "data", names=names, backfill=NO_BACKFILL, failover=(stitched,)
        )
        async with a_world(double, config) as world:
            record(world, recorder)
            await until(lambda: len(world.program.catalogue.series) == SERIES + 2)
            await until(world.polled)
            await world.pass_slots(3)
            with double.faults.on(Fault(kind="server_error", venue="kraken")):
                await world.pass_slots(5)
            await world.pass_slots(2)
            await world.program.tracker.refresh()
            first, last = world.slot - 9, world.slot - 2
            shown = await sources(world.client, first, last)
    recorder.close()
    assert set(shown) == {"KRAKEN:BTC/USD", "COINBASE:BTC/USD"}
    async with replaying(config, tmp_path / "told.jsonl", folder=tmp_path / "again") as replay:
        await play(replay)
        await replay.program.tracker.refresh()
        app: Any = create_app(replay.program)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            assert await sources(client, first, last) == shown


async def sources(client: httpx.AsyncClient, first: int, last: int) -> list[str]:
    """Which venue the slots [first, last] are shown from."""
    query = {"from": str(MINUTE.open_ms(first)), "to": str(MINUTE.open_ms(last + 1))}
    answer = await client.get("/api/v1/metrics/DERIVED:BTC-USD:price/records", params=query)
    assert answer.status_code == 200, answer.text
    return [item["source"] for item in answer.json()["items"]]
