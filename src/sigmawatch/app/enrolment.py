"""Enrolment: series begin and cease to be tracked, by request or because a file says so.

Durable first, then in the tracker's table, then in the catalogue that collectors plan from.
What a file defines is read-only elsewhere and says which file manages it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.config import Config, Track
from sigmawatch.app.definitions import Definition, broken_without
from sigmawatch.app.tracker import Tracker
from sigmawatch.domain.errors import Conflict, Invalid
from sigmawatch.domain.market import Market, MarketRef, parse_market
from sigmawatch.domain.metric import FORMULA, METRICS, metric_named, with_derived, with_sources
from sigmawatch.domain.series import DERIVED, Series
from sigmawatch.domain.window import Interval
from sigmawatch.ports.ledger import Ledger
from sigmawatch.ports.venue import VenueTraits

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
        traits: Mapping[str, VenueTraits],
    ) -> None:
        self._config = config
        self._catalogue = catalogue
        self._ledger = ledger
        self._tracker = tracker
        self._traits = traits

    async def recover(self) -> int:
        """Read the catalogue back; how many series are tracked."""
        blocks, series = await self._ledger.blocks(), await self._ledger.series()
        self._catalogue.put(blocks=blocks, series=series)
        await self._tracker.enroll(blocks=blocks, series=series)
        return len(series)

    async def add(
        self, market: Market, metrics: Sequence[str], *, interval: Interval, origin: str = "api"
    ) -> Sequence[Series]:
        """Track metrics of one market from now on, and what those are computed from. Raises Invalid
        where the venue does not offer one."""
        names = with_sources(self._offered(market.venue, name) for name in metrics)
        async with self._ledger.transaction() as transaction:
            series = [
                await transaction.catalogue.add(market, name, interval=interval, origin=origin)
                for name in names
            ]
            blocks = await transaction.catalogue.blocks()
        await self._tracker.enroll(blocks=blocks, series=series)
        self._catalogue.put(blocks=blocks, series=series)
        return series

    def _offered(self, venue: str, name: str) -> str:
        metric = metric_named(name).name
        traits = self._traits.get(venue)
        known = traits.levels | traits.flows if traits else METRICS.keys() - {FORMULA}
        offered = with_derived(known)
        if metric not in offered:
            raise Invalid(
                f"{venue} does not offer {metric}",
                field="metrics",
                allowed=", ".join(offered),
            )
        return metric

    async def define(self, definition: Definition, *, origin: str = "api") -> Series:
        """Compute a formula series from now on, and for the day before. Raises as
        `Definition.check`; Conflict where another formula has its name, unless a file says so."""
        definition.check(self._catalogue.series)
        stands = definition.stands(self._catalogue.series)
        other = stands if stands is not None and stands.formula != definition.text else None
        if other is not None and origin != "file":
            raise Conflict(f"{other.slug} is {other.formula}; remove it first", field="name")
        async with self._ledger.transaction() as transaction:
            if other is not None:
                await transaction.catalogue.remove(other.id)
            series = await transaction.catalogue.add(
                definition.market, definition.metric, interval=definition.interval,
                origin=origin, formula=definition.text,
            )  # fmt: skip
            blocks = await transaction.catalogue.blocks()
        if other is not None:
            self._catalogue.drop(other.id)
            await self._tracker.retire(other)
        await self._tracker.enroll(blocks=blocks, series=[series])
        self._catalogue.put(blocks=blocks, series=[series])
        return series

    async def define_configured(self) -> dict[str, str]:
        """Define what the file says, as far as its inputs are tracked by now, and drop what it no
        longer says; what could not be had, with the reason."""
        waiting = [entry.definition() for entry in self._config.derived]
        names = {(one.name, one.interval) for one in waiting}
        for one in self._catalogue.of_venue(DERIVED):
            if one.origin == "file" and (one.name, one.interval) not in names:
                await self._drop(one)
        while True:  # one may wait for another
            reasons = {one.name: await self._defined(one) for one in waiting}
            left = [one for one in waiting if reasons[one.name]]
            if len(left) == len(waiting):
                return {name: reason for name, reason in reasons.items() if reason}
            waiting = left

    async def _defined(self, definition: Definition) -> str:
        """Why a definition of the file cannot be had; empty where it stands now."""
        stands = definition.stands(self._catalogue.series)
        if stands is not None and (stands.formula, stands.origin) == (definition.text, "file"):
            return ""
        try:
            await self.define(definition, origin="file")
        except Invalid as error:
            return str(error)
        return ""

    async def remove(self, series: Series) -> None:
        """Stop tracking; history stays. Raises Conflict where a file manages the series, or another
        one is computed from it."""
        source = self._config.source
        if series.origin == "file" and source is not None:
            raise Conflict(
                f"{series.slug} is defined by {source.name}; remove it there", field="id"
            )
        reader = self._reader_of(series)
        if reader is not None:
            raise Conflict(
                f"{reader.slug} is computed from {series.slug}; remove that first", field="id"
            )
        await self._drop(series)

    def _reader_of(self, series: Series) -> Series | None:
        """Who could not be computed without `series`."""
        every = self._catalogue.series
        volumes = (one for one in every if _computed_from(one, series))
        return next(volumes, None) or broken_without(series, every)

    async def _drop(self, series: Series) -> None:
        async with self._ledger.transaction() as transaction:
            await transaction.catalogue.remove(series.id)
        self._catalogue.drop(series.id)
        await self._tracker.retire(series)

    async def configure(self, venue: str) -> dict[str, str]:
        """Track what the file asks for at a venue whose markets are listed, and drop what it no
        longer names; without a file, the defaults on a fresh folder. What could not be resolved,
        with the reason."""
        managed = self._config.source is not None
        if not managed and any(b.venue == venue for b in self._catalogue.blocks.values()):
            return {}
        tracks = [track for track in self._config.track if track.venue_name == venue]
        wanted = [(track, _ref(venue, text)) for track in tracks for text in track.markets]
        unresolved: dict[str, str] = {}
        for track, ref in wanted:
            try:
                market = self._catalogue.resolve_market(ref)
                await self.add(
                    market,
                    track.metrics,
                    interval=track.every,
                    origin="file" if managed else "api",
                )
            except Invalid as error:
                unresolved[ref.text] = str(error)
                log.warning("market_unresolved", venue=venue, market=ref.text, reason=str(error))
        for one in self._catalogue.of_venue(venue):
            if managed and one.origin == "file" and not _asked_for(one, wanted):
                await self._drop(one)
        return unresolved


def _ref(venue: str, text: str) -> MarketRef:
    return parse_market(text if ":" in text else f"{venue}:{text}")


def _computed_from(one: Series, source: Series) -> bool:
    return (
        one.kind.derived_from == source.metric
        and one.interval == source.interval
        and (one.market.venue, one.market.native) == (source.market.venue, source.market.native)
    )


def _asked_for(series: Series, wanted: Sequence[tuple[Track, MarketRef]]) -> bool:
    """Whether the file still names this series, be its market listed today or not."""
    return any(
        ref.names(series.market)
        and series.metric in track.measured
        and series.interval == track.every
        for track, ref in wanted
    )
