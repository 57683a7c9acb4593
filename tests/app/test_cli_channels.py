"""`sigmawatch channels`: made, tried and removed by hand; secrets stand in no output."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog

from sigmawatch.app.cli import main

PLANTED = "QplantedTopicQQQ"


class Answering(BaseHTTPRequestHandler):
    """Says what the server is told to say, and keeps what came."""

    server: Receiver

    def do_POST(self) -> None:
        self.server.came.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Receiver(HTTPServer):
    status = 200

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.came: list[bytes] = []


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(("127.0.0.1", 0), Answering) as plain:
        thread = threading.Thread(target=plain.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield plain
        plain.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a configuration lies that opens the receiver."""
    (tmp_path / "sigmawatch.toml").write_text(
        f'data = "data"\n[egress]\nallow = ["127.0.0.1/32:{receiver.server_port}"]\n'
    )
    monkeypatch.chdir(tmp_path)
    root = logging.root.handlers[:], logging.root.level
    yield tmp_path
    structlog.reset_defaults()
    logging.root.handlers[:], level = root
    logging.root.setLevel(level)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    with said() as (out, err), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["sigmawatch", "channels", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    return code if isinstance(code, int) else 0, out.getvalue(), err.getvalue()


@contextmanager
def said() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        yield out, err


def test_a_channel_is_made_tried_and_removed_by_hand(folder: Path, receiver: Receiver) -> None:
    (folder / "topic").write_text(f"{PLANTED}\n")
    where = f"url=http://127.0.0.1:{receiver.server_port}"
    code, out, err = run("add", "phone", "ntfy", where, "topic@=topic")
    assert (code, err) == (0, "")
    assert "phone: ntfy, 127.0.0.1" in out
    code, out, _ = run("test", "phone", "--json")
    assert (code, json.loads(out)["delivered"]) == (0, True)
    assert json.loads(receiver.came[0])["topic"] == PLANTED
    receiver.status = 401
    code, out, _ = run("test", "phone")
    assert (code, "not delivered (refused)" in out) == (1, True)
    _, listed, _ = run("list", "--json")
    assert [one["name"] for one in json.loads(listed)["items"]] == ["phone"]
    assert PLANTED not in listed + out
    assert run("remove", "phone")[0] == 0
    code, _, err = run("test", "phone")
    assert (code, "no channel 'phone'" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("ntfy", PLANTED), "NAME=VALUE"),
        (("ntfy", f"topic={PLANTED} {PLANTED}"), "topic"),
        (("ntfy", "topic@=no-such-file"), "cannot be read"),
        (("nfty", f"topic={PLANTED}"), "ntfy"),
        (("slack", f"url=https://127.0.0.1/{PLANTED}"), "public"),
    ],
)
def test_what_cannot_be_made_says_why_and_quotes_no_secret(
    folder: Path, arguments: tuple[str, ...], word: str
) -> None:
    code, out, err = run("add", "phone", *arguments)
    assert (code, word in err) == (2, True), err
    assert PLANTED not in out + err
