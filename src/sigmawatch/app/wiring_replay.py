"""The wiring of recording and of replay: what venues say onto a file, and a file through a program.

Beside app.wiring the only module that knows adapters.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from sigmawatch.adapters.clock import RealClock, VirtualClock
from sigmawatch.adapters.venues import VENUES, recorded
from sigmawatch.adapters.venues.files import FileVenue, read_tapes
from sigmawatch.adapters.venues.recording import Recorder, Recording, read_recording
from sigmawatch.adapters.venues.rest import RestVenue
from sigmawatch.adapters.venues.streams.recorded import Promptly, RecordedStream
from sigmawatch.adapters.venues.streams.socket import SocketStream
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.config import Config, Track
from sigmawatch.app.listening.listener import Listener
from sigmawatch.app.recording import Sitting
from sigmawatch.app.replay import Replay, replay_config
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.app.wiring import build, venue_of
from sigmawatch.domain.errors import Refused
from sigmawatch.domain.window import MINUTE_MS, SECOND_MS
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue

BUDGET = 1e9  # requests a minute: nobody is asked


async def record(
    config: Config, names: Sequence[str], *, path: Path, for_s: float, bytes_max: int
) -> str:
    """Ask venues as collectors would, and listen to those whose stream is wanted; write every raw
    answer and every frame to `path`, which is new, and what that was in words. What fails is
    recorded as it came. Raises NotFound for a venue without an adapter, Refused for one of the
    configuration's own."""
    clock = RealClock()
    venues = [_recordable(name, config, clock=clock) for name in names]
    until_ms = clock.now_ms() + round(SECOND_MS * for_s)
    recorder = Recorder(path, bytes_max=bytes_max)
    try:
        async with asyncio.TaskGroup() as group:
            for venue in venues:
                sitting = _sitting(venue, config, recorder=recorder, clock=clock)
                group.create_task(sitting.run(until_ms), name=venue.traits.name)
    finally:
        for venue in venues:
            await venue.close()
        recorder.close()
    return _told(recorder)


def _recordable(name: str, config: Config, *, clock: Clock) -> Venue:
    venue = venue_of(name, config, clock=clock)
    if not isinstance(venue, RestVenue):
        raise Refused(f"{name} is a venue of your own: what it says is not recorded")
    return venue


def _sitting(venue: Venue, config: Config, *, recorder: Recorder, clock: Clock) -> Sitting:
    assert isinstance(venue, RestVenue)
    name, catalogue, listener = venue.traits.name, Catalogue(), None
    venue.http.tap = recorder.hearing(name)
    if isinstance(venue.stream, SocketStream):
        venue.stream.tap = recorder.write
        listener = Listener(venue.stream, name=name, catalogue=catalogue, clock=clock,
                            rng=venue.rng)  # fmt: skip
    sitting = Sitting(venue=venue, config=config, clock=clock, catalogue=catalogue,
                      listener=listener)  # fmt: skip
    recorder.on_part.append(sitting.anew.set)
    return sitting


def _told(recorder: Recorder) -> str:
    counts, gone = recorder.counts, recorder.left_out
    told = f"{counts['answers']:,} answers"
    if counts["events"]:
        told += f" and {counts['frames']:,} frames"
    if gone:
        told += (f"; {gone['answers']:,} answers and {gone['frames']:,} frames before them were "
                 "left out to stay within --size")  # fmt: skip
    return told


def replaying(config: Config, source: Path, *, folder: Path) -> AbstractAsyncContextManager[Replay]:
    """The program over a recording (`.jsonl`) or candle files, in `folder`. Raises Invalid, InUse
    on entry."""
    if source.suffix == ".jsonl":
        return _replaying_answers(config, source, folder=folder)
    return _replaying_candles(config, source, folder=folder)


@asynccontextmanager
async def _replaying_candles(
    config: Config, source: Path, *, folder: Path
) -> AsyncIterator[Replay]:
    tapes = read_tapes(source, venue="REPLAY")
    first_ms = min(int(tape.open_ms[0]) for tape in tapes)
    last_ms = max(int(tape.open_ms[-1]) for tape in tapes) + MINUTE_MS
    clock = VirtualClock(first_ms)
    track = Track(
        venue="replay",
        markets=tuple(tape.market.pair for tape in tapes),
        metrics=("price", "volume_24h_quote", "traded_quote"),
        every=config.interval,
    )
    settings = replay_config(config, folder, track=(track,), venues={})
    async with build(
        settings, clock=clock, venues=[FileVenue(tapes, clock=clock)], dry=True
    ) as program:
        yield Replay(program=program, clock=clock, interval=config.interval, until_ms=last_ms)


@asynccontextmanager
async def _replaying_answers(
    config: Config, source: Path, *, folder: Path
) -> AsyncIterator[Replay]:
    recording = read_recording(source)
    first_ms, last_ms = recording.span_ms
    clock = VirtualClock(first_ms)
    names = recording.venues & set(VENUES)
    async with recorded.Player(recording.exchanges, clock=clock) as player:
        settings = replay_config(
            config, folder,
            track=tuple(one for one in config.track if one.venue_name in names),
            venues=_settings(recording, {name: player.base_url(name) for name in names}),
        )  # fmt: skip
        notes = list(recording.notes)
        venues = [_played(name, settings, recording=recording, clock=clock, notes=notes)
                  for name in sorted(names)]  # fmt: skip
        async with build(settings, clock=clock, venues=venues, dry=True) as program:
            last = config.interval.slot(last_ms)  # the last recorded slot is played to its end
            yield Replay(program=program, clock=clock, interval=config.interval,
                         until_ms=config.interval.open_ms(last + 1), notes=notes)  # fmt: skip


def _settings(recording: Recording, urls: Mapping[str, str]) -> Mapping[str, VenueConfig]:
    return {
        name.lower(): VenueConfig(
            base_url=url, requests_per_minute=BUDGET, stream=name in recording.events
        )
        for name, url in urls.items()
    }


def _played(
    name: str, config: Config, *, recording: Recording, clock: Clock, notes: list[str]
) -> Venue:
    """A venue that is asked of the player and heard from the recording."""
    venue = venue_of(name, config, clock=clock, rng=Promptly())
    assert isinstance(venue, RestVenue)
    if name in recording.events:
        assert venue.DIALECT is not None
        stream = RecordedStream(venue.DIALECT, recording.events[name], name=name, clock=clock)
        venue.stream = stream
        if stream.orphans_count:
            notes.append(f"{stream.orphans_count:,} frames of {name} are left out: where their "
                         "connection began is not in the recording")  # fmt: skip
    return venue
