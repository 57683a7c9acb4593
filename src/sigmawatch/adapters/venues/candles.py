"""Candles of every venue, brought to one shape: closed, ascending, unique, quiet ones absent.

Venues differ: Kraken and Binance send a candle for a minute without trades, Coinbase leaves it out;
some send the running one, some send newest first. Left as it is, σ would differ by venue for the
same market (SEMANTICS.md 1). Rows come as columns of unchecked values, oldest or newest first.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sigmawatch.adapters.venues.columns import Values, floats
from sigmawatch.domain.reading import VALUE_MAX, Candles

_TIME_MAX_MS = 2**53  # beyond, float64 is not exact
QUIET_AFTER_SPANS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleRequest:
    """Candles of one market that open in [from_ms, to_ms)."""

    native: str
    span_ms: int
    from_ms: int
    to_ms: int

    def __post_init__(self) -> None:
        assert self.span_ms > 0
        assert self.from_ms <= self.to_ms


@dataclass(slots=True, kw_only=True)
class Rows:
    """What a venue said, column by column, unchecked. time_unit_ms: of `opens`.

    quoted: the venue gives the quote volume (`quotes`); else it is derived from `vwaps`, where
    there are any, or closes. fills: a span without trades has a row, so that the first row is how
    far the venue reaches. committed_ms: the newest candle that the venue calls closed opens
    there; None where it does not say. malformed_count: rows that were no candles at all.
    """

    time_unit_ms: int
    quoted: bool = False
    fills: bool = False
    opens: list[object] = field(default_factory=list)
    closes: list[object] = field(default_factory=list)
    volumes: list[object] = field(default_factory=list)
    quotes: list[object] = field(default_factory=list)
    vwaps: list[object] = field(default_factory=list)
    trades: list[object] = field(default_factory=list)
    committed_ms: int | None = None
    malformed_count: int = 0

    def extend(self, page: Rows) -> None:
        """Add another answer of the same venue and market."""
        assert self.time_unit_ms == page.time_unit_ms
        assert (self.quoted, self.fills) == (page.quoted, page.fills)
        for name in ("opens", "closes", "volumes", "quotes", "vwaps", "trades"):
            getattr(self, name).extend(getattr(page, name))
        self.malformed_count += page.malformed_count


def table(rows: object, *, width: int) -> tuple[list[list[object]], int]:
    """The rows of a JSON array of arrays that are at least `width` wide; how many were not."""
    if not isinstance(rows, list):
        return [], 1
    sound = [row for row in rows if isinstance(row, list) and len(row) >= width]
    return sound, len(rows) - len(sound)


def candles_of(rows: Rows, asked: CandleRequest, *, now_ms: int) -> Candles:
    """The closed candles among `rows` that were asked for; bad rows counted and left out.

    A candle is closed when its end lies at or before `now_ms`, and, where the venue says which one
    is its newest closed one, not after that. Of two with one open time the later row stands.
    """
    opens, _ = floats(rows.opens)
    opens = opens * rows.time_unit_ms
    closes, volumes = floats(rows.closes)[0], floats(rows.volumes)[0]
    timed = (opens > 0) & (opens < _TIME_MAX_MS) & (opens % asked.span_ms == 0)
    sound = timed & (closes > 0.0) & (volumes >= 0.0)
    outside = timed & ((opens < asked.from_ms) | (opens >= asked.to_ms))
    bad = ~sound & ~outside
    closed_ms = _closed_ms(rows, asked, now_ms=now_ms)
    at = _unique(opens, sound & ~outside & (volumes > 0.0) & (opens < closed_ms))
    complete_ms = _told_ms(opens[sound], asked, closed_ms=closed_ms)
    if bad.any() or rows.malformed_count:
        unknown = opens[bad & timed] if timed[bad].all() and not rows.malformed_count else []
        complete_ms = min(complete_ms, int(min(unknown, default=asked.from_ms)))
    if rows.fills:
        complete_ms = min(complete_ms, _hole_ms(opens[sound & ~outside], asked))
    return Candles(
        native=asked.native,
        span_ms=asked.span_ms,
        open_ms=array("q", opens[at].astype(np.int64).tobytes()),
        close=_column(closes[at]),
        volume_base=_column(volumes[at]),
        volume_quote=_column(_quotes(rows, closes=closes, volumes=volumes)[at]),
        trades=_column(_amounts(rows.trades, len(opens))[at]),
        quote_derived=not rows.quoted,
        complete_ms=complete_ms,
        from_ms=_reached_ms(opens[sound], asked) if rows.fills else asked.from_ms,
        rejected_count=rows.malformed_count + int(bad.sum()),
    )


def _unique(opens: Values, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Places of the chosen rows, ascending by open time; of equals the last."""
    at = np.flatnonzero(chosen)
    at = at[np.argsort(opens[at], kind="stable")]
    last = np.ones(len(at), np.bool_)
    last[:-1] = opens[at][1:] > opens[at][:-1]
    return at[last]


def _closed_ms(rows: Rows, asked: CandleRequest, *, now_ms: int) -> int:
    """Candles that open before this moment may be closed: by our clock, and by the venue's word."""
    closed_ms = now_ms // asked.span_ms * asked.span_ms
    if rows.committed_ms is None:
        return closed_ms
    return min(closed_ms, rows.committed_ms + asked.span_ms)


def _told_ms(seen: Values, asked: CandleRequest, *, closed_ms: int) -> int:
    """Until when a missing candle means that nothing traded: a later candle exists, or two spans
    have passed (SEMANTICS.md 2)."""
    told_ms = closed_ms - QUIET_AFTER_SPANS * asked.span_ms
    if len(seen):
        told_ms = max(told_ms, int(seen.max()) + asked.span_ms)
    whole_ms = asked.to_ms // asked.span_ms * asked.span_ms
    return min(told_ms, closed_ms, whole_ms)


def _hole_ms(seen: Values, asked: CandleRequest) -> int:
    """Where a venue that tells quiet spans too first leaves one out between two that it tells: from
    there on absence proves nothing. The end of what was asked for, where nothing is left out."""
    told = np.unique(seen)
    holes = np.flatnonzero(np.diff(told) > asked.span_ms)
    return int(told[holes[0]]) + asked.span_ms if len(holes) else asked.to_ms


def _reached_ms(seen: Values, asked: CandleRequest) -> int:
    return max(int(seen.min()), asked.from_ms) if len(seen) else asked.to_ms


def _quotes(rows: Rows, *, closes: Values, volumes: Values) -> Values:
    if rows.quoted:
        return _amounts(rows.quotes, len(volumes))
    prices = closes
    if rows.vwaps:
        vwaps, _ = floats(rows.vwaps)
        prices = np.where(vwaps > 0.0, vwaps, closes)
    values = volumes * prices
    values[values > VALUE_MAX] = np.nan
    return values


def _amounts(raws: Sequence[object], count: int) -> Values:
    """Zero or more, NaN where the venue does not say or says nonsense."""
    if not raws:
        return np.full(count, np.nan)
    values, _ = floats(raws)
    values[values < 0.0] = np.nan
    return values


def _column(values: Values) -> array[float]:
    return array("d", values.tobytes())
