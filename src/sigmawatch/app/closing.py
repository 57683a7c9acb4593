"""Closing: when the slots of one interval are over, and when they are shown.

A slot closes when every block has its frame, or at the close deadline. Venues are not equally
quick: where nothing has come for a while (`patience_ms`), what is there is shown, and the rest with
every further arrival until the deadline, so that a venue that hangs delays nobody else
(docs/decisions/0037). What comes after the deadline is late, and shown by whoever looks after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Set
from typing import Protocol

from sigmawatch.app.timing import until
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock

PATIENCE_MS = 500
PATIENCE_SHARE = 5  # of the close deadline at most a fifth, where slots are short

Blocks = Set[int]


class Showing(Protocol):
    """What closing needs of the tracker."""

    def next_slot(self, interval: Interval) -> int:
        """The first that is not closed yet."""
        ...

    def missing(self, interval: Interval, slot: int) -> Blocks:
        """The blocks whose frame a slot that is over waits for."""
        ...

    async def close_slot(self, interval: Interval, slot: int) -> None:
        """Show it for the first time."""
        ...

    async def show_again(self, interval: Interval, slot: int) -> None:
        """Show it with what came since."""
        ...

    def look_again(self) -> None:
        """Something came too late to be shown here."""
        ...


class Closer:
    """Closes the slots of one interval."""

    def __init__(self, interval: Interval, showing: Showing, *, clock: Clock) -> None:
        self._interval = interval
        self._showing = showing
        self._clock = clock
        self._came = asyncio.Event()
        self._slot: int | None = None

    def gathers(self, slot: int) -> bool:
        """Whether what comes of a slot is going to be shown from here."""
        return self._slot == slot

    def came(self) -> None:
        """Something is applied."""
        self._came.set()

    async def run_for_ever(self) -> None:
        while True:
            slot = self._showing.next_slot(self._interval)
            await self._clock.sleep_until_ms(self._interval.open_ms(slot + 1))
            self._slot = slot
            lacking = await self._close(slot)
            self._slot = None
            if lacking - self._showing.missing(self._interval, slot):
                self._showing.look_again()

    async def _close(self, slot: int) -> Blocks:
        """Show a slot, and again until nothing is missing or the deadline; what it lacked then."""
        deadline_ms = self._interval.open_ms(slot + 1) + self._interval.close_deadline_ms
        lacking: Blocks | None = None
        while True:
            missing = await self._gathered(slot, before=lacking, deadline_ms=deadline_ms)
            if lacking is None:
                await self._showing.close_slot(self._interval, slot)
            elif lacking - missing:
                await self._showing.show_again(self._interval, slot)
            lacking = missing
            if not missing or self._clock.now_ms() >= deadline_ms:
                return lacking

    async def _gathered(self, slot: int, *, before: Blocks | None, deadline_ms: int) -> Blocks:
        """Wait until nothing is missing, or something has come and then nothing for a while, or
        the deadline; what is missing then. before: what was missing when it was shown last."""
        until_ms = deadline_ms
        missing = self._showing.missing(self._interval, slot)
        if before is None:
            before = missing  # what comes before the slot's end is of no collector
        while missing and self._clock.now_ms() < until_ms:
            if before - missing:
                before = missing
                until_ms = min(deadline_ms, self._clock.now_ms() + self.patience_ms)
            self._came.clear()
            await until(self._came, clock=self._clock, ts_ms=until_ms)
            missing = self._showing.missing(self._interval, slot)
        return missing

    @property
    def patience_ms(self) -> int:
        """How long nothing has to come until what is there is shown."""
        return min(PATIENCE_MS, self._interval.close_deadline_ms // PATIENCE_SHARE)
