"""Series: one metric of one market at one venue at one interval, and the block it lives in.

A block is up to 1,024 series of one venue, metric and interval in a fixed, append-only order; a
removed series leaves its place empty until it is tracked again. Imports domain.errors, market,
metric, window.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market, MarketRef, parse_market
from sigmawatch.domain.metric import METRICS, SOURCE, Metric, metric_named
from sigmawatch.domain.window import Interval

BLOCK_SERIES_MAX = 1_024
BLOCK_SERIES_MIN = 32
DERIVED = "DERIVED"  # the venue of series that a formula defines
ORIGINS = ("pattern", "push", "api", "file")  # the one that has most to say last


def stronger(origin: str, *, than: str) -> bool:
    """Whether `origin` takes over a series of the other one: a file takes over what anybody else
    tracks, and who asks for a market by its name what only a pattern brought."""
    return origin != than and (origin == "file" or (origin, than) == ("api", "pattern"))


FAIL_OVER = "failover("  # how the formula of one that has several venues begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fixed order of series of one venue, metric and interval. `id` is stable for ever."""

    id: int
    venue: str
    metric: str
    interval: Interval

    def __post_init__(self) -> None:
        assert self.id > 0
        assert self.metric in METRICS

    @property
    def derived(self) -> bool:
        """Whether its series are computed from others, and no venue is asked for them."""
        return self.venue == DERIVED or METRICS[self.metric].derived_from is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One tracked metric of one market.

    id: stable for ever, never another's; one that was removed has it again. place: position in the
    block, 0-based.
    origin: "file" where the configuration file defines it (read-only elsewhere), "push" where it
    came to be by what was pushed, "pattern" where only patterns want it, else "api".
    formula: what it is computed by, in canonical form (domain.formula); None where a venue tells.
    added_ms: since when it was tracked first; not part of what it is.
    """

    id: int
    market: Market
    metric: str
    interval: Interval
    block_id: int
    place: int
    origin: str = "api"
    formula: str | None = None
    added_ms: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        assert self.id > 0
        assert 0 <= self.place < BLOCK_SERIES_MAX
        assert self.metric in METRICS
        assert self.origin in ORIGINS

    @property
    def kind(self) -> Metric:
        return METRICS[self.metric]

    @property
    def derived(self) -> bool:
        """Whether we compute it from other series, and nobody is asked for it."""
        return self.formula is not None or self.kind.derived_from is not None

    @property
    def stitched(self) -> bool:
        """Whether its values are of one venue after another (domain.fail_over), with seams."""
        formula = self.formula
        return formula is not None and formula.startswith(FAIL_OVER) and self.metric != SOURCE

    @property
    def pushed(self) -> bool:
        """Whether others tell us its values, and nobody is asked for them."""
        return self.origin == "push"

    @property
    def name(self) -> str:
        """`KRAKEN:BTC/USD:price`; the order inside a rank tie is by this key."""
        return f"{self.market.name}:{self.metric}"

    @property
    def slug(self) -> str:
        """The name as it stands in a URL: `KRAKEN:BTC-USD:price`."""
        return f"{self.market.venue}:{self.market.base}-{self.market.quote}:{self.metric}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRef:
    """What a person wrote for a series: its id, or `KRAKEN:BTC-USD:price`."""

    text: str
    id: int | None = None
    market: MarketRef | None = None
    metric: str | None = None

    def names(self, series: Series) -> bool:
        """Whether this reference means `series`."""
        if self.id is not None:
            return self.id == series.id
        assert self.market is not None
        return self.metric == series.metric and self.market.names(series.market)


def parse_series(text: str) -> SeriesRef:
    """Read a series id (`17`) or a name (`KRAKEN:BTC-USD:price`). Raises Invalid otherwise."""
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit() and len(stripped) <= 12:
        return SeriesRef(text=stripped, id=int(stripped))
    market, separator, metric = stripped.rpartition(":")
    if not separator or not market:
        raise Invalid(
            f"{stripped[:80]!r} is no series", field="id",
            allowed="a number, or VENUE:BASE-QUOTE:metric as KRAKEN:BTC-USD:price",
        )  # fmt: skip
    return SeriesRef(text=stripped, market=parse_market(market), metric=metric_named(metric).name)
