"""What a question looks like on its way: address, query, body, headers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.client.scripted import Script, blocking, told

from sigmawatch.client import Client, models
from sigmawatch.client.calls import Ground, Operation

CET = timezone(timedelta(hours=1))


def asked(name: str, *given: Any, **more: Any) -> str:
    """The address below the server's that a method asks."""
    script = Script([told({}, 500)])
    with pytest.raises(Exception, match="500"):
        blocking(script, name, *given, **more)
    return script.asked[0].url.removeprefix("http://sigma.test")


@pytest.mark.parametrize(
    ("name", "given", "address"),
    [
        ("show_metric", ("KRAKEN:BTC/USD:price",), "/api/v1/metrics/KRAKEN:BTC%2FUSD:price"),
        ("show_metric", (17,), "/api/v1/metrics/17"),
        ("show_rule", ("a b?#%",), "/api/v1/rules/a%20b%3F%23%25"),
        ("show_rule", ("{name}",), "/api/v1/rules/%7Bname%7D"),
        ("show_delivery", (5,), "/api/v1/deliveries/5"),
    ],
)
def test_a_name_is_one_segment_of_the_path_whatever_it_holds(
    name: str, given: tuple[Any, ...], address: str
) -> None:
    assert asked(name, *given) == address


@pytest.mark.parametrize(
    ("query", "worded"),
    [
        ({"from_": "-6h", "points": 5}, "from=-6h&points=5"),
        ({"from_": 1_795_248_000_000}, "from=1795248000000"),
        ({"to": datetime(2026, 11, 21, 9, 0, 0, 5_000, CET)}, "to=2026-11-21T08%3A00%3A00.005Z"),
        ({"agg": models.Aggregate.OHLC}, "agg=ohlc"),
        ({"step": None}, ""),
    ],
)
def test_python_values_are_worded_as_the_api_wants_them(query: Any, worded: str) -> None:
    assert asked("show_records", 1, **query).partition("?")[2] == worded


def test_several_are_named_with_commas_between_and_flags_in_lower_case() -> None:
    assert asked("list_sparklines", [1, "KRAKEN:BTC-USD:price"]).endswith(
        "?ids=1%2CKRAKEN%3ABTC-USD%3Aprice"
    )
    assert asked("list_markets", tracked=False).endswith("?tracked=false")


def test_a_table_is_asked_for_in_its_format_and_its_columns() -> None:
    address = asked("list_metrics_as", "csv", fields=["slug", "value"])
    assert address == "/api/v1/metrics?format=csv&fields=slug%2Cvalue"


def test_a_moment_without_a_time_zone_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Client().show_records(1, from_=datetime(2026, 11, 21))  # noqa: DTZ001


def test_a_body_holds_what_was_given_and_null_where_null_was_given() -> None:
    script = Script([told({}, 500)])
    with pytest.raises(Exception, match="500"):
        blocking(script, "add_key", name="n", scopes=["admin"], user=None,
                 expires=datetime(2026, 11, 21, tzinfo=UTC))  # fmt: skip
    assert json.loads(script.asked[0].body) == {
        "name": "n", "scopes": ["admin"], "user": None, "expires": "2026-11-21T00:00:00.000Z",
    }  # fmt: skip
    assert script.asked[0].headers["Content-Type"] == "application/json"


def test_the_tag_of_what_was_read_goes_with_its_change() -> None:
    script = Script([told(None, 204)])
    blocking(script, "remove_rule", "hot", if_match='"4.1.1.api"')
    assert script.asked[0].headers["If-Match"] == '"4.1.1.api"'


def test_a_server_below_a_path_is_asked_below_that_path() -> None:
    ground = Ground.of("https://example.test/sigma/", "")
    call = Operation(method="GET", path="/healthz", answer=models.Health).call()
    assert call.request(ground).url == "https://example.test/sigma/healthz"


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ground.of(None, None) == Ground(url="http://127.0.0.1:8000", key="")
    monkeypatch.setenv("SIGMAWATCH_URL", "https://a.test")
    monkeypatch.setenv("SIGMAWATCH_KEY", "sw_a\n")
    assert Ground.of(None, None) == Ground(url="https://a.test", key="sw_a")
    assert Ground.of("https://b.test", "sw_b") == Ground(url="https://b.test", key="sw_b")
    assert Ground.of("https://b.test", "").key == ""


def test_the_key_is_sent_and_never_shown() -> None:
    ground = Ground.of("https://a.test", "sw_secret")
    assert ground.headers()["Authorization"] == "Bearer sw_secret"
    assert "sw_secret" not in repr(ground) + repr(Client("https://a.test", "sw_secret"))


@pytest.mark.parametrize(
    "url",
    ["example.test", "ftp://a.test", "https://", "http://a.test/?x=1", "http://ann:pw@a.test"],
)
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Client(url)


def test_a_key_that_would_break_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="key"):
        Client("https://a.test", "sw_a\r\nX: y")
