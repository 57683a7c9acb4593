"""`rules`, `silence`, `episodes` and `ack` at the command line, on the database itself."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sigmawatch.app.cli import app
from sigmawatch.app.cli.exits import Exit, exit_of
from sigmawatch.domain.errors import SigmawatchError

LINE = "price > 3 * mean(1h) for 2m"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sigmawatch.toml").write_text("", "utf-8")
    return tmp_path


def run(*words: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    code = result.exit_code
    if isinstance(result.exception, SigmawatchError):
        code = exit_of(result.exception)
    assert code == exit_code, (result.output, result.exception)
    return result


def listed(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def test_a_rule_is_added_shown_edited_disabled_and_removed(folder: Path) -> None:
    said = run("rules", "add", "hot", LINE, "--target", "kraken:*/USD", "--cooldown", "1h",
               "--mute", "mon-fri 22:00-07:00 Europe/Berlin", "--channel", "inbox")  # fmt: skip
    assert f"hot (version 1, on): {LINE}" in said.stdout
    assert "nothing is tracked yet" in said.stderr
    again = run("rules", "add", "hot", LINE, exit_code=Exit.USAGE)
    assert "there is a rule hot already" in str(again.exception)
    run("rules", "edit", "hot", "--severity", "critical", "--mute", "")
    edited, made = listed("rules", "show", "hot", "--versions")["items"]
    assert (made["cooldown"], made["channels"], made["target"]) == (
        "1h", ["inbox"], ["KRAKEN:*/USD"],
    )  # fmt: skip
    assert made["mute"]
    assert (edited["severity"], edited["mute"], edited["cooldown"]) == ("critical", [], "1h")
    assert (edited["version"], made["version"]) == (2, 1)
    assert "off" in run("rules", "disable", "hot").stdout
    assert "on" in run("rules", "enable", "hot").stdout
    assert "version 2" in run("rules", "show", "hot").stdout
    run("rules", "remove", "hot")
    run("rules", "show", "hot", exit_code=Exit.USAGE)


def test_everything_wrong_is_told_with_a_caret_below_the_place(folder: Path) -> None:
    line = "price > 3 * medan(1h)"
    refused = run("rules", "add", "hot", line, "--target", "kraken", "--reminder", "x",
                  exit_code=Exit.USAGE)  # fmt: skip
    assert f"{line}\n{' ' * line.index('medan')}^" in refused.stderr
    told = str(refused.exception)
    assert all(part in told for part in ("condition: ", "target: ", "reminder: ", "median?"))
    unread = run("rules", "edit", "none", "--note", "x", exit_code=Exit.USAGE)
    assert "there is no rule" in str(unread.exception)


def test_a_rule_can_be_tried_without_being_saved(folder: Path) -> None:
    said = run("rules", "add", "hot", LINE, "--dry-run")
    assert "over when not price > 2.7 * mean(1h)" in said.stdout
    items = listed("rules", "list")["items"]
    assert {item["name"]: item["origin"] for item in items} == dict.fromkeys(
        ("data-stale", "price-move", "volume-surge"), "shipped"
    )


def test_what_is_exported_is_a_rules_file_that_takes_the_rules_over(folder: Path) -> None:
    run("rules", "add", "hot", LINE, "--note", 'a "quoted" word', "--reminder", "1h")
    text = run("rules", "export").stdout
    tables = tomllib.loads(text)["rules"]
    assert tables.keys() == {"hot", "data-stale", "price-move", "volume-surge"}
    assert tables["hot"] == {
        "condition": LINE, "target": ["*:*/*"], "reminder": "1h", "note": 'a "quoted" word',
    }  # fmt: skip
    (folder / "rules.toml").write_text(text, "utf-8")
    after = listed("rules", "list")["items"]
    assert {item["origin"] for item in after} == {"file"}
    assert {item["version"] for item in after} == {1}
    refused = run("rules", "disable", "hot", exit_code=Exit.USAGE)
    assert "rules.toml; change it there" in str(refused.exception)


def test_a_bad_rules_file_is_told_and_stops_nothing(folder: Path) -> None:
    """P34: "Bad configuration or rule never stops a running process"."""
    (folder / "rules.toml").write_text("[rules.hot\n", "utf-8")
    said = run("rules", "list")
    assert "rules.toml: rules.toml: is not TOML" in said.stderr
    assert "volume-surge" in said.stdout


def test_a_silence_is_added_listed_and_ended(folder: Path) -> None:
    made = listed("silence", "add", "kraken:*", "--until", "2h", "--comment", "work", "--by", "ann")
    [shown] = listed("silence", "list")["items"]
    assert shown == made
    assert (shown["by"], shown["target"]) == ("ann", ["KRAKEN:*/*"])
    run("silence", "end", str(made["id"]))
    assert "KRAKEN:*/*" not in run("silence", "list").stdout


def test_who_has_seen_what_is_not_there_is_told_so(folder: Path) -> None:
    assert "episode" in run("episodes", "--open").stdout
    refused = run("ack", "1-2-3", exit_code=Exit.USAGE)
    assert "there is no episode '1-2-3'" in str(refused.exception)
