"""What a rule is about: series, lists of them, and patterns that new markets join by themselves.

    target = parse_target(["kraken:*/USD", "watchlist:majors"])
    target.patterns_of(watchlists, metric="price")       # as engine.labels takes them

An item is a pattern of domain.watchlist, one series being a pattern without a `*`, or
`watchlist:NAME`. A rule whose condition names a metric is about that metric of the target's
markets, whatever metric an item names; any other is about the target's own series (SEMANTICS.md
6). Imports domain.errors, series, watchlist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Pattern, Watchlist, parse_pattern, watchlist_name

ITEMS_MAX = 1_000
LIST = "watchlist:"
TARGET_ALLOWED = "kraken:*/USD, KRAKEN:BTC/USD, *:BTC/*:price or watchlist:majors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """patterns, watchlists: either may be empty, not both. Each stands once."""

    patterns: tuple[Pattern, ...] = ()
    watchlists: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.patterns) + len(self.watchlists) <= ITEMS_MAX:
            raise Invalid(
                f"a target has 1 to {ITEMS_MAX:,} items", field="target", allowed=TARGET_ALLOWED
            )

    @property
    def items(self) -> tuple[str, ...]:
        """In canonical text."""
        return (*map(str, self.patterns), *(LIST + name for name in self.watchlists))

    def patterns_of(
        self, watchlists: Mapping[str, Watchlist], *, metric: str | None
    ) -> tuple[Pattern, ...]:
        """Everything that is meant, a watchlist that is gone meaning nothing. metric: the one that
        the rule's condition names."""
        listed = (watchlists[name].patterns for name in self.watchlists if name in watchlists)
        found = [*self.patterns, *(pattern for patterns in listed for pattern in patterns)]
        if metric is not None:
            found = [replace(pattern, metric=metric) for pattern in found]
        return tuple(dict.fromkeys(found))

    def names(
        self, series: Series, *, watchlists: Mapping[str, Watchlist], metric: str | None
    ) -> bool:
        """Whether `series` is meant; of many, engine.labels tells at once."""
        patterns = self.patterns_of(watchlists, metric=metric)
        return any(pattern.names(series) for pattern in patterns)


def parse_target(items: Iterable[str]) -> Target:
    """Read names as people write them. Raises Invalid."""
    patterns: dict[Pattern, None] = {}
    watchlists: dict[str, None] = {}
    for item in items:
        try:
            if item.strip().lower().startswith(LIST):
                watchlists[watchlist_name(item.strip()[len(LIST) :])] = None
            else:
                patterns[parse_pattern(item)] = None
        except Invalid as exc:
            allowed = exc.allowed if exc.field == "name" else TARGET_ALLOWED
            raise Invalid(str(exc), field="target", allowed=allowed) from None
    return Target(patterns=tuple(patterns), watchlists=tuple(watchlists))
