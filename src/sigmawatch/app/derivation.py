"""The plan of what is derived at one interval: which series, from which others, who reads whom.

A function of the tracked series alone; made anew when they change. Formula series come after what
they read. Imports app.formulas, reference_rates, reference_volumes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from sigmawatch.app.formulas import formulas_of
from sigmawatch.app.reference_rates import RATE_SLOTS_MAX, Rates
from sigmawatch.app.reference_volumes import ReferenceBlock
from sigmawatch.domain.series import Series

Target = tuple[int, int]  # block and id of a derived series
Readers = tuple[Sequence[Target], int]  # who reads something, and for how many slots after it


class Plan:
    """What is derived while `series`, all of one interval, are tracked."""

    def __init__(self, series: Sequence[Series], *, reference: str) -> None:
        read = {_key(one, one.metric): one for one in reversed(series) if not one.derived}
        self._volumes = [one for one in series if one.kind.derived_from is not None]
        self._sources = {
            one.id: read[_key(one, one.kind.derived_from)]
            for one in self._volumes
            if _key(one, one.kind.derived_from) in read
        }
        keys = sorted({(one.market.venue, one.market.quote) for one in self._volumes})
        self._keys = {key: column for column, key in enumerate(keys)}
        prices = [one for one in series if one.metric == "price" and not one.derived]
        self.rates = Rates(keys, prices=prices if keys else [], reference=reference)
        self.volumes = tuple(
            ReferenceBlock.of(block_id, mine, sources=self._sources, keys=self._keys)
            for block_id, mine in _by_block(self._volumes).items()
        )
        self.formulas = formulas_of(series)

    @property
    def series(self) -> Iterator[Series]:
        """Everything that is derived, in the order it is computed."""
        yield from self._volumes
        for one in self.formulas:
            yield one.series

    @cached_property
    def widths(self) -> Mapping[int, int]:
        """Of each derived block one more than its last place."""
        widths: dict[int, int] = {}
        for one in self.series:
            widths[one.block_id] = max(widths.get(one.block_id, 0), one.place + 1)
        return widths

    @cached_property
    def targets(self) -> Mapping[int, Sequence[Target]]:
        """The derived series of each derived block."""
        return {
            block_id: [(block_id, one.id) for one in mine]
            for block_id, mine in _by_block(self.series).items()
        }

    @cached_property
    def origins(self) -> Mapping[int, frozenset[int]]:
        """The blocks read from venues that each derived block follows from in the end."""
        legs = frozenset(one.block_id for one in self.rates.legs)
        origins: dict[int, frozenset[int]] = {}
        of_series: dict[int, frozenset[int]] = {}
        for one in self._volumes:
            source = self._sources.get(one.id)
            of_series[one.id] = legs | ({source.block_id} if source else set())
        for formula in self.formulas:
            found = [of_series.get(one.id, {one.block_id}) for one in formula.inputs]
            of_series[formula.series.id] = frozenset().union(*found)
        for one in self.series:
            origins[one.block_id] = origins.get(one.block_id, frozenset()) | of_series[one.id]
        return origins

    @cached_property
    def readers(self) -> Mapping[int, Sequence[Readers]]:
        """Who reads a series."""
        readers: dict[int, list[Readers]] = {}
        for one in self._volumes:
            if one.id in self._sources:
                mine = readers.setdefault(self._sources[one.id].id, [])
                mine.append(([(one.block_id, one.id)], 0))
        paid = self._paid()
        for leg, keys in self.rates.keys_of_leg.items():
            targets = [target for key in sorted(keys) for target in paid[key]]
            readers.setdefault(leg, []).append((targets, RATE_SLOTS_MAX))
        for formula in self.formulas:
            target = (formula.series.block_id, formula.series.id)
            for one in formula.inputs:
                readers.setdefault(one.id, []).append(([target], formula.formula.reach_slots))
        return readers

    def _paid(self) -> Mapping[int, Sequence[Target]]:
        """Who uses a rate, by its column."""
        paid: dict[int, list[Target]] = {}
        for one in self._volumes:
            key = self._keys[one.market.venue, one.market.quote]
            paid.setdefault(key, []).append((one.block_id, one.id))
        return paid

    @cached_property
    def readers_of_block(self) -> Mapping[int, Sequence[Readers]]:
        """Who reads any series of a block."""
        sources = {one.id: one for one in self._sources.values()}
        inputs = {one.id: one for formula in self.formulas for one in formula.inputs}
        legs = {one.id: one for one in self.rates.legs}
        merged: dict[int, dict[int, dict[Target, None]]] = {}
        for one in (sources | inputs | legs).values():
            for targets, lag in self.readers[one.id]:
                of_lag = merged.setdefault(one.block_id, {}).setdefault(lag, {})
                of_lag.update(dict.fromkeys(targets))
        return {
            block_id: [(list(targets), lag) for lag, targets in of_lag.items()]
            for block_id, of_lag in merged.items()
        }


def _key(series: Series, metric: str | None) -> tuple[str, str, str | None]:
    return series.market.venue, series.market.native, metric


def _by_block(series: Iterable[Series]) -> dict[int, list[Series]]:
    found: dict[int, list[Series]] = {}
    for one in series:
        found.setdefault(one.block_id, []).append(one)
    return found
