"""What one venue will be asked by what is tracked there: polls, candles, back-fill, and how that
fits what it allows.

Pure: tracks and traits go in. Where the venue is listened to as well, polls and candles are what
the fall-back would take; as long as the stream tells everything, they are not asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.app.backfill_plan import Lack, fetches
from sigmawatch.app.collector import TIMEOUT_RATIO
from sigmawatch.app.config import Track
from sigmawatch.app.filling import CANDLE_METRICS, needs_two_days
from sigmawatch.app.flows import flow_markets_max
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.window import DAY_MS, MINUTE_MS, Interval
from sigmawatch.ports.venue import VenueTraits

MOMENT_MS = 20_000 * DAY_MS + DAY_MS // 2 + 1_000  # any: just after the end of a slot


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueForecast:
    """What one venue will be asked.

    requests_per_minute: calls. poll_per_minute, flow_per_minute, budget_per_minute: in the venue's
    own unit, which is budget_unit. polled_every: the shortest of its slots. flow_markets_count:
    markets and intervals of which traded volumes are wanted, flow_markets_max: for how many of them
    half the budget pays, in the time between two polls. backfill_requests, backfill_s: calls to
    fill in the last day, and how long those take.
    """

    venue: str
    markets_count: int
    series_count: int
    polled_every: str
    requests_per_minute: float
    poll_per_minute: float
    flow_per_minute: float
    budget_per_minute: float
    budget_unit: str
    flow_markets_count: int
    flow_markets_max: int
    backfill_requests: int
    backfill_s: float

    @property
    def used_ratio(self) -> float:
        return (self.poll_per_minute + self.flow_per_minute) / self.budget_per_minute


def venue_forecast(
    traits: VenueTraits, parts: Sequence[Track], *, backfilled: bool = True
) -> VenueForecast:
    """parts: what is tracked there, each of one interval (`Track.parts`). traits: under the
    budget that is configured."""
    wanted = _wanted(parts)
    flows = _flowing(wanted)
    intervals = {every for _, every in wanted}
    paid = _paid(traits, flows, shortest=min(intervals))
    polls = polls_per_minute(intervals)
    candles = sum(count * MINUTE_MS / every.ms for every, count in paid.items())
    requests = sum(_backfill_requests(traits, every, metrics=metrics)
                   for (_, every), metrics in wanted.items()) if backfilled else 0  # fmt: skip
    used = polls * traits.poll_cost + candles * traits.candle_cost
    return VenueForecast(
        venue=traits.name,
        markets_count=len({market for market, _ in wanted}),
        series_count=sum(len(metrics) for metrics in wanted.values()),
        polled_every=str(min(intervals)),
        requests_per_minute=polls + candles,
        poll_per_minute=polls * traits.poll_cost,
        flow_per_minute=candles * traits.candle_cost,
        budget_per_minute=traits.requests_per_minute,
        budget_unit=traits.budget_unit,
        flow_markets_count=sum(flows.values()),
        flow_markets_max=sum(paid.values()),
        backfill_requests=requests,
        backfill_s=backfill_s(traits, requests, used=used),
    )


def polls_per_minute(intervals: Iterable[Interval]) -> float:
    """How often a venue is polled: one answer serves every slot that ends at that moment."""
    ends = {end_ms for one in intervals for end_ms in range(0, DAY_MS, one.ms)}
    return len(ends) * MINUTE_MS / DAY_MS


def _wanted(parts: Iterable[Track]) -> Mapping[tuple[str, Interval], set[str]]:
    """Market and interval -> metrics, each once however many entries name it."""
    wanted = defaultdict[tuple[str, Interval], set[str]](set)
    for part in parts:
        for market in part.markets:
            wanted[market, part.every] |= set(part.measured)
    return wanted


def _flowing(wanted: Mapping[tuple[str, Interval], set[str]]) -> Mapping[Interval, int]:
    """How many markets want flows, by interval."""
    found = defaultdict[Interval, int](int)
    for (_, every), metrics in wanted.items():
        found[every] += any(METRICS[name].kind is Kind.FLOW for name in metrics)
    return {every: count for every, count in found.items() if count}


def _paid(
    traits: VenueTraits, flows: Mapping[Interval, int], *, shortest: Interval
) -> Mapping[Interval, int]:
    """For how many of those markets there is a call: half the budget pays, and a run is over before
    the next poll."""
    steady = _steady(traits) / MINUTE_MS
    room = int(steady * TIMEOUT_RATIO * shortest.ms / traits.candle_cost)
    paid: dict[Interval, int] = {}
    for every in sorted(flows):
        most = flow_markets_max(traits, every, wanted=flows)
        paid[every] = min(flows[every], most, max(room - sum(paid.values()), 0))
    return paid


def _steady(traits: VenueTraits) -> float:
    steady = traits.steady_per_minute
    return traits.requests_per_minute if steady is None else steady


def _backfill_requests(traits: VenueTraits, every: Interval, *, metrics: set[str]) -> int:
    """Calls to rebuild the last day of one market."""
    from_candles = metrics & CANDLE_METRICS
    if not from_candles:
        return 0
    slot = every.slot(MOMENT_MS)
    lack = Lack(interval=every, from_slot=slot - every.slots_per_day, to_slot=slot,
                two_days=needs_two_days(from_candles))  # fmt: skip
    asked = fetches(lack, traits, now_ms=MOMENT_MS)
    return sum(one.calls(traits.candle_rows_max) for one in asked)


def backfill_s(traits: VenueTraits, requests: int, *, used: float) -> float:
    """How long so many calls for candles take, beside what is used: within what that leaves of the
    budget, or a tenth of it, where it leaves less."""
    spare = max(_steady(traits) - used, traits.requests_per_minute / 10)
    return 60.0 * requests * traits.candle_cost / spare
