"""A reader: one listener's place in the beats of a table.

Nothing is queued for a reader: beats stay with the table, and a reader knows which one it was told
last. One that falls more than WAITING_MAX beats behind is told to start over from the snapshot,
except while it catches up with what came while it was cut off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sigmawatch.app.streaming.payloads import Bye, Reset
from sigmawatch.app.streaming.table import Table
from sigmawatch.app.streaming.wire import COMMENT, Piece, event
from sigmawatch.domain.caller import Caller
from sigmawatch.ports.clock import Clock

WAITING_MAX = 2
Position = tuple[str, int]  # epoch, and the beat that was told last

ENDS = event("bye", Bye(reason="the program ends"))
REVOKED = event("bye", Bye(reason="access was taken back"))
MOVED = event("reset", Reset(reason="another program answers here now"))
GONE = event("reset", Reset(reason="the watchlist is no more"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who reads. may_go_on: whether the credential still holds. packed: compressed. place: what
    readers of one kind are counted under, `place_max` of them at most. ui: the build of our page.
    """

    caller: Caller
    may_go_on: Callable[[], bool]
    packed: bool
    place: str
    place_max: int
    ui: str = ""


class Reader:
    """hello: says what is told from a position on. Not for two tasks at a time."""

    def __init__(
        self, table: Table, listener: Listener, *, hello: Callable[[Position], Piece], clock: Clock
    ) -> None:
        self.table, self.listener = table, listener
        self._hello, self._clock = hello, clock
        self._woken = asyncio.Event()
        self._mail: deque[Piece] = deque()
        self._farewell: Piece | None = None
        self._ended = False
        self._epoch, self._sequence = table.told.epoch, table.told.sequence
        self._level = True  # false while it catches up
        self.heard_ms = clock.monotonic_ms()

    def begin(self, last: str | None) -> None:
        """Greet; go on after the event `last`, where one is named, or tell to start over."""
        held = None if last is None else self.table.holds(last)
        if held is not None:
            self._sequence, self._level = held, held == self.table.told.sequence
        elif last is not None:
            self._mail.append(event("reset", Reset(reason="too long ago, or another table")))
        self._mail.append(self._hello((self._epoch, self._sequence)))

    async def next(self) -> bytes:
        """What comes next; nothing at the end."""
        while (piece := self._pending()) is None:
            self._woken.clear()
            await self._woken.wait()
        self.heard_ms = self._clock.monotonic_ms()
        return piece

    # For the hub

    def wake(self) -> None:
        """There is something to be told."""
        self._woken.set()

    def keep_alive(self) -> None:
        """Send a comment, where nothing else waits to be sent."""
        if not self._mail:
            self._mail.append(COMMENT)
            self.wake()

    def end(self, farewell: Piece | None = None) -> None:
        """Nothing but `farewell` is told any more. The first end counts."""
        if not self._ended:
            self._ended, self._farewell = True, farewell
            self.wake()

    def _pending(self) -> bytes | None:
        packed = self.listener.packed
        if not self._ended and not self.listener.may_go_on():
            self.end(REVOKED)
        if self._ended:
            farewell, self._farewell = self._farewell, None
            return farewell.bytes(packed) if farewell is not None else b""
        if self._mail:
            return self._mail.popleft().bytes(packed)
        told = self.table.told
        if self._epoch != told.epoch:
            return self._start_over("other series are tracked now")
        lag = told.sequence - self._sequence
        if not lag:
            self._level = True
            return None
        beat = self.table.beat(self._sequence + 1)
        if beat is None or (self._level and lag > WAITING_MAX):
            return self._start_over("you read too slowly")
        self._sequence += 1
        return beat.wire(self.listener.caller, packed=packed)

    def _start_over(self, reason: str) -> bytes:
        told = self.table.told
        self._epoch, self._sequence, self._level = told.epoch, told.sequence, True
        self._mail.append(self._hello((self._epoch, self._sequence)))
        return event("reset", Reset(reason=reason)).bytes(self.listener.packed)
