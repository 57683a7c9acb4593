"""How far a replay is: a bar on a terminal, one line a tenth elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sigmawatch.app.cli.output import plain
from sigmawatch.domain.window import SECOND_MS

if TYPE_CHECKING:
    from sigmawatch.app.replay import Replay


class ReplayBar:
    """Prints to `console`. ends: whether the replay ends with its data, or is served on."""

    def __init__(self, console: Console, *, ends: bool) -> None:
        self.ends = ends
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TimeRemainingColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._first_ms, self._last_ms, self._tenth, self._slots_count = 0, 1, -1, 0

    @contextmanager
    def begun(self, replay: Replay, *, url: str, folder: Path) -> Iterator[None]:
        """From the first slot to the last."""
        self._first_ms, self._last_ms = replay.clock.now_ms(), replay.until_ms
        self._say(f"REPLAY from {_at(self._first_ms)} to {_at(self._last_ms)}, data in {folder}")
        for note in replay.notes:
            self._say(f"note: {note}")
        self._say(f"page and API at {url} (Ctrl-C ends)")
        with self._progress:
            self._task = self._progress.add_task("replay", total=self._last_ms - self._first_ms)
            yield
        self._say(f"{self._slots_count} slots played" + ("" if self.ends else "; serving on"))

    def closed(self, close_ms: int) -> None:
        """A slot closed at `close_ms` of recorded time."""
        self._slots_count += 1
        done_ms = close_ms - self._first_ms
        if self._console.is_terminal:
            self._progress.update(self._task, completed=done_ms, description=_at(close_ms))
            return
        tenth = 10 * done_ms // max(self._last_ms - self._first_ms, 1)
        if tenth > self._tenth:
            self._tenth = tenth
            self._say(f"{_at(close_ms)}  {10 * tenth} %")

    def _say(self, text: str) -> None:
        self._console.print(plain(text), soft_wrap=True)


def _at(ts_ms: int) -> str:
    return f"{datetime.fromtimestamp(ts_ms / SECOND_MS, UTC):%Y-%m-%d %H:%M}"
