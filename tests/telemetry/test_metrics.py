"""`/metrics`: what Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from tests.telemetry.lint import problems
from tests.web.conftest import MOVES, World, a_world

from sigmawatch import __version__
from sigmawatch.app.telemetry import families
from sigmawatch.app.telemetry.families import Kind
from sigmawatch.app.telemetry.tally import Tally
from sigmawatch.domain.errors import RateLimited

PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


async def scraped(world: World, *, accept: str = "text/plain") -> str:
    answer = await world.client.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.text


async def told(world: World) -> Mapping[str, float]:
    """Every sample as `name{label=value,…}` without our prefix."""
    return {
        sample.name.removeprefix("sigmawatch_")
        + "".join(f"{{{name}={value}}}" for name, value in sorted(sample.labels.items())): (
            sample.value
        )
        for metric in prometheus(await scraped(world))
        for sample in metric.samples
    }


async def test_both_formats_pass_their_parsers_and_the_lint_finds_nothing(moving: World) -> None:
    """Issue "promtool-clean": counters end in _total, base units, help on everything."""
    text = await scraped(moving)
    assert list(problems(prometheus(text))) == []
    counters = re.findall(r"^# TYPE (\S+) counter$", text, re.MULTILINE)
    assert counters
    assert all(name.endswith("_total") for name in counters)
    answer = await moving.client.get("/metrics", headers={"accept": OPENMETRICS})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    plain = {metric.name for metric in prometheus(text)}
    parsed = openmetrics(answer.text)  # type: ignore[no-untyped-call]
    assert {metric.name for metric in parsed} == plain


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,*/*;q=0.8", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0;escaping=allow-utf-8",
         "text/plain; version=1.0.0; escaping=allow-utf-8; charset=utf-8"),
        (PROMETHEUS_3, ("application/openmetrics-text; version=1.0.0; charset=utf-8; "
                       "escaping=allow-utf-8")),
    ],
)  # fmt: skip
async def test_the_type_is_one_that_prometheus_reads(world: World, accept: str, said: str) -> None:
    """Go's mime.ParseMediaType refuses a parameter that stands twice, and Prometheus 3 with it."""
    answer = await world.client.get("/metrics", headers={"accept": accept})
    assert answer.headers["content-type"] == said


def test_the_lint_would_find_something() -> None:
    text = (
        "# HELP wait_ms x\n# TYPE wait_ms gauge\nwait_ms 1\n"
        "# TYPE a_total gauge\na_total 1\n# HELP Big x\n# TYPE Big gauge\nBig 2\n"
    )
    assert list(problems(prometheus(text))) == [
        "wait_ms: ms is no base unit", "a_total: no help",
        "a_total: ends as a counter, and is none",
        "Big: other characters than small letters, digits and _",
    ]  # fmt: skip


async def test_every_sample_is_of_a_metric_that_is_named_with_the_labels_that_it_names(
    moving: World,
) -> None:
    known = {
        one.name.removesuffix("_total"): one for one in families.ALL
    }  # as prometheus_client names counters
    for metric in prometheus(await scraped(moving)):
        if metric.name.startswith("process_"):
            continue
        family = known[metric.name]
        assert (metric.type, metric.documentation) == (family.kind, family.help)
        for sample in metric.samples:
            assert set(sample.labels) - {"le"} == set(family.labels)


async def test_a_slot_is_told_from_its_runs_to_its_board(moving: World) -> None:
    found = await told(moving)
    runs = "{kind=poll}{outcome=complete}{venue=KRAKEN}"
    assert found["venue_runs_total" + runs] == 12
    assert found["venue_run_duration_seconds_count{kind=poll}{venue=KRAKEN}"] == 12
    assert found["venue_series_updated_total{venue=KRAKEN}"] == 12 * 6
    assert found["venue_state{state=up}{venue=KRAKEN}"] == 1
    assert found["venue_state{state=down}{venue=KRAKEN}"] == 0
    assert found["venue_series{venue=BINANCE}"] == 6
    assert found["committed_items_total{kind=frame}"] == 24
    assert found["committed_items_total{kind=run}"] == 24
    assert found["slot_close_duration_seconds_count{interval=1m}"] == 12
    assert found["slot_close_lag_seconds_sum{interval=1m}"] == pytest.approx(12 * 1.0)
    assert found["slot_age_seconds{interval=1m}"] == 1.0
    assert found["slot_series{interval=1m}"] == 12
    assert found["storage_state{state=ok}"] == 1
    assert found["wal_size_bytes"] > 0
    assert found["ready"] == 1
    assert found[f"build_info{{version={__version__}}}"] == 1


async def test_a_venue_that_refuses_is_told_by_reason_age_and_circuit(world: World) -> None:
    await world.pass_slots(1)
    world.venues["KRAKEN"].error = RateLimited("slow down", retry_after_s=300)
    await world.pass_slots(2)
    found = await told(world)
    assert found["venue_runs_total{kind=poll}{outcome=none}{venue=KRAKEN}"] == 2
    assert found["venue_series_failed_total{reason=rate_limited}{venue=KRAKEN}"] == 12
    assert found["venue_errors_total{reason=rate_limited}{venue=KRAKEN}"] == 2
    assert found["venue_state{state=rate_limited}{venue=KRAKEN}"] == 1
    assert found["venue_circuit_open{venue=KRAKEN}"] == 1
    assert found["venue_circuit_open{venue=BINANCE}"] == 0
    assert found["venue_last_success_age_seconds{venue=KRAKEN}"] == 120
    assert found["venue_last_success_age_seconds{venue=BINANCE}"] == 0


async def test_a_request_is_told_by_its_template_and_never_by_its_path(world: World) -> None:
    """SECURITY.md S39: a path may hold what nobody is to read, and there are too many."""
    await world.client.get("/api/v1/metrics/KRAKEN:SECRET-USD:price")
    await world.client.get("/nowhere/secret")
    await world.client.request("BREW", "/secret")
    await world.client.get("/api/v1", headers={"host": "evil.example"})
    found = await told(world)
    requests = {name: value for name, value in found.items() if name.startswith("http_requests")}
    assert "secret" not in str(requests).lower()
    one = "http_requests_total{method=GET}{route=/api/v1/metrics/{id}}{status=404}"
    assert requests[one] == 1
    assert requests["http_requests_total{method=GET}{route=none}{status=404}"] == 1
    assert requests["http_requests_total{method=GET}{route=none}{status=421}"] == 1
    assert sum(value for name, value in requests.items() if "{method=other}" in name) == 1
    timed = "http_request_duration_seconds_count"
    assert sum(v for name, v in found.items() if name.startswith(timed)) == sum(requests.values())


async def test_rules_and_what_they_hold_back_are_told_by_phase_and_reason(moving: World) -> None:
    rule = {"condition": "value > 0", "target": ["kraken:*/USD"]}
    silence = {"target": ["kraken:BTC/USD"], "until": "2h"}
    for made in (
        await moving.client.put("/api/v1/rules/any", json=rule),
        await moving.client.post("/api/v1/silences", json=silence),
    ):
        assert made.status_code < 300, made.text
    await moving.pass_slots(2, MOVES)
    found = await told(moving)
    assert found["rules"] >= 1
    assert found["alert_states{phase=firing}"] == 6
    assert found["alert_states_withheld{reason=silenced}"] == 1
    assert found["alert_states_withheld{reason=muted}"] == 0
    assert found["episodes_total{event=opened}{severity=warning}"] == 6
    assert found["notices_decided_total{kind=firing}"] == 5
    assert found["judging_duration_seconds_count{interval=1m}"] >= 1
    assert found["outbox_open_notices"] == 5


async def test_tracked_values_are_told_behind_a_switch_and_so_many_at_most(tmp_path: Path) -> None:
    async with a_world(tmp_path / "off") as world:
        await world.pass_slots(12, MOVES)
        assert "series_value" not in await scraped(world)
    switched = {"values": True, "values_max": 5}
    async with a_world(tmp_path / "on", telemetry=switched) as world:
        await world.pass_slots(50, MOVES)
        found = await told(world)
        btc = "{interval=1m}{metric=price}{series=BINANCE:BTC/USD}"
        assert found["series_value" + btc] == world.venues["BINANCE"].prices["BTCUSD"]
        assert found["series_age_seconds" + btc] == 0
        assert found["series_rank" + btc + "{window=1h}"] == 1
        assert found["series_deviation_ratio" + btc + "{window=1h}"] > 0
        assert sum(name.startswith("series_value") for name in found) == 5
        assert found["series_left_out"] == 12 - 5


async def test_two_programs_count_apart(tmp_path: Path) -> None:
    async with a_world(tmp_path / "a") as one, a_world(tmp_path / "b") as other:
        await one.pass_slots(1)
        assert "slot_close_duration_seconds_count{interval=1m}" in await told(one)
        assert "slot_close_duration_seconds_count{interval=1m}" not in await told(other)


def test_nothing_is_counted_that_is_not_named() -> None:
    names = [one.name for one in families.ALL]
    assert len(set(names)) == len(names)
    assert {one.kind for one in families.EVENTS} == {Kind.COUNTER, Kind.HISTOGRAM}
    assert {one for one in families.ALL if one.kind is Kind.HISTOGRAM} <= set(families.EVENTS)


def test_a_histogram_counts_what_is_at_an_edge_below_it_and_adds_up() -> None:
    family = families.COMMIT_DURATION
    tally = Tally(family)
    for value in (family.edges[0], family.edges[0] + 1e-9, 1e9):
        tally.spread().observe(value)
    found = {
        sample.labels.get("le", sample.name): sample.value for sample in tally.metric().samples
    }
    assert (found["0.001"], found["0.0025"], found["+Inf"]) == (1, 2, 3)
    assert found[f"{family.name}_count"] == 3
    assert found[f"{family.name}_sum"] == pytest.approx(1e9)


async def test_the_first_notice_that_is_lost_is_an_increase(world: World) -> None:
    """Prometheus sees no increase in a counter that begins with 1."""
    assert (await told(world))["notices_settled_total{status=dead}"] == 0.0
