"""`deploy/`: what operators copy speaks of what a running program tells, and of nothing else.

Expressions are not evaluated here: promtool does that (test_tools.py), Grafana is not asked.
"""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families
from tests.web.conftest import World

from sigmawatch.app.cli import app
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.telemetry import families
from sigmawatch.app.telemetry.families import Kind

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
OF_PROMETHEUS = {"up", "probe_success"}  # of every scrape; of the blackbox exporter
BY_PROMETHEUS = {"instance", "job"}  # labels that it adds
WORDS = {"sum", "by", "min", "max", "abs", "rate", "increase", "histogram_quantile", "and"}
SPAN = re.compile(r"\d+[smhd]|\$__rate_interval")


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return found


def expressions() -> Iterator[str]:
    for rule in alerts():
        yield rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def selected(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Every metric that is named, with the labels that it is chosen by."""
    bare = re.sub(r"\[[^\]]*\]|\bby \([^)]*\)", "", expression)
    for name, matchers in re.findall(r"([a-z_][a-z0-9_]*)(\{[^}]*\})?", _unquoted(bare)):
        if name not in WORDS and not SPAN.fullmatch(name):
            yield name, set(re.findall(r"([a-z_]+)(?:=~|!~|!=|=)", matchers))


def _unquoted(text: str) -> str:
    """Without what stands in quotation marks, nor `offset 1h`."""
    return re.sub(r"offset \d+[smhd]", "", re.sub(r'"[^"]*"', '""', text))


def told_by(name: str) -> set[str]:
    """The labels of a metric, by the name of a sample."""
    for family in families.ALL:
        parts = {f"{family.name}{end}" for end in ("_bucket", "_sum", "_count")}
        if family.name == name or (family.kind is Kind.HISTOGRAM and name in parts):
            return set(family.labels) | ({"le"} if name.endswith("_bucket") else set())
    raise AssertionError(f"{name} is no metric of ours")


@pytest.mark.parametrize("expression", [*expressions()])
def test_an_expression_names_metrics_and_labels_that_there_are(expression: str) -> None:
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")
    assert expression.count('"') % 2 == 0
    assert all(SPAN.fullmatch(span) for span in re.findall(r"\[(\S+?)[\] ]", _unquoted(expression)))
    known = BY_PROMETHEUS.copy()
    names = dict(selected(expression))
    assert names
    for name, labels in selected(expression):
        ours = name not in OF_PROMETHEUS and not name.startswith("process_")
        known |= told_by(name) if ours else set()
        assert labels <= known, (name, labels)
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r", *", grouped)) <= known, grouped
    if "histogram_quantile" in expression:
        assert all("le" in grouped for grouped in re.findall(r"by \(([^)]*)\)", expression))


async def test_a_running_program_tells_all_of_them(moving: World) -> None:
    told = (await moving.client.get("/metrics")).text
    names = {metric.name for metric in text_string_to_metric_families(told)}
    asked = {name for expression in expressions() for name, _ in selected(expression)}
    assert len(asked) > 25
    for name in asked - OF_PROMETHEUS:
        assert {name, re.sub(r"_(total|bucket)$", "", name)} & names, name


async def test_values_that_an_expression_chooses_by_are_told(moving: World) -> None:
    """`state="ok"` and the like: a word that nobody says makes a rule that never fires."""
    told = (await moving.client.get("/metrics")).text
    for expression in expressions():
        for label, value in re.findall(r'(state|phase|kind|method|route)="([^"]*)"', expression):
            assert f'{label}="{value}"' in told or (label, value) == ("method", "GET"), value


def test_every_alert_says_how_bad_it_is_and_what_it_is() -> None:
    rules = alerts()
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["alert"].startswith("Sigmawatch")
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert rule["annotations"].keys() == {"summary"}


def test_every_alert_is_tried_firing_and_silent() -> None:
    """By promtool, where it is installed (test_tools.py). Silent: on the day on which everything is
    just as bad as it may be, of metrics that are there."""
    [day, *troubles] = yaml.safe_load((HERE / "alerts.promtool.yml").read_text())["tests"]
    known = {rule["alert"]: rule for rule in alerts()}
    silent = {one["alertname"] for one in day["alert_rule_test"] if not one.get("exp_alerts")}
    tried = [one for trouble in troubles for one in trouble["alert_rule_test"]]
    assert silent == known.keys()
    assert {one["alertname"] for one in tried if one.get("exp_alerts")} == known.keys()
    told = {re.split(r"[{]", series["series"])[0] for series in day["input_series"]}
    for rule in known.values():
        assert {name for name, _ in selected(rule["expr"])} <= told, rule["alert"]


def test_the_manual_says_what_to_do_about_every_alert() -> None:
    page = (DEPLOY.parent / "docs/how-to/monitoring.md").read_text()
    assert set(re.findall(r"`(Sigmawatch\w+)`", page)) == {rule["alert"] for rule in alerts()}


def test_the_dashboard_is_whole_and_names_no_host() -> None:
    text = (DEPLOY / "grafana-dashboard.json").read_text()
    assert "http" not in text.replace("sigmawatch_http_request", "")
    found = dashboard()
    assert {one["name"] for one in found["templating"]["list"]} == {"datasource", "instance"}
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [
        (column, row)
        for at in (panel["gridPos"] for panel in panels)
        for column in range(at["x"], at["x"] + at["w"])
        for row in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(places)) == len(places), "panels overlap"
    assert all(column < 24 for column, _ in places)
    for panel in panels:
        assert panel["title"]
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"


def test_the_unit_confines_the_program_and_starts_what_there_is() -> None:
    """SECURITY.md: "no new privileges, read-only system, private tmp, memory and task limits,
    restricted address families"."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((DEPLOY / "sigmawatch.service").read_text())
    service = unit["Service"]
    assert (service["NoNewPrivileges"], service["PrivateTmp"]) == ("yes", "yes")
    assert service["ProtectSystem"] == "strict"
    assert service["RestrictAddressFamilies"] == "AF_INET AF_INET6 AF_UNIX"
    assert service["CapabilityBoundingSet"] == ""
    assert service["LimitCORE"] == "0"
    assert {"MemoryMax", "TasksMax"} <= service.keys()
    assert service["UMask"] == "0077"
    _, verb, *given = service["ExecStart"].split()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known = {option for one in commands[verb].params for option in one.opts}
    assert {one for one in given if one.startswith("--")} <= known
    assert service["RestartPreventExitStatus"].split() == [f"{Exit.USAGE:d}", f"{Exit.IN_USE:d}"]
