"""InfluxDB line protocol as readings (docs.influxdata.com, "Line protocol reference")."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pace import allowed_s

from sigmawatch.app.pushing.lines import read_lines
from sigmawatch.app.pushing.told import Told
from sigmawatch.domain.errors import Invalid

NOW_MS = 1_795_248_000_123


def told(text: str, precision: str = "ns") -> Told:
    return read_lines(text.encode(), now_ms=NOW_MS, precision=precision)


@pytest.mark.parametrize(
    ("line", "market", "metric", "value"),
    [
        ("BTC/USD price=67284.1", "BTC/USD", "price", 67284.1),
        ("BTC/USD price=-1.5e-3", "BTC/USD", "price", -1.5e-3),
        ("BTC/USD trades=12i", "BTC/USD", "trades", 12.0),
        ("BTC/USD trades=12u", "BTC/USD", "trades", 12.0),
        ("BTC/USD price=1  \r", "BTC/USD", "price", 1.0),
        ("ticks,market=BTC/USD price=1", "BTC/USD", "price", 1.0),
        ("ticks,market=BTC/USD,metric=bid value=1", "BTC/USD", "bid", 1.0),
        ("my\\ ticks\\,all,market=A\\ B price=1", "A B", "price", 1.0),
        ("BTC/USD p\\=q=1", "BTC/USD", "p=q", 1.0),
        ('my"ticks,market=BTC/USD price=1', "BTC/USD", "price", 1.0),
        ('" price=1', '"', "price", 1.0),  # quotes are letters there; what no name is, a sheet says
    ],
)
def test_a_line_is_a_market_a_metric_and_a_number(
    line: str, market: str, metric: str, value: float
) -> None:
    found = told(line)
    assert found.refusals.count == 0
    assert (found.names, found.value.tolist()) == ([(market, metric)], [value])
    assert (found.time_ms.tolist(), found.timed.tolist()) == ([NOW_MS], [False])


def test_each_field_of_a_line_is_a_reading_of_its_time() -> None:
    found = told("# a comment\n\nBTC/USD bid=1,ask=2 1795248000456789000\n")
    assert found.names == [("BTC/USD", "bid"), ("BTC/USD", "ask")]
    assert found.time_ms.tolist() == [1_795_248_000_456] * 2
    assert found.index.tolist() == [2, 2]  # lines are counted as they stand
    assert found.timed.all()


PLAIN = r"[A-Z]{1,3}/?[A-Z]{0,3} [a-z_]{1,5}=-?[0-9]{1,20}(\.[0-9]{1,9})?( [0-9]{1,19})?"


@given(st.from_regex(PLAIN, fullmatch=True))
def test_a_short_way_leads_where_the_long_one_does(line: str) -> None:
    """Nearly all lines are read by one pattern; a blank at the end is the long way."""
    short, long = told(line), told(line + " ")
    assert short.refusals.count == long.refusals.count == 0
    assert (short.names, short.value.tolist()) == (long.names, long.value.tolist())
    assert short.time_ms.tolist() == long.time_ms.tolist()


@pytest.mark.parametrize(
    ("precision", "moment"),
    [("ns", "1795248000456000000"), ("us", "1795248000456000"), ("ms", "1795248000456")],
)
def test_times_count_what_the_precision_says(precision: str, moment: str) -> None:
    assert told(f"A/B price=1 {moment}", precision).time_ms.tolist() == [1_795_248_000_456]


def test_a_time_that_no_clock_shows_is_only_far_away() -> None:
    assert told("A/B price=1 9999999999999999999", "s").time_ms[0] > NOW_MS


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("BTC/USD", "line", "not line protocol"),
        ("BTC/USD price=1 noon", "line", "not line protocol"),
        ("BTC/USD price", "price", "not line protocol"),
        (", price=1", "line", "not line protocol"),
        (", 1762819800000000000", "line", "not line protocol"),
        (",market=BTC/USD price=1", "line", "not line protocol"),
        ("BTC/USD,host=a price=1", "host", "unknown tag"),
        ("BTC/USD,metric=price bid=1", "bid", "the tag `metric` says what it is"),
        ('BTC/USD price="1"', "price", "not a number"),
        ("BTC/USD price=t", "price", "not a number"),
        ("BTC/USD price=nan", "price", "not a number"),
        ("BTC/USD price=1_000", "price", "not a number"),
        ("BTC/USD price=1.5i", "price", "not a number"),
        ("BTC/USD price=" + "9" * 5_000, "price", "not a number"),
        ('BTC/USD price="a', "line", "not line protocol"),
        ('BTC/USD price=1"', "line", "not line protocol"),
        ("BTC/USD,metric=price value=" + "9" * 70_000, "line", "too long"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_its_neighbours_are_read(
    line: str, field: str, reason: str
) -> None:
    found = told(f"A/B price=1\n{line}\nC/D price=2\n")
    assert [market for market, _ in found.names] == ["A/B", "C/D"]
    [refused] = found.refusals.first
    assert (refused.index, refused.field, refused.reason) == (1, field, reason)
    assert refused.allowed


def test_a_field_that_is_wrong_costs_no_other_of_its_line() -> None:
    found = told("A/B bid=1,price=x,ask=2")
    assert [metric for _, metric in found.names] == ["bid", "ask"]
    assert found.refusals.first[0].field == "price"


def test_bytes_that_are_no_text_are_no_lines() -> None:
    with pytest.raises(Invalid, match="UTF-8"):
        read_lines(b"A/B price=1\n\xff", now_ms=NOW_MS)


@pytest.mark.parametrize(
    "text",
    ['"' * 1_000_000, "a" * 1_000_000, "\\" * 1_000_000, "a=" * 500_000, 'a a="' + "\\" * 900_000,
     " " * 1_000_000 + "x", "a a=1,," * 140_000, 'a "' + '"a' * 400_000],
)  # fmt: skip
def test_s48_no_text_takes_longer_than_its_length(text: str) -> None:
    """S48: "Regular-expression style blow-up in any filter: linear time"."""
    began_s = time.perf_counter()
    told(text)
    assert time.perf_counter() - began_s < allowed_s(0.5)
