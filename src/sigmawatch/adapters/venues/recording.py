"""Recordings on disk: what venues answered and what their streams told, as it came.

One JSON object a line. An `Exchange` is a question and its answer; a `LineEvent` is what befell one
connection of a stream. A recording is bounded: when the file is half as large as it may become it
is put aside as `NAME.1.jsonl`, which replaces the one put aside before, and a new part begins, with
a line that says how much came before it. Imports domain.errors; used by app.wiring_replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import msgspec

from sigmawatch.adapters.venues.answers import Reply
from sigmawatch.adapters.venues.http import Request
from sigmawatch.domain.errors import Invalid

MOMENTS = frozenset({"since", "start", "end", "startTime", "endTime"})
_KEPT_HEADERS = frozenset({"content-type", "retry-after", "x-mbx-used-weight-1m"})


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """`text` where the bytes are UTF-8, else `data` (base64 in the file), so that any bytes come
    back as they were."""

    text: str | None = None
    data: bytes | None = None

    @property
    def body(self) -> bytes:
        return self.text.encode() if self.text is not None else self.data or b""

    def bearing(self, body: bytes) -> Self:
        """The same with these bytes."""
        try:
            return msgspec.structs.replace(self, text=body.decode(), data=None)
        except UnicodeDecodeError:
            return msgspec.structs.replace(self, text=None, data=body)


class Exchange(_Body, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One question to a venue and what it said."""

    at_ms: int
    venue: str
    path: str
    query: dict[str, str]
    status: int
    headers: dict[str, str]

    @property
    def question(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        chosen = sorted((k, v) for k, v in self.query.items() if k not in MOMENTS)
        return self.venue, self.path, tuple(chosen)


class Event(StrEnum):
    """What may befall a connection."""

    BEGAN = "began"  # we ask for it
    OPENED = "opened"
    REFUSED = "refused"  # it did not come about; the body says why
    ASKED = "asked"  # we subscribe; the body is what we said
    HEARD = "heard"  # a frame
    CLOSED = "closed"  # by the venue, or broken; the body says how
    LEFT = "left"  # we close it


class LineEvent(_Body, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What befell one connection. line: its number, one more than that of the one before.
    at_ms: of a frame, its receipt. retry_after_s: of a refusal, where the venue said so."""

    at_ms: int
    venue: str
    line: int
    event: Event
    retry_after_s: float | None = None


class Before(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a part that is not the first: how much was recorded before it, in the part
    that was put aside or left out."""

    at_ms: int
    answers_before: int
    frames_before: int


def older_part(path: Path) -> Path:
    """Where the part before the newest one lies."""
    return path.with_suffix(f".1{path.suffix}")


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that change what an adapter does with an answer."""
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in lower.items() if name in _KEPT_HEADERS}


class Recorder:
    """Writes a recording that takes at most `bytes_max` and the line that reaches it.

    on_part: called when a new part has begun, which stands on nothing yet. counts: lines that the
    parts hold, by kind (`answers`, `frames`, `events`); left_out: those that were let go.
    """

    def __init__(self, path: Path, *, bytes_max: int) -> None:
        assert bytes_max > 0
        self.on_part: list[Callable[[], None]] = []
        self.counts: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self._path = path
        self._part_bytes_max = bytes_max // 2
        self._file = path.open("xb")
        self._bytes = 0
        self._part: Counter[str] = Counter()  # of the newest part
        self._aside: Counter[str] = Counter()  # of the one before it

    def close(self) -> None:
        self._file.close()

    def write(self, line: Exchange | LineEvent) -> None:
        """One line, flushed: a recording that is cut off is whole up to there."""
        self._put(line)
        kind = "answers"
        if isinstance(line, LineEvent):
            kind = "frames" if line.event is Event.HEARD else "events"
        self._part[kind] += 1
        self.counts[kind] += 1
        if self._bytes >= self._part_bytes_max:
            self._begin_part(line.at_ms)

    def _put(self, line: Exchange | LineEvent | Before) -> None:
        written = msgspec.json.encode(line) + b"\n"
        self._file.write(written)
        self._file.flush()
        self._bytes += len(written)

    def _begin_part(self, at_ms: int) -> None:
        self.left_out += self._aside
        self.counts -= self._aside
        self._aside, self._part = self._part, Counter()
        self._file.close()
        self._path.replace(older_part(self._path))
        self._file, self._bytes = self._path.open("xb"), 0
        before = self.left_out + self._aside
        self._put(Before(at_ms=at_ms, answers_before=before["answers"],
                         frames_before=before["frames"]))  # fmt: skip
        for told in self.on_part:
            told()

    def hearing(self, venue: str) -> Callable[[Request, Reply], None]:
        """What writes every answer of a venue: its `http.tap`."""

        def heard(request: Request, reply: Reply) -> None:
            exchange = Exchange(
                at_ms=reply.recv_ms, venue=venue, path=request.path, query=dict(request.params),
                status=reply.status, headers=kept_headers(reply.headers),
            )  # fmt: skip
            self.write(exchange.bearing(reply.body))

        return heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What a recording holds. exchanges: in order of time. events: by venue, in the order in which
    they came. notes: what is not in it, in words."""

    exchanges: Sequence[Exchange]
    events: Mapping[str, Sequence[LineEvent]]
    notes: Sequence[str]

    @property
    def venues(self) -> frozenset[str]:
        return frozenset(one.venue for one in self.exchanges) | self.events.keys()

    @property
    def span_ms(self) -> tuple[int, int]:
        """When the first and the last line came."""
        moments = [one.at_ms for one in self.exchanges]
        moments += [one.at_ms for told in self.events.values() for one in told]
        return min(moments), max(moments)


def read_recording(path: Path) -> Recording:
    """A recording with the part put aside, if that is beside it. One whose end is cut off, within a
    line even, is good up to there. Raises Invalid naming the line."""
    exchanges: list[Exchange] = []
    events: dict[str, list[LineEvent]] = {}
    notes: list[str] = []
    try:
        for line in _lines(path, notes=notes):
            if isinstance(line, Exchange):
                exchanges.append(line)
            elif isinstance(line, LineEvent):
                events.setdefault(line.venue, []).append(line)
            elif not exchanges and not events:
                notes.append(f"{line.answers_before:,} answers and {line.frames_before:,} frames "
                             "before the beginning were left out")  # fmt: skip
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}", field="file") from None
    if not exchanges:
        raise Invalid(f"{path.name} holds no recorded answer", field="file")
    return Recording(exchanges=sorted(exchanges, key=lambda each: each.at_ms),
                     events=events, notes=notes)  # fmt: skip


def _lines(path: Path, *, notes: list[str]) -> Iterator[Exchange | LineEvent | Before]:
    with suppress(FileNotFoundError):  # there need not be one
        yield from _lines_of(older_part(path), notes=notes)
    yield from _lines_of(path, notes=notes)


def _lines_of(path: Path, *, notes: list[str]) -> Iterator[Exchange | LineEvent | Before]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _read(line)
            except msgspec.DecodeError as error:
                _check_last(line, Invalid(f"{path.name}, line {number}: {error}", field="file"))
                notes.append(f"{path.name} is cut off in line {number}: played up to there")


def _check_last(line: bytes, error: Invalid) -> None:
    """Raises `error` for a line that was written to its end."""
    if line.endswith(b"\n"):
        raise error


class _Kind(msgspec.Struct):
    """What tells the lines apart."""

    line: Any = None
    answers_before: Any = None


def _read(line: bytes) -> Exchange | LineEvent | Before:
    kind = _KIND.decode(line)
    if kind.answers_before is not None:
        return _BEFORE.decode(line)
    return _EXCHANGE.decode(line) if kind.line is None else _EVENT.decode(line)


_KIND = msgspec.json.Decoder(_Kind)
_EXCHANGE = msgspec.json.Decoder(Exchange)
_EVENT = msgspec.json.Decoder(LineEvent)
_BEFORE = msgspec.json.Decoder(Before)
