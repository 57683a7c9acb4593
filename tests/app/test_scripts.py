"""`rules test`: the scripts of tests/scripts hold, and one that does not says what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.alerting.script import ScriptInvalid
from sigmawatch.app.alerting.script_reader import read_script
from sigmawatch.app.alerting.script_run import Ran, run_script

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").glob("*.rules"))
HEAD = """load every 60s
  KRAKEN:BTC/USD price   100x60 301 100
rule hot: price > 3 * mean(1h)
"""


def ran(text: str) -> Ran:
    return run_script(read_script(text), zones=IanaZones())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_holds(path: Path) -> None:
    found = run_script(read_script(path.read_text(), name=path.name), zones=IanaZones())
    assert found.expected_count > 0
    assert found.failures == ()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_fails_where_every_value_is_gone(path: Path) -> None:
    lines = path.read_text().splitlines()
    blind = [
        " ".join([*line.split()[:2], "_x300"]) if line.startswith("  ") and ":" in line.split()[0]
        and "/" in line.split()[0] and not line.strip().startswith("target") else line
        for line in lines
    ]  # fmt: skip
    text = "\n".join("  " + line if line.endswith("_x300") else line for line in blind)
    assert not ran(text).passed


def test_what_was_expected_and_not_found_is_told_with_the_reason_and_the_numbers() -> None:
    found = ran(HEAD + "at 01:00 expect hot KRAKEN:BTC/USD ok\n")
    (failure,) = found.failures
    assert (failure.line, failure.text) == (4, "at 01:00 expect hot KRAKEN:BTC/USD ok")
    assert failure.found == (
        "firing since 01:00: the condition is true",
        "price > 3 * mean(1h): 301 > 300",
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("at 01:00 expect hot KRAKEN:BTC/USD firing because 302 > 300", "301 > 300"),
        ("at 01:00 expect hot KRAKEN:BTC/USD firing because 301 >= 300", "301 > 300"),
        ("at 01:00 expect hot told nothing", "told firing 01:00 (KRAKEN:BTC/USD:price)"),
        ("at 01:01 expect hot told firing", "told resolved 01:01 (KRAKEN:BTC/USD:price)"),
        ("expect hot tells firing 01:00", "resolved 01:01"),
        ("expect hot tells nothing", "tells firing 01:00"),
        ("at 01:05 expect hot KRAKEN:BTC/USD firing", "cooldown since 01:01"),
    ],
)
def test_each_kind_of_expectation_can_fail(line: str, found: str) -> None:
    (failure,) = ran(HEAD + line).failures
    assert any(found in told for told in failure.found)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "nothing is loaded"),
        ("load every 7s", 1, "divide a day"),
        ("load every 60s\n  KRAKEN:BTC/USD price 1 two", 2, "'two' is no value"),
        ("load every 60s\n  KRAKEN:*/USD price 1", 2, "no market"),
        ("load every 60s\n  KRAKEN:BTC/USD prise 1", 2, "prise"),
        ("load every 60s\n  KRAKEN:BTC/USD price 1x9999999", 2, "no value"),
        (HEAD + "rule hot: price > 1", 4, "stands twice"),
        (HEAD + "  cooldown: soon", 4, "no span"),
        (HEAD + "  colldown: 5m", 4, "no setting colldown"),
        (HEAD + "  no_data: maybe", 4, "none of these"),
        (HEAD + "rule other: price > medan(1h)", 4, "did you mean median"),
        (HEAD + "rule other: trades > 1", 4, "nothing that is loaded"),
        (HEAD + "at 01:00 expect hot KRAKEN:BTC/USD burning", 4, "burning"),
        (HEAD + "at 1:00 expect hot KRAKEN:BTC/USD ok", 4, "no time of the script"),
        (HEAD + "at 01:00 expect cold KRAKEN:BTC/USD ok", 4, "there is no rule cold"),
        (HEAD + "at 01:00 expect hot KRAKEN:ETH/USD ok", 4, "names 0 loaded series"),
        (HEAD + "at 01:00 down until 00:30", 4, "not later"),
        (HEAD + "at 01:00 sing", 4, "says nothing we know"),
        (HEAD + "wait", 4, "says nothing we know"),
        (HEAD + "at 01:00 down until 01:10\nat 01:05 expect hot told nothing", 5, "we are down"),
    ],
)
def test_a_line_that_cannot_be_understood_is_named(text: str, line: int, words: str) -> None:
    with pytest.raises(ScriptInvalid, match=words) as refused:
        ran(text)
    assert refused.value.line == line


def test_a_condition_that_cannot_be_read_is_shown_with_its_place() -> None:
    with pytest.raises(ScriptInvalid) as refused:
        ran(HEAD + "rule other: price > 3 * medan(1h)")
    assert "price > 3 * medan(1h)\n              ^" in str(refused.value)
