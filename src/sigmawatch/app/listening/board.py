"""The newest figures that a stream told of each market, and what they were at the slot's end.

A row that says the same with the same time as the one before is no news: it keeps its age. For a
market the row before the newest boundary is kept beside the newest one, so that a value told a
second into a slot is not taken for the closing one of the slot before (SEMANTICS.md 2). No clock.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from sigmawatch.domain.reading import Tickers
from sigmawatch.domain.stream import Quotes, StreamTraits, Trade
from sigmawatch.domain.window import CLOSE_DEADLINE_MAX_MS

TRUST_MS = 300_000  # a market that told nothing for so long is looked at by a poll
Wanted = Mapping[str, frozenset[str]]  # market id -> its metrics


@dataclass(frozen=True, slots=True)
class _Row:
    """values: in the order of `Board.metrics`. event_ms: of its price, quoted_ms: of the rest, the
    venue's clock. heard_ms, told_ms: when the price, and the rest, came; ours."""

    values: tuple[float, ...]
    event_ms: int
    quoted_ms: int
    heard_ms: int
    told_ms: int


class Board:
    """Of one venue. bucket_ms: its shortest slot."""

    def __init__(self, traits: StreamTraits, *, bucket_ms: int) -> None:
        self.metrics = tuple(sorted(traits.levels))
        self.repeated_count = 0
        self._price = self.metrics.index("price")
        self._lasting = traits.lasting
        self._bucket_ms = bucket_ms
        self._rows: dict[str, _Row] = {}
        self._closed: dict[str, _Row] = {}
        self._moved_ms: dict[str, int] = {}
        self._derived: frozenset[str] = frozenset()

    def clear(self) -> None:
        """Nothing of what was told may be relied on: nobody listened for a while."""
        self._rows.clear()
        self._closed.clear()
        self._moved_ms.clear()

    def take(self, quotes: Quotes) -> int:
        """Remember what is newer; how many rows are news."""
        news = 0
        self._derived = quotes.derived
        columns = [quotes.columns[metric] for metric in self.metrics]
        for at, native in enumerate(quotes.natives):
            values, event_ms = tuple(column[at] for column in columns), quotes.event_ms[at]
            now_ms = quotes.recv_ms
            row = _Row(values, event_ms, event_ms, now_ms, now_ms)
            news += self._quote(native, row)
        return news

    def traded(self, trade: Trade, *, recv_ms: int) -> None:
        """A trade is a newer price, where the market was quoted before."""
        before = self._rows.get(trade.native)
        if before is None or trade.event_ms < before.event_ms:
            return
        values = self._priced(before.values, trade.price)
        row = _Row(values, trade.event_ms, before.quoted_ms, recv_ms, before.told_ms)
        self._put(trade.native, row)

    def _quote(self, native: str, row: _Row) -> bool:
        before = self._rows.get(native)
        if before is not None:
            if row.quoted_ms <= before.quoted_ms:
                self.repeated_count += 1
                return False
            price = before.values[self._price]
            if row.values[self._price] != price:
                self._moved_ms[native] = row.event_ms
            if row.event_ms < before.event_ms:  # a trade was newer
                values = self._priced(row.values, price)
                row = _Row(values, before.event_ms, row.quoted_ms, row.heard_ms, row.told_ms)
        self._put(native, row)
        return True

    def _put(self, native: str, row: _Row) -> None:
        before = self._rows.get(native)
        if before is not None and (
            row.event_ms // self._bucket_ms > before.event_ms // self._bucket_ms
        ):
            self._closed[native] = before
        self._rows[native] = row

    def _priced(self, values: tuple[float, ...], price: float) -> tuple[float, ...]:
        return (*values[: self._price], price, *values[self._price + 1 :])

    def moved_ms(self, native: str) -> int | None:
        """When the price of a market last changed, as far as we heard; the venue's clock."""
        return self._moved_ms.get(native)

    def tickers(self, wanted: Wanted, *, now_ms: int) -> Tickers | None:
        """An answer as a poll at `now_ms` would give, of the wanted markets; None where anything
        wanted is lacking, or too old to be relied on."""
        chosen = []
        boundary_ms = now_ms - now_ms % self._bucket_ms
        closing = now_ms - boundary_ms <= min(self._bucket_ms // 4, CLOSE_DEADLINE_MAX_MS)
        before_ms = boundary_ms if closing else now_ms + self._bucket_ms
        for native, metrics in wanted.items():
            row = self._row(native, before_ms)
            if row is None or not self._serves(row, metrics, now_ms=now_ms):
                return None
            chosen.append(row)
        return Tickers(
            natives=tuple(wanted),
            columns={metric: array("d", [row.values[at] for row in chosen])
                     for at, metric in enumerate(self.metrics)},
            recv_ms=now_ms, derived=self._derived,
        )  # fmt: skip

    def _row(self, native: str, before_ms: int) -> _Row | None:
        row = self._rows.get(native)
        if row is not None and row.event_ms >= before_ms:
            row = self._closed.get(native)
        return row

    def _serves(self, row: _Row, metrics: frozenset[str], *, now_ms: int) -> bool:
        """A price holds until the next one, a rolling figure for a slot."""
        if not metrics <= set(self.metrics) or now_ms - row.heard_ms > TRUST_MS:
            return False
        age_ms = now_ms - row.told_ms
        lasts = metrics <= self._lasting or age_ms <= self._bucket_ms + CLOSE_DEADLINE_MAX_MS
        return lasts and not any(map(math.isnan, row.values))
