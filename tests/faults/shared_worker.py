"""The program with the bug of RELIABILITY.md P24's control: "Shared worker, no time-out".

python -m tests.faults.shared_worker ARGUMENTS. All channels have their turns one after the other,
and an attempt lasts as long as the other side likes.
"""

from __future__ import annotations

import asyncio

from sigmawatch.app.cli import main
from sigmawatch.app.notifying import lane, notifier
from sigmawatch.app.notifying.lane import Lane

ANY_MS = 3_600_000
_TURN = asyncio.Lock()


class Shared(Lane):
    """Waits until no other lane is at work."""

    async def turn(self) -> None:
        async with _TURN:
            await super().turn()


if __name__ == "__main__":
    vars(lane)["ATTEMPT_MS"] = ANY_MS
    vars(notifier)["Lane"] = Shared
    main()
