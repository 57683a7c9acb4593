"""Back-fill: closed candles for the slots that hold nothing, on start and after every gap.

In the background and within the venue's budget; the busiest markets first. Idempotent: a polled
level is never replaced, and what is asked again says the same. A market that fails is counted and
left for the next time; a venue that fails is waited for (SEMANTICS.md 5), and asked again later
where it stays away: its stream may go on meanwhile, so that nothing else would tell of its return.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from sigmawatch.app.backfill_plan import Lack, fetches
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import PARTITION
from sigmawatch.app.filling import CANDLE_METRICS, Supply, lay_out, needs_two_days, patch_for
from sigmawatch.app.health import SKEW_MAX_MS
from sigmawatch.app.long_lived import give_back
from sigmawatch.app.timing import until
from sigmawatch.domain.errors import NotFound, SigmawatchError, Unavailable
from sigmawatch.domain.frame import Patch
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.ports.bus import Bus
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import Venue

CONCURRENT_MAX = 4
ATTEMPTS_MAX = 5
RETRY_MS = 5_000
AGAIN_MS = 10 * MINUTE_MS  # after a job that a venue which stayed away left undone
CANCELLED = "cancelled"  # the reason of a job that somebody ended
MISSING_SUBJECT = "tracker.missing"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A long piece of work and how far it is; counts are of markets, of sections when sealing and
    archiving, which are of no one venue. reason: of the newest failure."""

    id: str
    kind: str
    venue: str | None
    started_ms: int
    total: int = 0
    done: int = 0
    failed: int = 0
    patches: int = 0
    finished_ms: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What one market lacks at one interval: its series, each with its first and last slot."""

    native: str
    interval: Interval
    holes: tuple[tuple[Series, int, int], ...]

    @property
    def from_slot(self) -> int:
        return min(first for _, first, _ in self.holes)

    @property
    def to_slot(self) -> int:
        return max(stop for _, _, stop in self.holes)


class Backfill:
    """The back-fill of one venue: one job at a time."""

    def __init__(
        self,
        venue: Venue,
        *,
        catalogue: Catalogue,
        bus: Bus,
        clock: Clock,
        skew_ms: Callable[[], int | None] = lambda: None,
    ) -> None:
        """skew_ms: how far the venue's clock is ahead of ours, None while that is unknown."""
        self._venue = venue
        self._skew_ms = skew_ms
        self._name = venue.traits.name
        self._catalogue = catalogue
        self._bus = bus
        self._clock = clock
        self._wanted = asyncio.Event()
        self._filling: list[asyncio.Task[None]] = []
        self._cancelled = False
        self._left = False  # a venue that stayed away has left something undone
        self.job: Job | None = None
        self.done_once = False  # since the start

    @property
    def under_way(self) -> bool:
        """Whether something is fetched or is to be; nobody knows before the first time."""
        return not self.done_once or self._wanted.is_set() or bool(self._filling)

    def want(self) -> None:
        """Something may be missing: look, and fetch it."""
        self._wanted.set()

    def cancel(self) -> None:
        """End the job under way; what is stored stays."""
        self._cancelled = True
        for task in self._filling:
            task.cancel()

    async def run_for_ever(
        self, ready: asyncio.Event, *, busiest: Callable[[Series], float]
    ) -> None:
        """Wait until the venue's markets are known, then do what is wanted, one job at a time."""
        await ready.wait()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.run_once(busiest=busiest)
            if self._left and not self._cancelled:
                again_ms = self._clock.now_ms() + AGAIN_MS
                await until(self._wanted, clock=self._clock, ts_ms=again_ms)
                self._wanted.set()

    async def run_once(self, *, busiest: Callable[[Series], float]) -> Job:
        """Fetch everything that is missing now, the markets with the largest `busiest` first;
        returns when the last patch is durable."""
        started_ms = self._clock.now_ms()
        gaps = await self._gaps()
        gaps.sort(key=lambda gap: -max(busiest(series) for series, _, _ in gap.holes))
        self.job = Job(
            id=f"backfill:{self._name}:{started_ms}", kind="backfill", venue=self._name,
            started_ms=started_ms, total=len(gaps),
        )  # fmt: skip
        gate = asyncio.Semaphore(CONCURRENT_MAX)

        async def one(gap: Gap) -> None:
            async with gate:
                await self._fill(gap)

        self._cancelled = self._left = False
        async with asyncio.TaskGroup() as group:
            self._filling = [group.create_task(one(gap)) for gap in gaps]
        self._filling = []
        if gaps:
            give_back()
        self._advance(finished_ms=self._clock.now_ms())
        if self._cancelled:
            self.job = replace(self.job, reason=CANCELLED)
        self.done_once = True
        log.info("backfill_finished", venue=self._name, markets_count=self.job.done,
                 failed_count=self.job.failed, patches_count=self.job.patches)  # fmt: skip
        return self.job

    def _advance(self, **changes: int) -> None:
        assert self.job is not None
        counts = {name: getattr(self.job, name) + changes.get(name, 0)
                  for name in ("done", "failed", "patches")}  # fmt: skip
        self.job = Job(
            id=self.job.id, kind=self.job.kind, venue=self.job.venue,
            started_ms=self.job.started_ms, total=self.job.total,
            finished_ms=changes.get("finished_ms"), **counts,
        )  # fmt: skip

    async def _gaps(self) -> list[Gap]:
        if not self._venue.traits.candle_spans_ms:
            return []  # it keeps no past
        answer = await self._bus.ask(MISSING_SUBJECT, {"venue": self._name}, timeout_s=60.0)
        ranges = answer["ranges"]
        assert isinstance(ranges, Mapping)
        markets: dict[tuple[str, Interval], list[tuple[Series, int, int]]] = {}
        for series_id, (first, stop) in ranges.items():
            series = self._catalogue.by_id(series_id)
            if series is not None and self._fetches(series):
                holes = markets.setdefault((series.market.native, series.interval), [])
                holes.append((series, first, stop))
        return [
            Gap(native=native, interval=interval, holes=tuple(holes))
            for (native, interval), holes in markets.items()
        ]

    def _fetches(self, series: Series) -> bool:
        return series.metric in CANDLE_METRICS and not self._catalogue.is_paused(series.market)

    async def _fill(self, gap: Gap) -> None:
        for attempt in range(ATTEMPTS_MAX):
            try:
                patches = await self._patches(gap)
                for start in range(0, len(patches), 256):
                    await self._bus.publish(PARTITION, patches[start : start + 256])
                self._advance(done=1, patches=len(patches))
                return
            except NotFound as error:
                log.warning("backfill_market_failed", venue=self._name, reason=str(error))
                break
            except Unavailable as error:
                wait_ms = round(1_000 * (error.retry_after_s or 0)) or RETRY_MS << attempt
                await self._clock.sleep_until_ms(self._clock.now_ms() + wait_ms)
            except SigmawatchError as error:
                log.warning("backfill_market_failed", venue=self._name, reason=str(error))
                break
        else:
            self._left = True
        self._advance(done=1, failed=1)

    async def _patches(self, gap: Gap) -> list[Patch]:
        lack = Lack(
            interval=gap.interval, from_slot=gap.from_slot, to_slot=gap.to_slot,
            two_days=needs_two_days(series.metric for series, _, _ in gap.holes),
        )  # fmt: skip
        supplies = await self._supplies(gap.native, lack)
        now_ms = self._clock.now_ms()
        line = lay_out(
            supplies, gap.interval,
            from_slot=gap.interval.slot(lack.from_ms), to_slot=gap.to_slot,
            now_ms=self._venue_now_ms(),
        )  # fmt: skip
        patches = (
            patch_for(series, line, from_slot=first, to_slot=stop, now_ms=now_ms)
            for series, first, stop in gap.holes
        )
        return [patch for patch in patches if patch is not None]

    async def _supplies(self, native: str, lack: Lack) -> Sequence[Supply]:
        supplies: list[Supply] = []
        for one in fetches(lack, self._venue.traits, now_ms=self._venue_now_ms()):
            candles = await self._venue.candles(
                native, span_ms=one.span_ms, from_ms=one.from_ms, to_ms=one.to_ms
            )
            supplies.append(Supply(candles=candles, from_ms=one.from_ms))
        return supplies

    def _venue_now_ms(self) -> int:
        """What says which candles are closed: our clock, unless it is so far from the venue's that
        it would take a forming candle for a closed one (SEMANTICS.md 4)."""
        skew_ms = self._skew_ms() or 0
        return self._clock.now_ms() + (skew_ms if abs(skew_ms) > SKEW_MAX_MS else 0)
