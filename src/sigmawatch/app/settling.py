"""Derived series on their way into the table: computed, durable, then applied.

Other programs may share the database. What they derived from the same readings has the same name
and is the same; what they derived from fewer or more has the name that ours would have had. It
came first, so it stands, here too, and what we know better is told as a revision of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sigmawatch.app.compute import ComputeThread
from sigmawatch.app.tables import Tables
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.window import Interval
from sigmawatch.ports.ledger import Ledger

STEPS_MAX = 32  # of work, between two looks at everything else


class Settling:
    """One slot's derived frames, and what has to change behind it.

    later: told when there is more to do, once it can be stored.
    """

    def __init__(
        self, tables: Tables, ledger: Ledger, *, compute: ComputeThread, later: Callable[[], None]
    ) -> None:
        self._tables = tables
        self._ledger = ledger
        self._compute = compute
        self._later = later
        self._alone = asyncio.Lock()

    async def derive(self, interval: Interval, slot: int) -> None:
        """What follows from the slot's readings, durable and in the table before it closes. A slot
        closes without while nothing can be stored: it is passed over, and looked at again."""
        if not self._storing:
            return
        deriver = self._tables.deriver(interval)
        frames, waiting = await self._compute.run(deriver.close, slot)
        if frames:
            theirs = await self._store(frames)
            own = [frame for frame in frames if frame.id not in theirs]
            await self._compute.run(self._tables.apply_derived, own)
            await self._compute.run(self._tables.apply_foreign, theirs.values())
            waiting = waiting or bool(theirs)
        if waiting:
            self._later()

    async def settle(self, interval: Interval, slot: int) -> None:
        """Derive again what reads something that changed, up to the closed `slot`, for a while."""
        deriver = self._tables.deriver(interval)
        async with self._alone:
            for _ in range(STEPS_MAX if self._storing else 0):
                items, waiting = await self._compute.run(deriver.settle, slot)
                if items:
                    theirs = await self._store(items)
                    own = [item for item in items if item.id not in theirs]
                    await self._compute.run(self._tables.apply, own)
                    await self._compute.run(self._tables.apply_foreign, theirs.values())
                if not waiting:
                    return
        if self._storing:
            self._later()

    async def ask(self, interval: Interval, venue: str, *, away: bool) -> int:
        """Have the fail-overs whose first venue is `venue` keep away from it, or no longer; how
        many of them heard it now. Durable when it returns."""
        deriver = self._tables.deriver(interval)
        async with self._alone:
            items = await self._compute.run(partial(deriver.asked, venue, away=away))
            if items:
                async with self._ledger.transaction() as transaction:
                    await transaction.frames.insert(items)
                await self._compute.run(self._tables.apply, items)
        return len(items)

    @property
    def _storing(self) -> bool:
        return self._ledger.storage.status.state is StorageState.OK

    async def _store(self, items: Sequence[Frame | Patch]) -> Mapping[str, Frame | Patch]:
        """What stands, unlike ours, under the names of some of them; by id."""
        async with self._ledger.transaction(bulk=True) as transaction:
            inserted = await transaction.frames.insert(items)
            taken = {item.id: item for item in items if item.id not in inserted}
            standing = await transaction.frames.standing(taken.values()) if taken else ()
        return {item.id: item for item in standing if item != taken[item.id]}
