"""A running program for tests of its page: started, stopped, restarted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.error import URLError

START = "from sigmawatch.app.start import main; main()"
READY_S = 90.0
SETTINGS = {"COLUMNS": "200", "SIGMAWATCH_LIMITS__QUERY_S": "120"}  # however busy the machine is


class Running:
    """One program on a port of its own, which it keeps from start to start: the demo market, or
    what `configure` was given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._demo = True
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends with its test, however that ends."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self, text: str) -> None:
        """By this configuration file, instead of the demo market."""
        (self._folder / "sigmawatch.toml").write_text(text, "utf-8")
        self._demo = False

    @property
    def data(self) -> Path:
        """Its folder."""
        return self._folder / "data"

    @property
    def setup_token(self) -> str:
        """What makes the first admin."""
        found: str = json.loads((self.data / "setup.token").read_bytes())["token"]
        return found

    def start(self) -> None:
        """Returns when it answers; the demo market's with a market's day."""
        command = [sys.executable, "-c", START, "run", "--port", str(self.port)]
        command += ["--demo"] if self._demo else []
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self.data)],
                stdout=log, stderr=log, cwd=self._folder, env={**os.environ, **SETTINGS},
            )  # fmt: skip
        until_s = time.monotonic() + READY_S
        while time.monotonic() < until_s:
            assert self._process.poll() is None, (self._folder / "log").read_text("utf-8")
            with suppress(URLError, ConnectionError):
                if self._ready():
                    return
            time.sleep(0.2)
        raise AssertionError((self._folder / "log").read_text("utf-8"))

    def _ready(self) -> bool:
        if not self._demo:
            return b"kind" in self.get("/api/v1/session")
        return b'"latest"' in self.get("/api/v1/snapshot") and self._filled()

    def _filled(self) -> bool:
        jobs = self.get("/api/v1/jobs")
        return b'"finished_at":null' not in jobs and jobs.count(b'"kind":"backfill"') >= 3

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.address + path, timeout=30) as answer:
            body: bytes = answer.read()
            return body

    def post(self, path: str, body: object, **headers: str) -> Any:
        """Raises HTTPError with what it refuses."""
        request = urllib.request.Request(
            self.address + path, json.dumps(body).encode(),
            {"Content-Type": "application/json", **headers},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """As when the machine loses its power."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=60)


def until(true: Callable[[], object]) -> None:
    """Waits for what the program or a stream does by itself."""
    end_s = time.monotonic() + READY_S
    while not true():
        assert time.monotonic() < end_s, "what was waited for did not come"
        time.sleep(0.05)
