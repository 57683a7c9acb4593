"""What the documentation says of venues is what their adapters say."""

from __future__ import annotations

import re
from pathlib import Path

from sigmawatch.adapters.venues import VENUES
from sigmawatch.adapters.venues.rest import RestVenue

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "venues.md"


def test_the_table_of_venues_tells_of_every_one_what_its_adapter_says() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE))
    assert list(rows) == [name.lower() for name in VENUES]
    for name, adapter in VENUES.items():
        assert isinstance(adapter, type)
        assert issubclass(adapter, RestVenue)
        told, traits = rows[name.lower()], adapter.TRAITS
        assert f"{traits.poll_floor_ms // 1_000} s at the fastest" in told
        assert f"{traits.candle_rows_max:,} candles" in told
        assert ("trades" in told) == ("trades" in traits.flows)
