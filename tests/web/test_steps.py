"""Records by step, and statistics over long windows: the same numbers as slot by slot."""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from tests.app.doubles import MemoryVenue, market
from tests.app.test_sealing import DAY, MINUTE, NOW, Rig, rigged
from tests.pace import allowed_s

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.config import BackfillConfig, Config, Track
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.web import create_app
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.steps import Stepping, step_asked
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from sigmawatch.engine.downsample import largest_triangles

RECORDS = "/api/v1/metrics/1/records"
STATISTICS = "/api/v1/metrics/1/statistics"
shared = pytest.mark.asyncio(loop_scope="module")


class Past:
    """An API over nine days of one series, sealed as far as they are old enough."""

    def __init__(self, rig: Rig, client: httpx.AsyncClient) -> None:
        self.values, self.first, self.client = rig.values, rig.first, client

    async def get(self, path: str, **query: str | int) -> dict[str, Any]:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def slots(self, from_slot: int, to_slot: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        return self.values[from_slot - self.first : to_slot - self.first]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def past(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Past]:
    async for made in served(tmp_path_factory.mktemp("past"), HistoryConfig()):
        yield made


async def served(folder: Path, history: HistoryConfig) -> AsyncIterator[Past]:
    async with rigged(folder, history) as rig:
        await rig.sealer.run_once()
    clock = VirtualClock(MINUTE.open_ms(NOW) + 30_000)
    config = Config(
        data=folder / "data", backfill=BackfillConfig(enabled=False),
        track=(Track(venue="kraken", markets=("BTC/USD",), metrics=("price",)),),
    )  # fmt: skip
    venue = MemoryVenue(clock)
    venue.listed = [market("BTC")]
    async with build(config, clock=clock, venues=[venue]) as program:
        app: Any = create_app(program)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Past(rig, client)


def at(slot: int) -> str:
    return rfc3339(MINUTE.open_ms(slot))


@shared
@pytest.mark.parametrize("step", ["5m", "1h", "4h", "1d"])
async def test_a_step_tells_what_its_slots_tell(past: Past, step: str) -> None:
    """Across what is sealed, what is not, and what is in memory."""
    wide = {"5m": 5, "1h": 60, "4h": 240, "1d": DAY}[step]
    first, stop = NOW // DAY * DAY - 4 * DAY, NOW
    answer = await past.get(RECORDS, step=step, agg="ohlc", **{"from": at(first), "to": at(stop)})
    assert (answer["step"], answer["agg"], answer["next_cursor"]) == (
        "24h" if step == "1d" else step, "ohlc", None)  # fmt: skip
    assert answer["tier"] == ("slots" if step == "5m" else "1h")
    rows = answer["items"]
    assert len(rows) == -(-(stop - first) // wide)
    for number, row in enumerate(rows):
        start = first + number * wide
        held = past.slots(start, min(start + wide, stop))
        held = held[np.isfinite(held)]
        assert (row["time"], row["n"]) == (at(start), len(held))
        if len(held):
            told = [row["open"], row["high"], row["low"], row["close"], row["value"]]
            assert told == [held[0], held.max(), held.min(), held[-1], held[-1]]
        else:
            assert row["value"] is None


@shared
async def test_the_mean_of_a_step_is_exact_and_a_chart_says_how_many_points_it_has_room_for(
    past: Past,
) -> None:
    answer = await past.get(RECORDS, points=500, agg="mean", **{"from": "-9d"})
    assert answer["step"] == "30m"
    assert 0 < len(answer["items"]) <= 500
    row = answer["items"][100]
    start = NOW - 9 * DAY + (-(NOW - 9 * DAY) % 30) + 100 * 30
    assert row["value"] == pytest.approx(np.nanmean(past.slots(start, start + 30)), rel=1e-12)
    assert set(row) == {"time", "value", "n"}


@shared
async def test_a_line_of_triangles_is_made_of_slots_that_were_measured(past: Past) -> None:
    """DESIGN.md: `agg=lttb`; each point stands at its own slot."""
    answer = await past.get(RECORDS, points=100, agg="lttb", **{"from": "-9d"})
    assert (answer["agg"], answer["step"], answer["tier"]) == ("lttb", "1m", "slots")
    first = NOW - 9 * DAY + 1
    held = past.slots(first, NOW)
    there = np.flatnonzero(np.isfinite(held))
    kept = there[largest_triangles(there.astype(np.float64), held[there], count=100)]
    assert [row["time"] for row in answer["items"]] == [at(first + k) for k in kept]
    assert [row["value"] for row in answer["items"]] == held[kept].tolist()
    table = await past.client.get(
        RECORDS, params={"points": 100, "agg": "lttb", "from": "-9d", "format": "ndjson"}
    )
    assert len(table.text.splitlines()) == 100


@shared
@pytest.mark.parametrize("agg", ["lttb", "mean", "ohlc"])
async def test_ten_years_are_told_in_as_many_points_as_were_asked_for(past: Past, agg: str) -> None:
    """SECURITY.md S46: "range of 10 years at 1 s, 10,000 series: 422 or down-sampled; < 5 s"."""
    began_s = time.monotonic()
    answer = await past.get(RECORDS, points=500, agg=agg, **{"from": "-3650d"})
    assert time.monotonic() - began_s < allowed_s(5.0)
    assert 0 < len(answer["items"]) <= 500
    assert all(row["value"] is None or row["value"] > 0 for row in answer["items"])


@shared
async def test_a_line_of_more_slots_than_can_be_looked_at_is_picked_from_runs(past: Past) -> None:
    answer = await past.get(RECORDS, points=50, agg="lttb", **{"from": "-365d"})
    assert (answer["step"], answer["tier"]) == ("5m", "slots")  # 200,000 points at most
    assert len(answer["items"]) == 50
    newest = answer["items"][-1]
    step = int(newest["time"][14:16]) % 5
    assert step == 0


@shared
@pytest.mark.parametrize("query", [{}, {"points": 2}, {"step": "1h"}])
async def test_triangles_need_a_number_of_points(past: Past, query: dict[str, Any]) -> None:
    answer = await past.client.get(RECORDS, params={"agg": "lttb", **query})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["allowed"]) == ("points", "3 to 50000, and no step")


@shared
async def test_as_many_points_as_slots_are_the_slots(past: Past) -> None:
    answer = await past.get(RECORDS, points=60, **{"from": "-1h"})
    assert (answer["step"], answer["tier"], answer["agg"]) == ("1m", "slots", None)
    assert len(answer["items"]) == 59


@shared
@pytest.mark.parametrize("window", ["24h", "7d", "8d"])
async def test_statistics_over_days_are_those_of_every_slot(past: Past, window: str) -> None:
    told = await past.get(STATISTICS, window=window)
    days = {"24h": 1, "7d": 7, "8d": 8}[window]
    held = past.slots(NOW - days * DAY, NOW)
    held = held[np.isfinite(held)]
    assert (told["begin"], told["end"]) == (at(NOW - days * DAY), at(NOW))
    assert (told["n"], told["expected"], told["ddof"]) == (len(held), days * DAY, 0)
    assert told["mean"] == pytest.approx(np.mean(held), rel=1e-12)
    assert told["sigma_abs"] == pytest.approx(math.sqrt(np.var(held)), rel=1e-12)
    assert (told["minimum"], told["maximum"]) == (held.min(), held.max())


@shared
async def test_steps_as_csv_have_their_own_columns(past: Past) -> None:
    answer = await past.client.get(
        RECORDS, params={"step": "1h", "agg": "minmax", "format": "csv", "from": "-5h"}
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["id", "name", "time", "value", "marks", "span", "open", "high", "low",
                             "close", "n"]  # fmt: skip
    assert (rows[0]["open"], rows[0]["n"]) == ("", "60")
    assert float(rows[0]["high"]) >= float(rows[0]["low"])


@shared
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"step": "7s"}, "step"),
        ({"step": "90m"}, "step"),
        ({"step": "1m30s"}, "step"),
        ({"step": "20y"}, "step"),
        ({"step": "5m", "points": "9"}, "step"),
        ({"step": "1h", "agg": "sum"}, "agg"),
        ({"step": "1h", "cursor": "x"}, "cursor"),
    ],
)
async def test_steps_that_cannot_be_are_refused_by_name(
    past: Past, query: dict[str, str], field: str
) -> None:
    answer = await past.client.get(RECORDS, params=query)
    assert answer.status_code == 422
    assert field in answer.text


@shared
@pytest.mark.parametrize("window", ["0d", "1s", "7", "99999d", "90s"])
async def test_windows_that_cannot_be_are_refused(past: Past, window: str) -> None:
    answer = await past.client.get(STATISTICS, params={"window": window})
    assert answer.status_code == 422
    assert "window" in answer.text


async def test_where_slots_are_gone_hours_tell_what_is_left_and_the_answer_says_so(
    tmp_path: Path,
) -> None:
    async for past in served(tmp_path, HistoryConfig(raw_days=2)):
        answer = await past.get(RECORDS, step="5m", **{"from": "-8d"})
        assert (answer["step"], answer["tier"]) == ("1h", "1h")
        assert sum(row["n"] for row in answer["items"]) > 6 * DAY
        young = await past.get(RECORDS, step="5m", **{"from": "-2d"})
        assert (young["step"], young["tier"]) == ("5m", "slots")
        told = await past.get(STATISTICS, window="7d")
        assert told["begin"] == at(NOW - 7 * DAY + 20), "the next full hour"


@pytest.mark.parametrize(
    ("interval_ms", "points", "span_ms", "step_ms"),
    [
        (MINUTE_MS, 100, 100 * MINUTE_MS, None),
        (MINUTE_MS, 99, 100 * MINUTE_MS, 2 * MINUTE_MS),
        (15_000, 10, 300_000, 30_000),
        (HOUR_MS, 1, 40 * DAY_MS, 90 * DAY_MS),
        (45_000, 10, 10 * 90_000, 15 * MINUTE_MS),  # of the nice ones the first that fits
    ],
)
def test_points_choose_the_least_step_that_is_no_more(
    interval_ms: int, points: int, span_ms: int, step_ms: int | None
) -> None:
    chosen = step_asked(Interval(interval_ms), step=None, points=points, span_ms=span_ms)
    assert chosen == step_ms


@shared
@pytest.mark.parametrize("asked", [{"step": "1h"}, {"step": "5m", "agg": "ohlc"}, {"points": 90}])
async def test_steps_come_in_pages_that_are_together_what_one_page_is(
    past: Past, asked: dict[str, str | int]
) -> None:
    """The range, the step and what is told of it are those of the first page."""
    whole = await past.get(RECORDS, **asked, **{"from": "-4d"})
    page = await past.get(RECORDS, **asked, limit=37, **{"from": "-4d"})
    found = page["items"]
    assert (page["begin"], len(found)) == (whole["begin"], 37)
    while page["next_cursor"]:
        end = page["end"]
        page = await past.get(RECORDS, limit=37, cursor=page["next_cursor"])
        assert (page["begin"], page["step"], page["agg"]) == (end, whole["step"], whole["agg"])
        found += page["items"]
    assert (found, page["end"]) == (whole["items"], whole["end"])


@shared
async def test_several_series_share_the_room_of_a_page_by_step_too(past: Past) -> None:
    answer = await past.get("/api/v1/metrics/records", ids="1", step="5m", limit=10,
                            **{"from": "-4d"})  # fmt: skip
    (series,) = answer["items"]
    assert len(series["items"]) == 10
    assert series["next_cursor"]


@pytest.mark.parametrize(
    "text", ["", "0 mean", "90000 mean", "3600000 median", "3600000", "-60000 mean", "1e6 mean"]
)
def test_a_step_that_no_cursor_of_ours_carries_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Stepping.read(text, interval=MINUTE)
