"""Fail-over of one program: who is shown from where, and orders to keep away from a venue.

What is decided slot by slot, app.stitching decides; here stands what people ask for and look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.definitions import fail_over_of, followers
from sigmawatch.app.notifying.concerns import Away
from sigmawatch.app.tracked import parsed
from sigmawatch.domain.fail_over import Standing
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.metric import SOURCE
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.geometry import Column
from sigmawatch.engine.snapshot import Snapshot

if TYPE_CHECKING:
    from sigmawatch.app.program import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One market at DERIVED. choice: its `source`. markets: `KRAKEN:BTC/USD` and its backups.
    standing: at the newest closed slot; None before the first one."""

    choice: Series
    markets: Sequence[str]
    standing: Standing | None

    @property
    def market(self) -> str:
        """Which one is shown now; the first one before the first slot."""
        return self.markets[self.standing.place if self.standing else 0]

    @property
    def venue(self) -> str:
        return _venue(self.market)

    @property
    def first_venue(self) -> str:
        return _venue(self.markets[0])

    @property
    def away(self) -> bool:
        """Whether another venue than the first one is shown."""
        return self.standing is not None and self.standing.place > 0

    @property
    def why(self) -> str:
        """Why it is shown from there, in a word."""
        if self.standing is not None and self.standing.held:
            return "asked"
        return "not_read" if self.away else "first"


def _venue(market: str) -> str:
    return market.partition(":")[0]


def markets_of(series: Series) -> Sequence[str]:
    """The markets that a fail-over series, or its choice, is of: the first one first."""
    assert series.formula is not None
    formula = parsed(series.formula, series.interval)
    return [name.rpartition(":")[0] for name in formula.series]


def shown(catalogue: Catalogue, snapshot: Snapshot) -> Iterator[Shown]:
    """Every fail-over."""
    for one in catalogue.formulas:
        if one.metric == SOURCE:
            markets, standing = markets_of(one), None
            found = snapshot.find(one.id)
            if found is not None:
                board, row = found
                code = float(board.last_value[row])
                standing = None if np.isnan(code) else Standing.of(code, len(markets))
            yield Shown(choice=one, markets=markets, standing=standing)


def away(program: Program) -> list[Away]:
    """What is shown from a backup now."""
    return [
        Away(market=one.choice.market.pair, own=one.first_venue, shown=one.venue,
             asked=one.why == "asked")
        for one in shown(program.catalogue, program.snapshot) if one.away
    ]  # fmt: skip


async def since_ms(program: Program, one: Shown) -> int | None:
    """The first slot that was shown from where it is now; None where that is more than a day
    ago."""
    found = program.snapshot.find(one.choice.id)
    if found is None or one.standing is None:
        return None
    interval, slot = one.choice.interval, found[0].slot
    first = slot + 1 - interval.slots_per_day
    codes = await _codes(program, one.choice, first=first, stop=slot + 1)
    others = np.flatnonzero(np.isfinite(codes) & (np.abs(codes) != one.standing.place + 1))
    return interval.open_ms(first + int(others[-1]) + 1) if len(others) else None


async def sources(
    program: Program, series: Series, *, width_ms: int, slots: tuple[int, int]
) -> Mapping[int, str]:
    """Which market every step of `width_ms` of a fail-over series is of, by its number; of one that
    holds several, the last. slots: first and stop. What is not known is left out, and so is
    everything of another series."""
    name = f"{series.market.name}:{SOURCE}"
    choices = (one for one in program.catalogue.formulas
               if one.name == name and one.interval == series.interval)  # fmt: skip
    choice = next(choices, None) if series.stitched else None
    if choice is None:
        return {}
    markets, (first, stop) = markets_of(series), slots
    runs = await program.past.runs(choice, width_ms=width_ms, from_slot=first, to_slot=stop)
    places = np.abs(runs.last).astype(int) - 1
    return {at: markets[place] for at, place in zip(runs.at.tolist(), places.tolist(), strict=True)
            if 0 <= place < len(markets)}  # fmt: skip


async def _codes(program: Program, choice: Series, *, first: int, stop: int) -> Column:
    values, _ = await program.past.columns(choice, from_slot=first, to_slot=stop)
    return values


async def begin(
    program: Program, markets: Sequence[str], *, metrics: Sequence[str], name: str = "",
    interval: Interval | None = None,
) -> Sequence[Series]:  # fmt: skip
    """Track metrics of a market and of its backups, and their fail-overs, which are returned.
    Raises Invalid, NotFound, Conflict; nothing is tracked where it cannot be."""
    every = interval or program.config.interval
    definitions = [fail_over_of(markets, metric, name=name, interval=every) for metric in metrics]
    found = [await program.stations.market(parse_market(market)) for market in markets]
    for market in found:
        await program.track(parse_market(market.name), metrics, interval=every)
    return [await program.define(definition) for definition in definitions]


async def keep_away(program: Program, venue: str, *, away: bool) -> int:
    """Show what has `venue` first from its backups from the next slot on, or let it come back; how
    many markets heard it now. Durable when it returns."""
    count = await program.tracker.keep_away(venue, away=away)
    await program.tracker.refresh()
    return count


def metrics_of(program: Program, one: Shown) -> Sequence[str]:
    """What of a market goes by a choice."""
    return sorted(each.metric for each in followers(one.choice, program.catalogue.formulas))
