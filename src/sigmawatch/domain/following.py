"""Patterns that are followed: which markets of one venue are tracked, those to come included.

    kraken:*/EUR                            every market of Kraken in euros
    kraken:*/EUR top 50 by volume_24h_quote the 50 of them that are traded most
    kraken:*                                everything Kraken lists

Of a `top` a market joins at place N or better, and leaves below place 1.2 N (at least one place
below N): one that stands on the edge does not come and go. So a `top 50` holds 50 to 60 markets.
Who has no volume that anybody knows, as a market that is halted, neither joins nor leaves.
Imports domain.errors, market, metric, watchlist, window.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.metric import metric_named, with_sources
from sigmawatch.domain.watchlist import ANY, Pattern, matcher, parse_pattern
from sigmawatch.domain.window import Interval

TOP_MAX = 1_000
STAYS_RATIO = 1.2
PATTERN_METRICS = ("price", "volume_24h_quote", "volume_24h_ref")
RANKED_BY = ("volume_24h_ref", "volume_24h_quote", "volume_24h_base")
ALLOWED = "VENUE:BASE/QUOTE with * in base or quote, as kraken:*/EUR top 50 by volume_24h_quote"
_TEXT = re.compile(r"(\S+)(?:\s+top\s+(\d{1,6})\s+by\s+(\w+))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The `count` markets with the largest `by`."""

    count: int
    by: str

    @property
    def stays(self) -> int:
        """The last place at which a market that belongs to it stays."""
        return max(self.count + 1, math.ceil(STAYS_RATIO * self.count))

    def __str__(self) -> str:
        return f"top {self.count} by {self.by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPattern:
    """Markets of one venue, by base and quote, all of them or the top."""

    markets: Pattern
    top: Top | None = None

    @property
    def venue(self) -> str:
        return self.markets.venue

    @property
    def most(self) -> float:
        """How many markets it may come to hold."""
        return math.inf if self.top is None else self.top.stays

    def __str__(self) -> str:
        return f"{self.markets} {self.top}" if self.top else str(self.markets)

    def matching(self, listed: Iterable[Market]) -> list[Market]:
        """Those of a venue's list that it may name, be they traded or not."""
        base, quote = matcher(self.markets.base), matcher(self.markets.quote)
        return [one for one in listed if base(one.base) and quote(one.quote)]


def is_pattern(text: str) -> bool:
    """Whether somebody means markets by a pattern, and not one market by its name."""
    return ANY in text or len(text.split()) > 1


def parse_market_pattern(text: str) -> MarketPattern:
    """Read `kraken:*/EUR` and `kraken:*/EUR top 50 by volume_24h_quote`. Raises Invalid."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise _refused(f"{text[:80]!r} names no markets to follow")
    markets = _markets(found[1])
    if found[2] is None:
        return MarketPattern(markets=markets)
    top = Top(count=int(found[2]), by=metric_named(found[3]).name)
    if not 1 <= top.count <= TOP_MAX:
        raise Invalid(f"a top has 1 to {TOP_MAX:,} markets", field="pattern")
    _check_comparable(markets, top)
    return MarketPattern(markets=markets, top=top)


def _markets(text: str) -> Pattern:
    try:
        markets = parse_pattern(text)
    except Invalid as error:
        raise _refused(str(error)) from None
    if ANY in markets.venue:
        raise _refused("a pattern is followed at one venue; say one for each")
    if markets.metric != ANY:
        raise _refused("what is measured is said beside the pattern")
    if ANY not in f"{markets.base}{markets.quote}":
        raise _refused(f"{markets} is one market: add it by its name")
    return markets


def _check_comparable(markets: Pattern, top: Top) -> None:
    """Yen are not more than dollars for being more of them."""
    if top.by not in RANKED_BY:
        raise Invalid(f"markets are not chosen by {top.by}", field="pattern",
                      allowed=", ".join(RANKED_BY))  # fmt: skip
    several = {"volume_24h_quote": markets.quote, "volume_24h_base": markets.base}
    if ANY in several.get(top.by, ""):
        raise Invalid(f"{top.by} of {markets} is in several currencies", field="pattern",
                      allowed=f"top {top.count} by volume_24h_ref")  # fmt: skip


def _refused(reason: str) -> Invalid:
    return Invalid(reason, field="pattern", allowed=ALLOWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A pattern that is followed, what is measured of its markets, and who belongs to it.

    members: market ids, as they were chosen at `chosen_ms`. origin: "file" where the configuration
    says it (read-only elsewhere), else "api".
    """

    pattern: MarketPattern
    metrics: tuple[str, ...]
    interval: Interval
    origin: str = "api"
    members: frozenset[str] = frozenset()
    chosen_ms: int | None = None

    def __post_init__(self) -> None:
        assert self.metrics
        assert self.origin in {"file", "api"}

    @property
    def id(self) -> str:
        """The same for the same pattern at the same interval, wherever it is said."""
        return hashlib.sha256(f"{self.pattern} every {self.interval}".encode()).hexdigest()[:12]

    @property
    def measured(self) -> tuple[str, ...]:
        """`metrics`, and what they are computed from."""
        return with_sources(self.metrics)

    def asks_the_same(self, other: Following) -> bool:
        """Whether two differ in nothing but who belongs to them."""
        return self.body() | {"members": [], "chosen_ms": None} == (
            other.body() | {"members": [], "chosen_ms": None}
        )

    def body(self) -> dict[str, Any]:
        """What `of_body` reads back."""
        return {
            "pattern": str(self.pattern), "metrics": list(self.metrics),
            "interval_ms": self.interval.ms, "origin": self.origin,
            "members": sorted(self.members), "chosen_ms": self.chosen_ms,
        }  # fmt: skip

    @classmethod
    def of_body(cls, body: Mapping[str, Any]) -> Following:
        return cls(
            pattern=parse_market_pattern(body["pattern"]), metrics=tuple(body["metrics"]),
            interval=Interval(body["interval_ms"]), origin=body["origin"],
            members=frozenset(body["members"]), chosen_ms=body["chosen_ms"],
        )  # fmt: skip

    def with_members(self, markets: Iterable[Market], *, now_ms: int) -> Following:
        return replace(
            self, members=frozenset(one.native for one in markets), chosen_ms=now_ms
        )  # fmt: skip


def chosen(
    pattern: MarketPattern, matching: Sequence[Market], *, members: Collection[str],
    worth: Mapping[str, float] | None, gone: Collection[str],
) -> list[Market]:  # fmt: skip
    """Who belongs to a pattern from now on.

    matching: what it may name of the venue's list, and of members that the list lacks. members,
    gone: market ids; who is gone is out, and nobody joins who does not trade. worth: market id ->
    what a top is chosen by. Of whom nobody knows that neither joins a top nor leaves it; None where
    the venue did not say of anybody.
    """
    there = [
        one for one in matching
        if one.native not in gone and (one.native in members or one.status is MarketStatus.ONLINE)
    ]  # fmt: skip
    if pattern.top is None:
        return there
    worth = worth or {}
    unknown = [one for one in there if one.native in members and one.native not in worth]
    known = [one for one in there if one.native in worth]
    known.sort(key=lambda one: (-worth[one.native], one.native))
    return unknown + [
        one for place, one in enumerate(known, start=1)
        if place <= pattern.top.count or (one.native in members and place <= pattern.top.stays)
    ]  # fmt: skip
