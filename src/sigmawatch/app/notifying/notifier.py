"""The notifier role: every lane that has something due gets its turn, none waits for another.

It is woken by what is decided and by what becomes due; what was not delivered in time and matters
is told elsewhere, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from sigmawatch.app.notifying.lane import Lane, Means, fallen_back
from sigmawatch.app.telemetry import families
from sigmawatch.app.timing import until
from sigmawatch.domain.delivery_policy import overdue_ms
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.notice import FANOUT, SUBSCRIBER, NoticeStatus
from sigmawatch.ports.delivery import Backlog

LOOK_MS = 60_000  # at the latest; who has something to be sent wakes us
FALLBACK_LOOK_MS = 5_000
FORGET_MS = 300_000
AGAIN_MS = 1_000
OVERDUE_ROWS = 500

log = structlog.get_logger()


class Notifier:
    """Delivers what the outbox holds, for ever."""

    def __init__(self, means: Means, *, look_ms: int = LOOK_MS) -> None:
        """look_ms: how often the outbox is looked at when nobody wakes us: other programs may write
        to it."""
        self._means = means
        self._look_ms = look_ms
        self._lanes: dict[str, Lane] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._awake = asyncio.Event()
        self.resting = False  # whether it waits for time, or for somebody to wake it
        self._looked_ms = 0
        self._beside_ms = 0
        self._escalated: dict[str, int] = {}
        for status in NoticeStatus:  # the first to be lost is an increase, and told as one
            if not status.open:
                means.telemetry.count(families.SETTLED, status, by=0)

    def wake(self) -> None:
        """There may be something to send."""
        self.resting = False
        self._awake.set()

    @property
    def failing(self) -> Mapping[str, int]:
        """Lanes that fail, and how often in a row."""
        found = ((name, lane.failures_count) for name, lane in self._lanes.items())
        return {name: count for name, count in found if count}

    @property
    def busy(self) -> frozenset[str]:
        """Lanes whose turn it is."""
        return frozenset(self._busy)

    async def run_for_ever(self) -> None:
        """Ends by cancellation; what was sent is recorded first where the database takes it."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._awake.clear()
                self.resting = False
                next_ms = await self._look(group)
                self.resting = not self._awake.is_set()
                await until(self._awake, clock=self._means.clock, ts_ms=next_ms)

    async def _look(self, group: asyncio.TaskGroup) -> int:
        """Give every lane that is due its turn; when to look again."""
        now_ms = self._means.clock.now_ms()
        try:
            lanes = await self._means.store.lanes()
            if now_ms >= self._looked_ms + FALLBACK_LOOK_MS:
                self._looked_ms = now_ms
                await self._fall_back(lanes)
        except Unavailable as exc:
            log.warning("outbox_not_read", reason=str(exc))
            return now_ms + AGAIN_MS
        self._forget(lanes)
        for name, backlog in lanes.items():
            lane = self._lanes.setdefault(name, Lane(name, self._means))
            if name not in self._busy and max(backlog.next_ms, lane.resume_ms) <= now_ms:
                self._busy[name] = group.create_task(self._turn(lane), name=f"lane {name}")
        waiting = [max(backlog.next_ms, self._lanes[name].resume_ms)
                   for name, backlog in lanes.items() if name not in self._busy]  # fmt: skip
        if self._means.fallback is not None and lanes:
            waiting.append(now_ms + FALLBACK_LOOK_MS)
        return min([now_ms + self._look_ms, *waiting])

    def _forget(self, lanes: Mapping[str, Backlog]) -> None:
        """Lanes with nothing left to do, once what they sent counts against no limit any more."""
        now_ms = self._means.clock.now_ms()
        for name in self._lanes.keys() - lanes.keys() - self._busy.keys():
            lane = self._lanes[name]
            if max(lane.used_ms, lane.resume_ms) <= now_ms - FORGET_MS:
                del self._lanes[name]
                self._escalated.pop(name, None)

    async def _turn(self, lane: Lane) -> None:
        try:
            await lane.turn()
            while lane.goes_on:
                self._look_beside(lane)
                await lane.turn()
        except Unavailable as exc:
            log.warning("lane_waits_for_the_database", channel=lane.name, reason=str(exc))
            await self._means.clock.sleep_until_ms(self._means.clock.now_ms() + AGAIN_MS)
        finally:
            del self._busy[lane.name]
            self.wake()

    def _look_beside(self, lane: Lane) -> None:
        """While a backlog is addressed, what is addressed already is on its way."""
        now_ms = self._means.clock.now_ms()
        if lane.name == FANOUT and now_ms >= self._beside_ms + AGAIN_MS:
            self._beside_ms = now_ms
            self.wake()

    async def _fall_back(self, lanes: Mapping[str, Backlog]) -> None:
        """ "A critical notice failing for 60 s also goes to the fallback channel.": whatever holds
        it up."""
        before_ms = overdue_ms(self._means.clock.now_ms())
        if self._means.fallback is None:
            return
        for name, backlog in lanes.items():
            if backlog.oldest_ms > before_ms or name in (FANOUT, SUBSCRIBER, self._means.fallback):
                continue
            found = await self._means.store.overdue(
                name, before_ms=before_ms, after=self._escalated.get(name, 0), limit=OVERDUE_ROWS
            )
            notices = [fallen_back(one.notice, self._means.fallback) for one in found]
            async with self._means.ledger.transaction() as transaction:
                await transaction.outbox.put([one for one in notices if one is not None])
            if found:
                self._escalated[name] = found[-1].number
                self.wake()
