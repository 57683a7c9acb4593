"""The rules in force, as the database has them: read at a start and after every change.

A rule that is disabled or was removed stays until what is open under it has ended. What a rule says
is read for each interval that it has series of; where it cannot be, that is its error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sigmawatch.domain.alert import Rule
from sigmawatch.domain.alert_turn import Reason
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule_settings import On, RuleSettings
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch.ports.alerts import AlertStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A rule and all of its versions. ended: why it is in force no more."""

    rule: Rule
    versions: tuple[Rule, ...]
    ended: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """Immutable; rulings are made when they are first asked for, and then stay the same."""

    rules: Mapping[int, Known] = field(default_factory=dict)
    reading: frozenset[int] = frozenset()  # those that are judged at readings, too
    silences: Sequence[Silence] = ()
    _rulings: dict[tuple[int, int], Ruling | str] = field(default_factory=dict)

    def ruling(self, rule_id: int, interval: Interval) -> Ruling | str:
        """A rule as it is judged at an interval, or why it cannot be."""
        key = rule_id, interval.ms
        found = self._rulings.get(key)
        if found is None:
            known = self.rules[rule_id]
            try:
                found = Ruling.of(known.rule, known.versions, interval=interval, ended=known.ended)
            except Invalid as exc:
                found = str(exc)
            self._rulings[key] = found
        return found


async def read_rules(alerts: AlertStore, before: InForce, *, now_ms: int) -> InForce:
    """What is in force now. before: what was; rulings that did not change stay as they are."""
    found: dict[int, Known] = {}
    for rule in await alerts.rules():
        was = before.rules.get(rule.id)
        same = was is not None and was.rule.version == rule.version
        versions = was.versions if was is not None and same else await alerts.versions(rule.id)
        ended = None if rule.enabled else Reason.DISABLED
        found[rule.id] = Known(rule=rule, versions=tuple(versions), ended=ended)
    stated = before.rules.keys() or {one.rule_id for one in await alerts.states()}  # at a start
    for rule_id in stated:
        if rule_id not in found:
            versions = await alerts.versions(rule_id)
            found[rule_id] = Known(rule=versions[-1], versions=tuple(versions),
                                   ended=Reason.DELETED)  # fmt: skip
    kept = {key: ruling for key, ruling in before._rulings.items()
            if found.get(key[0]) == before.rules.get(key[0])}  # fmt: skip
    reading = frozenset(id for id, known in found.items() if _at_readings(known))
    return InForce(
        rules=found,
        reading=reading,
        silences=await alerts.silences(after_ms=now_ms - DAY_MS),
        _rulings=kept,
    )


def _at_readings(known: Known) -> bool:
    try:
        settings = RuleSettings.decode(known.rule.settings)
    except Invalid:  # which is its error wherever it is judged
        return False
    return known.ended is None and settings.on is On.READING
