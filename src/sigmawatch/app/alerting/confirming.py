"""Which of a rule's series nobody can confirm: `confirmed_by` is unknown for them at all times.

A warning, for what is not tracked at a venue today may be tried again tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sigmawatch.app.alerting.scope import Scope
from sigmawatch.app.problems import Problem, near
from sigmawatch.domain.expression import Condition, ConfirmedBy
from sigmawatch.domain.expression_printer import print_node
from sigmawatch.domain.rule_target import Target
from sigmawatch.domain.series import Series

NAMED_MAX = 5


def unconfirmable(condition: Condition, target: Target, *, scope: Scope) -> Iterator[Problem]:
    """For each `confirmed_by` of the condition, whom it will never confirm, and why."""
    nodes = (one for one in condition.test.walk() if isinstance(one, ConfirmedBy))
    for node in dict.fromkeys(nodes):
        alone, count = scope.unconfirmed(target, condition.metric, venue=node.venue)
        if alone:
            told = _told(node.venue, alone, count=count, scope=scope)
            yield Problem(path="condition", rule=f"{print_node(node)}: {told}",
                          position=node.position)  # fmt: skip


def _told(venue: str, alone: Sequence[Series], *, count: int, scope: Scope) -> str:
    if venue not in scope.venues:
        return f"nothing is tracked at {venue}{near(venue, [one.lower() for one in scope.venues])}"
    own = [one for one in alone if one.market.venue == venue]
    said = []
    if own:
        said.append(f"no venue confirms itself: {_named(own)}")
    if len(own) < len(alone):
        others = [one for one in alone if one.market.venue != venue]
        said.append(f"{venue} tracks no such pair and metric: {_named(others)}")
    return f"unknown for {len(alone):,} of {count:,} series; {'; '.join(said)}"


def _named(series: Sequence[Series]) -> str:
    names = ", ".join(one.name for one in series[:NAMED_MAX])
    return names if len(series) <= NAMED_MAX else f"{names} and {len(series) - NAMED_MAX:,} more"
