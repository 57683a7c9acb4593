"""One connection to a venue's stream, from its opening to its end.

It subscribes bit by bit, follows every answer, and ends with the reason why where the venue closes,
falls silent or breaks. It never ends for what a frame holds. Ages are of the monotonic clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sigmawatch.app.timing import pause, within
from sigmawatch.domain.errors import SigmawatchError, Unavailable
from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import (
    Channel,
    Condition,
    Declined,
    Leaving,
    Newest,
    Quotes,
    Said,
    Taken,
    Trades,
    Unread,
)
from sigmawatch.domain.stream_watch import Key, Pulse, Subscriptions
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.stream import Line, VenueStream

OPEN_MS = 10_000
TEND_MS = 500
TURN_FRAMES = 64  # after so many without a pause others get their turn


class Ear(Protocol):
    """Who is told what was heard."""

    def markets(self, natives: Sequence[str]) -> Sequence[Market]:
        """The markets of these ids; one that is no longer tracked is left out."""
        ...

    def keys(self) -> tuple[Key, ...]:
        """What is to be subscribed to, now."""
        ...

    def subscribed(self, keys: list[Key]) -> None: ...

    def lost(self, life: Life, keys: set[Key]) -> None: ...

    def quotes(self, said: Quotes) -> int:
        """How many rows were news."""
        ...

    def trades(self, said: Trades) -> int: ...

    def newest(self, said: Newest) -> None: ...

    def unread(self, said: Unread) -> None: ...

    def declined(self, said: Declined) -> None: ...


class Life:
    """ready: everything that is wanted was asked for and answered. renew: another connection should
    take over. over: it has ended, for `error`."""

    def __init__(
        self, stream: VenueStream, ear: Ear, *, clock: Clock, renew_after_ms: int | None
    ) -> None:
        now_ms = clock.monotonic_ms()
        self.ready, self.renew, self.over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.error: SigmawatchError | TimeoutError | None = None
        self.condition = Condition(trading=True, text="")
        self.opened_ms: int | None = None
        self.frames_count = 0
        self.subscriptions = Subscriptions(traits=stream.traits)
        self._pulse = Pulse(traits=stream.traits, frame_ms=now_ms)
        self._stream = stream
        self._ear = ear
        self._clock = clock
        self._renew_after_ms = renew_after_ms
        self._told: set[Key] = set()  # subscriptions that are confirmed
        self._pinged_ms = now_ms
        self._task: asyncio.Task[None] | None = None

    @property
    def sound(self) -> bool:
        """Whether what it tells may be relied on right now."""
        if self.opened_ms is None or self.over.is_set() or not self.condition.trading:
            return False
        return self._pulse.silent(self._clock.monotonic_ms(), trading=True) is None

    @property
    def settled(self) -> bool:
        """Whether everything that is wanted now was asked for and answered."""
        asked = self.subscriptions
        return asked.settled and asked.covers(self._ear.keys())

    def begin(self, group: asyncio.TaskGroup) -> None:
        self._task = group.create_task(self._run())

    def end(self) -> None:
        """It has been replaced."""
        assert self._task is not None
        self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._listen()
        except* (SigmawatchError, TimeoutError) as several:
            self.error = _first(several)
        finally:
            self._ear.lost(self, self._told)
            self.over.set()

    async def _listen(self) -> None:
        until_ms = self._clock.now_ms() + OPEN_MS
        line = await within(self._stream.open(), clock=self._clock, until_ms=until_ms)
        self.opened_ms = self._clock.monotonic_ms()
        self._pulse.beat(self.opened_ms)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hear(line))
                group.create_task(self._tend(line))
        finally:
            await line.close()

    async def _hear(self, line: Line) -> None:
        while True:  # ends when the line does
            said = await line.heard()
            self.frames_count += 1
            now_ms = self._clock.monotonic_ms()
            self._pulse.beat(now_ms)
            for one in said:
                self._take(one, now_ms)
            if self.frames_count % TURN_FRAMES == 0:
                await asyncio.sleep(0)

    def _take(self, said: Said, now_ms: int) -> None:
        match said:
            case Quotes():
                self._note(Channel.QUOTES, said.natives, rejected=said.rejected)
                if self._ear.quotes(said):
                    self._pulse.data(Channel.QUOTES, now_ms)
            case Trades():
                self._note(
                    Channel.TRADES, [one.native for one in said.items], rejected=said.rejected
                )
                if self._ear.trades(said):
                    self._pulse.data(Channel.TRADES, now_ms)
            case Newest():
                self._ear.newest(said)
            case Taken():
                self._confirmed(self.subscriptions.taken(said, now_ms))
            case Declined():
                self.subscriptions.declined(said, now_ms)
                self._ear.declined(said)
            case Condition():
                self.condition = said
            case Leaving():
                self.renew.set()
            case Unread():
                self._ear.unread(said)

    def _note(
        self, channel: Channel, natives: Iterable[str], *, rejected: Mapping[str, str]
    ) -> None:
        for native in (*natives, *rejected):
            self.subscriptions.heard(channel, native)

    def _confirmed(self, keys: list[Key]) -> None:
        self._told.update(keys)
        self._ear.subscribed(keys)

    async def _tend(self, line: Line) -> None:
        """Ask for what is wanted, keep the line open, and end it where it is dead."""
        wanted: tuple[Key, ...] | None = None
        while True:  # ends when the line does
            now_ms = self._clock.monotonic_ms()
            if self._ear.keys() is not wanted:
                wanted = self._ear.keys()
                self.subscriptions.want(wanted)
            await self._ask(line, now_ms)
            self._check(now_ms)
            await pause(TEND_MS, clock=self._clock)

    async def _ask(self, line: Line, now_ms: int) -> None:
        request = self.subscriptions.due(now_ms)
        if request is not None:
            markets = self._ear.markets(request.natives)
            await line.ask(request.channel, markets, request=request.id)
        elif self.settled:
            self.ready.set()
        every_ms = self._stream.traits.ping_every_ms
        if every_ms and now_ms - self._pinged_ms >= every_ms:
            self._pinged_ms = now_ms
            await line.ping()

    def _check(self, now_ms: int) -> None:
        """Raises Unavailable where the line is dead."""
        trading = self.condition.trading
        why = self._pulse.silent(now_ms, trading=trading)
        mute = self.subscriptions.dead(now_ms) if trading else None
        if why is None and mute is not None:
            why = f"{mute} were confirmed and never came"
        if why is not None:
            raise Unavailable(why)
        assert self.opened_ms is not None
        if self._renew_after_ms is not None and now_ms - self.opened_ms >= self._renew_after_ms:
            self.renew.set()


def _first(several: BaseExceptionGroup[BaseException]) -> SigmawatchError | TimeoutError:
    for error in several.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        if isinstance(error, (SigmawatchError, TimeoutError)):
            return error
    raise AssertionError("an empty group")
