"""Episodes as people see them, and what they say to one: that they have seen it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.alert import Acknowledgement, StoredEpisode
from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.silence import BY_CHARS_MAX
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEpisode:
    """stored: as it is kept. rule: its name; series: its name, None where it is tracked no more."""

    stored: StoredEpisode
    rule: str
    series: str | None


class Episodes:
    """Of one program. tell_seen: called with every episode that somebody has seen, once that is
    durable."""

    def __init__(
        self, catalogue: Catalogue, *, ledger: Ledger, alerts: AlertStore, clock: Clock
    ) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._alerts = alerts
        self._clock = clock
        self._rules: dict[int, str] = {}  # names never change
        self.tell_seen: Callable[[str], None] | None = None

    async def page(
        self, *, lasting: bool = False, after: str | None = None, limit: int = 100
    ) -> Sequence[NamedEpisode]:
        """Newest first; with `lasting`, only those not closed. after: the last one's id of the page
        before."""
        found = await self._alerts.episodes(lasting=lasting, after=after, limit=limit)
        return [await self._named(one) for one in found]

    async def find(self, name: str) -> NamedEpisode:
        """Raises NotFound."""
        found = await self._alerts.episode(name)
        if found is None:
            raise NotFound(f"there is no episode {name[:64]!r}", field="episode")
        return await self._named(found)

    async def acknowledge(self, name: str, *, by: str) -> NamedEpisode:
        """Somebody has seen it: no more reminders of it. The first word counts. Raises NotFound,
        Invalid."""
        if not 1 <= len(by) <= BY_CHARS_MAX or not by.isprintable():
            raise Invalid(f"by is one line of at most {BY_CHARS_MAX} characters", field="by")
        found = await self.find(name)
        seen = Acknowledgement(by=by, at_ms=self._clock.now_ms())
        async with self._ledger.transaction() as transaction:
            await transaction.alerts.acknowledge(found.stored.episode.id, seen)
        if self.tell_seen is not None:
            self.tell_seen(found.stored.episode.id)
        return await self.find(name)

    async def rule_name(self, rule_id: int) -> str:
        """Of a removed one, too."""
        if rule_id not in self._rules:
            versions = await self._alerts.versions(rule_id)
            self._rules[rule_id] = versions[0].name if versions else str(rule_id)
        return self._rules[rule_id]

    def series_name(self, series_id: int) -> str | None:
        """None where it is tracked no more."""
        series = self._catalogue.by_id(series_id)
        return series.name if series else None

    async def _named(self, stored: StoredEpisode) -> NamedEpisode:
        return NamedEpisode(stored=stored, rule=await self.rule_name(stored.episode.rule_id),
                            series=self.series_name(stored.episode.series_id))  # fmt: skip
