"""Labels: the words of a layout's series as numbers, so that a filter reads each word once.

100,000 series have three venues, a few thousand assets and a dozen metrics: a word is judged once
and the verdict spread over the rows. Imports domain.series, domain.watchlist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

import numpy as np

from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import ANY, Pattern, matcher
from sigmawatch.engine.geometry import Mask, Rows


class Label:
    """One word of every row. codes: intp[rows], the same number for the same word."""

    def __init__(self, words: Iterable[str]) -> None:
        numbers: dict[str, int] = {}
        self.codes: Rows = np.array(
            [numbers.setdefault(word, len(numbers)) for word in words], np.intp
        )
        self.words = tuple(numbers)

    def where(self, holds: Callable[[str], bool]) -> Mask:
        """bool[rows]: the rows whose word `holds` is true of."""
        verdicts = np.array([*map(holds, self.words), False], np.bool_)
        return verdicts[self.codes]


class Labels:
    """The words that filters and watchlists go by."""

    def __init__(self, series: Sequence[Series]) -> None:
        self._series = series

    @cached_property
    def venue(self) -> Label:
        return Label(one.market.venue for one in self._series)

    @cached_property
    def base(self) -> Label:
        return Label(one.market.base for one in self._series)

    @cached_property
    def quote(self) -> Label:
        return Label(one.market.quote for one in self._series)

    @cached_property
    def metric(self) -> Label:
        return Label(one.metric for one in self._series)

    def on(self, patterns: Iterable[Pattern]) -> Mask:
        """bool[rows]: the series that at least one of the patterns means."""
        found = np.zeros(len(self._series), np.bool_)
        for pattern in patterns:
            found |= self._meant(pattern)
        return found

    def _meant(self, pattern: Pattern) -> Mask:
        mask = np.ones(len(self._series), np.bool_)
        for word in ("venue", "base", "quote", "metric"):
            part = getattr(pattern, word)
            if part != ANY:
                label: Label = getattr(self, word)
                mask &= label.where(matcher(part))
        return mask
