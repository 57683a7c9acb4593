"""A ruling: a version of a rule as it is judged over the series of one interval.

Everything that was text is read: a rule that cannot be read, or not for this interval, has none.
Imports domain.alert, alert_policy, alert_turn, expression, rule, rule_settings, window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sigmawatch.domain.alert import Rule
from sigmawatch.domain.alert_policy import NoData, Policy
from sigmawatch.domain.alert_turn import Reason
from sigmawatch.domain.expression import Age, Condition, Stale
from sigmawatch.domain.rule import default_clear, parse_clearing, parse_condition
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.window import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """alike: the versions of the rule whose condition is this one's; states of any other begin
    anew. ended: why it is judged no more: what is open under it ends."""

    rule: Rule
    settings: RuleSettings
    interval: Interval
    condition: Condition
    clear: Condition
    alike: frozenset[int]
    ended: Reason | None = None

    @classmethod
    def of(
        cls, rule: Rule, versions: Iterable[Rule], *, interval: Interval, ended: Reason | None
    ) -> Ruling:
        """versions: all of the rule. Raises Invalid where it cannot be judged at `interval`."""
        settings = RuleSettings.decode(rule.settings)
        condition = parse_condition(rule.text, interval=interval)
        clear = (
            default_clear(condition) if settings.clear is None
            else parse_clearing(settings.clear, of=condition, interval=interval)
        )  # fmt: skip
        alike = frozenset(one.version for one in versions if one.text == rule.text)
        return cls(rule=rule, settings=settings, interval=interval, condition=condition,
                   clear=clear, alike=alike | {rule.version}, ended=ended)  # fmt: skip

    @property
    def key(self) -> tuple[int, int]:
        return self.rule.id, self.interval.ms

    @property
    def policy(self) -> Policy:
        return self.settings.policy(self.interval, for_ms=self.condition.for_ms)

    @property
    def first_slot(self) -> int:
        """The slot in which the rule was made; those before it are none of its business."""
        return self.interval.slot(self.rule.created_ms)

    @property
    def asks_for_silence(self) -> bool:
        """Whether it is to tell of venues that say nothing."""
        silences = any(isinstance(one, Stale | Age) for one in self.condition.test.walk())
        return silences or self.settings.no_data is not NoData.KEEP
