"""A recorded stream, told again: each frame at the moment of its receipt, by the replay's clock.

It stands in the place of the socket, so what listens and what parses is what listens to a venue.
Connections come about, are refused, fall silent and break when they did. Who listens decides for
itself when to leave one; where that differs from the recording, the next one tells what is past of
it at once.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NoReturn

from sigmawatch.adapters.venues.recording import Event, LineEvent
from sigmawatch.adapters.venues.streams.frames import Dialect
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import Channel, Leaving, Said, StreamTraits
from sigmawatch.ports.clock import Clock

NEAR_MS = 5_000  # a connection that begins so soon is waited for, a later one is come back for
OVERLAP_MS = 1_000  # between the word that another connection takes over and its beginning
ASKED_WITHIN_MS = 2_000  # by how much later than recorded a subscription is waited for
_LOOK_MS = 50
_TAKEN_OVER = (Leaving(text="another connection takes over, as recorded"),)


class Promptly(random.Random):
    """No chance: every pause that has jitter is the shortest, as the recording says when."""

    def random(self) -> float:
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """One connection. opened: that it was, or was refused; None where neither came about before who
    asked gave up. events: after that. until_ms: when it was known that the next one, which began
    while this one stood, takes over."""

    began_ms: int
    opened: LineEvent | None
    events: Sequence[LineEvent]
    until_ms: int | None = None


class RecordedStream:
    """Fulfils ports.stream.VenueStream. events: of one venue. orphans_count: frames of connections
    whose beginning is not recorded; they are left out."""

    def __init__(
        self, dialect: type[Dialect], events: Iterable[LineEvent], *, name: str, clock: Clock
    ) -> None:
        self._dialect = dialect
        self._name = name
        self._clock = clock
        lines: dict[int, list[LineEvent]] = {}
        for event in events:
            lines.setdefault(event.line, []).append(event)
        whole = [told for told in lines.values() if told[0].event is Event.BEGAN]
        self.orphans_count = sum(
            event.event is Event.HEARD
            for told in lines.values() if told[0].event is not Event.BEGAN for event in told
        )  # fmt: skip
        self._tapes = deque(_tapes(whole))

    @property
    def traits(self) -> StreamTraits:
        return self._dialect.TRAITS

    async def open(self) -> RecordedLine:
        """The next connection, when it came about. Raises Unavailable as recorded, and with the
        time until then where it is not near."""
        if not self._tapes:
            raise Unavailable(f"{self._name}: the recording of the stream ends here")
        early_ms = self._tapes[0].began_ms - self._clock.now_ms()
        if early_ms > NEAR_MS:
            raise Unavailable(f"{self._name} was not connected to just then",
                              retry_after_s=early_ms / 1_000)  # fmt: skip
        tape = self._tapes.popleft()
        if tape.opened is None:
            return await _never()  # who asked gives up
        await self._clock.sleep_until_ms(tape.opened.at_ms)
        if tape.opened.event is Event.REFUSED:
            raise Unavailable(tape.opened.body.decode(), retry_after_s=tape.opened.retry_after_s)
        return RecordedLine(tape, self._dialect(), clock=self._clock)

    async def close(self) -> None:
        """Nothing is held."""


class RecordedLine:
    """Fulfils ports.stream.Line."""

    def __init__(self, tape: Tape, dialect: Dialect, *, clock: Clock) -> None:
        self._dialect = dialect
        self._clock = clock
        self._events = iter(tape.events)
        self._ahead = next(self._events, None)
        self._until_ms = tape.until_ms
        self._asked_count = 0
        self._awaited_count = 0
        self._in_step = True

    async def ask(self, channel: Channel, markets: Sequence[Market], *, request: int) -> None:
        """The dialect learns the names; what was answered is on the tape."""
        self._dialect.request(channel, markets, number=request)
        self._asked_count += 1

    async def ping(self) -> None:
        """Nobody is there to hear it."""

    async def heard(self) -> Sequence[Said]:
        while (event := self._ahead) is not None:
            if self._until_ms is not None and event.at_ms >= self._until_ms:
                await self._clock.sleep_until_ms(self._until_ms)
                self._until_ms = None
                return _TAKEN_OVER
            await self._clock.sleep_until_ms(event.at_ms)
            self._ahead = next(self._events, None)
            if event.event is Event.HEARD:
                return self._dialect.read(event.body, recv_ms=event.at_ms)
            if event.event is Event.CLOSED:
                raise Unavailable(event.body.decode())
            if event.event is Event.ASKED:
                await self._asked(event)
        return await _never()  # silence, until who listens has enough of it

    async def close(self) -> None:
        self._ahead = None

    async def _asked(self, event: LineEvent) -> None:
        """An answer comes after its question: wait for that, though not for one that never comes,
        as where fewer markets are tracked than were."""
        self._awaited_count += 1
        patience_ms = event.at_ms + ASKED_WITHIN_MS
        while self._in_step and self._asked_count < self._awaited_count:
            if self._clock.now_ms() >= patience_ms:
                self._in_step = False
            await self._clock.sleep_until_ms(self._clock.now_ms() + _LOOK_MS)


def _tapes(lines: Iterable[Sequence[LineEvent]]) -> Iterator[Tape]:
    """One a connection, in the order in which they began."""
    tapes = []
    for began, *rest in lines:
        came = rest[0] if rest and rest[0].event in {Event.OPENED, Event.REFUSED} else None
        tapes.append(Tape(began_ms=began.at_ms, opened=came, events=rest[1:]))
    for tape, following in zip_longest(tapes, tapes[1:]):
        if following is not None and tape.events and following.began_ms < tape.events[-1].at_ms:
            yield replace(tape, until_ms=following.began_ms - OVERLAP_MS)
        else:
            yield tape


async def _never() -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")
