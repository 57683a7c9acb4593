"""Push: readings from outside become what a venue's would be, durable before anybody is answered.

What comes while something is being stored is stored together, next. Series are made as they are
told of, up to a quota. Whatever was laid out is stored in the end: where that fails for now, the
very same items are published again before anything else, and who pushes is told to push again,
which then changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.past import Past
from sigmawatch.app.push_config import PushConfig
from sigmawatch.app.pushing.checked import Body, Bounds
from sigmawatch.app.pushing.late import Late
from sigmawatch.app.pushing.names import Names
from sigmawatch.app.pushing.sheet import RECENT_SLOTS, Places, Seen, Sheet
from sigmawatch.app.pushing.told import Readings, Refusals, Told, Values, groups_of
from sigmawatch.app.telemetry.families import PUSHED
from sigmawatch.app.telemetry.telemetry import Telemetry
from sigmawatch.app.timing import until
from sigmawatch.domain.errors import Busy, StorageUnavailable, Unavailable
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import Market
from sigmawatch.domain.quarantine import Quarantine
from sigmawatch.domain.series import Series
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.venue import VenueState, VenueStatus
from sigmawatch.domain.window import SECOND_MS, Interval
from sigmawatch.ports.bus import Item
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.storage import Storage

SETTLE_MS = SECOND_MS  # after a slot's end, as venues are polled
WAITING_MAX = 1_000_000  # readings
SPARE_BYTES = 64_000_000  # of places in frames that say nothing, at once
SPARE_BYTES_A_S = 100_000  # and in the long run: 9 GB in the day that frames are kept
SPARE_WAIT_MS = 250

Enroll = Callable[[Sequence[tuple[Market, str]], Interval], Awaitable[Sequence[Series]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What pushing needs of its program. enroll: tracks series as far as there is room for them,
    and says which are new; publish: returns once items are durable; keep_ms: how far back slots are
    kept one by one."""

    catalogue: Catalogue
    clock: Clock
    past: Past
    enroll: Enroll
    publish: Callable[[Sequence[Item]], Awaitable[None]]
    storage: Storage
    telemetry: Telemetry
    keep_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a body: readings that are durable, how many of those were of slots long over,
    the series that were made for them, and what was refused."""

    count: int
    late_count: int
    made: Sequence[Series]
    refusals: Refusals

    def and_then(self, more: Taken) -> Taken:
        """With what became of what came after it."""
        self.refusals.join(more.refusals)
        return Taken(count=self.count + more.count, late_count=self.late_count + more.late_count,
                     made=(*self.made, *more.made), refusals=self.refusals)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    interval: Interval
    readings: Readings
    stored: asyncio.Future[None]


class Push:
    """Of one program."""

    def __init__(self, config: PushConfig, means: Means) -> None:
        self._config = config
        self._means = means
        self._names = Names(means.catalogue, config.venue_name)
        seen = Seen()
        self._sheet = Sheet(means.catalogue.blocks, seen)
        self._late = Late(self._stands, self._sheet, seen=seen)
        self._since_ms = means.clock.now_ms()
        self._taken_ms: int | None = None
        self._refused = Refusals()
        self.quarantine = Quarantine()
        self._turn = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._unsent: Sequence[Item] = ()
        self._live: tuple[int, Mapping[int, Places]] = (-1, {})
        self._spare = (SPARE_BYTES, means.clock.monotonic_ms())

    # A body

    async def take(self, told: Told, *, interval: Interval) -> Taken:
        """Store what a body says, and track what is not tracked yet; returns once it is durable.
        Raises Unavailable where it may not be: pushing it again is safe."""
        self._check_storage()
        now_ms = self._means.clock.now_ms()
        body = Body(told)
        found = self._names.find(body.names, interval)
        body.check(found, Bounds(interval=interval, now_ms=now_ms, keep_ms=self._means.keep_ms))
        made: Sequence[Series] = ()
        asked = body.asked() & found.wanted.keys()
        if wanted := [found.wanted[name] for name in body.names if name in asked]:
            made = await self._means.enroll(wanted, interval)
            found = self._names.find(body.names, interval)
            body.refuse_wanted(found, most=self._config.series_max)
        readings = body.readings(found, interval)
        if len(readings):
            await self._stored(readings, interval)
        late = np.count_nonzero(readings.slot < interval.slot(now_ms) - RECENT_SLOTS)
        taken = Taken(count=len(readings), late_count=int(late), made=made, refusals=told.refusals)
        self._count(taken)
        return taken

    @property
    def status(self) -> VenueStatus:
        """How the venue of what is pushed is: up as long as we are, for nobody is asked."""
        return VenueStatus(
            venue=self._config.venue_name, state=VenueState.UP, since_ms=self._since_ms,
            detail="readings are pushed here", success_ms=self._taken_ms,
            rejected=dict(self._refused.by_reason),
        )  # fmt: skip

    def _count(self, taken: Taken) -> None:
        self._taken_ms = self._means.clock.now_ms() if taken.count else self._taken_ms
        self._refused.join(taken.refusals)
        if first := taken.refusals.first[:1]:
            said = {f"row {one.index}": f"{one.field}: {one.reason}" for one in first}
            now_ms = self._means.clock.now_ms()
            self.quarantine.put(said, now_ms=now_ms, count=taken.refusals.count)
        counted = {"taken": taken.count, "late": taken.late_count, "refused": taken.refusals.count}
        for outcome, count in counted.items():
            self._means.telemetry.count(PUSHED, outcome, by=count)

    # Storing

    def _check_storage(self) -> None:
        """Who pushes can keep what cannot be stored now; venues cannot. Raises
        StorageUnavailable."""
        status = self._means.storage.status
        if status.state is not StorageState.OK:
            raise StorageUnavailable(f"{status}: push it again later", retry_after_s=10)

    async def _stored(self, readings: Readings, interval: Interval) -> None:
        """Returns once they are durable. Raises Unavailable."""
        if sum(len(one.readings) for one in self._waiting) > WAITING_MAX:
            raise Busy("too many readings wait to be stored", retry_after_s=1)
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(interval=interval, readings=readings, stored=stored))
        self._arrived.set()
        await stored

    async def take_for_ever(self) -> None:
        """Store what waits, all of it at a time."""
        try:
            while True:
                await self._arrived.wait()
                await self._spared()
                self._arrived.clear()
                batch, self._waiting = self._waiting, []
                await self._take(batch)
        finally:
            _tell([one.stored for one in self._waiting], Unavailable("the program is ending"))

    async def _take(self, batch: Sequence[_Waiting]) -> None:
        waiting = [one.stored for one in batch]
        try:
            async with self._turn:
                await self._resend()
                await self._send(await self._laid_out(batch))
        except Unavailable as exc:
            _tell(waiting, exc)
        else:
            _tell(waiting, None)
        finally:  # whoever ended us
            _tell(waiting, Unavailable("the program is ending; it may be stored"))

    async def _laid_out(self, batch: Sequence[_Waiting]) -> Sequence[Item]:
        now_ms = self._means.clock.now_ms()
        items: list[Item] = []
        by_interval: dict[Interval, list[Readings]] = {}
        for one in batch:
            by_interval.setdefault(one.interval, []).append(one.readings)
        for interval, parts in by_interval.items():
            readings = Readings.joined(parts)
            recent = readings.slot >= interval.slot(now_ms) - RECENT_SLOTS
            frames = await self._frames(readings.taken(recent), interval, recv_ms=now_ms)
            items += frames
            items += await self._patches(readings.taken(~recent), recv_ms=now_ms)
            items += self._last_words(interval, now_ms)
            self._spend(frames, len(readings))
        self._sheet.forget(now_ms)
        return items

    async def _frames(
        self, readings: Readings, interval: Interval, *, recv_ms: int
    ) -> Sequence[Frame]:
        """Frames of the newest slots. Sums go on from what an earlier life has stored."""
        begun = interval.slot(self._since_ms)
        for block, slot in self._sheet.lacks(readings):
            if slot <= begun:
                series = [one for one in self._means.catalogue.series if one.block_id == block]
                value = np.full(max(one.place for one in series) + 1, np.nan)
                for one in series:
                    value[one.place] = (await self._stands(one, range(slot, slot + 1)))[0]
                self._sheet.begin((block, slot), value)
        return self._sheet.lay(readings, recv_ms=recv_ms)

    async def _patches(self, readings: Readings, *, recv_ms: int) -> Sequence[Item]:
        """Patches of slots that are long over."""
        mine = readings.taken(np.argsort(readings.series, kind="stable"))
        items: list[Item] = []
        for group in groups_of(mine.series):
            series = self._means.catalogue.by_id(int(mine.series[group.start]))
            if series is not None:
                items += await self._late.lay(series, mine.taken(group), recv_ms=recv_ms)
        return items

    async def _stands(self, series: Series, slots: range) -> Values:
        """What is known of a series, NaN where nothing is."""
        past = self._means.past
        return (await past.columns(series, from_slot=slots.start, to_slot=slots.stop))[0]

    async def _resend(self) -> None:
        if self._unsent:
            await self._send(self._unsent)

    async def _send(self, items: Sequence[Item]) -> None:
        if items:
            self._unsent = items
            await self._means.publish(items)
            self._unsent = ()

    # What few readings in wide frames cost

    def _spend(self, frames: Sequence[Frame], count: int) -> None:
        """A frame is as wide as its block, whatever it says."""
        left, at_ms = self._spare
        now_ms = self._means.clock.monotonic_ms()
        left = min(left + SPARE_BYTES_A_S * (now_ms - at_ms) // SECOND_MS, SPARE_BYTES)
        idle = 9 * (sum(len(frame.marks) for frame in frames) - count)
        self._spare = max(left - max(idle, 0), -SPARE_BYTES), now_ms

    async def _spared(self) -> None:
        """Where single readings of wide blocks come one by one for long, let some gather."""
        if self._spare[0] < 0:
            clock = self._means.clock
            await clock.sleep_until_ms(clock.now_ms() + SPARE_WAIT_MS)

    # Last words of slots

    async def close_for_ever(self) -> None:
        """Say of every slot that is over what nobody told anything of."""
        clock = self._means.clock
        while True:
            news = self._means.catalogue.news
            now_ms = clock.now_ms()
            due = [each.open_ms(each.slot(now_ms - _settle_ms(each)) + 1) + _settle_ms(each)
                   for each in self._intervals() or [Interval(60 * SECOND_MS)]]  # fmt: skip
            await until(news, clock=clock, ts_ms=min(due))
            await self.close()

    async def close(self) -> None:
        """The last words that can be given now."""
        async with self._turn:
            now_ms = self._means.clock.now_ms()
            try:
                await self._resend()
                words = [word for each in self._intervals()
                         for word in self._last_words(each, now_ms)]  # fmt: skip
                await self._send(words)
            except Unavailable:
                return  # they are sent before anything else is

    def _intervals(self) -> Sequence[Interval]:
        blocks = self._means.catalogue.blocks
        return sorted({blocks[block_id].interval for block_id in self._places()})

    def _last_words(self, interval: Interval, now_ms: int) -> Sequence[Frame]:
        """Of slots that we were there for. Of those before, who pushes may yet tell us."""
        newest, begun = (interval.slot(now_ms - _settle_ms(interval)) - 1,
                         interval.slot(self._since_ms))  # fmt: skip
        ended = range(max(newest - RECENT_SLOTS, begun), newest + 1)
        if not ended:
            return ()
        return self._sheet.last_words(
            self._places(), interval, ended=ended, begun=begun, recv_ms=now_ms
        )

    def _places(self) -> Mapping[int, Places]:
        """By block, where series stand that are pushed."""
        catalogue = self._means.catalogue
        if self._live[0] != catalogue.version:
            found: dict[int, list[int]] = {}
            for one in catalogue.series:
                if one.pushed:
                    found.setdefault(one.block_id, []).append(one.place)
            live = {block: np.array(places, np.intp) for block, places in found.items()}
            self._live = catalogue.version, live
        return self._live[1]


def _settle_ms(interval: Interval) -> int:
    return min(SETTLE_MS, interval.close_deadline_ms)


def _tell(waiting: Sequence[asyncio.Future[None]], failure: Unavailable | None) -> None:
    """Those that were not told yet, and still want to know."""
    for one in waiting:
        if one.done():
            continue
        if failure is None:
            one.set_result(None)
        else:
            one.set_exception(failure)
