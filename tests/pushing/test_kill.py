"""What was answered is on disk: kill -9 while readings are pushed, by the real program."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import numpy as np
from tests.app.test_cli import COMMAND, environment
from tests.pace import allowed_s
from tests.processes import started

from sigmawatch.app import wiring
from sigmawatch.app.config import Config
from sigmawatch.domain.series import parse_series

PUSHERS, ANSWERS = 4, 120
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Pusher(threading.Thread):
    """Pushes amounts of 1 and a price that rises, body after body, until nobody answers."""

    def __init__(self, number: int, *, port: int, enough: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self._number, self._port, self._enough = number, port, enough
        self.sent = self.answered = 0

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        with closing(connection), suppress(OSError, HTTPException):  # it is killed
            while True:
                self.sent += 1
                connection.request("POST", "/api/v1/samples?every=1h", self._body(),
                                   {"Content-Type": "text/plain"})  # fmt: skip
                answer = json.loads(connection.getresponse().read())
                assert answer["taken"] == 2, answer
                self.answered += 1
                self._enough.release()

    def _body(self) -> str:
        time_ns = time.time_ns()
        return f"M{self._number}/USD trades=1,price={self.sent} {time_ns}"


def test_no_reading_that_was_answered_is_lost_by_a_kill(tmp_path: Path) -> None:
    """SEMANTICS.md 1 by `POST /samples`, "answers after the commit"; DESIGN.md: "if you saw it, it
    is on disk"."""
    (tmp_path / "sigmawatch.toml").write_text('track = []\ndata = "data"\n')
    command = [*COMMAND, "run", "--port", "0"]
    with started(
        command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        port = next(int(found[1]) for line in program.stdout if (found := ADDRESS.search(line)))
        enough = threading.Semaphore(0)
        pushers = [Pusher(at, port=port, enough=enough) for at in range(PUSHERS)]
        for pusher in pushers:
            pusher.start()
        for _ in range(ANSWERS):
            assert enough.acquire(timeout=allowed_s(30)), [one.answered for one in pushers]
        program.kill()
    for pusher in pushers:
        pusher.join(60)
    assert sum(pusher.answered for pusher in pushers) >= ANSWERS
    asyncio.run(_check_stands(tmp_path / "data", pushers))


async def _check_stands(data: Path, pushers: list[Pusher]) -> None:
    """What another program finds in the folder."""
    async with wiring.build(Config(data=data, track=()), venues=[]) as program:
        for number, pusher in enumerate(pushers):
            found = {}
            for metric in ("trades", "price"):
                series = program.catalogue.find(parse_series(f"PUSH:M{number}-USD:{metric}"))
                slot = series.interval.slot(program.clock.now_ms())
                values, _ = await program.past.columns(series, from_slot=slot - 1, to_slot=slot + 1)
                found[metric] = values[np.isfinite(values)]
            assert pusher.answered <= found["trades"].sum() <= pusher.sent
            assert pusher.answered <= found["price"].max() <= pusher.sent
