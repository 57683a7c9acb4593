"""What `run` prints: where it listens, then one line a closed slot.

    12:34  BINANCE 21/21  COINBASE 18/18  KRAKEN 20/21  back-fill 42 %  top KRAKEN:SOL/EUR 1.240 %

present/expected values per venue in that slot, back-fill while it runs, and the price that moved
most for its size. With JSON logs the same facts are events on stderr instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import structlog
from rich.console import Console

from sigmawatch import __version__
from sigmawatch.app.backfill import Job
from sigmawatch.app.cli.output import percent, plain
from sigmawatch.app.program import Program
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.venue import VenueState
from sigmawatch.domain.window import SECOND_MS
from sigmawatch.engine.snapshot import Board

if TYPE_CHECKING:
    from sigmawatch.app.cli.serving import Stage

LOOK_EVERY_S = 1.0
TOP_METRIC, TOP_KEY = "price", "sigma_rel"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotLine:
    """One closed slot in a line. venues: name -> (present, expected). backfill: markets done and
    to do, None when none runs. top: a market and its relative deviation."""

    close_ms: int
    venues: Mapping[str, tuple[int, int]]
    states: Mapping[str, str]
    backfill: tuple[int, int] | None
    top: tuple[str, float] | None
    demo: bool
    storage: StorageState = StorageState.OK

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.close_ms / SECOND_MS, UTC).astimezone()
        parts = [f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"]
        parts += ["DEMO"] if self.demo else []
        if self.storage is not StorageState.OK:
            parts.append(f"STORAGE {self.storage.replace('_', ' ').upper()}")
        for venue, (present, expected) in self.venues.items():
            parts.append(f"{venue} {present}/{expected}{self._state(venue)}")
        if self.backfill is not None:
            done, total = self.backfill
            parts.append(f"back-fill {done / total:.0%}" if total else "back-fill")
        if self.top is not None:
            parts.append(f"top {self.top[0]} {percent(self.top[1])}")
        return "  ".join(parts)

    def _state(self, venue: str) -> str:
        state = self.states.get(venue, VenueState.UP)
        return "" if state in {VenueState.UP, VenueState.DEGRADED} else f" ({state})"


def slot_line(board: Board, program: Program) -> SlotLine:
    """What there is to say of a slot that just closed."""
    return SlotLine(
        close_ms=board.interval.open_ms(board.slot + 1),
        venues=_present(board),
        states={report.status.venue: report.status.state for report in program.stations.reports()},
        backfill=_progress(program.jobs()),
        top=_top(board),
        demo=program.demo,
        storage=program.storage.status.state,
    )


def _present(board: Board) -> dict[str, tuple[int, int]]:
    venues = np.array([one.market.venue for one in board.series], np.str_)
    held = ~np.isnan(board.value)
    return {
        str(name): (int(held[venues == name].sum()), int((venues == name).sum()))
        for name in np.unique(venues)
    }


def _progress(jobs: Sequence[Job]) -> tuple[int, int] | None:
    running = [job for job in jobs if job.finished_ms is None]
    if not running:
        return None
    return sum(job.done for job in running), sum(job.total for job in running)


def _top(board: Board) -> tuple[str, float] | None:
    ranking = board.ranking(TOP_METRIC, TOP_KEY, window_ms=max(board.statistics))
    if not len(ranking.order):
        return None
    row = int(ranking.order[0])
    return board.series[row].market.name, float(ranking.key[row])


class Lines:
    """Prints to `console`, or logs where `as_events`."""

    def __init__(self, console: Console, *, as_events: bool = False) -> None:
        self._console = console
        self._as_events = as_events

    def say(self, text: str) -> None:
        """Something that happens once."""
        if self._as_events:
            log.info("noticed", text=text)
        else:
            self._console.print(plain(text), soft_wrap=True)

    def started(self, program: Program, url: str) -> None:
        """The program listens."""
        config = program.config
        if self._as_events:
            log.info("started", version=__version__, url=url, data=config.place,
                     demo=program.demo)  # fmt: skip
            return
        mark = "DEMO market, " if program.demo else ""
        source = f"configured by {config.source}" if config.source else "no configuration file"
        self.say(f"sigmawatch {__version__}: {mark}data in {config.place}, {source}")
        self.say(f"page and API at {url} (Ctrl-C ends)")

    def may_be_set_up(self, token: str) -> None:
        """There is no user yet. The token is no matter for a log."""
        if not self._as_events:
            self.say("no user yet: this machine needs no login. To make the first admin within "
                     f"30 minutes, POST /api/v1/setup with the token {token}")  # fmt: skip

    async def follow(self, stage: Stage) -> None:
        """One line for every slot that closes, of whichever program is shown."""
        program: Program | None = None
        told_ms, sequence = 0, -1
        while True:
            if stage.program is not program:
                program, sequence = stage.program, -1
                told_ms = program.clock.now_ms()  # what closed before is not news
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    snapshot = await program.changed(sequence)
            except TimeoutError:
                continue  # look whether another program is shown by now
            sequence = snapshot.sequence
            boards = [board for board in snapshot.boards.values() if board.series]
            newest = max(boards, key=_close_ms, default=None)
            if newest is not None and _close_ms(newest) > told_ms:
                told_ms = _close_ms(newest)
                self._slot(slot_line(newest, program))

    def _slot(self, line: SlotLine) -> None:
        if not self._as_events:
            self.say(str(line))
            return
        log.info(
            "slot_closed", close_ms=line.close_ms, demo=line.demo, states=dict(line.states),
            venues={name: {"present": present, "expected": expected}
                    for name, (present, expected) in line.venues.items()},
            backfill=line.backfill, top=line.top, storage=str(line.storage),
        )  # fmt: skip


def _close_ms(board: Board) -> int:
    return board.interval.open_ms(board.slot + 1)
