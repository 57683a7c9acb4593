"""The watch over the program itself: looks, and tells what begins and what is over.

What was told to have begun is known after a restart. What cannot be written down while it lasts is
told when it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from sigmawatch.app.notifying.concerns import (
    CLOCK_MS,
    PAUSE_MS,
    Away,
    Sight,
    concerns,
    over,
    paused,
)
from sigmawatch.app.notifying.notifier import Notifier
from sigmawatch.app.notifying.outages import Outages, Quiet, unanswered
from sigmawatch.app.notifying.own import Concern, own_notice
from sigmawatch.domain.announcement import Announcement
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.notice import Notice, NoticeKind, NoticeStatus
from sigmawatch.domain.venue import VenueStatus
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.delivery import DeliveryStore
from sigmawatch.ports.ledger import Ledger

LOOK_MS = 10_000
DEAD_ROWS = 100
MOMENTS = (Concern.CHANNEL, Concern.PAUSE)  # they have no end
NOBODY = Quiet()
RESTORED = "restored"  # what a restore made of what waited: nobody failed

log = structlog.get_logger()


class Watch:
    """Sees, and tells."""

    def __init__(
        self, notifier: Notifier, *, ledger: Ledger, store: DeliveryStore, clock: Clock,
        interval: Interval,
    ) -> None:  # fmt: skip
        """interval: of slots, by which a venue is called silent."""
        self._notifier = notifier
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._interval = interval
        self._began: dict[Concern, tuple[str, int]] = {}  # episode, when
        self._outages = Outages()
        self._started_ms = clock.now_ms()
        self._wall_ms, self._monotonic_ms = clock.now_ms(), clock.monotonic_ms()
        self._step: tuple[int, int] | None = None  # how far, when
        self._pause_ms = 0  # not told yet
        self.oldest_ms: int | None = None  # since when the oldest open notice is due

    async def recover(self) -> None:
        """What was told to have begun, and not to be over."""
        for word in await self._store.own_words():
            if word.kind is not NoticeKind.FIRING or word.condition in MOMENTS:
                continue
            if word.condition == Concern.VENUES:
                self._outages.recovered(word.episode, at_ms=word.decided_ms)
            else:
                self._began[Concern(word.condition)] = (word.episode, word.decided_ms)

    async def look_for_ever(
        self, venues: Callable[[], Sequence[VenueStatus]], *,
        away: Callable[[], Sequence[Away]] = tuple, quiet: Callable[[], Quiet] = Quiet,
    ) -> None:  # fmt: skip
        while True:
            due_ms = self._clock.monotonic_ms() + LOOK_MS
            await self._clock.sleep_until_ms(self._clock.now_ms() + LOOK_MS)
            try:
                late_ms = self._clock.monotonic_ms() - due_ms
                await self.look(venues(), late_ms=late_ms, away=away(), quiet=quiet())
            except Unavailable as exc:
                log.warning("self_alert_waits", reason=str(exc))

    async def look(
        self, venues: Sequence[VenueStatus], *, late_ms: int = 0, away: Sequence[Away] = (),
        quiet: Quiet = NOBODY,
    ) -> None:  # fmt: skip
        """Tell what is new. late_ms: by how much this look is late: a clock that was set back has
        us wait as well, all else is a pause. away: what is shown from a backup. quiet: venues of
        which nothing is read. Raises Unavailable where it cannot be written now."""
        if not self._note_step() and late_ms >= PAUSE_MS:
            self._pause_ms = late_ms
        found = concerns(replace(await self._seen(venues), away=away))
        now_ms = self._clock.now_ms()
        news = [self._begin(one, said, now_ms=now_ms) for one, said in found.items()
                if one not in self._began]  # fmt: skip
        gone = [one for one in self._began if one not in found]
        news += [self._end(one, now_ms) for one in gone]
        silent = quiet.told | (quiet.still & self._outages.began)
        silent |= unanswered(venues, now_ms=now_ms, interval=self._interval)
        of_venues, outages = self._outages.look(silent, venues, now_ms=now_ms)
        news += of_venues
        for name in outages.keys() - self._outages.began:
            log.warning("concern", about="venues", title=name)
        if self._pause_ms:  # nothing that lasts
            news.append(self._begin(Concern.PAUSE, paused(self._pause_ms), now_ms=now_ms))
        if not news:
            return
        async with self._ledger.transaction() as transaction:
            await transaction.outbox.put(news)
        self._outages.stored(outages)
        for one in found.keys() - self._began.keys():
            self._began[one] = (_episode(one, now_ms), now_ms)
        for one in gone:
            del self._began[one]
        self._pause_ms = 0
        self._notifier.wake()

    def _begin(self, concern: Concern, said: Announcement, *, now_ms: int) -> Notice:
        log.warning("concern", about=concern.name.lower(), title=said.title)
        return own_notice(concern, said, episode=_episode(concern, now_ms), at_ms=now_ms)

    def _end(self, concern: Concern, now_ms: int) -> Notice:
        episode, since_ms = self._began[concern]
        said = over(concern, since_ms=since_ms, now_ms=now_ms)
        return own_notice(concern, said, episode=episode, at_ms=now_ms, kind=NoticeKind.RESOLVED)

    async def _seen(self, venues: Sequence[VenueStatus]) -> Sight:
        lanes = await self._store.lanes()
        dead = [one for status in (NoticeStatus.DEAD, NoticeStatus.EXPIRED)
                for one in await self._store.deliveries(status=status, limit=DEAD_ROWS)
                if one.changed_ms >= self._started_ms and one.detail != RESTORED]  # fmt: skip
        self.oldest_ms = min((one.oldest_ms for one in lanes.values()), default=None)
        stepped_ms, step_ms = self._step or (0, None)
        return Sight(
            now_ms=self._clock.now_ms(), interval=self._interval, venues=venues,
            storage=self._ledger.storage.status, dead_count=len(dead),
            oldest_ms=self.oldest_ms,
            dead_ms=max((one.changed_ms for one in dead), default=None),
            stepped_ms=stepped_ms, step_ms=step_ms,
        )  # fmt: skip

    def _note_step(self) -> bool:
        """Whether the wall clock went another way than time."""
        wall_ms, monotonic_ms = self._clock.now_ms(), self._clock.monotonic_ms()
        stepped_ms = (wall_ms - self._wall_ms) - (monotonic_ms - self._monotonic_ms)
        self._wall_ms, self._monotonic_ms = wall_ms, monotonic_ms
        if abs(stepped_ms) <= CLOCK_MS:
            return False
        self._step = (stepped_ms, wall_ms)
        return True


def _episode(concern: Concern, now_ms: int) -> str:
    return f"self-{concern.name.lower()}-{now_ms}"
