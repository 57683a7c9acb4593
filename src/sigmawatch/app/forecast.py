"""What a configuration will cost, and what in it cannot work: the part only venues know.

Pure: a configuration and the traits of venues go in, predictions and problems come out. Used by
`check`, and before anything that collects, so that what cannot work is told before it starts.
Estimates are marked as such ("about") wherever they are printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.app.config import Config, Track
from sigmawatch.app.flows import candle_span_ms
from sigmawatch.app.problems import Problem, near
from sigmawatch.app.reference_rates import Routes
from sigmawatch.app.venue_config import VenueKind
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import asset, parse_market
from sigmawatch.domain.metric import METRICS, Kind, with_derived
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, SECOND_MS, Interval, format_span
from sigmawatch.ports.venue import VenueTraits

# Measured with benchmarks/engine.py and benchmarks/ledger.py, rounded up.
PROGRAM_BYTES = 110_000_000
SLOT_BYTES_HOT = 16  # a value, its mark, its share of the moments
MINUTE_BYTES_HOT = 85  # of minutes that stand for slots of a few seconds
SLOT_BYTES_DISK = 10  # a value, its mark, its share of headers and pages
TWO_DAYS = frozenset({"volume_24h_base", "volume_24h_quote"})  # rebuilt from 48 h of candles


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueForecast:
    """What one venue will be asked. The unit of requests is the venue's own (calls, or weight)."""

    venue: str
    markets_count: int
    series_count: int
    poll_per_minute: float
    flow_per_minute: float
    budget_per_minute: float
    flow_markets_count: int
    flow_markets_max: int
    backfill_s: float

    @property
    def used_ratio(self) -> float:
        return (self.poll_per_minute + self.flow_per_minute) / self.budget_per_minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Problems stop the program, warnings do not."""

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    venues: tuple[VenueForecast, ...]
    memory_bytes: int
    disk_bytes_per_day: int


def forecast(config: Config, traits: Mapping[str, VenueTraits]) -> Forecast:
    """Everything that can be said of `config` without asking a venue."""
    known = [
        each for one in config.track
        if one.venue_name in traits and config.venue(one.venue).enabled
        for each in expected(one)
    ]  # fmt: skip
    venues = [
        _venue(config, traits[name], tracks=[t for t in known if t.venue_name == name])
        for name in sorted({track.venue_name for track in known})
    ]
    series = Counter[Interval]()
    for track in known:
        series[track.every] += len(track.markets) * len(track.measured)
    series.update(one.every for one in config.derived)
    return Forecast(
        problems=tuple(_problems(config, traits)),
        warnings=tuple(_warnings(config, traits, venues=venues)),
        venues=tuple(venues),
        memory_bytes=PROGRAM_BYTES + sum(n * _hot_bytes(every) for every, n in series.items()),
        disk_bytes_per_day=sum(
            n * SLOT_BYTES_DISK * every.slots_per_day for every, n in series.items()
        ),
    )


def expected(track: Track) -> Iterator[Track]:
    """An entry without patterns: what it names, and as many markets of each `top` as that may hold.
    Of other patterns only the venue knows how many they mean."""
    if track.named:
        yield track.model_copy(update={"markets": track.named})
    for pattern in track.patterns:
        if pattern.top is not None:
            stand_ins = tuple(f"{pattern} #{place}" for place in range(pattern.top.stays))
            yield track.model_copy(
                update={"markets": stand_ins, "metrics": track.pattern_metrics}
            )  # fmt: skip


def _hot_bytes(every: Interval) -> int:
    """What a series takes in memory: its slots, and its minutes where those are not of a day."""
    held_ms = every.slots_held_ms
    minutes = 0 if held_ms == DAY_MS else DAY_MS // MINUTE_MS
    return SLOT_BYTES_HOT * every.slots(held_ms) + MINUTE_BYTES_HOT * minutes


def _problems(config: Config, traits: Mapping[str, VenueTraits]) -> Iterator[Problem]:
    for name, settings in config.venues.items():
        if name.upper() not in traits and settings.kind is VenueKind.NATIVE:
            yield _no_adapter(f"venues.{name}", name, traits=traits)
    if config.push.venue_name in traits:
        yield Problem(path="push.venue", value=repr(config.push.venue),
                      rule="a venue that we ask ourselves; nobody else tells its readings",
                      allowed="a name of its own, as push")  # fmt: skip
    for row, track in enumerate(config.track):
        path = f"track[{row}]"
        if track.venue_name not in traits:
            if config.venue(track.venue).kind is VenueKind.NATIVE:
                yield _no_adapter(f"{path}.venue", track.venue, traits=traits)
            continue  # else its own adapter refuses it, and says why
        yield from _metric_problems(path, track, traits=traits[track.venue_name])
        yield from _interval_problems(path, track, config=config, traits=traits[track.venue_name])


def _no_adapter(path: str, name: str, *, traits: Mapping[str, VenueTraits]) -> Problem:
    names = [known.lower() for known in traits]
    return Problem(path=path, rule=f"no adapter for this venue{near(name, names)}",
                   value=repr(name), allowed=", ".join(names))  # fmt: skip


def _metric_problems(path: str, track: Track, *, traits: VenueTraits) -> Iterator[Problem]:
    offered = with_derived(traits.levels | traits.flows)
    for row, metric in enumerate(track.metrics):
        place = f"{path}.metrics[{row}]"
        if metric not in offered:
            yield Problem(path=place, rule=f"{track.venue_name} does not offer it",
                          value=repr(metric), allowed=", ".join(offered))  # fmt: skip
        elif METRICS[metric].kind is Kind.FLOW and candle_span_ms(traits, track.every) is None:
            spans = ", ".join(map(format_span, traits.candle_spans_ms))
            rule = f"{track.venue_name} has no candle that fits into a slot of {track.every}"
            yield Problem(path=place, rule=rule, value=repr(metric),
                          allowed=f"an interval that {spans} divides")  # fmt: skip


def _interval_problems(
    path: str, track: Track, *, config: Config, traits: VenueTraits
) -> Iterator[Problem]:
    every, settings = track.every, config.venue(track.venue)
    floor_ms = traits.poll_floor_ms
    if settings.poll_floor_s is not None:
        floor_ms = round(SECOND_MS * settings.poll_floor_s)
    if every.ms < floor_ms:
        yield Problem(path=f"{path}.every", value=str(every),
                      rule=f"{track.venue_name} is not polled more often than every "
                           f"{floor_ms / SECOND_MS:g} s")  # fmt: skip
    deadline_s = every.close_deadline_ms / SECOND_MS
    if settings.poll_offset_s >= deadline_s:
        yield Problem(path=f"venues.{track.venue}.poll_offset_s",
                      rule=f"a slot of {every} closes {deadline_s:g} s after its end, "
                           "before this poll", value=f"{settings.poll_offset_s:g}",
                      allowed=f"below {deadline_s:g}")  # fmt: skip
    for window_ms in config.windows_ms:
        try:
            every.slots(window_ms)
        except Invalid as error:
            yield Problem(path="windows", rule=str(error), value=format_span(window_ms),
                          allowed=error.allowed)  # fmt: skip


def _warnings(
    config: Config, traits: Mapping[str, VenueTraits], *, venues: Sequence[VenueForecast]
) -> Iterator[Problem]:
    for row, track in enumerate(config.track):
        if track.venue_name in traits and not config.venue(track.venue).enabled:
            yield Problem(path=f"track[{row}]", rule=f"{track.venue_name} is switched off by "
                          f"venues.{track.venue}.enabled")  # fmt: skip
        for pattern in track.patterns:
            if pattern.top is None:
                yield Problem(path=f"track[{row}].markets", value=repr(str(pattern)),
                              rule="how many markets that is the venue alone knows: none of them "
                              "is counted here", allowed="… top 50 by volume_24h_ref")  # fmt: skip
    yield from _unrated(config)
    yield from _unread(config)
    for venue in venues:
        streams = traits[venue.venue].streams
        heard = streams and config.venue(venue.venue).stream  # its trades cost nothing
        if venue.flow_markets_count > venue.flow_markets_max and not heard:
            yield Problem(
                path=f"venues.{venue.venue.lower()}",
                rule=f"half the request budget pays for traded volumes of "
                f"{venue.flow_markets_max} of {venue.flow_markets_count} markets; "
                "the others stay without" + (", unless `stream = true`" if streams else ""),
            )
        if venue.used_ratio > 1:
            yield Problem(
                path=f"venues.{venue.venue.lower()}",
                rule=f"needs {venue.used_ratio:.0%} of the request budget; slots will be missed",
            )


def _unrated(config: Config) -> Iterator[Problem]:
    """Currencies without a way to the reference through the prices that are tracked."""
    into = config.reference_currency
    for row, track in enumerate(config.track):
        refs = ", ".join(name for name in track.metrics if METRICS[name].derived_from)
        routes = Routes(_priced(config, track.every), reference=into)
        for quote in sorted({quote for _, quote in _pairs(track)} if refs else ()):
            if not routes.of(quote, venue=track.venue_name):
                yield Problem(
                    path=f"track[{row}]",
                    rule=f"no rate from {quote} to {into} with the prices tracked every "
                    f"{track.every}; {refs} of its markets stay unknown",
                    allowed=f"track the price of {quote}/{into}, or of BTC/{quote} and BTC/{into}",
                )


def _unread(config: Config) -> Iterator[Problem]:
    """Formulas of the file that wait for what neither the file nor another formula tracks."""
    definitions = [one.definition() for one in config.derived]
    defined = {(one.name, one.interval) for one in definitions}
    for row, one in enumerate(definitions):
        for name in one.formula.series:
            if (name, one.interval) not in defined and not _tracks(
                config, name, every=one.interval
            ):
                yield Problem(
                    path=f"derived[{row}].formula", value=repr(name),
                    rule=f"no track measures this every {one.interval}; until something does, "
                    "the formula waits",
                )  # fmt: skip


def _tracks(config: Config, name: str, *, every: Interval) -> bool:
    """Whether a track measures a series, or may: a venue's own market id does not tell its pair."""
    venue, pair, metric = name.split(":")
    return any(
        track.venue_name == venue and track.every == every and metric in track.measured
        and (len(list(_pairs(track))) < len(track.markets)
             or pair in {f"{base}/{quote}" for base, quote in _pairs(track)})
        for track in config.track
    )  # fmt: skip


def _priced(config: Config, every: Interval) -> Iterator[tuple[str, str, str]]:
    for track in config.track:
        if "price" in track.metrics and track.every == every:
            yield from ((track.venue_name, base, quote) for base, quote in _pairs(track))


def _pairs(track: Track) -> Iterator[tuple[str, str]]:
    """Base and quote of a track's markets, where they are written so that one can tell."""
    for text in track.named:
        base, _, quote = parse_market(text).pair.partition("/")
        if quote:
            yield asset(base), asset(quote)


def _venue(config: Config, traits: VenueTraits, *, tracks: Sequence[Track]) -> VenueForecast:
    budget = config.venue(traits.name).requests_per_minute or traits.requests_per_minute
    flowing = {
        (market, track.every)
        for track in tracks
        for market in track.markets
        if any(METRICS[metric].kind is Kind.FLOW for metric in track.metrics)
    }
    wanted = sum(_per_minute(traits.candle_cost, every) for _, every in flowing)
    share = min(1.0, budget / 2 / wanted) if wanted else 1.0
    polls = sum(_per_minute(traits.poll_cost, every) for every in {t.every for t in tracks})
    spare = max(budget - polls - share * wanted, budget / 10)
    cost = sum(len(track.markets) * _backfill_cost(traits, track) for track in tracks)
    return VenueForecast(
        venue=traits.name,
        markets_count=len({market for track in tracks for market in track.markets}),
        series_count=sum(len(track.markets) * len(track.measured) for track in tracks),
        poll_per_minute=polls, flow_per_minute=share * wanted, budget_per_minute=budget,
        flow_markets_count=len(flowing), flow_markets_max=int(share * len(flowing)),
        backfill_s=60.0 * cost / spare if config.backfill.enabled else 0.0,
    )  # fmt: skip


def _per_minute(cost: float, every: Interval) -> float:
    return cost * MINUTE_MS / every.ms


def _backfill_cost(traits: VenueTraits, track: Track) -> float:
    """Requests to rebuild the last day of one market: the finest candles as far as they reach,
    wider ones before, a second day where the rolling 24-hour volume is tracked. None of a venue
    that keeps no past."""
    if not traits.candle_spans_ms:
        return 0.0
    fits_ms = candle_span_ms(traits, track.every) or traits.candle_spans_ms[0]
    wanted_ms = 2 * DAY_MS if TWO_DAYS & set(track.measured) else DAY_MS
    calls, covered_ms = 0, 0
    for span_ms, reach_ms in zip(traits.candle_spans_ms, traits.candle_reach_ms, strict=True):
        if span_ms < fits_ms or covered_ms >= wanted_ms:
            continue
        goal_ms = DAY_MS if span_ms == fits_ms else wanted_ms
        stop_ms = min(goal_ms, goal_ms if reach_ms is None else reach_ms)
        if stop_ms > covered_ms:
            calls += -(-(stop_ms - covered_ms) // (span_ms * traits.candle_rows_max))
            covered_ms = stop_ms
    return calls * traits.candle_cost
