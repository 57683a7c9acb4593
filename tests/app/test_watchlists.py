"""Watchlists of the configuration file."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from sigmawatch.app.config import Config, WatchlistConfig


def test_a_watchlist_of_the_file_is_kept_in_canonical_text() -> None:
    config = Config.model_validate({
        "watchlists": [{"name": "Majors", "items": ["xbt-usd", "kraken:*/usd"]}]
    })  # fmt: skip
    assert config.watchlists == (
        WatchlistConfig(name="majors", items=("*:BTC/USD", "KRAKEN:*/USD")),
    )


@pytest.mark.parametrize(
    ("watchlists", "says"),
    [
        ([{"name": "a", "items": ["*:BTC/*"]}, {"name": "A", "items": ["*:X/*"]}], "defined twice"),
        ([{"name": "a", "items": []}], "must not be empty"),
        ([{"name": "a", "items": ["BTCUSD"]}], "names no markets"),
        ([{"name": "a b", "items": ["*:BTC/*"]}], "no name of a watchlist"),
        ([{"name": "a", "items": ["*:BTC/*"], "more": 1}], "Extra inputs"),
    ],
)
def test_what_is_no_watchlist_is_refused(watchlists: list[object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Config.model_validate({"watchlists": watchlists})
