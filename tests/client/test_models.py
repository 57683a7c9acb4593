"""Answers of servers that are newer or older than the client."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.client.scripted import Script, blocking, told

from sigmawatch.app.web import contract
from sigmawatch.client import Table, models

SCHEMAS = json.loads(contract().content)["components"]["schemas"]


def example(name: str) -> Any:
    """The contract's own example of a schema."""
    return SCHEMAS[name]["examples"][0]


def test_what_the_contract_gives_as_an_example_is_read() -> None:
    row = blocking(Script([told(example("MetricRow"))]), "show_metric", 17)
    assert row.name == "KRAKEN:BTC/USD:price"
    assert row.state is models.Freshness.FRESH
    assert row.slot == datetime(2026, 11, 21, 7, 59, tzinfo=UTC)
    assert row.from_ < row.to


def test_fields_of_a_newer_server_are_ignored() -> None:
    row = blocking(Script([told({**example("MetricRow"), "tide": 3})]), "show_metric", 17)
    assert row.id == 17


def test_a_value_that_we_have_no_name_for_is_kept() -> None:
    told_row = told({**example("MetricRow"), "state": "hibernating"})
    row = blocking(Script([told_row]), "show_metric", 17)
    assert row.state == "hibernating"
    assert isinstance(row.state, models.Freshness)
    assert row.state not in set(models.Freshness)
    assert pickle.loads(pickle.dumps(row.state)) == "hibernating"


def test_what_may_be_null_may_be_missing_as_well() -> None:
    document = {name: value for name, value in example("MetricRow").items() if name != "surge"}
    assert blocking(Script([told(document)]), "show_metric", 17).surge is None


def test_a_table_says_how_to_go_on() -> None:
    link = '</api/v1/metrics?format=csv&cursor=a%2Cb>; rel="next"'
    page = told("x", content_type="text/csv", link=link)
    table = blocking(Script([page, told("y")]), "list_metrics_as", "csv")
    assert table == Table(content=b'"x"', media_type="text/csv", next_cursor="a,b")


@pytest.mark.parametrize("name", sorted(set(SCHEMAS) & set(vars(models))))
def test_every_example_of_the_contract_fits_its_model(name: str) -> None:
    kind = getattr(models, name)
    found = SCHEMAS[name].get("examples") or SCHEMAS[name]["enum"]
    assert isinstance(msgspec.convert(found[0], kind), kind)
