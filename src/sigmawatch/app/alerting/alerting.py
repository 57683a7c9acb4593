"""Alerting: the rules of the running program, judged live.

    alerting = Alerting(alerts, tables, clock=clock, zones=zones, watchlists=watchlists)
    await alerting.recover()                            # before the tracker's
    tracker.appoint(alerting.judge, ...)
    await alerting.changed()                            # after rules or silences were changed

What is changed takes effect with the next slot that is judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from sigmawatch.app.alerting.in_force import read_rules
from sigmawatch.app.alerting.live_judge import LiveJudge
from sigmawatch.app.tables import Tables
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.zones import Zones

LASTING_MAX = 1_000_000  # episodes that are looked through at a start


class Alerting:
    """Of one program."""

    def __init__(
        self,
        alerts: AlertStore,
        tables: Tables,
        *,
        clock: Clock,
        zones: Zones,
        watchlists: Watchlists,
    ) -> None:
        self._alerts, self._clock = alerts, clock
        self._changing = asyncio.Lock()
        self.judge = LiveJudge(
            tables, now_ms=clock.now_ms, zones=zones,
            watchlists=lambda: {one.name: one for one in watchlists.all},
        )  # fmt: skip

    async def recover(self) -> None:
        """Read the rules back, and which open episodes somebody has seen."""
        await self.changed()
        for kept in await self._alerts.episodes(lasting=True, limit=LASTING_MAX):
            if kept.acknowledged is not None:
                self.acknowledged(kept.episode.id)

    async def changed(self) -> None:
        """Read rules and silences anew: some were made, edited, disabled or removed."""
        async with self._changing:
            self.judge.in_force = await read_rules(
                self._alerts, self.judge.in_force, now_ms=self._clock.now_ms()
            )

    def acknowledged(self, episode: str) -> None:
        """Somebody has seen an episode, and that is durable: no reminder of it comes any more."""
        rule_id, series_id, opened_ms = map(int, episode.split("-"))
        self.judge.acknowledge((rule_id, series_id, opened_ms))

    @property
    def errors(self) -> Mapping[int, str]:
        """By rule, why it is not judged; empty where all is well."""
        return self.judge.errors
