"""Episodes as people see them, and what they say to one: that they have seen it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sigmawatch.app.access.owning import check_theirs
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.alert import Acknowledgement, Rule, StoredEpisode
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.caller import Caller
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
        self._rules: dict[int, Rule] = {}  # of each some version: name and owner never change
        self.tell_seen: Callable[[str], None] | None = None

    async def page(
        self, *, lasting: bool = False, after: str | None = None, limit: int = 100,
        viewer: int | None = None,
    ) -> Sequence[NamedEpisode]:  # fmt: skip
        """Newest first; with `lasting`, only those not closed. after: the last one's id of the page
        before. viewer: for whom they are to exist (`Caller.viewer`)."""
        found = await self._alerts.episodes(
            lasting=lasting, after=after, limit=limit, viewer=viewer
        )  # fmt: skip
        return [await self._named(one) for one in found]

    async def find(self, name: str, *, by: Caller | None = None) -> NamedEpisode:
        """by: for whom it is to exist. Raises NotFound."""
        found = await self._alerts.episode(name)
        hidden = by is not None and found is not None and not await self.exists_for(
            found.episode.rule_id, by
        )  # fmt: skip
        if found is None or hidden:
            raise NotFound(f"there is no episode {name[:64]!r}", field="episode")
        return await self._named(found)

    async def exists_for(self, rule_id: int, caller: Caller) -> bool:
        """Whether what a rule said exists for a caller; what the program says of itself does."""
        rule = await self.rule_of(rule_id)
        return rule is None or caller.sees(rule.owner_id)

    async def check_theirs(self, rule_id: int, *, by: Actor) -> None:
        """Raises NotFound, NotPermitted for what is not theirs to change."""
        rule = await self.rule_of(rule_id)
        if rule is not None:
            check_theirs(rule, by, name=f"the rule {rule.name}")

    async def acknowledge(
        self, name: str, *, who: str, by: Actor = OURSELVES
    ) -> NamedEpisode:  # fmt: skip
        """Somebody has seen it: no more reminders of it. The first word counts. Of the
        installation's rules any editor may. Raises NotFound, Invalid."""
        if not 1 <= len(who) <= BY_CHARS_MAX or not who.isprintable():
            raise Invalid(f"by is one line of at most {BY_CHARS_MAX} characters", field="by")
        found = await self.find(name, by=by.caller)
        seen = Acknowledgement(by=who, at_ms=self._clock.now_ms())
        async with self._ledger.transaction() as transaction:
            await transaction.alerts.acknowledge(found.stored.episode.id, seen)
            await transaction.audit.append(
                by.did("episode.acknowledge", f"episode {found.stored.episode.id}")
            )
        if self.tell_seen is not None:
            self.tell_seen(found.stored.episode.id)
        return await self.find(name)

    async def rule_of(self, rule_id: int) -> Rule | None:
        """Some version of a rule, a removed one's too; None where none is stored."""
        found = self._rules.get(rule_id)
        if found is None:
            versions = await self._alerts.versions(rule_id)
            if not versions:
                return None
            found = self._rules[rule_id] = versions[0]
        return found

    def series_name(self, series_id: int) -> str | None:
        """None where it is tracked no more."""
        series = self._catalogue.by_id(series_id)
        return series.name if series else None

    async def _named(self, stored: StoredEpisode) -> NamedEpisode:
        episode, rule = stored.episode, await self.rule_of(stored.episode.rule_id)
        return NamedEpisode(stored=stored, rule=rule.name if rule else str(episode.rule_id),
                            series=self.series_name(episode.series_id))  # fmt: skip
