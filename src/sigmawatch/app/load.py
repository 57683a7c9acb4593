"""What tracking more of a market would cost, before anybody does it: the forecast of `check`, over
what is tracked now and over what would be.

Pure: series and the traits of venues go in, two forecasts come out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.app.config import Config, Track
from sigmawatch.app.forecast import Forecast, VenueForecast, forecast
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval
from sigmawatch.ports.venue import VenueTraits

_Wanted = Mapping[tuple[str, str, Interval], set[str]]  # venue, pair, interval -> metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Both forecasts, and the venue afterwards. new_count: series that are not tracked yet.
    backfill_s: how long the last day of the market takes to fill."""

    venue: VenueForecast
    before: Forecast
    after: Forecast
    new_count: int
    backfill_s: float


def addition(
    config: Config, tracked: Sequence[Series], *, more: Track, traits: Mapping[str, VenueTraits]
) -> Addition:
    """What `more`, of one market of a venue that has traits, adds to what is tracked."""
    now = _wanted(tracked)
    then = defaultdict(set, {key: set(names) for key, names in now.items()})
    then[more.venue_name, more.markets[0], more.every] |= set(more.measured)
    before = forecast(config.model_copy(update={"track": _tracks(now)}), traits)
    after = forecast(config.model_copy(update={"track": _tracks(then)}), traits)
    alone = forecast(config.model_copy(update={"track": (more,)}), traits)
    (venue,) = [one for one in after.venues if one.venue == more.venue_name]
    there = {(one.name, one.interval.ms) for one in tracked}
    name = f"{more.venue_name}:{more.markets[0]}"
    wanted = {(f"{name}:{metric}", more.every.ms) for metric in more.measured}
    return Addition(
        venue=venue, before=before, after=after, new_count=len(wanted - there),
        backfill_s=alone.venues[0].backfill_s,
    )  # fmt: skip


def track_of(market: Market, metrics: Sequence[str], *, every: Interval) -> Track:
    """Some metrics of one market, as a configuration would say it."""
    return Track(venue=market.venue.lower(), markets=(market.pair,), metrics=tuple(metrics),
                 every=every)  # fmt: skip


def _wanted(series: Iterable[Series]) -> _Wanted:
    """What venues are asked for, and what follows from it alone."""
    metrics = defaultdict[tuple[str, str, Interval], set[str]](set)
    for one in series:
        if one.formula is None and not one.pushed:
            metrics[one.market.venue, one.market.pair, one.interval].add(one.metric)
    return metrics


def _tracks(wanted: _Wanted) -> tuple[Track, ...]:
    """As a configuration would say it: markets that share an interval and metrics in one entry."""
    markets = defaultdict[tuple[str, Interval, tuple[str, ...]], list[str]](list)
    for (venue, pair, every), names in wanted.items():
        markets[venue, every, tuple(sorted(names))].append(pair)
    return tuple(
        Track(venue=venue.lower(), markets=tuple(pairs), metrics=names, every=every)
        for (venue, every, names), pairs in markets.items()
    )
