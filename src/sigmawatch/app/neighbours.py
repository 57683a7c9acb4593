"""Neighbours: other programs on the same database. What one of them tracks, defines, lists,
rules or silences, or no longer does, the others take over within seconds, without a restart.

Each collects for itself, and both store what they have: what is there already is left as it is. So
that they do not undo each other's work they need the same configuration file, or none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from sigmawatch.app.enrolment import Enrolment
from sigmawatch.app.stations import Stations
from sigmawatch.domain.errors import Unavailable
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger

LOOK_MS = 1_000

log = structlog.get_logger()


class Neighbours:
    """Looks for changes every second where there can be other programs."""

    def __init__(
        self, ledger: Ledger, *, enrolment: Enrolment, lists: Callable[[], Awaitable[None]],
        stations: Stations, clock: Clock,
    ) -> None:  # fmt: skip
        """lists: reads watchlists, rules and silences back."""
        self._ledger = ledger
        self._enrolment = enrolment
        self._lists = lists
        self._stations = stations
        self._clock = clock
        self._version: int | None = None

    async def follow_for_ever(self) -> None:
        """Ends at once where no other program can write."""
        while await self.follow():
            await self._clock.sleep_until_ms(self._clock.now_ms() + LOOK_MS)

    async def follow(self) -> bool:
        """Take over what changed, be it by ourselves; whether there may be more."""
        try:
            version = await self._ledger.catalogue_version()
            if version not in (None, self._version):
                await self._take_over()
                self._version = version
        except Unavailable:
            return True  # the storage tells
        return version is not None

    async def _take_over(self) -> None:
        await self._lists()
        news = await self._enrolment.follow()
        if news:
            log.info("series_shared", series_count=len(news))
        for venue in {one.market.venue for one in news}:
            self._stations.want_backfill(venue)
