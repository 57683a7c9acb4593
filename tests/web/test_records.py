"""`/metrics/{id}/records`: history slot by slot, in JSON and CSV."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from tests.engine.world import a_series
from tests.web.conftest import MINUTE, MOVES, START_MS, World, reading

from sigmawatch.app.archived_rows import record_begins
from sigmawatch.app.collector import PARTITION
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.records import _rows
from sigmawatch.domain.frame import Flag, Patch, Reason
from sigmawatch.engine.geometry import Column, Marks
from sigmawatch.ports.bus import Message

RECORDS = "/metrics/kraken:eth-usd:price/records"


@reading
async def test_the_last_24_hours_are_told_slot_by_slot_with_reasons(still: World) -> None:
    """SEMANTICS.md 2: the closed slots with open in [T - W, T); a missing slot has a reason."""
    page = await still.get(RECORDS)
    assert (page["begin"], page["end"]) == ("2026-11-20T08:12:00.000Z", "2026-11-21T08:12:00.000Z")
    assert len(page["items"]) == 1_440
    assert page["items"][0] == {
        "time": "2026-11-20T08:12:00.000Z", "value": None, "marks": ["not_polled"],
    }  # fmt: skip
    newest = page["items"][-12:]
    assert [row["time"] for row in newest] == [
        rfc3339(START_MS + 60_000 * minute) for minute in range(12)
    ]
    assert newest[1]["value"] == pytest.approx(70.0)
    assert newest[0]["value"] == pytest.approx(70.0 * MOVES["ETH"])


@reading
@pytest.mark.parametrize(
    ("query", "first", "count"),
    [
        ("from=-6m", "08:07", 5),  # 08:12:01 less six minutes: the next slot that opens is 08:07
        ("from=2026-11-21T08:05:00Z", "08:05", 7),
        ("from=2026-11-21T09:05:00%2B01:00", "08:05", 7),
        ("from=2026-11-21T09:05:00+01:00", "08:05", 7),  # a plus that nobody encoded
        (f"from={START_MS}&to={START_MS + 120_000}", "08:00", 2),
        (f"from={START_MS}&to={START_MS + 120_001}", "08:00", 3),
        (f"from={START_MS + 60_000}&to={START_MS + 60_000}", None, 0),
        (f"from={START_MS + 60_000}&to=2030-01-01T00:00:00Z", "08:01", 11),
        ("from=now", None, 0),
    ],
)
async def test_a_range_holds_the_closed_slots_that_open_in_it(
    still: World, query: str, first: str | None, count: int
) -> None:
    items = (await still.get(f"{RECORDS}?{query}"))["items"]
    assert len(items) == count
    if first:
        assert items[0]["time"] == f"2026-11-21T{first}:00.000Z"


async def test_pages_keep_the_range_of_the_first(moving: World) -> None:
    query = {"from": "-10m", "limit": 4}
    whole = await moving.get(RECORDS, **{**query, "limit": 100})
    page = await moving.get(RECORDS, **query)
    walked = page["items"]
    while page["next_cursor"]:
        await moving.pass_slots(1, MOVES)
        page = await moving.get(RECORDS, limit=4, cursor=page["next_cursor"])
        walked += page["items"]
    assert walked == whole["items"]


@reading
async def test_csv_by_format_or_accept_is_the_same_table(still: World) -> None:
    page = await still.get(RECORDS, **{"from": "-20m"})
    asked = await still.client.get(f"/api/v1{RECORDS}?from=-20m&format=csv")
    accepted = await still.client.get(f"/api/v1{RECORDS}?from=-20m", headers={"Accept": "text/csv"})
    assert asked.content == accepted.content
    assert asked.headers["content-type"] == "text/csv; header=present; charset=utf-8"
    disposition = asked.headers["content-disposition"]
    assert disposition == 'attachment; filename="KRAKEN_ETH-USD_price.csv"'
    rows = list(csv.DictReader(io.StringIO(asked.text)))
    assert [row["time"] for row in rows] == [row["time"] for row in page["items"]]
    assert [(row["value"] and float(row["value"])) or None for row in rows] == [
        row["value"] for row in page["items"]
    ]
    assert rows[0]["marks"] == "not_polled"
    assert {row["name"] for row in rows} == {"KRAKEN:ETH/USD:price"}


@reading
async def test_several_series_come_in_one_answer_within_50_000_slots(still: World) -> None:
    answer = await still.get("/metrics/records", ids="1,kraken:eth-usd:price,1", **{"from": "-3m"})
    assert [page["id"] for page in answer["items"]] == [1, 8]
    assert all(len(page["items"]) == 2 for page in answer["items"])
    ids = ",".join(str(number) for number in range(1, 13))
    shrunk = await still.get("/metrics/records", ids=ids, limit=50_000, **{"from": "-168h"})
    assert {len(page["items"]) for page in shrunk["items"]} == {50_000 // 12}
    assert all(page["next_cursor"] for page in shrunk["items"])


@reading
async def test_records_answer_304_to_their_tag(still: World) -> None:
    first = await still.client.get(f"/api/v1{RECORDS}")
    again = await still.client.get(
        f"/api/v1{RECORDS}", headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304


async def test_a_coarse_candle_is_told_once_with_its_span(moving: World) -> None:
    """SEMANTICS.md 2: `records` shows it once, with its span; it is never drawn as minutes."""
    series = moving.program.catalogue.series[0]
    marks = bytes([Flag.FILLED | Flag.COARSE] * 10)
    values = np.array([5.0] * 5 + [6.0] * 5, "<f8").tobytes()
    slot = MINUTE.slot(START_MS) - 60
    patch = Patch(series_id=series.id, from_slot=slot, revision=moving.slot,
                  recv_ms=moving.clock.now_ms(), values=values, marks=marks)  # fmt: skip
    message = Message(partition=PARTITION, sequence=1, items=(patch,))
    await moving.program.tracker.take([message])
    query = {"from": rfc3339(MINUTE.open_ms(slot)), "to": rfc3339(MINUTE.open_ms(slot + 10))}
    items = (await moving.get("/metrics/1/records", **query))["items"]
    assert [(row["value"], row["span"], row["marks"]) for row in items] == [
        (5.0, "5m", ["coarse", "filled"]), (6.0, "5m", ["coarse", "filled"]),
    ]  # fmt: skip
    page = await moving.get("/metrics/1/records", **query, limit=7)  # would cut the second
    assert [row["value"] for row in page["items"]] == [5.0]
    page = await moving.get("/metrics/1/records", limit=7, cursor=page["next_cursor"])
    assert [(row["value"], row["span"]) for row in page["items"]] == [(6.0, "5m")]


def test_a_coarse_flow_is_told_as_what_the_candle_said() -> None:
    """SEMANTICS.md 2: a flow stands as span value / slots; told once it is the span's value."""
    values: Column = np.array([1.0, 1.0, 1.0, 2.0, np.nan])
    marks: Marks = np.array([Flag.COARSE] * 3 + [0, Reason.OUTAGE], np.uint8)
    begins = record_begins(values, marks)
    assert begins.tolist() == [0, 3, 4]
    rows = _rows(a_series(1, metric="trades"), 100, values=values, marks=marks, begins=begins)
    assert [(row.value, row.span) for row in rows[:2]] == [(3.0, "3m"), (2.0, None)]
    assert (rows[2].marks, rows[2].span) == (("outage",), None)
