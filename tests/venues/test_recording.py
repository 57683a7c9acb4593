"""Recordings on disk: bounded, saying what they leave out, good up to where they are cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.venues.kraken import KrakenVenue
from sigmawatch.adapters.venues.recording import (
    Event,
    Exchange,
    LineEvent,
    Recorder,
    Recording,
    older_part,
    read_recording,
)
from sigmawatch.adapters.venues.streams.recorded import RecordedStream
from sigmawatch.domain.errors import Invalid, Unavailable
from sigmawatch.domain.stream import Condition, Leaving, Said
from sigmawatch.ports.stream import Line

ROOMY = 1_000_000
STATUS = b'{"channel":"status","type":"update","data":[{"system":"online"}]}'


def answer(at_ms: int, path: str = "/0/public/Ticker", body: bytes = b'{"error":[]}') -> Exchange:
    asked = Exchange(at_ms=at_ms, venue="KRAKEN", path=path, query={}, status=200, headers={})
    return asked.bearing(body)


def event(at_ms: int, event: Event, *, line: int = 1, body: bytes | None = None) -> LineEvent:
    told = LineEvent(at_ms=at_ms, venue="KRAKEN", line=line, event=event)
    return told if body is None else told.bearing(body)


def written(
    path: Path, lines: Sequence[Exchange | LineEvent], *, bytes_max: int = ROOMY
) -> Recorder:
    recorder = Recorder(path, bytes_max=bytes_max)
    for line in lines:
        recorder.write(line)
    recorder.close()
    return recorder


def told(recording: Recording) -> list[Exchange | LineEvent]:
    return [*recording.exchanges, *recording.events.get("KRAKEN", ())]


LINES = (
    answer(1_000, body="{\"größe\": 1}".encode()), event(1_001, Event.BEGAN),
    event(1_050, Event.OPENED), event(1_060, Event.HEARD, body=STATUS),
    event(1_070, Event.HEARD, body=b"\xff\x00 no text"), answer(2_000), event(2_001, Event.LEFT),
)  # fmt: skip


def test_what_was_written_is_read_back_to_the_byte(tmp_path: Path) -> None:
    written(tmp_path / "k.jsonl", LINES)
    recording = read_recording(tmp_path / "k.jsonl")
    assert sorted(told(recording), key=lambda one: one.at_ms) == list(LINES)
    assert [one.body for one in recording.events["KRAKEN"]][2:4] == [STATUS, b"\xff\x00 no text"]
    assert (recording.span_ms, recording.notes) == ((1_000, 2_001), [])


def test_a_recording_that_is_cut_off_at_any_byte_is_good_up_to_there_and_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "k.jsonl"
    written(path, LINES)
    whole = path.read_bytes()
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends)
        if kept == 0:
            with pytest.raises(Invalid, match="holds no recorded answer"):
                read_recording(path)
            continue
        recording = read_recording(path)
        assert sorted(told(recording), key=lambda one: one.at_ms) == list(LINES[:kept])
        torn = cut not in ends and cut - 1 not in ends
        assert bool(recording.notes) == torn, cut
        assert not torn or f"cut off in line {kept + 1}" in recording.notes[0]


def test_a_line_that_is_damaged_before_the_end_is_refused_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    written(path, LINES)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:-5] + b"\n" + lines[2])
    with pytest.raises(Invalid, match=r"k\.jsonl, line 2"):
        read_recording(path)


def test_a_recording_keeps_the_newest_within_its_size_and_counts_what_it_lets_go(
    tmp_path: Path,
) -> None:
    path, size, begun = tmp_path / "k.jsonl", 20_000, list[int]()
    recorder = Recorder(path, bytes_max=size)
    recorder.on_part.append(lambda: begun.append(recorder.counts["answers"]))
    lines: list[Exchange | LineEvent] = []
    for at_ms in range(1_000):
        lines += [answer(at_ms), event(at_ms, Event.HEARD, body=STATUS)]
        for line in lines[-2:]:
            recorder.write(line)
        longest = 300
        assert path.stat().st_size <= size / 2 + longest
        assert not older_part(path).exists() or (
            older_part(path).stat().st_size <= size / 2 + longest
        )
    recorder.close()
    assert len(begun) > 5
    recording = read_recording(path)
    kept = sorted(told(recording), key=lambda one: one.at_ms)
    assert [one for one in lines if one in kept] == lines[-len(kept) :]
    assert (recorder.counts["answers"], recorder.counts["frames"]) == (
        len(recording.exchanges), len(recording.events["KRAKEN"]),
    )  # fmt: skip
    assert recorder.left_out["answers"] + recorder.counts["answers"] == 1_000
    gone = f"{recorder.left_out['answers']} answers and {recorder.left_out['frames']} frames"
    assert recording.notes == [f"{gone} before the beginning were left out"]


def test_a_newest_part_alone_says_what_was_before_it(tmp_path: Path) -> None:
    path = tmp_path / "k.jsonl"
    recorder = written(path, [answer(at_ms) for at_ms in range(100)], bytes_max=10_000)
    older_part(path).unlink()
    recording = read_recording(path)
    left = 100 - len(recording.exchanges)
    assert left > recorder.left_out["answers"]
    assert recording.notes == [f"{left} answers and 0 frames before the beginning were left out"]


# What a recorded stream tells


def stream(*events: LineEvent) -> tuple[RecordedStream, VirtualClock]:
    clock = VirtualClock(1_000)
    dialect = KrakenVenue.DIALECT
    assert dialect is not None
    return RecordedStream(dialect, events, name="KRAKEN", clock=clock), clock


async def heard_at(clock: VirtualClock, line: Line, at_ms: int) -> Sequence[Said]:
    """What a line tells, at this moment and not before."""
    task = asyncio.ensure_future(line.heard())
    await clock.advance_to_ms(at_ms - 1, turns=4)
    assert not task.done()
    await clock.advance_to_ms(at_ms, turns=4)
    assert task.done()
    return list(await task)


async def test_a_frame_is_told_when_it_came_and_silence_is_silence() -> None:
    recorded, clock = stream(
        event(1_000, Event.BEGAN), event(1_000, Event.OPENED),
        event(3_000, Event.HEARD, body=STATUS), event(9_000, Event.LEFT),
    )  # fmt: skip
    line = await recorded.open()
    assert await heard_at(clock, line, 3_000) == [Condition(trading=True, text="online")]
    silent = asyncio.ensure_future(line.heard())
    await clock.advance_to_ms(100_000, turns=4)
    assert not silent.done()
    silent.cancel()


async def test_a_connection_that_broke_breaks_and_one_that_was_refused_is_refused() -> None:
    recorded, clock = stream(
        event(1_000, Event.BEGAN, line=1), event(1_000, Event.OPENED, line=1),
        event(2_000, Event.CLOSED, line=1, body=b"KRAKEN closed its stream (1006)"),
        event(3_000, Event.BEGAN, line=2), event(3_500, Event.REFUSED, line=2, body=b"502"),
    )  # fmt: skip
    line = await recorded.open()
    await clock.advance_to_ms(2_000)
    with pytest.raises(Unavailable, match="1006"):
        await line.heard()
    refused = asyncio.ensure_future(recorded.open())
    await clock.advance_to_ms(3_499, turns=4)
    assert not refused.done()
    await clock.advance_to_ms(3_500, turns=4)
    with pytest.raises(Unavailable, match="502"):
        await refused
    with pytest.raises(Unavailable, match="ends here"):
        await recorded.open()


async def test_a_connection_that_took_over_is_asked_for_in_time() -> None:
    """The listener is a second apart from the word that another one is wanted."""
    recorded, clock = stream(
        event(1_000, Event.BEGAN, line=1), event(1_000, Event.OPENED, line=1),
        event(60_000, Event.BEGAN, line=2), event(60_100, Event.OPENED, line=2),
        event(61_000, Event.HEARD, line=1, body=STATUS), event(62_000, Event.LEFT, line=1),
    )  # fmt: skip
    line = await recorded.open()
    (word,) = await heard_at(clock, line, 59_000)
    assert isinstance(word, Leaving)
    assert await heard_at(clock, line, 61_000) == [Condition(trading=True, text="online")]


async def test_who_comes_before_a_connection_was_begun_is_told_when_to_come_again() -> None:
    recorded, clock = stream(event(31_000, Event.BEGAN), event(31_200, Event.OPENED))
    with pytest.raises(Unavailable) as refusal:
        await recorded.open()
    assert refusal.value.retry_after_s == 30.0
    await clock.advance_to_ms(31_200)
    await recorded.open()


async def test_frames_of_a_connection_whose_beginning_is_gone_are_counted_and_left_out() -> None:
    recorded, _ = stream(
        event(900, Event.HEARD, line=1, body=STATUS),
        event(1_000, Event.BEGAN, line=2), event(1_000, Event.OPENED, line=2),
    )  # fmt: skip
    assert recorded.orphans_count == 1
    await recorded.open()
