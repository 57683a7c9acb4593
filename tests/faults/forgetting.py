"""The program with a bug of its own kind: readings that were durable and not heard are forgotten.

python -m tests.faults.forgetting ARGUMENTS. A start hears nothing of the readings that it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sigmawatch.app import tracker
from sigmawatch.app.cli import main
from sigmawatch.app.judging import Court, Judging
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.window import Interval
from sigmawatch.engine.snapshot import Board


class Forgetting(Judging):
    """Deaf until its first slot was judged, and slow to listen afterwards."""

    _awake = False

    async def judge(self, board: Board, court: Court, *, awaited: frozenset[int]) -> None:
        await super().judge(board, court, awaited=awaited)
        self._awake = True

    def note(
        self, items: Iterable[Frame | Patch], of: Callable[[Frame], Interval | None]
    ) -> None:  # fmt: skip
        if self._awake:
            super().note(items, of)

    async def judge_readings(self, court: Court) -> None:
        """What waits is heard with the slot's close, if we live to see it."""


if __name__ == "__main__":
    vars(tracker)["Judging"] = Forgetting
    main()
