"""What somebody wants to be tracked, and whether a series is that. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sigmawatch.app.config import Track
from sigmawatch.domain.market import Market, MarketRef, parse_market
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval

Wanted = tuple[Market, str, Interval]  # market, metric


def key_of(wanted: Wanted) -> tuple[str, str, Interval]:
    """What no two series of a venue share, whatever is said of the market's state."""
    market, metric, interval = wanted
    return market.native, metric, interval


def ref_of(venue: str, text: str) -> MarketRef:
    """A market as an entry of a venue writes it. Raises Invalid."""
    return parse_market(text if ":" in text else f"{venue}:{text}")


def computed_from(one: Series, source: Series) -> bool:
    """Whether a `_ref` series follows from another one."""
    return (
        one.kind.derived_from == source.metric
        and one.interval == source.interval
        and (one.market.venue, one.market.native) == (source.market.venue, source.market.native)
    )


def asked_for(
    series: Series,
    wanted: Sequence[tuple[Track, MarketRef]],
    *,
    means: Callable[[MarketRef, Market], bool],
) -> bool:
    """Whether a file still names this series, be its market listed today or not."""
    return any(
        means(ref, series.market)
        and series.metric in track.measured
        and series.interval == track.every
        for track, ref in wanted
    )
