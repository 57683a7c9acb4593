"""A running program with the demo market, for tests of its page: started, stopped, restarted."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.error import URLError

START = "from sigmawatch.app.start import main; main()"
READY_S = 90.0


class Running:
    """One program on a port of its own, which it keeps from start to start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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

    def start(self) -> None:
        """Returns when it answers with a market's day."""
        command = [sys.executable, "-c", START, "run", "--demo", "--port", str(self.port)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self._folder / "data")],
                stdout=log, stderr=log, cwd=self._folder, env={**os.environ, "COLUMNS": "200"},
            )  # fmt: skip
        until_s = time.monotonic() + READY_S
        while time.monotonic() < until_s:
            assert self._process.poll() is None, (self._folder / "log").read_text("utf-8")
            with suppress(URLError, ConnectionError):
                if b'"latest"' in self.get("/api/v1/snapshot") and self._filled():
                    return
            time.sleep(0.2)
        raise AssertionError((self._folder / "log").read_text("utf-8"))

    def _filled(self) -> bool:
        jobs = self.get("/api/v1/jobs")
        return b'"finished_at":null' not in jobs and jobs.count(b'"kind":"backfill"') >= 3

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.address + path, timeout=30) as answer:
            body: bytes = answer.read()
            return body

    def kill(self) -> None:
        """As when the machine loses its power."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=60)
