"""Answers as tables: CSV, NDJSON, Parquet and Arrow say what the JSON says."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow.ipc  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
from msgspec import Struct
from tests.web.conftest import World, reading

from sigmawatch.app.web import formats, tables
from sigmawatch.app.web.asked import Format
from sigmawatch.app.wiring import table_bytes

RECORDS = "/api/v1/metrics/kraken:eth-usd:price/records"
LISTS = ("/api/v1/metrics", "/api/v1/ranking", "/api/v1/runs", "/api/v1/episodes")
Rows = list[dict[str, Any]]


def read(written: str, content: bytes) -> Rows:
    """The rows of an answer, as its own reader has them."""
    match written:
        case "csv":
            return list(csv.DictReader(io.StringIO(content.decode())))
        case "ndjson":
            return [json.loads(line) for line in content.splitlines()]
        case "parquet":
            found = pyarrow.parquet.read_table(io.BytesIO(content))
        case _:
            found = pyarrow.ipc.open_file(content).read_all()
    rows: Rows = found.to_pylist()
    return rows


@reading
@pytest.mark.parametrize("written", ["csv", "ndjson", "parquet", "arrow"])
async def test_records_are_the_same_in_every_format(still: World, written: str) -> None:
    """DESIGN.md: "marks; JSON, CSV, NDJSON, Parquet, Arrow"."""
    told = (await still.client.get(f"{RECORDS}?from=-20m")).json()["items"]
    answer = await still.client.get(f"{RECORDS}?from=-20m&format={written}")
    assert answer.headers["content-type"].startswith(
        formats.MEDIA_TYPES[Format(written)].partition(";")[0]
    )
    name = f'attachment; filename="KRAKEN_ETH-USD_price.{written}"'
    assert answer.headers["content-disposition"] == name
    rows = read(written, answer.content)
    assert [float(r["value"]) if r["value"] not in ("", None) else None for r in rows] == [
        row["value"] for row in told
    ]
    assert [r["marks"] for r in rows] == [" ".join(row.get("marks", ())) for row in told]
    if written in ("csv", "ndjson"):
        assert [r["time"] for r in rows] == [row["time"] for row in told]
    else:
        times = [f"{r['time']:%Y-%m-%dT%H:%M:%S}.000Z" for r in rows]
        assert times == [row["time"] for row in told]


@reading
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("written", ["csv", "ndjson", "parquet", "arrow"])
async def test_a_list_has_a_row_an_item_in_every_format(
    still: World, path: str, written: str
) -> None:
    items = (await still.client.get(path)).json()["items"]
    answer = await still.client.get(path, params={"format": written})
    assert answer.status_code == 200
    rows = read(written, answer.content)
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        assert row.keys() == item.keys()
        assert str(row.get("id", "")) == str(item.get("id", ""))


@reading
async def test_accept_is_heard_by_its_weights_and_format_goes_before_it(still: World) -> None:
    """RFC 9110, 12.5.1."""
    for accept, kind in (
        ("text/csv;q=0.4, application/x-ndjson;q=0.8", "application/x-ndjson"),
        ("application/json, text/csv;q=0.9", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("*/*", "application/json"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
    ):
        answer = await still.client.get("/api/v1/metrics", headers={"Accept": accept})
        assert answer.headers["content-type"].partition(";")[0] == kind, accept
        assert set(answer.headers["vary"].split(", ")) == {"accept", "accept-encoding"}
    answer = await still.client.get("/api/v1/metrics?format=json", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"


@reading
@pytest.mark.parametrize("path", [*LISTS[:3], RECORDS, "/api/v1/metrics/records?ids=1,2"])
async def test_a_tag_is_of_one_format(still: World, path: str) -> None:
    """RFC 9110, 8.8.3: a tag tells the representations of one address apart."""
    mark = "&" if "?" in path else "?"
    tags = {}
    for written in ("json", "csv", "ndjson"):
        address = f"{path}{mark}format={written}"
        tags[written] = (await still.client.get(address)).headers["etag"]
        held = {"If-None-Match": tags[written]}
        assert (await still.client.get(address, headers=held)).status_code == 304
    assert len(set(tags.values())) == 3


@reading
async def test_fields_choose_columns_in_their_order(still: World) -> None:
    page = await still.get("/metrics", fields="rank,slug,from", limit=2)
    assert [list(item) for item in page["items"]] == [["rank", "slug", "from"]] * 2
    assert page["total"] == 12
    answer = await still.client.get("/api/v1/ranking?fields=slug,rank&format=csv")
    assert answer.text.splitlines()[0] == "slug,rank"
    records = await still.get("/metrics/1/records", fields="time,value", **{"from": "-3m"})
    assert [list(item) for item in records["items"]] == [["time", "value"]] * 2
    several = await still.get("/metrics/records", ids="1,2", fields="value", **{"from": "-2m"})
    assert [list(item) for one in several["items"] for item in one["items"]] == [["value"]] * 2
    table = await still.client.get(f"{RECORDS}?from=-3m&fields=name,value&format=csv")
    assert table.text.splitlines()[0] == "name,value"


@reading
async def test_an_unknown_column_is_refused_with_those_that_are(still: World) -> None:
    answer = await still.client.get("/api/v1/runs?fields=venue,password")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "fields"
    assert "'password'" in error["message"]
    assert "venue" in error["allowed"]


@reading
async def test_a_link_leads_through_the_pages_of_a_table(still: World) -> None:
    """RFC 8288: a table has no room for next_cursor."""
    address: str | None = "/api/v1/metrics?limit=5&format=csv&sort=-sigma_rel&fields=slug"
    walked = []
    while address:
        answer = await still.client.get(address)
        walked += answer.text.splitlines()[1:]
        link = answer.headers.get("link", "")
        address = link.partition(">")[0].removeprefix("<") or None
    whole = await still.get("/metrics", sort="-sigma_rel")
    assert walked == [item["slug"] for item in whole["items"]]


class _Cell(Struct):
    text: str
    number: float


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_begins_a_formula_is_quoted(text: str) -> None:
    """SECURITY.md S19: "CSV export cell starting with = + - @ or tab: prefixed/quoted"."""
    table = tables.table_of([_Cell(text, -1.5)], _Cell, names=("text", "number"))
    ((told, number),) = list(csv.reader(io.StringIO(tables.csv_of(table).decode(), newline="")))[1:]
    assert told == f"'{text}"
    assert number == "-1.5"  # a number is no text, and stays one


@reading
async def test_without_pyarrow_it_says_what_to_install(
    still: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "sigmawatch.adapters.tables.arrow_bytes", raising=False)
    asked = await still.client.get("/api/v1/metrics?format=parquet&limit=7")
    assert asked.status_code == 422
    assert asked.json()["errors"][0]["allowed"] == "json, csv, ndjson"
    accept = {"Accept": "application/vnd.apache.arrow.file"}
    accepted = await still.client.get("/api/v1/metrics?limit=7", headers=accept)
    assert accepted.status_code == 406
    for answer in (asked, accepted):
        assert "pip install 'sigmawatch[arrow]'" in answer.json()["detail"]
    plain = await still.client.get("/api/v1/metrics?format=csv")
    assert plain.status_code == 200


def test_columns_have_types_also_where_every_cell_is_empty() -> None:
    class Row(Struct):
        at: float | None
        seen_at: str | None
        words: tuple[str, ...]
        counts: Mapping[str, int]

    rows = [Row(None, None, ("a", "b"), {"outage": 2})]
    table = tables.table_of(rows, Row, names=("at", "seen_at", "words", "counts"))
    found = pyarrow.ipc.open_file(table_bytes(table, kind="arrow")).read_all()
    assert [str(field.type) for field in found.schema] == [
        "double", "timestamp[ms, tz=UTC]", "string", "string",
    ]  # fmt: skip
    assert found.to_pylist() == [
        {"at": None, "seen_at": None, "words": "a b", "counts": "outage=2"}
    ]
    assert msgspec.json.decode(tables.ndjson_of(table))["words"] == "a b"
