"""The patterns of one program: those of the configuration file, and those made while it runs.

Who belongs to a pattern is chosen anew whenever its venue's market list is read: hourly, where a
pattern is followed. A market stays tracked as long as a pattern, a file or a person wants it. What
is stored, chosen and tracked changes in this order, by one program at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.config import Config
from sigmawatch.app.enrolment import Enrolment
from sigmawatch.app.flows import flow_markets_max
from sigmawatch.app.worth import worths
from sigmawatch.domain.arrangement import Arrangement, ArrangementKind
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.errors import Conflict, Invalid, NotFound, SigmawatchError, Unavailable
from sigmawatch.domain.following import Following, chosen
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.reading import Tickers
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger

if TYPE_CHECKING:
    from sigmawatch.app.stations import Stations

PATTERNS_MAX = 200
SERIES_MAX = 20_000  # that patterns may bring, all together

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What patterns stand on. changed: told of a venue at which series came or went."""

    catalogue: Catalogue
    ledger: Ledger
    enrolment: Enrolment
    clock: Clock
    stations: Stations
    changed: Callable[[str], Awaitable[None]]


class Patterns:
    """Every pattern by its id. Changes are durable before they are seen."""

    def __init__(self, config: Config, ground: Ground) -> None:
        self._config = config
        self._ground = ground
        self._found: dict[str, Following] = {}
        self._turn = asyncio.Lock()
        self._gone: dict[str, frozenset[str]] = {}  # by venue, when it was looked at last
        self._fresh = False
        ground.enrolment.followed_by = self.wanting

    async def recover(self) -> None:
        """Read them back."""
        self._fresh = self._fresh or not self._ground.catalogue.blocks
        stored = await self._ground.ledger.arrangements()
        found = [
            Following.of_body(one.body) for one in stored if one.kind is ArrangementKind.PATTERN
        ]
        self._found = {one.id: one for one in found}
        followed = {one.pattern.venue for one in found}
        for collector in self._ground.stations.collectors:
            collector.hourly = collector.name in followed

    # Reading

    @property
    def all(self) -> Sequence[Following]:
        """By their text."""
        return sorted(self._found.values(), key=lambda one: (str(one.pattern), one.interval.ms))

    def find(self, pattern_id: str) -> Following:
        """Raises NotFound."""
        if pattern_id not in self._found:
            raise NotFound(f"no pattern {pattern_id[:40]!r} is followed", field="pattern",
                           allowed=", ".join(list(self._found)[:5]) or "none is followed yet"
                           )  # fmt: skip
        return self._found[pattern_id]

    def markets(self, following: Following) -> Sequence[Market]:
        """Who belongs to it, by name."""
        known = self._known(following.pattern.venue)
        found = [known[native] for native in following.members if native in known]
        return sorted(found, key=lambda one: one.name)

    def wanting(self, series: Series) -> Following | None:
        """A pattern that wants a series to be tracked."""
        key = (series.market.native, series.metric, series.interval)
        return next(
            (one for one in self._at(series.market.venue) if key in _keys(one)), None
        )  # fmt: skip

    def _at(self, venue: str) -> list[Following]:
        return [one for one in self._found.values() if one.pattern.venue == venue]

    def _known(self, venue: str) -> dict[str, Market]:
        """Market id -> market, of what is tracked and of what is listed, which is newer."""
        tracked = [one.market for one in self._ground.catalogue.of_venue(venue)]
        return {one.native: one for one in (*tracked, *self._ground.catalogue.markets(venue))}

    # Changing

    async def add(self, following: Following, *, by: Actor = OURSELVES) -> tuple[Following, bool]:
        """Follow a pattern from now on; as it stands then, and whether it is new. Raises Invalid
        where it names nothing, too much, or what the venue does not offer; Conflict where a file
        says otherwise; Unavailable where the venue does not answer."""
        venue = following.pattern.venue
        await self._ground.stations.list_markets(venue)
        async with self._turn:
            stands = self._found.get(following.id)
            if stands is not None and stands.asks_the_same(following):
                return stands, False
            if stands is not None and stands.origin == "file":
                raise self._managed(stands)
            quotes = await self._quotes(venue, [following])
            made = self._chosen(following, quotes)
            self._check(made, stands)
            await self._put(made, by=by)
            self._ground.stations.collector(venue).follow_list()
            await self._apply(venue)
        return made, stands is None

    async def remove(self, pattern_id: str, *, by: Actor = OURSELVES) -> None:
        """Follow it no longer: what nobody else wants ceases to be tracked, its history stays.
        Raises NotFound, or Conflict where a file says it."""
        async with self._turn:
            found = self.find(pattern_id)
            if found.origin == "file" and self._config.source is not None:
                raise self._managed(found)
            await self._drop(found, by=by)
            await self._apply(found.pattern.venue)

    def _managed(self, following: Following) -> Conflict:
        source = self._config.source.name if self._config.source else "the configuration"
        return Conflict(f"{following.pattern} is defined by {source}; change it there", field="id")

    async def _put(self, following: Following, *, by: Actor | None = None) -> None:
        """by: None where only who belongs to it changes."""
        before = self._found.get(following.id)
        async with self._ground.ledger.transaction() as transaction:
            await transaction.arrangements.put(Arrangement(
                kind=ArrangementKind.PATTERN, name=following.id, body=following.body()
            ))  # fmt: skip
            if by is not None:
                await transaction.audit.append(by.did(
                    "pattern.follow", f"pattern {following.pattern}",
                    before=None if before is None else before.body(), after=following.body(),
                ))  # fmt: skip
        self._found[following.id] = following

    async def _drop(self, following: Following, *, by: Actor) -> None:
        async with self._ground.ledger.transaction() as transaction:
            await transaction.arrangements.remove(ArrangementKind.PATTERN, following.id)
            await transaction.audit.append(by.did(
                "pattern.remove", f"pattern {following.pattern}", before=following.body()
            ))  # fmt: skip
        self._found.pop(following.id, None)

    # Following

    async def follow(self, venue: str) -> dict[str, str]:
        """The venue's market list was read: choose anew who belongs to its patterns, those of the
        file included; of these, what cannot be followed, with the reason."""
        said = self._said(venue)
        if not said and not self._at(venue):
            return {}
        async with self._turn, self._ground.ledger.claimed(f"patterns of {venue}") as claim:
            if claim is None:
                return {}  # another program does it now
            await self.recover()
            unresolved = await self._configure(venue, said)
            quotes = await self._known_quotes(venue)
            for one in self._at(venue):
                made = self._chosen(one, quotes)
                if made.members != one.members:
                    log.info("pattern_changed", pattern=str(one.pattern),
                             joined_count=len(made.members - one.members),
                             left_count=len(one.members - made.members))  # fmt: skip
                await self._put(made)
            self._gone[venue] = self._delisted(venue)
            await self._apply(venue)
        return unresolved

    async def rename(self, venue: str, renamed: Mapping[str, str]) -> None:
        """A venue calls some markets otherwise now: who belongs stays who belongs."""
        async with self._turn:
            for one in self._at(venue):
                members = frozenset(renamed.get(native, native) for native in one.members)
                if members != one.members:
                    await self._put(replace(one, members=members))

    def _said(self, venue: str) -> list[Following]:
        """What the configuration asks for at a venue."""
        origin = "file" if self._config.source is not None else "api"
        if origin == "api" and not self._fresh:
            return []
        return [
            Following(pattern=pattern, metrics=part.metrics, interval=part.every, origin=origin)
            for track in self._config.track if track.venue_name == venue
            for part in track.parts for pattern in part.patterns
        ]  # fmt: skip

    async def _configure(self, venue: str, said: Sequence[Following]) -> dict[str, str]:
        ids = {one.id for one in said}
        for one in self._at(venue):
            if one.origin == "file" and self._config.source is not None and one.id not in ids:
                await self._drop(one, by=OURSELVES)
        unresolved: dict[str, str] = {}
        for one in said:
            stands = self._found.get(one.id)
            if stands is not None and (stands.asks_the_same(one) or one.origin == "api"):
                continue
            try:
                made = self._chosen(one, await self._quotes(venue, [one]))
                self._check(made, stands)
            except SigmawatchError as error:
                unresolved[str(one.pattern)] = str(error)
                log.warning("pattern_unresolved", venue=venue, pattern=str(one.pattern),
                            reason=str(error))  # fmt: skip
                continue
            await self._put(made, by=OURSELVES)
        self._fresh = False
        return unresolved

    async def _known_quotes(self, venue: str) -> Tickers | None:
        """None where the venue does not say: what was chosen stays."""
        try:
            return await self._quotes(venue, self._at(venue))
        except SigmawatchError as error:
            log.warning("pattern_not_ranked", venue=venue, reason=str(error))
            return None

    async def _quotes(self, venue: str, followings: Sequence[Following]) -> Tickers | None:
        """All tickers, where anybody chooses by them."""
        if all(one.pattern.top is None for one in followings):
            return None
        try:
            return await self._ground.stations.collector(venue).quotes()
        except TimeoutError:
            raise Unavailable(f"{venue} did not answer in time") from None

    def _chosen(self, following: Following, quotes: Tickers | None) -> Following:
        pattern, venue = following.pattern, following.pattern.venue
        known = self._known(venue)
        members = self._found.get(following.id, following).members
        listed = self._ground.catalogue.markets(venue)
        worth = None
        if pattern.top is not None and quotes is not None:
            worth = worths(quotes, listed, by=pattern.top.by,
                           reference=self._config.reference_currency)  # fmt: skip
        there = {one.native for one in listed}
        away = [known[native] for native in members - there if native in known]
        # who left the list may come back, and is shown as delisted for an hour before it goes
        gone = self._delisted(venue) & self._gone.get(venue, frozenset())
        markets = chosen(pattern, [*pattern.matching(listed), *away], members=members,
                         worth=worth, gone=gone)  # fmt: skip
        return following.with_members(markets, now_ms=self._ground.clock.now_ms())

    def _delisted(self, venue: str) -> frozenset[str]:
        return self._ground.stations.collector(venue).delistings.confirmed

    def _check(self, made: Following, stands: Following | None) -> None:
        """Raises Invalid where it cannot be followed as it was asked for."""
        pattern, venue = made.pattern, made.pattern.venue
        self._ground.enrolment.check_offered(venue, made.metrics)
        if pattern.top is not None:
            self._ground.enrolment.check_offered(venue, [pattern.top.by])
        if not made.members:
            raise Invalid(f"{venue} lists no market that {pattern} names", field="pattern",
                          allowed="GET /api/v1/markets?venue= says what it lists")  # fmt: skip
        others = [one for one in self._found.values() if stands is None or one.id != stands.id]
        if stands is None and len(others) >= PATTERNS_MAX:
            raise Invalid(f"{PATTERNS_MAX} patterns are followed already", field="pattern",
                          allowed="remove one that is not needed")  # fmt: skip
        held = sum(len(one.members) * len(one.measured) for one in others)
        mine = len(made.members) * len(made.measured)
        if held + mine > SERIES_MAX:
            raise Invalid(
                f"{pattern} is {len(made.members):,} markets, {mine:,} series; patterns hold "
                f"{held:,} of {SERIES_MAX:,} already", field="pattern",
                allowed="fewer metrics, or `top 50 by volume_24h_ref`",
            )  # fmt: skip
        self._check_flows(made)

    def _check_flows(self, made: Following) -> None:
        """Flows of a market cost a request a slot, unless a stream tells them."""
        collector = self._ground.stations.collector(made.pattern.venue)
        if collector.listener is not None or not any(map(_is_flow, made.measured)):
            return
        tracked = {
            one.market.native for one in self._ground.catalogue.of_venue(made.pattern.venue)
            if _is_flow(one.metric) and one.interval == made.interval
        }  # fmt: skip
        most = flow_markets_max(collector.venue.traits, made.interval)
        wanted = len(tracked | made.members)
        if wanted > most:
            raise Invalid(
                f"half the request budget of {made.pattern.venue} pays for traded volumes of "
                f"{most} markets every {made.interval}, with {made.pattern} it were {wanted}",
                field="metrics", allowed=", ".join(m for m in made.metrics if not _is_flow(m))
                or "price, volume_24h_quote, volume_24h_ref",
            )  # fmt: skip

    async def _apply(self, venue: str) -> None:
        """Track what patterns want, and no longer what only they wanted."""
        known = self._known(venue)
        wanted = {key for one in self._at(venue) for key in _keys(one) if key[0] in known}
        news = sorted(
            ((known[native], metric, interval) for native, metric, interval in wanted),
            key=lambda one: (one[0].name, METRICS[one[1]].derived_from is not None, one[1]),
        )  # fmt: skip
        self._ground.stations.collector(venue).hourly = bool(self._at(venue))
        if await self._ground.enrolment.follow_patterns(venue, news):
            await self._ground.changed(venue)


def _is_flow(metric: str) -> bool:
    return METRICS[metric].kind is Kind.FLOW


def _keys(following: Following) -> set[tuple[str, str, Interval]]:
    return {
        (native, metric, following.interval)
        for native in following.members for metric in following.measured
    }  # fmt: skip
