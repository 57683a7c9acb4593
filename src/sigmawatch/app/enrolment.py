"""Enrolment: series begin and cease to be tracked, by request or because a file says so.

Durable first, then in the tracker's table, then in the catalogue that collectors plan from.
What a file defines is read-only elsewhere and says which file manages it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain

import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.config import Config, Track
from sigmawatch.app.definitions import (
    FORMULAS_MAX,
    Definition,
    broken_without,
    followers,
    with_choices,
)
from sigmawatch.app.interval_config import Widths
from sigmawatch.app.tracked import Tracked
from sigmawatch.app.tracker import Tracker
from sigmawatch.app.wanted import Wanted, asked_for, computed_from, key_of, ref_of
from sigmawatch.domain.errors import Conflict, Invalid
from sigmawatch.domain.following import Following
from sigmawatch.domain.market import Market, MarketRef, MarketStatus
from sigmawatch.domain.metric import (
    METRICS,
    OURS,
    SOURCE,
    metric_named,
    with_derived,
    with_sources,
)
from sigmawatch.domain.series import DERIVED, Block, Series
from sigmawatch.domain.window import Interval
from sigmawatch.ports.history import History
from sigmawatch.ports.ledger import Ledger
from sigmawatch.ports.venue import VenueTraits

AT_ONCE = 500  # series in one transaction, so that no slot waits long

log = structlog.get_logger()


class Enrolment:
    """Adds and removes series of one program."""

    def __init__(
        self,
        config: Config,
        *,
        catalogue: Catalogue,
        ledger: Ledger,
        tracker: Tracker,
        history: History,
    ) -> None:
        self._config = config
        self._history = history
        self._catalogue = catalogue
        self._ledger = ledger
        self._tracker = tracker
        self._traits: dict[str, VenueTraits] = {}
        self._changing = asyncio.Lock()  # what is stored, in the table and in the catalogue is one
        self.followed_by: Callable[[Series], Following | None] = lambda _: None

    def know(self, traits: VenueTraits) -> None:
        """What a venue is like that is asked from now on."""
        self._traits[traits.name] = traits

    async def recover(self) -> int:
        """Read the catalogue back; how many series are tracked."""
        series = await self._ledger.series()
        blocks = await self._ledger.blocks()  # in this order: no series is without its block
        self._catalogue.put(blocks=blocks, series=series)
        await self._tracker.enroll(blocks=blocks, series=series)
        return len(series)

    async def add(
        self, market: Market, metrics: Sequence[str], *, interval: Interval, origin: str = "api"
    ) -> Sequence[Series]:
        """Track metrics of one market from now on, and what those are computed from. Raises Invalid
        where the venue does not offer one."""
        names = with_sources(self._offered(market.venue, name) for name in metrics)
        async with self._changing:
            async with self._ledger.transaction() as transaction:
                series = [
                    await transaction.catalogue.add(market, name, interval=interval, origin=origin)
                    for name in names
                ]
                blocks = await transaction.catalogue.blocks()
            await self._take(blocks, series)
        return series

    async def add_widths(self, market: Market, widths: Widths) -> Sequence[Series]:
        """The same of metrics by the length of their slots; nothing where one is not offered."""
        self.check_offered(market.venue, chain.from_iterable(widths.values()))
        added = [await self.add(market, names, interval=every) for every, names in widths.items()]
        return list(chain.from_iterable(added))

    async def push(
        self, wanted: Sequence[tuple[Market, str]], interval: Interval, *, most: int
    ) -> Sequence[Series]:
        """Track metrics of markets that others tell us of, as long as no more than `most` series
        came so; those that are new."""
        async with self._changing:
            known = {(one.market, one.metric, one.interval) for one in self._catalogue.series}
            news = [(*one, interval) for one in wanted if (*one, interval) not in known]
            room = most - sum(one.pushed for one in self._catalogue.series)
            return await self._enlist(news[: max(room, 0)], origin="push")

    async def follow_patterns(self, venue: str, wanted: Sequence[Wanted]) -> bool:
        """Track what patterns want at a venue, in this order, and no longer what only they wanted;
        whether anything changed. What a formula reads stays."""
        async with self._changing:
            tracked = {key_of((one.market, one.metric, one.interval))
                       for one in self._catalogue.of_venue(venue)}  # fmt: skip
            news = [one for one in wanted if key_of(one) not in tracked]
            made = await self._enlist(news, origin="pattern")
        keys = {key_of(one) for one in wanted}
        gone = [
            one for one in self._catalogue.of_venue(venue) if one.origin == "pattern"
            and key_of((one.market, one.metric, one.interval)) not in keys
        ]  # fmt: skip
        for one in sorted(gone, key=lambda one: not one.derived):
            if self._reader_of(one) is None:
                await self._drop(one)
        return bool(made or gone)

    async def _enlist(self, news: Sequence[Wanted], *, origin: str) -> list[Series]:
        """Track many, some at a time; to be called by who holds `_changing`."""
        made: list[Series] = []
        for start in range(0, len(news), AT_ONCE):
            async with self._ledger.transaction() as transaction:
                series = [
                    await transaction.catalogue.add(
                        market, metric, interval=interval, origin=origin
                    )
                    for market, metric, interval in news[start : start + AT_ONCE]
                ]
                blocks = await transaction.catalogue.blocks()
            await self._take(blocks, series)
            made += series
        return made

    async def _take(self, blocks: Sequence[Block], series: Sequence[Series]) -> None:
        news = [one for one in series if self._catalogue.by_id(one.id) is None]
        await self._tracker.enroll(blocks=blocks, series=series)
        self._catalogue.put(blocks=blocks, series=series)
        await self._tracker.remember(news, self._history)

    def check_offered(self, venue: str, metrics: Iterable[str]) -> None:
        """Raises Invalid for a metric that the venue has not."""
        for name in metrics:
            self._offered(venue, name)

    def _offered(self, venue: str, name: str) -> str:
        metric = metric_named(name).name
        traits = self._traits.get(venue)
        known = traits.levels | traits.flows if traits else METRICS.keys() - OURS
        offered = with_derived(known)
        if metric not in offered:
            raise Invalid(
                f"{venue} does not offer {metric}",
                field="metrics",
                allowed=", ".join(offered),
            )
        return metric

    async def define(self, definition: Definition) -> Series:
        """Compute a formula series from now on, and for the day before. Raises as
        `Definition.check`; Conflict where another formula has its name, or there are too many."""
        tracked = self._tracked(definition.interval)
        definition.check(tracked)
        stands = tracked.by_name.get(definition.name)
        if stands is not None and stands.formula != definition.text:
            raise Conflict(f"{stands.slug} is {stands.formula}; remove it first", field="name")
        wanted = [definition]
        if definition.formula.fail_over and definition.choice.name not in tracked.by_name:
            wanted = [definition.choice, definition]
        return (await self._define(wanted, origin="api"))[-1]

    async def define_configured(self) -> dict[str, str]:
        """Define what the file says, as far as its inputs are tracked by now, and drop what it no
        longer says; what could not be had, with the reason."""
        waiting = with_choices(self._config.definitions())
        names = {(one.name, one.interval) for one in waiting}
        for one in self._catalogue.of_venue(DERIVED):
            if one.origin == "file" and (one.name, one.interval) not in names:
                await self._drop(one)
        while True:  # one may wait for another
            ready, reasons = self._ready(waiting)
            if not ready:
                return reasons
            waiting = [one for one in waiting if one not in ready]
            try:
                await self._define(ready, origin="file")
            except Conflict as error:
                return reasons | {one.name: str(error) for one in ready}

    def _ready(self, waiting: Sequence[Definition]) -> tuple[list[Definition], dict[str, str]]:
        """Those that can be had now, none of which reads another, and why others cannot; what
        stands as the file says is neither."""
        tracked = {interval: self._tracked(interval) for interval in {w.interval for w in waiting}}
        ready: list[Definition] = []
        reasons: dict[str, str] = {}
        for one in waiting:
            mine = tracked[one.interval]
            stands = mine.by_name.get(one.name)
            if stands is not None and (stands.formula, stands.origin) == (one.text, "file"):
                continue
            try:
                one.check(mine)
            except Invalid as error:
                reasons[one.name] = str(error)
                continue
            if not any(each.name in one.formula.series for each in ready):
                ready.append(one)
        return ready, reasons

    def _tracked(self, interval: Interval) -> Tracked:
        return Tracked([one for one in self._catalogue.series if one.interval == interval])

    async def _define(self, definitions: Sequence[Definition], *, origin: str) -> list[Series]:
        """Track formulas that can be had; another formula under the same name ends. Raises
        Conflict where there are too many."""
        names = {(one.name, one.interval): one.text for one in definitions}
        every = [one for one in self._catalogue.series if one.formula is not None]
        others = [one for one in every if (one.name, one.interval) not in names]
        if len(others) + len(definitions) > FORMULAS_MAX:
            raise Conflict(f"{FORMULAS_MAX:,} formulas are defined already; remove one first",
                           field="formula")  # fmt: skip
        for one in every:
            if names.get((one.name, one.interval), one.formula) != one.formula:
                await self._drop(one)
        async with self._changing:
            async with self._ledger.transaction() as transaction:
                series = [
                    await transaction.catalogue.add(
                        one.market, one.metric,
                        interval=one.interval, origin=origin, formula=one.text,
                    )
                    for one in definitions
                ]  # fmt: skip
                blocks = await transaction.catalogue.blocks()
            await self._take(blocks, series)
        return series

    async def remove(self, series: Series) -> None:
        """Stop tracking, as far as no pattern wants it; history stays. Raises Conflict where a file
        manages the series, only a pattern wants it, or another one is computed from it."""
        source = self._config.source
        if series.origin == "file" and source is not None:
            raise Conflict(
                f"{series.slug} is defined by {source.name}; remove it there", field="id"
            )
        following = self.followed_by(series)
        if following is not None and series.origin == "pattern":
            raise Conflict(
                f"{series.slug} is tracked by the pattern {following.pattern}; remove that",
                field="id",
            )
        reader = self._reader_of(series)
        if reader is not None and following is None:
            raise Conflict(
                f"{reader.slug} is computed from {series.slug}; remove that first", field="id"
            )
        await self._leave(series)
        choice = self._choice_left_by(series)
        if choice is not None:
            await self._drop(choice)

    def _choice_left_by(self, series: Series) -> Series | None:
        """The choice that only `series`, which is gone, was shown by."""
        every = self._catalogue.series
        if not series.stitched or any(followers(series, every)):
            return None
        key = series.market, series.interval
        choices = (one for one in every if one.metric == SOURCE and one.origin != "file")
        return next((one for one in choices if (one.market, one.interval) == key), None)

    def _reader_of(self, series: Series) -> Series | None:
        """Who could not be computed without `series`."""
        every = self._catalogue.series
        volumes = (one for one in every if computed_from(one, series))
        return next(volumes, None) or broken_without(series, every)

    async def _leave(self, series: Series) -> None:
        """Nobody asks for it by its name any more: it is a pattern's, or nobody's."""
        if self.followed_by(series) is None:
            await self._drop(series)
            return
        async with self._changing:
            async with self._ledger.transaction() as transaction:
                await transaction.catalogue.hand_over(series.id, origin="pattern")
            await self._take((), [replace(series, origin="pattern")])

    async def _drop(self, series: Series) -> None:
        async with self._changing:
            async with self._ledger.transaction() as transaction:
                await transaction.catalogue.remove(series.id)
            await self._let_go(series)

    async def _let_go(self, series: Series) -> None:
        self._catalogue.drop(series.id)
        await self._tracker.retire(series)

    async def follow(self) -> Sequence[Series]:
        """Make what is tracked here what the database says, after another program has changed it;
        the series that are new or defined elsewhere now."""
        async with self._changing:
            stored = await self._ledger.series()
            blocks = await self._ledger.blocks()  # in this order: no series is without its block
            ids = {one.id for one in stored}
            for one in self._catalogue.series:
                if one.id not in ids:
                    await self._let_go(one)
            news = [one for one in stored if self._catalogue.by_id(one.id) != one]
            if news:
                await self._take(blocks, news)
            return news

    async def rename(self, venue: str) -> dict[str, str]:
        """Take over ids that a venue has given to markets that are tracked: market id as it was ->
        as it is now. That is what it is where the old id is gone from the list, and another one,
        which nobody tracks, has the same public name there. History goes on."""
        listed = {one.native: one for one in self._catalogue.markets(venue)}
        tracked = {one.market.native: one.market for one in self._catalogue.of_venue(venue)}
        heirs = {one.pair: one for one in listed.values() if one.native not in tracked
                 and one.status is not MarketStatus.DELISTED}  # fmt: skip
        moved = [(one, heirs[one.pair]) for native, one in tracked.items()
                 if native not in listed and one.pair in heirs]  # fmt: skip
        return {before.native: heir.native for before, heir in moved
                if await self._inherited(before, heir)}  # fmt: skip

    async def _inherited(self, before: Market, heir: Market) -> bool:
        """Have the series of one market go on as those of another; whether that could be."""
        async with self._changing:
            async with self._ledger.transaction() as transaction:
                if not await transaction.catalogue.rename(before, heir.native):
                    return False
            await self._take((), [
                replace(one, market=heir) for one in self._catalogue.of_venue(before.venue)
                if one.market.native == before.native
            ])  # fmt: skip
        log.info("market_renamed", market=before.name, before=before.native, after=heir.native)
        return True

    async def configure(self, venue: str) -> dict[str, str]:
        """Track what the file asks for at a venue whose markets are listed, and drop what it no
        longer names; without a file, the defaults on a fresh folder. What could not be resolved,
        with the reason."""
        managed = self._config.source is not None
        if not managed and any(b.venue == venue for b in self._catalogue.blocks.values()):
            return {}
        tracks = [
            part for one in self._config.track if one.venue_name == venue for part in one.parts
        ]
        wanted = [(track, ref_of(venue, text)) for track in tracks for text in track.named]
        origin = "file" if managed else "api"
        asked, unresolved = self._resolved(venue, wanted)
        async with self._changing:
            stands = {(one.market, one.metric, one.interval): one.origin
                      for one in self._catalogue.of_venue(venue)}  # fmt: skip
            await self._enlist([one for one in asked if stands.get(one) != origin], origin=origin)
        keys = {key_of(one) for one in asked}
        for one in self._catalogue.of_venue(venue) if managed else ():
            known = key_of((one.market, one.metric, one.interval)) in keys
            if (
                one.origin == "file"
                and not known
                and not asked_for(one, wanted, means=self._catalogue.means)
            ):
                await self._leave(one)
        return unresolved

    def _resolved(
        self, venue: str, wanted: Sequence[tuple[Track, MarketRef]]
    ) -> tuple[Sequence[Wanted], dict[str, str]]:
        """What that is by the venue's list, each once; what is not on it, with the reason."""
        found: dict[Wanted, None] = {}
        unresolved: dict[str, str] = {}
        for track, ref in wanted:
            try:
                market = self._catalogue.resolve_market(ref)
                names = with_sources(self._offered(venue, name) for name in track.metrics)
            except Invalid as error:
                unresolved[ref.text] = str(error)
                log.warning("market_unresolved", venue=venue, market=ref.text, reason=str(error))
            else:
                found |= dict.fromkeys((market, name, track.every) for name in names)
        return tuple(found), unresolved
