"""Definitions of formula series: what a person asks for, and whether it can be had.

A definition names the series (`GOLD/BTC`, at the venue DERIVED) and the formula; it can be had once
everything the formula reads is tracked at the same interval, and it does not come back to itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sigmawatch.app.tracked import WEIGHT, Tracked, parsed
from sigmawatch.domain.errors import ExpressionInvalid, Invalid, NotFound
from sigmawatch.domain.formula import Formula, print_formula
from sigmawatch.domain.market import Market, asset, parse_market
from sigmawatch.domain.metric import FORMULA, METRICS, SOURCE, metric_named
from sigmawatch.domain.series import DERIVED, Series
from sigmawatch.domain.window import Interval

FORMULAS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A series that is to be computed by a formula, over series at the formula's interval."""

    market: Market
    metric: str
    formula: Formula

    @classmethod
    def of(
        cls, name: str, formula: str, *, metric: str = FORMULA, interval: Interval
    ) -> Definition:
        """Read a definition. Raises Invalid where the name or metric will not do, ExpressionInvalid
        with the place in the formula."""
        read = parsed(formula, interval)
        told = read.series[0].rpartition(":")[2] if read.fail_over else metric
        if metric not in (FORMULA, told):
            raise Invalid(f"a fail-over of {told} is {told}", field="metric", allowed=told)
        return cls(market=derived_market(name), metric=derived_metric(told), formula=read)

    @property
    def choice(self) -> Definition:
        """The definition of the series that says which venue a fail-over is shown from."""
        assert self.formula.fail_over
        return replace(self, metric=SOURCE)

    @property
    def name(self) -> str:
        """The series' name: `DERIVED:GOLD/BTC:formula`."""
        return f"{self.market.name}:{self.metric}"

    @property
    def interval(self) -> Interval:
        return self.formula.interval

    @property
    def text(self) -> str:
        """The formula in canonical form."""
        return print_formula(self.formula)

    def check(self, tracked: Tracked) -> None:
        """Whether it can be had while this is tracked at its interval. Raises NotFound with near
        names for what it reads and nobody tracks, Invalid where it would read itself."""
        lacking = tracked.lacking(self.formula)
        if lacking:
            raise _not_tracked(lacking[0], self.interval, names=list(tracked.by_name))
        if self.name in _read(self.formula, tracked.by_name):
            raise Invalid(f"{self.name} would be computed from itself", field="formula")
        if self.formula.fail_over:
            self._check_venues(tracked.by_name.get(self.choice.name))
        for name in self.formula.series:
            if tracked.by_name[name].stitched:
                raise Invalid(f"{name} is of several venues, and a formula reads one of them",
                              field="formula")  # fmt: skip

    def _check_venues(self, choice: Series | None) -> None:
        """All fail-overs of one name go together, from venue to venue."""
        if choice is not None and choice.formula is not None:
            venues = _venues(parsed(choice.formula, self.interval))
            if venues != _venues(self.formula):
                raise Invalid(f"{self.market.name} is of {', then '.join(venues)} already",
                              field="backups", allowed=", ".join(venues[1:]))  # fmt: skip


def _venues(formula: Formula) -> Sequence[str]:
    return [name.partition(":")[0] for name in formula.series]


def fail_over_of(
    markets: Sequence[str], metric: str, *, name: str = "", interval: Interval
) -> Definition:
    """The fail-over of one metric of a pair. markets: `KRAKEN:BTC/USD` and its backups. name: as
    the pair without one. Raises Invalid."""
    refs = [parse_market(text) for text in markets]
    for ref in refs:
        if ref.venue is None or "/" not in ref.pair:
            raise Invalid(
                f"{ref.text!r} does not say the venue and both currencies",
                field="backups", allowed="VENUE:BASE/QUOTE, as COINBASE:BTC/USD",
            )  # fmt: skip
    sources = ", ".join(f"{ref.venue}:{ref.pair}:{metric_named(metric).name}" for ref in refs)
    try:
        return Definition.of(name or refs[0].pair, f"failover({sources})", interval=interval)
    except ExpressionInvalid as exc:
        raise Invalid(str(exc), field="backups", allowed=exc.allowed) from exc


def with_choices(definitions: Iterable[Definition]) -> list[Definition]:
    """`definitions`, and before the first fail-over of each name the choice that it follows."""
    every = {(one.name, one.interval): one for one in definitions}
    found: dict[tuple[str, Interval], Definition] = {}
    for one in every.values():
        if one.formula.fail_over:
            found.setdefault((one.choice.name, one.interval), one.choice)
    return list((found | every).values())


def derived_market(name: str) -> Market:
    """The market of a derived series called `GOLD/BTC`. Raises Invalid."""
    ref = parse_market(name)
    base, _, quote = ref.pair.partition("/")
    if ref.venue not in (None, DERIVED) or not quote:
        raise Invalid(f"{name!r} is no name for a formula", field="name",
                      allowed="BASE/QUOTE, as GOLD/BTC or SPREAD/USD")  # fmt: skip
    base, quote = asset(base), asset(quote)
    return Market(venue=DERIVED, base=base, quote=quote, native=f"{base}/{quote}")


def derived_metric(name: str) -> str:
    """The metric of a derived series. Raises Invalid, NotFound for one that is itself derived."""
    metric = metric_named(name)
    if metric.derived_from is not None or metric.name == SOURCE:
        allowed = ", ".join(each for each, one in METRICS.items()
                            if one.derived_from is None and each != SOURCE)  # fmt: skip
        of = f"from {metric.derived_from}" if metric.derived_from else "for fail-overs"
        raise Invalid(f"{metric.name} is computed {of} alone", field="metric", allowed=allowed)
    return metric.name


def broken_without(series: Series, others: Sequence[Series]) -> Series | None:
    """A formula series among `others`, all that is tracked, that cannot be had without `series`."""
    mine = [one for one in others if one.interval == series.interval]
    if series.metric == SOURCE:
        return next(followers(series, mine), None)
    before, after = Tracked(mine), Tracked([one for one in mine if one.id != series.id])
    for one in mine:
        formula = None if one.formula is None else parsed(one.formula, one.interval)
        if formula is not None and after.lacking(formula) and not before.lacking(formula):
            return one
    return None


def followers(series: Series, others: Iterable[Series]) -> Iterator[Series]:
    """The fail-overs among `others` that go by the same choice as `series`."""
    key = series.market, series.interval
    return (one for one in others if one.stitched and (one.market, one.interval) == key)


def _not_tracked(what: str, interval: Interval, *, names: Sequence[str]) -> NotFound:
    if what.startswith("composite("):
        pair = what[len("composite(") : -1]
        return NotFound(
            f"{what} needs a venue whose price and {WEIGHT} of {pair} are tracked every {interval}",
            field="formula", allowed=f"track them, as KRAKEN:{pair} with price and {WEIGHT}",
        )  # fmt: skip
    near = difflib.get_close_matches(what, names, n=5, cutoff=0.5) or names[:5]
    return NotFound(f"{what} is not tracked every {interval}", field="formula",
                    allowed=", ".join(near) or "nothing is tracked yet")  # fmt: skip


def _read(formula: Formula, by_name: Mapping[str, Series]) -> Iterator[str]:
    """The names that a formula reads, over other formulas too."""
    waiting, seen = list(formula.series), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        one = by_name.get(name)
        if one is not None and one.formula is not None:
            waiting.extend(parsed(one.formula, one.interval).series)
