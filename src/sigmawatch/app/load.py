"""What tracking more markets would cost, before anybody does it: the forecast of `check`, over
what is tracked now and over what would be.

Pure: series and the traits of venues go in, two forecasts come out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.app.config import Config, Track
from sigmawatch.app.forecast import Forecast, forecast
from sigmawatch.app.interval_config import Widths
from sigmawatch.app.venue_forecast import VenueForecast, backfill_s
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import METRICS
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval
from sigmawatch.ports.venue import VenueTraits

_Wanted = Mapping[tuple[str, str, Interval], set[str]]  # venue, pair, interval -> metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Both forecasts, and the venue in each. new_count: series that are not tracked yet.
    backfill_requests, backfill_s: to fill in the last day of what is new, beside everything else
    that the venue is asked then."""

    venue: VenueForecast
    venue_before: VenueForecast | None
    before: Forecast
    after: Forecast
    new_count: int
    backfill_requests: int
    backfill_s: float


def addition(
    config: Config, tracked: Sequence[Series], *, more: Sequence[Track],
    traits: Mapping[str, VenueTraits],
) -> Addition:  # fmt: skip
    """What `more`, of one venue that has traits, each of one interval, adds to what is tracked."""
    (name,) = {part.venue_name for part in more}
    now = _wanted(tracked)
    asked = {(name, market, part.every): set(part.measured) for part in more
             for market in part.markets}  # fmt: skip
    then = {key: now.get(key, set()) | asked.get(key, set()) for key in now.keys() | asked.keys()}
    news = {key: wanted - now.get(key, set()) for key, wanted in asked.items()}
    before, after, alone = (
        forecast(config.model_copy(update={"track": _tracks(each)}), traits)
        for each in (now, then, _read(news))
    )
    venue = _of(after, name)
    assert venue is not None
    new = _of(alone, name)
    requests = new.backfill_requests if new else 0
    return Addition(
        venue=venue, venue_before=_of(before, name), before=before, after=after,
        new_count=sum(map(len, news.values())), backfill_requests=requests,
        backfill_s=backfill_s(
            traits[name], requests, used=venue.poll_per_minute + venue.flow_per_minute
        ),
    )  # fmt: skip


def tracks_of(markets: Sequence[Market], widths: Widths) -> tuple[Track, ...]:
    """Metrics of markets of one venue, as a configuration would say it, a part an interval."""
    venue, pairs = markets[0].venue.lower(), tuple(market.pair for market in markets)
    return tuple(
        Track(venue=venue, markets=pairs, metrics=names, every=every)
        for every, names in widths.items()
    )


def _read(wanted: _Wanted) -> _Wanted:
    """Of it what a venue is asked for itself."""
    read = {key: {name for name in names if METRICS[name].derived_from is None}
            for key, names in wanted.items()}  # fmt: skip
    return {key: names for key, names in read.items() if names}


def _of(found: Forecast, venue: str) -> VenueForecast | None:
    return next((one for one in found.venues if one.venue == venue), None)


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
