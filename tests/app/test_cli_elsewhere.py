"""Commands that ask a tracker elsewhere: the one that SIGMAWATCH_URL names."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.app.test_cli import (  # noqa: F401 - fixtures that are used by themselves
    Done,
    Folder,
    _plain,
    double,
    folder,
)


@pytest.fixture
def away(
    folder: Folder,  # noqa: F811
    double: dict[str, str],  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Folder]:
    """Another folder, from which the program that runs on `folder` is elsewhere."""
    with folder.running():
        note = json.loads((folder.path / "data" / "running.json").read_bytes())
        monkeypatch.setenv("SIGMAWATCH_URL", note["url"])
        yield Folder(tmp_path_factory.mktemp("away"), double)


def test_commands_read_and_change_what_is_there_and_nothing_here(
    away: Folder,
    folder: Folder,  # noqa: F811
) -> None:
    assert away.run("alias", "set", "my-btc", "KRAKEN:BTC/USD").returncode == 0
    assert away.json("alias", "list")["items"] == folder.json("alias", "list")["items"] != []
    [row] = away.run("top", "--times", "1", "--json").stdout.splitlines()
    assert json.loads(row)["metric"] == "price"
    assert not (away.path / "data").exists()


def test_a_command_that_says_where_stays_on_this_machine(away: Folder) -> None:
    assert away.json("alias", "list", "--data", "own")["items"] == []
    assert (away.path / "own").exists()


def test_a_key_that_is_no_good_is_refused_there(
    away: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGMAWATCH_KEY", "sw_no_such_key")
    assert away.run("list").returncode == 2


def at(address: str, folder: Folder) -> Done:  # noqa: F811
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGMAWATCH_URL", address)
        return folder.run("list")


def test_what_is_no_address_or_does_not_answer_is_said_so(
    tmp_path: Path,
    double: dict[str, str],  # noqa: F811
) -> None:
    here = Folder(tmp_path, double)
    wrong = at("markets.example.org", here)
    assert (wrong.returncode, "SIGMAWATCH_URL" in wrong.stderr) == (2, True), wrong.stderr
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nobody = at(f"http://127.0.0.1:{port}", here)
    assert (nobody.returncode, str(port) in nobody.stderr) == (1, True), nobody.stderr
    assert not (tmp_path / "data").exists()
