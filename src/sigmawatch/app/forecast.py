"""What a configuration will cost, and what in it cannot work: the part only venues know.

Pure: a configuration and the traits of venues go in, predictions and problems come out. Used by
`check`, and before anything that collects, so that what cannot work is told before it starts.
Estimates are marked as such ("about") wherever they are printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sigmawatch.app.config import Config, Track
from sigmawatch.app.flows import candle_span_ms
from sigmawatch.app.problems import Problem, near
from sigmawatch.app.reference_rates import Routes
from sigmawatch.app.venue_config import VenueKind
from sigmawatch.app.venue_forecast import VenueForecast, venue_forecast
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
HEARD_AT_ONCE = frozenset({"price"})  # what a stream tells in every slot, however short


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
    parts = [
        each for one in config.track
        if one.venue_name in traits and config.venue(one.venue).enabled
        for part in one.parts for each in expected(part)
    ]  # fmt: skip
    venues = [
        venue_forecast(
            _budgeted(traits[name], config), [part for part in parts if part.venue_name == name],
            backfilled=config.backfill.enabled,
        )
        for name in sorted({part.venue_name for part in parts})
    ]  # fmt: skip
    series = Counter[Interval]()
    for part in parts:
        series[part.every] += len(part.markets) * len(part.measured)
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


def _budgeted(traits: VenueTraits, config: Config) -> VenueTraits:
    """A venue's traits under the budget that the configuration gives it."""
    budget = config.venue(traits.name).requests_per_minute
    if budget is None:
        return traits
    steady = traits.steady_per_minute
    if steady is not None:
        steady *= budget / traits.requests_per_minute
    return replace(traits, requests_per_minute=budget, steady_per_minute=steady)


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
        for part in track.parts:
            key = "every" if part.every == track.every else "intervals"
            yield from _interval_problems(
                f"{path}.{key}", part, config=config, traits=traits[track.venue_name]
            )


def _no_adapter(path: str, name: str, *, traits: Mapping[str, VenueTraits]) -> Problem:
    names = [known.lower() for known in traits]
    return Problem(path=path, rule=f"no adapter for this venue{near(name, names)}",
                   value=repr(name), allowed=", ".join(names))  # fmt: skip


def _metric_problems(path: str, track: Track, *, traits: VenueTraits) -> Iterator[Problem]:
    offered = with_derived(traits.levels | traits.flows)
    widths = {metric: part.every for part in track.parts for metric in part.metrics}
    for row, metric in enumerate(track.metrics):
        place, every = f"{path}.metrics[{row}]", widths[metric]
        if metric not in offered:
            yield Problem(path=place, rule=f"{track.venue_name} does not offer it",
                          value=repr(metric), allowed=", ".join(offered))  # fmt: skip
        elif METRICS[metric].kind is Kind.FLOW and candle_span_ms(traits, every) is None:
            spans = ", ".join(map(format_span, traits.candle_spans_ms))
            rule = f"{track.venue_name} has no candle that fits into a slot of {every}"
            yield Problem(path=place, rule=rule, value=repr(metric),
                          allowed=f"an interval that {spans} divides")  # fmt: skip


def _interval_problems(
    path: str, track: Track, *, config: Config, traits: VenueTraits
) -> Iterator[Problem]:
    every, settings = track.every, config.venue(track.venue)
    floor_ms = settings.floor_ms(traits.poll_floor_ms)
    spoken = traits.streams and HEARD_AT_ONCE.issuperset(track.measured)
    if every.ms < floor_ms and not (spoken and settings.stream):
        yield Problem(path=path, value=str(every),
                      rule=f"{track.venue_name} is not polled more often than every "
                           f"{floor_ms / SECOND_MS:g} s" + (
                               ", unless `stream = true`" if spoken else ""))  # fmt: skip
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
                rule=f"half the request budget, between polls every {venue.polled_every}, pays "
                f"for traded volumes of {venue.flow_markets_max} of {venue.flow_markets_count} "
                "markets; "
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
    for row, part in _parts(config):
        refs = ", ".join(name for name in part.metrics if METRICS[name].derived_from)
        routes = Routes(_priced(config, part.every), reference=into)
        for quote in sorted({quote for _, quote in _pairs(part)} if refs else ()):
            if not routes.of(quote, venue=part.venue_name):
                yield Problem(
                    path=f"track[{row}]",
                    rule=f"no rate from {quote} to {into} with the prices tracked every "
                    f"{part.every}; {refs} of its markets stay unknown",
                    allowed=f"track the price of {quote}/{into}, or of BTC/{quote} and "
                    f"BTC/{into}, every {part.every}",
                )


def _parts(config: Config) -> Iterator[tuple[int, Track]]:
    """What is tracked, each part with the row of its entry."""
    for row, track in enumerate(config.track):
        yield from ((row, part) for part in track.parts)


def _unread(config: Config) -> Iterator[Problem]:
    """Formulas of the file that wait for what neither the file nor another formula tracks."""
    definitions = config.definitions()
    defined = {(one.name, one.interval) for one in definitions}
    for row, one in enumerate(definitions):
        for name in one.formula.series:
            if (name, one.interval) not in defined and not _tracks(
                config, name, every=one.interval
            ):
                yield Problem(
                    path=_path(config, row), value=repr(name),
                    rule=f"no track measures this every {one.interval}; until something does, "
                    f"the {'fail-over' if one.formula.fail_over else 'formula'} waits",
                )  # fmt: skip


def _path(config: Config, row: int) -> str:
    """Where the definition of number `row` stands."""
    formulas = len(config.derived)
    return f"derived[{row}].formula" if row < formulas else "failover"


def _tracks(config: Config, name: str, *, every: Interval) -> bool:
    """Whether a track measures a series, or may: a venue's own market id does not tell its pair."""
    venue, pair, metric = name.split(":")
    return any(
        track.venue_name == venue and track.every == every and metric in track.measured
        and (len(list(_pairs(track))) < len(track.markets)
             or pair in {f"{base}/{quote}" for base, quote in _pairs(track)})
        for _, track in _parts(config)
    )  # fmt: skip


def _priced(config: Config, every: Interval) -> Iterator[tuple[str, str, str]]:
    for _, track in _parts(config):
        if "price" in track.metrics and track.every == every:
            yield from ((track.venue_name, base, quote) for base, quote in _pairs(track))


def _pairs(track: Track) -> Iterator[tuple[str, str]]:
    """Base and quote of a track's markets, where they are written so that one can tell."""
    for text in track.named:
        base, _, quote = parse_market(text).pair.partition("/")
        if quote:
            yield asset(base), asset(quote)
