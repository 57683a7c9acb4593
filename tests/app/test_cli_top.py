"""`sigmawatch top`: the table that the running program's stream tells of."""

from __future__ import annotations

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.app.test_cli import (  # noqa: F401 - fixtures that are used by themselves
    FAST,
    Folder,
    _plain,
    double,
    environment,
)
from tests.pace import allowed_s
from tests.processes import started

from sigmawatch.app.cli.top import Whole, ranked

IN_TERMINAL = """\
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from sigmawatch.app.cli import main
main()
"""


@pytest.fixture
def folder(tmp_path: Path, double: dict[str, str]) -> Folder:  # noqa: F811
    """With short slots, so that there is soon something new."""
    made = Folder(tmp_path, double)
    made.configure(double, more=f"{FAST}\npoll_offset_s = 0.2")
    file = tmp_path / "sigmawatch.toml"
    file.write_text('interval = "5s"\n' + file.read_text("utf-8"), "utf-8")
    return made


def test_top_shows_every_change_of_the_stream_in_the_order_of_the_ranks(folder: Folder) -> None:
    """Each is the delta after the one before: nothing is asked for twice, and nothing left out."""
    with folder.running():
        done = folder.run("top", "--times", "3", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(told) == 3
        for before, after in pairwise(told):
            begun = before["epoch"] != after["epoch"]  # once, where the first slot came between
            assert begun or after["sequence"] == before["sequence"] + 1
        assert {one["metric"] for one in told} == {"price"}
        for one in told:
            ranks = [row["rank"] for row in one["items"]]
            assert ranks == sorted(ranks)
        shown = folder.run("top", "--times", "1", "--by", "sigma_ret")
        assert "price by sigma_ret over 24h" in shown.stdout
        wrong = folder.run("top", "--times", "1", "--window", "3h")
        assert (wrong.returncode, "allowed: 24h, 1h" in wrong.stderr) == (2, True), wrong.stderr


def test_top_needs_a_program_that_runs(folder: Folder) -> None:
    done = folder.run("top")
    assert done.returncode == 1
    assert "no program runs on data: start one with `sigmawatch run`" in done.stderr


COLUMNS = ("venue", "pair", "latest", "change_pct", "sigma_rel", "sigma_ret", "sigma_abs", "surge",
           "rank_1h_ago", "state")  # fmt: skip


def columns(**pairs: int | None) -> dict[str, list[Any]]:
    """Of a table: pair -> its rank."""
    return {name: [*pairs] for name in COLUMNS} | {"rank": [*pairs.values()]}


def test_what_has_no_rank_is_not_at_the_top() -> None:
    rows = ranked(columns(a=3, b=None, c=1, d=2))
    assert [(row["rank"], row["pair"]) for row in rows] == [(1, "c"), (2, "d"), (3, "a")]


async def test_who_moves_most_may_stand_on_any_page_of_the_stream() -> None:
    """Which tells of 5,000 rows by id; the others are read once a slot."""
    asked: list[dict[str, object]] = []

    class Program:
        async def get(self, path: str, **query: object) -> Any:
            asked.append(query)
            return {"columns": {2: columns(e=1), 3: columns(f=None, g=2)}[query["page"]]}  # type: ignore[index]

    whole = Whole(Program(), {"metric": "price"})
    for slot, value in (("07:59", 3), ("07:59", 4), ("08:00", 3)):
        first = {"epoch": "e", "slot": slot, "pages": 3, "columns": columns(a=value, b=None)}
        rows = ranked((await whole.of(first))["columns"])
        assert [row["pair"] for row in rows] == ["e", "g", "a"]
    assert asked == [{"metric": "price", "page": page} for page in (2, 3, 2, 3)]
    alone = {"epoch": "e", "slot": "08:00", "pages": 1, "columns": columns(a=1)}
    assert await whole.of(alone) is alone


def test_top_has_pages_by_option_and_by_key(folder: Folder) -> None:
    """On a terminal: n, p and the arrows turn them, q ends, and the terminal is as it was."""
    with folder.running():
        wait_for_ranks(folder, 3)
        pages = [
            json.loads(folder.run("top", "--times", "1", "--limit", "2", "--page", str(number),
                                  "--json").stdout)
            for number in (1, 2, 9)
        ]  # fmt: skip
        assert [(one["page"], one["pages"], len(one["items"])) for one in pages] == [
            (1, 2, 2), (2, 2, 1), (9, 2, 0),
        ]  # fmt: skip
        shown = folder.run("top", "--times", "1", "--limit", "1", "--page", "2").stdout
        assert ": 3 ranked, page 2 of 3, " in shown
        with terminal(folder, "top", "--limit", "1") as screen:
            before = termios.tcgetattr(screen.line)
            screen.until("page 1 of 3")
            for key, page in (("n", 2), ("\x1b[C", 3), ("n", 3), ("p", 2), ("\x1b[D", 1), ("p", 1)):
                screen.press(key)
                screen.until(f"page {page} of 3")
            assert "n and p turn pages, q ends" in screen.seen
            assert termios.tcgetattr(screen.line)[3] != before[3] or not before[3] & termios.ECHO
            screen.press("q")
            assert screen.process.wait(timeout=60) == 0


def wait_for_ranks(folder: Folder, count: int) -> None:
    """Until so many series are ranked: the double's candles have been read."""
    while True:
        table = json.loads(folder.run("top", "--times", "1", "--json").stdout)
        if len(table["items"]) == count:
            return


@dataclass(slots=True)
class Screen:
    """A terminal in which a command runs. seen: what it has drawn since the last key."""

    line: int
    process: subprocess.Popen[bytes]
    seen: str = ""

    def press(self, key: str) -> None:
        self.seen = ""
        os.write(self.line, key.encode())

    def until(self, text: str) -> None:
        while text not in self.seen:
            assert select.select([self.line], [], [], allowed_s(60.0))[0], self.seen
            self.seen += os.read(self.line, 65_536).decode(errors="replace")


@contextmanager
def terminal(folder: Folder, *arguments: str) -> Iterator[Screen]:
    """A command with a terminal of its own."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 140, 0, 0))
    environ = {**environment(), "TERM": "xterm", "COLUMNS": "140"}
    with started(
        [sys.executable, "-c", IN_TERMINAL, *arguments], cwd=folder.path, env=environ,
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield Screen(ours, process)
        finally:
            os.close(theirs)
            os.close(ours)
