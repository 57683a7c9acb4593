"""The venue port: what a collector asks of a venue. Adapters know the protocol; nobody else does.

Every method raises only domain errors: RateLimited, Maintenance, BadAnswer or another Unavailable,
BlockedByRegion, or NotFound for an unknown market. A bad market never fails its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import Candles, Tickers


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTraits:
    """What a venue can do, as data.

    levels, flows: metric names it offers by ticker and by candle. candle_spans_ms: offered widths
    in ms, ascending. candle_reach_ms: how far back each width reaches from now (None: for ever).
    candle_rows_max: rows per call. poll_floor_ms: no faster polling. requests_per_minute: the whole
    budget in the venue's own unit, poll_cost and candle_cost in the same unit. steady_per_minute:
    what of it is there minute after minute. budget_unit: what the venue counts. streams: whether it
    can be listened to as well (ports.stream).
    """

    name: str
    levels: frozenset[str]
    flows: frozenset[str]
    candle_spans_ms: tuple[int, ...]
    candle_reach_ms: tuple[int | None, ...]
    candle_rows_max: int
    poll_floor_ms: int
    requests_per_minute: float
    poll_cost: float
    candle_cost: float
    steady_per_minute: float | None = None
    budget_unit: str = "requests"
    streams: bool = False


class Venue(Protocol):
    """One venue, native or through a library."""

    @property
    def traits(self) -> VenueTraits: ...

    async def markets(self) -> Sequence[Market]:
        """Every spot market the venue lists, its status included."""
        ...

    async def tickers(self) -> Tickers:
        """All markets in one answer. Raises BadAnswer below the count floor."""
        ...

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """Closed candles of one market that open in [from_ms, to_ms), as far as the venue reaches;
        as many calls as that takes."""
        ...

    async def time_ms(self) -> int:
        """The venue's own clock, milliseconds since the epoch."""
        ...

    async def close(self) -> None:
        """Give back connections; afterwards nothing else may be called."""
        ...
