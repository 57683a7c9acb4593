"""What `check` foresees: what a venue cannot do, what it will be asked, and what that costs."""

from __future__ import annotations

from typing import Any

import pytest

from sigmawatch.app.config import Config, Track
from sigmawatch.app.derived_config import Derived
from sigmawatch.app.forecast import Forecast, forecast
from sigmawatch.app.venue_config import VenueConfig
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, Interval
from sigmawatch.ports.venue import VenueTraits

# As Kraken: one call a second, minutes for half a day, five minutes for two days and a half.
KRAKEN = VenueTraits(
    name="KRAKEN", levels=frozenset({"price", "bid", "ask", "volume_24h_quote"}),
    flows=frozenset({"traded_base", "traded_quote"}), candle_spans_ms=(MINUTE_MS, 5 * MINUTE_MS),
    candle_reach_ms=(12 * HOUR_MS, 60 * HOUR_MS), candle_rows_max=720, poll_floor_ms=2_000,
    requests_per_minute=60.0, poll_cost=1.0, candle_cost=1.0, streams=True,
)  # fmt: skip


def foreseen(*tracks: dict[str, Any], **settings: Any) -> Forecast:
    own = tuple(Track(venue="kraken", **track) for track in tracks)
    return forecast(Config(track=own, **settings), {"KRAKEN": KRAKEN})


def paths(found: Forecast) -> dict[str, str]:
    return {problem.path: str(problem) for problem in found.problems}


def test_requests_memory_and_backfill_are_foreseen() -> None:
    found = foreseen({"markets": ("BTC/USD", "ETH/USD"), "metrics": ("price", "traded_quote")})
    assert (found.problems, found.warnings) == ((), ())
    (venue,) = found.venues
    assert (venue.markets_count, venue.series_count) == (2, 4)
    assert (venue.poll_per_minute, venue.flow_per_minute) == (1.0, 2.0)
    assert venue.used_ratio == pytest.approx(3 / 60)
    # A day: one call of 720 minutes, one of 144 five minutes; for two markets; 57 calls/min spare.
    assert venue.backfill_s == pytest.approx(60 * 2 * 2 / 57)
    assert 100e6 < found.memory_bytes < 200e6
    assert found.disk_bytes_per_day == 4 * 1_440 * 10


def test_slots_of_a_second_cost_the_memory_of_two_hours_of_them_and_a_day_of_minutes() -> None:
    """Measured: 208 kB a series at 1 s, 146 kB at 5 s, 61 kB at 30 s."""
    track = {"markets": ("BTC/USD",), "metrics": ("price",)}
    floor = foreseen().memory_bytes
    for slot_s, kb in ((1, 208), (5, 146), (30, 61)):
        found = foreseen(track | {"every": Interval(slot_s * 1_000)}).memory_bytes - floor
        assert found == pytest.approx(kb * 1_000, rel=0.3)


def test_a_currency_without_a_way_to_the_reference_is_told_with_what_to_track() -> None:
    refs = {"metrics": ("volume_24h_ref",)}
    found = foreseen({"markets": ("BTC/USD", "ETH/JPY", "ETHEUR"), **refs})
    (warning,) = found.warnings
    assert str(warning).startswith("track[0]: no rate from JPY to USD")
    assert "BTC/JPY and BTC/USD" in warning.allowed
    assert found.venues[0].series_count == 6  # with what they are computed from
    prices = {"markets": ("BTC/USD", "BTC/JPY"), "metrics": ("price",)}
    assert foreseen({"markets": ("ETH/JPY",), **refs}, prices).warnings == ()
    slower = prices | {"every": Interval(5 * MINUTE_MS)}
    assert foreseen({"markets": ("ETH/JPY",), **refs}, slower).warnings != ()
    assert foreseen({"markets": ("ETH/JPY",), **refs}, reference_currency="JPY").warnings == ()


def test_a_formula_whose_inputs_no_track_measures_is_told() -> None:
    track = {"markets": ("BTC/USD", "XBT/EUR"), "metrics": ("price", "traded_ref")}
    formulas = tuple(
        Derived(name=f"F{row}/USD", formula=text)
        for row, text in enumerate((
            "KRAKEN:BTC/USD + 1", "KRAKEN:BTC/EUR:traded_quote[5m]", "DERIVED:F0/USD:formula * 2",
            "KRAKEN:ETH/USD", "KRAKEN:BTC/USD:bid", "COINBASE:BTC/USD",
        ))
    )  # fmt: skip
    found = [problem.path for problem in foreseen(track, derived=formulas).warnings]
    assert found == [f"derived[{row}].formula" for row in (3, 4, 5)]
    own_ids = {"markets": ("XETHZUSD",), "metrics": ("price",)}
    found = [problem.path for problem in foreseen(track, own_ids, derived=formulas).warnings]
    assert found == [f"derived[{row}].formula" for row in (4, 5)]


def test_the_rolling_volume_needs_a_second_day_of_candles_and_no_backfill_needs_none() -> None:
    track = {"markets": ("BTC/USD",), "metrics": ("volume_24h_quote",)}
    assert foreseen(track).venues[0].backfill_s == pytest.approx(60 * 2 / 59)
    off = foreseen(track, backfill={"enabled": False})
    assert off.venues[0].backfill_s == 0.0


def test_flows_beyond_half_the_budget_are_a_warning_with_the_number_that_fits() -> None:
    markets = tuple(f"C{row}/USD" for row in range(40))
    found = foreseen({"markets": markets, "metrics": ("traded_quote",)})
    assert found.problems == ()
    assert "30 of 40 markets" in str(found.warnings[0])
    assert found.venues[0].flow_per_minute == 30.0


def test_flows_that_are_heard_need_no_budget() -> None:
    track = {"markets": tuple(f"C{row}/USD" for row in range(40)), "metrics": ("traded_quote",)}
    assert "unless `stream = true`" in str(foreseen(track).warnings[0])
    heard = foreseen(track, venues={"kraken": VenueConfig(stream=True)})
    assert not any("request budget" in str(warning) for warning in heard.warnings)


def test_one_answer_serves_every_slot_that_ends_then() -> None:
    markets = {"markets": ("BTC/USD",)}
    (venue,) = foreseen(
        {**markets, "metrics": ("price", "volume_24h_quote", "traded_quote"),
         "every": Interval(10_000),
         "intervals": {"volume_24h_quote": Interval(5 * MINUTE_MS),
                       "traded_quote": Interval(MINUTE_MS)}},
        {**markets, "metrics": ("bid",), "every": Interval(15_000)},
    ).venues  # fmt: skip
    assert venue.series_count == 4
    assert venue.poll_per_minute == 8.0  # at 0, 10, 15, 20, 30, 40, 45 and 50 s
    assert venue.flow_per_minute == 1.0
    assert venue.requests_per_minute == 9.0


def test_what_two_entries_say_of_a_market_is_filled_in_at_once() -> None:
    price, volume = ({"markets": ("BTC/USD",), "metrics": (name,)} for name in ("price", "bid"))
    alone = foreseen(price).venues[0]
    assert alone.backfill_requests == 2
    assert foreseen(price, volume).venues[0].backfill_requests == 2
    assert foreseen(volume).venues[0].backfill_requests == 0  # no candle tells a bid
    other = {**price, "metrics": ("traded_quote",)}
    assert foreseen(price, other).venues[0].backfill_requests == 2


def test_1400_markets_need_23_minutes_of_back_fill() -> None:
    """EXCHANGES.md 1: "1,400 pairs x one 5m OHLC call at 1/s = 23 minutes"."""
    markets = tuple(f"C{row}/USD" for row in range(1_400))
    five = {"markets": markets, "metrics": ("price",), "every": Interval(5 * MINUTE_MS)}
    (venue,) = foreseen(five).venues
    assert venue.backfill_requests == 1_400
    assert venue.backfill_s == pytest.approx(23.4 * 60, rel=0.01)


def test_flows_of_two_intervals_share_half_the_budget() -> None:
    markets = {"markets": tuple(f"C{row}/USD" for row in range(40)), "metrics": ("traded_quote",)}
    slower = {**markets, "every": Interval(5 * MINUTE_MS)}
    (venue,) = foreseen(markets, slower).venues
    assert venue.flow_markets_count == 80
    assert venue.flow_per_minute == pytest.approx(30.0, abs=1.0)
    assert (venue.flow_markets_max) < 80


def test_flows_that_do_not_fit_between_two_polls_stay_without() -> None:
    markets = {"markets": tuple(f"C{row}/USD" for row in range(20))}
    found = foreseen(
        {**markets, "metrics": ("traded_quote",)},
        {**markets, "metrics": ("price",), "every": Interval(10_000)},
    )
    assert found.venues[0].flow_markets_max == 8  # calls in 8 seconds
    assert "between polls every 10s, pays for traded volumes of 8 of 20" in str(found.warnings[0])


def test_a_slot_shorter_than_polls_allow_needs_a_stream() -> None:
    """SEMANTICS.md 2: "`check` refuses a Δ below what a venue's polling allows without a
    stream"."""
    quick = {"markets": ("BTC/USD",), "metrics": ("price",), "every": Interval(1_000)}
    refused = foreseen(quick, venues={"kraken": VenueConfig(poll_offset_s=0.1)})
    assert "every 2 s, unless `stream = true`" in paths(refused)["track[0].every"]
    heard = {"kraken": VenueConfig(poll_offset_s=0.1, stream=True)}
    assert foreseen(quick, venues=heard).problems == ()
    quotes = {**quick, "metrics": ("price", "bid")}  # which no stream tells
    assert "track[0].every" in paths(foreseen(quotes, venues=heard))


def test_a_single_metrics_interval_is_judged_at_its_own_place() -> None:
    track = {"markets": ("BTC/USD",), "metrics": ("price", "bid", "traded_quote")}
    found = paths(foreseen({**track, "intervals": {
        "bid": Interval(1_000), "traded_quote": Interval(30_000)
    }}))  # fmt: skip
    assert "not polled more often than every 2 s" in found["track[0].intervals"]
    assert "no candle that fits into a slot of 30s" in found["track[0].metrics[2]"]
    assert "track[0].every" not in found


def test_a_budget_of_ones_own_counts() -> None:
    found = foreseen(
        {"markets": ("A/USD", "B/USD"), "metrics": ("traded_quote",)},
        venues={"kraken": VenueConfig(requests_per_minute=2.0)},
    )
    assert "1 of 2 markets" in str(found.warnings[0])


@pytest.mark.parametrize(
    ("track", "path", "said"),
    [
        ({"every": Interval(1_000)}, "track[0].every", "not polled more often than every 2 s"),
        ({"metrics": ("price", "trades")}, "track[0].metrics[1]", "allowed: price, bid, ask"),
        ({"metrics": ("traded_quote",), "every": Interval(30_000)}, "track[0].metrics[0]",
         "no candle that fits into a slot of 30s"),
        ({"every": Interval(2_000)}, "venues.kraken.poll_offset_s", "allowed: below 0.5"),
    ],
)  # fmt: skip
def test_what_a_venue_cannot_do_is_a_problem_at_its_path(
    track: dict[str, Any], path: str, said: str
) -> None:
    complete = {"markets": ("BTC/USD",), "metrics": ("price",), **track}
    assert said in paths(foreseen(complete))[path]


def test_polling_exactly_as_often_as_a_venue_allows_is_fine() -> None:
    at_the_floor = foreseen(
        {"markets": ("BTC/USD",), "metrics": ("price",), "every": Interval(2_000)},
        venues={"kraken": VenueConfig(poll_offset_s=0.1)},
    )
    assert at_the_floor.problems == ()


def test_a_venue_without_adapter_is_named_with_those_that_have_one() -> None:
    config = Config(
        track=(Track(venue="krakn", markets=("BTC/USD",)),),
        venues={"mtgox": VenueConfig()},
    )
    found = paths(forecast(config, {"KRAKEN": KRAKEN}))
    assert "did you mean kraken?" in found["track[0].venue"]
    assert "no adapter for this venue" in found["venues.mtgox"]


def test_readings_are_pushed_to_no_venue_that_we_ask() -> None:
    """Who pushes would speak in its name."""
    found = paths(foreseen(push={"venue": "Kraken"}))
    assert "a venue that we ask ourselves" in found["push.venue"]
    assert paths(foreseen(push={"venue": "lab"})) == {}


def test_a_window_must_be_whole_slots() -> None:
    found = foreseen(
        {"markets": ("BTC/USD",), "metrics": ("price",), "every": Interval(HOUR_MS)},
        windows_ms=(90 * MINUTE_MS,),
    )
    assert "multiple of 1h" in paths(found)["windows"]


def test_a_track_of_a_venue_that_is_switched_off_is_a_warning() -> None:
    found = foreseen({"markets": ("BTC/USD",)}, venues={"kraken": VenueConfig(enabled=False)})
    assert "switched off" in str(found.warnings[0])
    assert found.venues == ()
