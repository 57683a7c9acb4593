"""The reference page of alerts: its lives are lived, its defaults are ours."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.domain.alert_stories import a_policy, live

from sigmawatch.domain.alert_policy import NoData, Policy
from sigmawatch.domain.alert_state import Phase
from sigmawatch.domain.calendar import parse_calendar
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.window import SECOND_MS, parse_span

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "alerts.md").read_text("utf-8")
LIVES = re.findall(r"^\| (none|`[^`]+`) \| `([TBCU ]+)` \| ([^:|]*).*\|$", PAGE, re.MULTILINE)
_TABLE = PAGE[PAGE.index("## Settings") : PAGE.index("## What is told")]
SETTINGS = dict(re.findall(r"^\| `(\w+)` \| ([^|[]+) \|", _TABLE, re.MULTILINE))


def settings(written: str) -> dict[str, Any]:
    """Of "`for = 2m`": what a policy is made of."""
    if written == "none":
        return {}
    name, _, value = written.strip("`").partition(" = ")
    name = "for_" if name == "for" else name
    return {name: parse_span(value) // 60_000 if re.fullmatch(r"\d+m", value) else
            int(value) if value.isdigit() else NoData(value)}  # fmt: skip


@pytest.mark.parametrize(("written", "line", "told"), LIVES)
def test_every_life_on_the_page_is_told_as_it_says(written: str, line: str, told: str) -> None:
    pairs = (pair.split() for pair in told.split(",") if pair.strip())
    assert live(line, a_policy(**settings(written))).told == [
        (int(place), kind) for kind, place in pairs
    ]


def test_the_page_has_lives() -> None:
    assert len(LIVES) == 10


@pytest.mark.parametrize("field", [one for one in fields(Policy) if one.name != "interval"])
def test_the_page_tells_every_setting_with_its_default(field: Any) -> None:
    written = SETTINGS[field.name.removesuffix("_ms")].strip()
    if field.name.endswith("_ms") and field.default is not None:
        assert (0 if written == "0s" else parse_span(written)) == field.default
        assert field.default % SECOND_MS == 0
    else:
        assert written == str(field.default).lower()


def test_the_page_names_every_phase_and_every_notice() -> None:
    for phase in Phase:
        assert f"| `{phase.name.lower()}` |" in PAGE
    for kind in NoticeKind:
        assert f"`{kind}`" in PAGE


def test_the_calendar_windows_on_the_page_are_windows() -> None:
    lines = re.findall(r"^ {4}(.+)$", PAGE[PAGE.index("## Calendar") :], re.MULTILINE)
    assert len([parse_calendar(line) for line in lines]) == 3
