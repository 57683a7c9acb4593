"""Watchlists: named lists of markets, series and patterns over them.

A pattern is `VENUE:BASE/QUOTE` or `VENUE:BASE/QUOTE:metric`; in every part a `*` stands for any
run of characters, so `KRAKEN:*/USD` names every market of Kraken in dollars, those to come
included. Without a venue it means every venue, without a metric every metric. Patterns have one
canonical text, which `parse_pattern` reads back. Imports domain.errors, market, metric, series.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import NAME_MAX, RENAMES, SEPARATORS, asset, venue_name
from sigmawatch.domain.metric import METRICS, metric_named
from sigmawatch.domain.series import Series

NAME_CHARS_MAX = 32
PATTERNS_MAX = 1_000
STARS_MAX = 4  # in one part: matching stays quick
ANY = "*"
ALLOWED = "VENUE:BASE/QUOTE or VENUE:BASE/QUOTE:metric, * in any part, as kraken:*/USD"
NAME_ALLOWED = "1 to 32 small letters, digits, - and _, a letter or digit first"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)


def watchlist_name(text: str) -> str:
    """A watchlist's name, in small letters. Raises Invalid where it could not be one."""
    folded = text.strip().lower()
    if not _NAME.fullmatch(folded):
        raise Invalid(
            f"{text[:NAME_MAX]!r} is no name of a watchlist", field="name", allowed=NAME_ALLOWED
        )
    return folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Which series are meant, part by part."""

    venue: str = ANY
    base: str
    quote: str
    metric: str = ANY

    def __str__(self) -> str:
        market = f"{self.venue}:{self.base}/{self.quote}"
        return market if self.metric == ANY else f"{market}:{self.metric}"

    def names(self, series: Series) -> bool:
        """Whether `series` is meant."""
        market = series.market
        return self.means((market.venue, market.base, market.quote, series.metric))

    def means(self, called: tuple[str, str, str, str]) -> bool:
        """Whether a series of that venue, base, quote and metric is meant."""
        parts = (self.venue, self.base, self.quote, self.metric)
        return all(matcher(part)(given) for part, given in zip(parts, called, strict=True))


def spellings(part: str) -> set[str]:
    """The names that a part without `*` means: itself, and the newer name of an asset."""
    return {part, RENAMES.get(part, part)}


def matcher(part: str) -> Callable[[str], bool]:
    """Whether a name is one that a part of a pattern means; an asset by its newer name, too."""
    if ANY not in part:
        return frozenset(spellings(part)).__contains__
    text = ".*".join(re.escape(piece) for piece in part.split(ANY))
    whole = re.compile(text, re.DOTALL).fullmatch
    return lambda name: whole(name) is not None


def parse_pattern(text: str) -> Pattern:
    """Read `kraken:*/USD`, `KRAKEN:btc-usd:price`, `*:BTC/*`, `BTC/USD`. Raises Invalid."""
    parts = [part.strip() for part in text.strip().split(":")]
    if len(parts) > 3 or not all(parts):
        raise _no_pattern(text)
    if len(parts) == 1 or (len(parts) == 2 and _is_pair(parts[0])):
        parts.insert(0, ANY)
    venue, pair, *metric = parts
    base, quote = _assets(pair, text)
    return Pattern(
        venue=venue.upper() if ANY in _checked(venue, text) else venue_name(venue),
        base=base, quote=quote, metric=_metric(metric[0], text) if metric else ANY,
    )  # fmt: skip


def _is_pair(part: str) -> bool:
    return "/" in part or ("-" in part and part.count("-") == 1)


def _assets(pair: str, text: str) -> tuple[str, str]:
    if pair == ANY:
        return ANY, ANY
    for mark in "-_":
        if "/" not in pair and pair.count(mark) == 1:
            pair = pair.replace(mark, "/")
    base, separator, quote = pair.partition("/")
    if not separator:
        raise _no_pattern(text)
    return asset(_checked(base, text)), asset(_checked(quote, text))


def _metric(part: str, text: str) -> str:
    if ANY not in part:
        return metric_named(part).name
    folded, means = _checked(part, text).lower(), matcher(part.lower())
    if not any(map(means, METRICS)):
        raise Invalid(f"no metric is called {part!r}", field="items", allowed=", ".join(METRICS))
    return folded


def _checked(part: str, text: str) -> str:
    clean = 0 < len(part) <= NAME_MAX and part.isprintable() and SEPARATORS.isdisjoint(part)
    if not clean or part.count(ANY) > STARS_MAX or ANY * 2 in part:
        raise _no_pattern(text)
    return part


def _no_pattern(text: str) -> Invalid:
    return Invalid(f"{text[:NAME_MAX]!r} names no markets", field="items", allowed=ALLOWED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchlist:
    """Patterns under a name. origin: "file" where the configuration defines it (read-only
    elsewhere), else "api". owner_id: the user whose it is, None where it is the
    installation's."""

    name: str
    patterns: tuple[Pattern, ...]
    origin: str = "api"
    owner_id: int | None = None

    def __post_init__(self) -> None:
        assert self.name == watchlist_name(self.name)
        assert self.origin in {"file", "api"}
        if not 1 <= len(self.patterns) <= PATTERNS_MAX:
            raise Invalid(
                f"a watchlist holds 1 to {PATTERNS_MAX} items, not {len(self.patterns)}",
                field="items", allowed=ALLOWED,
            )  # fmt: skip

    @classmethod
    def of(
        cls, name: str, items: Iterable[str], *, origin: str = "api", owner_id: int | None = None
    ) -> Watchlist:
        """Read names as people write them; each pattern stands once. Raises Invalid."""
        patterns = dict.fromkeys(parse_pattern(item) for item in items)
        return cls(name=watchlist_name(name), patterns=tuple(patterns), origin=origin,
                   owner_id=owner_id)  # fmt: skip

    @property
    def items(self) -> tuple[str, ...]:
        """The patterns in canonical text."""
        return tuple(map(str, self.patterns))

    def names(self, series: Series) -> bool:
        """Whether `series` is on this list."""
        return any(pattern.names(series) for pattern in self.patterns)
