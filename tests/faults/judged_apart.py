"""The program with the bug that the episodes’ test must notice: states in their own transaction.

python -m tests.faults.judged_apart ARGUMENTS. What a slot decides is stored; that it was decided,
LATE_S later.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.faults.judged import run

from sigmawatch.app import tracker
from sigmawatch.app.judging import Judging
from sigmawatch.domain.window import Interval
from sigmawatch.engine.judge import Decisions

LATE_S = 0.2


class TornJudging(Judging):
    """Episodes, notices and the mark first, states afterwards."""

    async def _store(
        self, decisions: Decisions, interval: Interval, *, through: int | None
    ) -> None:
        await super()._store(replace(decisions, states=()), interval, through=through)
        await asyncio.sleep(LATE_S)
        await super()._store(Decisions(states=decisions.states), interval, through=None)


if __name__ == "__main__":
    vars(tracker)["Judging"] = TornJudging
    run()
