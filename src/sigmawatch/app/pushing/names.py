"""Which series a pushed reading is of: markets and metrics as they were written, found once.

All are at one venue of our own; what a market is called there is its pair. Known names are kept
until what is tracked changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.pushing.told import Name
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market, asset, parse_market
from sigmawatch.domain.metric import METRICS, OURS
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval

PUSHABLE: Mapping[str, str] = MappingProxyType({
    name: name for name, one in METRICS.items() if one.derived_from is None and name not in OURS
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What names stand for: series that are tracked, those that could be, and what is wrong with
    others."""

    series: Mapping[Name, Series]
    wanted: Mapping[Name, tuple[Market, str]]
    refused: Mapping[Name, Invalid]


@dataclass(slots=True)
class _Known:
    """Of one version of the catalogue. named: as they are written; of_market: by pair and
    metric."""

    version: int = -1
    named: dict[Interval, dict[Name, Series]] = field(default_factory=dict)
    of_market: dict[tuple[str, str, Interval], Series] = field(default_factory=dict)


class Names:
    """Of one venue."""

    def __init__(self, catalogue: Catalogue, venue: str) -> None:
        self._catalogue = catalogue
        self._venue = venue
        self._known = _Known()

    def find(self, names: Iterable[Name], interval: Interval) -> Found:
        """What each of some names, each once, stands for."""
        known = self._newest()
        named = known.named.setdefault(interval, {})
        series: dict[Name, Series] = {}
        wanted: dict[Name, tuple[Market, str]] = {}
        refused: dict[Name, Invalid] = {}
        for name in names:
            one = named.get(name)
            if one is None:
                try:
                    market, metric = self._read(name)
                except Invalid as exc:
                    refused[name] = exc
                    continue
                one = known.of_market.get((market.pair, metric, interval))
                if one is None:
                    wanted[name] = market, metric
                    continue
                named[name] = one
            series[name] = one
        return Found(series=series, wanted=wanted, refused=refused)

    def _newest(self) -> _Known:
        if self._known.version != self._catalogue.version:
            self._known = _Known(version=self._catalogue.version)
            for one in self._catalogue.of_venue(self._venue):
                self._known.of_market[one.market.pair, one.metric, one.interval] = one
        return self._known

    def _read(self, name: Name) -> tuple[Market, str]:
        """Raises Invalid naming the field."""
        text, metric = name
        try:
            return self._market(text), PUSHABLE[metric.strip().lower()]
        except KeyError:
            raise Invalid("is no metric that can be pushed", field="metric",
                          allowed=", ".join(PUSHABLE)) from None  # fmt: skip

    def _market(self, text: str) -> Market:
        try:
            ref = parse_market(text)
            base, separator, quote = ref.pair.partition("/")
            if separator and ref.venue in (None, self._venue):
                base, quote = asset(base), asset(quote)
                return Market(venue=self._venue, base=base, quote=quote, native=f"{base}/{quote}")
        except Invalid:
            pass  # told as any other
        raise Invalid("is no market that can be pushed to", field="market",
                      allowed=f"BASE/QUOTE or {self._venue}:BASE/QUOTE, as BTC/USD")  # fmt: skip
