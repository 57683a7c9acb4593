"""`user`, `key` and `audit` as people type them (docs/how-to/access.md)."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.app.test_cli import Done, Folder, _plain

__all__ = ["_plain"]  # no variables of this machine

PASSWORD = "correct horse battery staple"
NOWHERE = dict.fromkeys(("kraken", "coinbase", "binance"), "http://127.0.0.1:9")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, NOWHERE)


def typed(folder: Folder, patch: pytest.MonkeyPatch, *arguments: str) -> Done:
    """A command to which a password is piped."""
    patch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    return folder.run(*arguments, "--password-stdin")


def test_users_keys_and_the_log_from_the_command_line(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = typed(folder, monkeypatch, "user", "add", "edi")
    assert refused.returncode == 2
    assert "first user is an admin" in refused.stderr
    assert typed(folder, monkeypatch, "user", "add", "Ada", "--role", "admin").returncode == 0
    assert typed(folder, monkeypatch, "user", "add", "edi").stdout == "user edi: editor\n"
    assert folder.run("user", "disable", "edi").stdout == "user edi: editor, disabled\n"
    assert folder.run("user", "disable", "edi", "--enable").returncode == 0
    assert folder.run("user", "role", "edi", "reader").stdout == "user edi: reader\n"

    made = folder.run("key", "add", "grafana", "--scope", "read:metrics", "--user", "edi",
                      "--from", "10.0.0.0/8", "--expires", "90d")  # fmt: skip
    key = made.stdout.strip()
    assert key.startswith("sw_")
    assert "not shown again" in made.stderr
    key_id = key.split("_")[1]
    new = folder.run("key", "rotate", key_id, "--overlap", "1h").stdout.strip()
    assert folder.run("key", "revoke", new).returncode == 0  # the whole key names itself
    states = {one["id"]: one["state"] for one in folder.json("key", "list")["items"]}
    assert states == {key_id: "ending", new.split("_")[1]: "revoked"}
    beyond = folder.run("key", "add", "x", "--scope", "admin", "--user", "edi")
    assert (beyond.returncode, "read:alerts, read:metrics" in beyond.stderr) == (2, True)

    deeds = [one["what"] for one in folder.json("audit", "list")["items"]]
    assert deeds == ["key.revoke", "key.rotate", "key.make", "user.change", "user.change",
                     "user.change", "user.add", "user.add"]  # fmt: skip
    assert "8 rows are as they were written" in folder.run("audit", "verify").stdout


def test_a_changed_row_of_the_log_is_named(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    # SECURITY.md, S55: "Tamper with one audit row | verify command names the row"
    typed(folder, monkeypatch, "user", "add", "ada", "--role", "admin")
    folder.run("key", "add", "one")
    folder.run("key", "add", "two")
    with closing(sqlite3.connect(folder.path / "data" / "sigmawatch.db")) as database:
        database.execute("UPDATE audit SET about = 'key of mine' WHERE number = 2")
        database.commit()
    found = folder.run("audit", "verify")
    assert found.returncode == 3
    assert "row 2 is not as it was written" in found.stderr


def test_the_set_up_token_is_printed_and_lies_in_the_folder(folder: Folder) -> None:
    token = folder.run("user", "setup-token").stdout.strip()
    file = folder.path / "data" / "setup.token"
    assert token in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
