"""Silences: some series are not told of until a moment; what fires meanwhile is told at the end.

    silence.holds(ts_ms) and silence.names(series, rule="hot", watchlists=watchlists)

SEMANTICS.md 7: "Silences by pattern with an end". A slot is asked for by its end, the moment at
which it is judged. Imports domain.errors, rule_settings, rule_target, series, watchlist, window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule_settings import rule_name
from sigmawatch.domain.rule_target import Target
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import DAY_MS

COMMENT_CHARS_MAX = 500
BY_CHARS_MAX = 64
LASTS_MAX_MS = 366 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """id: 0 until it is stored. target: the series meant. rule: the one rule that is silenced; None
    for all. [from_ms, until_ms): when. by: who wants it, comment: why. owner_id: the user whose it
    is, None where it is the installation's."""

    id: int = 0
    target: Target
    rule: str | None = None
    from_ms: int
    until_ms: int
    by: str
    comment: str = ""
    owner_id: int | None = None

    def __post_init__(self) -> None:
        assert self.rule is None or self.rule == rule_name(self.rule)
        if self.until_ms < self.from_ms or self.until_ms - self.from_ms > LASTS_MAX_MS:
            raise Invalid("a silence ends after it begins, within a year", field="until")
        for field, text, most in (("by", self.by, BY_CHARS_MAX),
                                  ("comment", self.comment, COMMENT_CHARS_MAX)):  # fmt: skip
            if len(text) > most or not text.isprintable():
                raise Invalid(f"{field} is one line of at most {most} characters", field=field)

    def holds(self, ts_ms: int) -> bool:
        """Whether it is in force at a moment."""
        return self.from_ms <= ts_ms < self.until_ms

    def of_rule(self, name: str, *, owner_id: int | None = None) -> bool:
        """Whether it is about a rule, of whatever series; a user's is about their own rules
        alone."""
        return self.rule in (None, name) and self.owner_id in (None, owner_id)

    def names(self, series: Series, *, rule: str, watchlists: Mapping[str, Watchlist]) -> bool:
        """Whether it is about a rule over a series; of many series, engine.labels tells at once."""
        return self.of_rule(rule) and self.target.names(series, watchlists=watchlists, metric=None)
