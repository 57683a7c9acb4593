"""What an operator sets for a venue is checked before anything is asked."""

from __future__ import annotations

import random

import pytest

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.venues import VENUES, VenueSettings, venue_for
from sigmawatch.domain.errors import Invalid, NotFound


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "binance"), ("name", "BIN ANCE"), ("base_url", "ftp://host"),
        ("base_url", "https://user:pass@host"), ("base_url", "host"), ("base_url", "http://"),
        ("fallback_url", "https://host?x=1"), ("timeout_s", 0.0), ("timeout_s", 61.0),
        ("timeout_s", float("nan")), ("count_floor", 1.1), ("count_floor", -0.1),
        ("api_key", "line\nbreak"), ("api_key", "schlüssel"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        VenueSettings(**{"name": "BINANCE", field: value})  # type: ignore[arg-type]
    assert caught.value.field in {field, "venue"}


@pytest.mark.parametrize("name", list(VENUES))
def test_a_venue_is_made_from_its_name_alone(name: str) -> None:
    venue = venue_for(VenueSettings(name=name), clock=VirtualClock(0), rng=random.Random(1))
    assert venue.traits.name == name
    assert venue.traits.poll_cost <= venue.traits.requests_per_minute


def test_a_whole_budget_of_one_s_own_shows_in_the_traits() -> None:
    settings = VenueSettings(name="KRAKEN", requests_per_minute=30.0)
    venue = venue_for(settings, clock=VirtualClock(0), rng=random.Random(1))
    assert venue.traits.requests_per_minute == 30.0


def test_a_venue_without_an_adapter_is_not_found_and_says_what_there_is() -> None:
    with pytest.raises(NotFound) as caught:
        venue_for(VenueSettings(name="MTGOX"), clock=VirtualClock(0), rng=random.Random(1))
    assert caught.value.allowed == ", ".join(VENUES)


def test_a_stream_that_nobody_listens_to_is_refused() -> None:
    settings = VenueSettings(name="OKX", stream=True)
    with pytest.raises(Invalid) as caught:
        venue_for(settings, clock=VirtualClock(0), rng=random.Random(1))
    assert caught.value.field == "stream"
