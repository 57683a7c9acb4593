"""The catalogue: which series are tracked, and which markets every venue lists.

Held in memory by the event loop, changed only after its transaction. `version` grows with every
change and `news` is set at the next one, so that a collector knows when its plan is old.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.market import Market, MarketRef, MarketStatus, asset
from sigmawatch.domain.series import DERIVED, Block, Series, SeriesRef
from sigmawatch.domain.window import Interval

EVERY = ""  # instead of a market id


class Catalogue:
    """Series by id and by name, blocks by id, markets by venue."""

    def __init__(self) -> None:
        self.version = 0
        self.news = asyncio.Event()  # another one after each change
        self._blocks: dict[int, Block] = {}
        self._series: dict[int, Series] = {}
        self._markets: dict[str, tuple[Market, ...]] = {}
        self._exact: dict[str, Mapping[str, Market | None]] = {}  # venue -> id or pair
        self._ordered: tuple[Series, ...] = ()
        self._aliases: dict[str, tuple[str, str]] = {}
        self._paused: frozenset[tuple[str, str]] = frozenset()  # venue, market id or EVERY
        self.changes_count = 0

    @property
    def series(self) -> tuple[Series, ...]:
        """Tracked series by id."""
        return self._ordered

    @property
    def blocks(self) -> Mapping[int, Block]:
        return self._blocks

    @cached_property
    def read_blocks(self) -> Mapping[Interval, frozenset[int]]:
        """The blocks with a series that is read, from a venue or from who pushes, by interval."""
        found: dict[Interval, set[int]] = {}
        for one in self._ordered:
            if not one.derived:
                found.setdefault(one.interval, set()).add(one.block_id)
        return {interval: frozenset(blocks) for interval, blocks in found.items()}

    @cached_property
    def pushed_blocks(self) -> frozenset[int]:
        """Those of `read_blocks` that no venue is asked for: others push their readings."""
        return frozenset(one.block_id for one in self._ordered if one.pushed)

    @cached_property
    def formulas(self) -> tuple[Series, ...]:
        """Those that a formula defines."""
        return tuple(one for one in self._ordered if one.formula is not None)

    def followers(self, interval: Interval, read: frozenset[int]) -> frozenset[int]:
        """The computed blocks whose word follows from that of some blocks that are read: of a
        venue's any may, as rates go by its prices; of pushed ones alone those at their venue, and
        formulas."""
        if not read:
            return frozenset()
        ours = self.read_blocks.get(interval, frozenset())
        computed = [one for one in self._blocks.values()
                    if one.interval == interval and one.id not in ours]  # fmt: skip
        if read <= self.pushed_blocks:
            venues = {DERIVED, *(self._blocks[block_id].venue for block_id in read)}
            computed = [one for one in computed if one.venue in venues]
        return frozenset(one.id for one in computed)

    def by_id(self, series_id: int) -> Series | None:
        return self._series.get(series_id)

    def of_venue(self, venue: str) -> tuple[Series, ...]:
        return tuple(one for one in self._ordered if one.market.venue == venue)

    def put(self, *, blocks: Iterable[Block] = (), series: Iterable[Series] = ()) -> None:
        """Blocks and series that are durable now."""
        self._blocks.update((block.id, block) for block in blocks)
        self._series.update((one.id, one) for one in series)
        self._changed()

    def drop(self, series_id: int) -> None:
        del self._series[series_id]
        self._changed()

    def _changed(self) -> None:
        self.changes_count += 1
        self._ordered = tuple(self._series[key] for key in sorted(self._series))
        self.__dict__.pop("read_blocks", None)
        self.__dict__.pop("pushed_blocks", None)
        self.__dict__.pop("formulas", None)
        self._tell()

    def _tell(self) -> None:
        self.version += 1
        self.news.set()
        self.news = asyncio.Event()

    def pause(self, paused: Iterable[tuple[str, str]]) -> None:
        """What is paused from now on: venue and market id, or EVERY market of it."""
        found = frozenset(paused)
        if found != self._paused:
            self._paused = found
            self.changes_count += 1
            self._tell()

    def venue_paused(self, venue: str) -> bool:
        """Whether nothing at all may be asked of it."""
        return (venue, EVERY) in self._paused

    def paused_at(self, venue: str) -> frozenset[str]:
        """Ids of the tracked markets of a venue that are paused."""
        if self.venue_paused(venue):
            return frozenset(one.market.native for one in self.of_venue(venue))
        return frozenset(native for name, native in self._paused if name == venue)

    def is_paused(self, market: Market) -> bool:
        return self.venue_paused(market.venue) or (market.venue, market.native) in self._paused

    def list_markets(self, venue: str, markets: Sequence[Market]) -> None:
        """Replace what `venue` lists."""
        self._markets[venue] = tuple(markets)
        self._exact[venue] = _by_exact_name(markets)
        self._tell()

    def listed(self, venue: str) -> bool:
        """Whether the venue's market list was ever read."""
        return venue in self._markets

    def markets(self, venue: str | None = None) -> Sequence[Market]:
        """Listed markets; those of tracked series where a venue's list was not read yet."""
        known = dict(self._markets)
        for one in self._ordered:
            if one.market.venue not in self._markets:
                markets = known.setdefault(one.market.venue, ())
                if one.market not in markets:
                    known[one.market.venue] = (*markets, one.market)
        if venue is not None:
            return known.get(venue, ())
        return [market for name in sorted(known) for market in known[name]]

    def call(self, aliases: Mapping[str, tuple[str, str]]) -> None:
        """Other names of markets, in upper case -> venue and market id."""
        if aliases != self._aliases:
            self._aliases = dict(aliases)
            self.changes_count += 1

    def called(self, ref: MarketRef | None) -> Market | None:
        """The tracked market of which `ref` is another name."""
        if ref is None:
            return None
        owner = self._aliases.get(ref.text.rpartition(":")[2].strip().upper())
        if owner is None or ref.venue not in (None, owner[0]):
            return None
        found = (one.market for one in self._ordered
                 if (one.market.venue, one.market.native) == owner)  # fmt: skip
        return next(found, None)

    def means(self, ref: MarketRef, market: Market) -> bool:
        """Whether `ref` may mean a market, by its name or by another one."""
        called = self.called(ref)
        return ref.names(market) if called is None else _same(called, market)

    def find(self, ref: SeriesRef) -> Series:
        """The tracked series that `ref` names. Raises NotFound with near names, Invalid where it
        names several."""
        if ref.id is not None:
            if ref.id in self._series:
                return self._series[ref.id]
            raise NotFound(f"no tracked series has the id {ref.id}", field="id",
                           allowed="an id that GET /api/v1/metrics lists")  # fmt: skip
        called = self.called(ref.market)
        found = [one for one in self._ordered if ref.names(one)] if called is None else [
            one for one in self._ordered if _same(one.market, called) and one.metric == ref.metric
        ]  # fmt: skip
        if len(found) > 1 and len({one.market.venue for one in found}) == 1:
            found = found[:1]  # one market at two intervals: the first tracked
        if len(found) > 1:
            names = ", ".join(one.slug for one in found[:6])
            raise Invalid(f"{ref.text} is tracked at several venues", field="id", allowed=names)
        if not found:
            near = _near(ref.text, [one.slug for one in self._ordered])
            raise NotFound(f"{ref.text} is not tracked", field="id", allowed=near)
        return found[0]

    def resolve_market(self, ref: MarketRef) -> Market:
        """The listed market that `ref` names. Raises NotFound with near names, Invalid where
        several venues list it."""
        exact = self._exact.get(ref.venue or "", {})
        for name in (ref.text.rpartition(":")[2].strip().upper(), _folded(ref.pair)):
            if (market := exact.get(name)) is not None:
                return market  # whatever else an old name of its pair may mean
        called = self.called(ref)
        if called is not None:
            return called
        found = [market for market in self.markets(ref.venue) if ref.names(market)]
        online = [market for market in found if market.status is MarketStatus.ONLINE]
        found = online or found
        if not found:
            near = _near(ref.text, [market.name for market in self.markets(ref.venue)])
            raise NotFound(f"no venue lists {ref.text}", field="market", allowed=near)
        if len(found) > 1:
            names = ", ".join(market.name for market in found[:6])
            raise Invalid(f"{ref.text} is listed more than once", field="market", allowed=names)
        return found[0]


def _by_exact_name(markets: Sequence[Market]) -> Mapping[str, Market | None]:
    """Markets that trade, by the venue's id in upper case and by pair; None where that is said of
    several."""
    found: dict[str, Market | None] = {}
    for market in markets:
        if market.status is MarketStatus.ONLINE:
            for name in {market.native.upper(), market.pair}:
                found[name] = market if name not in found else None
    return found


def _folded(pair: str) -> str:
    return "/".join(map(asset, pair.split("/")))


def _same(one: Market, other: Market) -> bool:
    """Whatever is said of their state."""
    return (one.venue, one.native) == (other.venue, other.native)


def _near(text: str, names: Sequence[str]) -> str:
    """A few names like `text`, for an error message; the first ones where none is."""
    close = difflib.get_close_matches(text.upper(), names[:5_000], n=5, cutoff=0.5)
    return ", ".join(close or names[:5]) or "nothing is listed yet"
