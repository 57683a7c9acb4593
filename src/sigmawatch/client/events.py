"""The stream as typed events (docs/reference/stream.md), and how a reader goes on. No I/O.

`Feed` makes events of bytes; `listening` is the whole conversation of one reader: it says what to
do (connect, read, wait) and what to tell, and is given what came.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from sigmawatch.client.calls import Call, Reply, Request
from sigmawatch.client.conversation import Manners, Pause, Retry, waits_s
from sigmawatch.client.errors import Problem, Unreachable, Unreadable
from sigmawatch.client.v1.models import Bye, Delta, EpisodeEvent, Hello, Reset, VenueEvent

_TYPES: dict[str, type[msgspec.Struct]] = {
    "hello": Hello, "delta": Delta, "venue": VenueEvent, "episode": EpisodeEvent,
    "reset": Reset, "bye": Bye,
}  # fmt: skip
_AGAIN_S = 1.0  # where the server does not say
_AGAIN_S_MAX = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """An event that a newer server tells and this client has no type for. data: its JSON."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """No event of the server's: the connection is gone, and made anew by itself. What is shown is
    old until the next event."""

    reason: str


Event: TypeAlias = Hello | Delta | VenueEvent | EpisodeEvent | Reset | Bye | Unknown | Lost


@dataclass(slots=True)
class Feed:
    """Bytes in, events out (HTML standard, 9.2.6). last: the id to go on from; again_s: how long
    to stay away after a cut."""

    last: str = ""
    again_s: float = _AGAIN_S
    _rest: bytes = field(default=b"", repr=False)

    def take(self, chunk: bytes) -> list[Event]:
        """The events that are whole now. Raises Unreadable."""
        *whole, self._rest = (self._rest + chunk.replace(b"\r\n", b"\n")).split(b"\n\n")
        return [event for block in whole if (event := self._event(block)) is not None]

    def begin(self) -> None:
        """Another connection: half an event of the one before is none."""
        self._rest = b""

    def _event(self, block: bytes) -> Event | None:
        lines = [line.partition(b":") for line in block.split(b"\n")]
        fields = {name: value.removeprefix(b" ") for name, _, value in lines if name}
        if b"id" in fields:
            self.last = fields[b"id"].decode()
        if (again_ms := fields.get(b"retry", b"")).isdigit():
            self.again_s = int(again_ms) / 1_000
        if b"event" not in fields or b"data" not in fields:
            return None
        return _typed(fields[b"event"].decode(), fields[b"data"])


def _typed(name: str, data: bytes) -> Event:
    if name not in _TYPES:
        return Unknown(name=name, data=data)
    try:
        event: Event = msgspec.json.decode(data, type=_TYPES[name])  # type: ignore[assignment]
    except msgspec.MsgspecError as exc:
        raise Unreadable(f"the event {name!r} is not what this client expects: {exc}") from exc
    return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Open this; what comes back is the answer's head, with its body where it is no stream."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Read on; what comes back is a chunk, empty at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Tell whoever listens."""

    event: Event


Step = Connect | Read | Pause | Tell
Listening = Generator[Step, Reply | bytes | None, None]


def listening(call: Call[object], manners: Manners) -> Listening:
    """Without an end: whoever listens leaves. Raises ClientError where the stream cannot be opened,
    as often as `retry` allows; one that was open once is opened again for as long as it takes,
    unless the server refuses us."""
    request = call.request(manners.ground).having(Accept="text/event-stream")
    retry, feed, failures, opened = manners.retry, Feed(), 0, False
    while True:
        feed.begin()
        try:
            head = yield Connect(request=request.having(Last_Event_ID=feed.last))
            assert isinstance(head, Reply)
            if head.status == 200:
                opened, failures = True, 0
                yield from _told(feed)
                raise Unreachable("the server ended the stream", sent=True)
            raise _refused(request, head, retry=retry, attempt=1 if opened else failures + 1)
        except _Later as exc:
            wait_s, failures = max(exc.wait_s, feed.again_s), failures + 1
        except Unreachable as exc:
            failures += 1
            if not opened and failures >= retry.attempts_max:
                raise
            wait_s = min(max(feed.again_s, retry.backoff_s(failures)), _AGAIN_S_MAX)
            if opened and failures == 1:
                yield Tell(event=Lost(reason=str(exc)))
        yield Pause(wait_s=wait_s)


def _told(feed: Feed) -> Listening:
    while chunk := (yield Read()):
        assert isinstance(chunk, bytes)
        for event in feed.take(chunk):
            yield Tell(event=event)


class _Later(Exception):
    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


def _refused(request: Request, head: Reply, *, retry: Retry, attempt: int) -> Exception:
    """What a refusal comes to."""
    wait_s = waits_s(request, head, retry=retry, attempt=attempt)
    if wait_s is None:
        return Problem(head.status, head.body, headers=head.headers)
    return _Later(wait_s)
