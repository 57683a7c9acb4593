"""Alerting: the rules of the running program, judged live.

    alerting = Alerting(
        LiveJudge(tables, ...), catalogue=catalogue, alerts=alerts, ledger=ledger, clock=clock
    )
    await alerting.recover()                            # before the tracker's
    tracker.appoint(alerting.judge, ...)
    await alerting.changed()                            # after rules or silences were changed

What is changed takes effect with the next slot that is judged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from sigmawatch.app.alerting.in_force import read_rules
from sigmawatch.app.alerting.live_judge import LiveJudge
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.alert import Episode
from sigmawatch.domain.alert_turn import Reason
from sigmawatch.domain.errors import StorageUnavailable
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger

LASTING_MAX = 1_000_000  # episodes that are looked through at a start


class Alerting:
    """Of one program."""

    def __init__(
        self, judge: LiveJudge, *, catalogue: Catalogue, alerts: AlertStore, ledger: Ledger,
        clock: Clock,
    ) -> None:  # fmt: skip
        """catalogue: as the ledger has it, by the time of `recover`."""
        self.judge = judge
        self._catalogue = catalogue
        self._alerts, self._ledger, self._clock = alerts, ledger, clock
        self._changing = asyncio.Lock()

    async def recover(self) -> None:
        """Read the rules back, and which open episodes somebody has seen. Those of series that
        were let go while nobody judged are closed: no state will ever do it."""
        await self.changed()
        lasting = await self._alerts.episodes(lasting=True, limit=LASTING_MAX)
        for kept in lasting:
            if kept.acknowledged is not None:
                self.acknowledged(kept.episode.id)
        tracked = self._catalogue.by_id
        left = [one.episode for one in lasting if tracked(one.episode.series_id) is None]
        if left:
            with suppress(StorageUnavailable):  # then the next start does it
                async with self._ledger.transaction() as transaction:
                    await transaction.alerts.put_episodes(map(self._closed, left))

    def _closed(self, episode: Episode) -> Episode:
        at_ms = max(self._clock.now_ms(), episode.told_ms + 1)
        return replace(episode, told_ms=at_ms, closed_ms=at_ms, reason=Reason.UNTRACKED)

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
