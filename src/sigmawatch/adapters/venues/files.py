"""A venue made of files: recorded 1-minute candles, answered as if they happened now.

For replay and tests. A file is `BASE_QUOTE-1m.json` (or `.json.gz`): rows of [open time ms, open,
high, low, close, base volume], the shape ccxt and freqtrade store; a quiet minute has no row.
A poll answers what a live one would have: the close of the newest candle that has ended.
"""

from __future__ import annotations

import gzip
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.market import Market, venue_name
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.window import DAY_MS, MINUTE_MS
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import VenueTraits

_NAME = re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9]+)-1m\.json(\.gz)?")
_UNBOUNDED = 1e9
Row = tuple[int, float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """One market's candles: int64[n] open times ascending, float64[n] closes and base volumes.

    total_base, total_quote: float64[n + 1], volume before each candle, for rolling sums.
    """

    market: Market
    open_ms: npt.NDArray[np.int64]
    close: npt.NDArray[np.float64]
    volume: npt.NDArray[np.float64]
    total_base: npt.NDArray[np.float64]
    total_quote: npt.NDArray[np.float64]


def read_tape(path: Path, *, venue: str) -> Tape:
    """One candle file. Raises Invalid that names the file and what is wrong with it."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise Invalid(f"{path.name} is no candle file", field="file",
                      allowed="BASE_QUOTE-1m.json or BASE_QUOTE-1m.json.gz")  # fmt: skip
    base, quote = match[1].upper(), match[2].upper()
    try:
        data = path.read_bytes()
        rows = msgspec.json.decode(gzip.decompress(data) if match[3] else data, type=list[Row])
    except (OSError, EOFError, msgspec.DecodeError) as error:
        raise Invalid(f"{path.name} cannot be read: {error}", field="file") from None
    table = np.array(rows, np.float64).reshape(-1, 6)
    opens = table[:, 0].astype(np.int64)
    if not len(opens) or (np.diff(opens) <= 0).any() or not np.isfinite(table).all():
        raise Invalid(f"{path.name} holds no candles in time order", field="file")
    close, volume = table[:, 4], table[:, 5]
    return Tape(
        market=Market(venue=venue, base=base, quote=quote, native=f"{base}_{quote}"),
        open_ms=opens,
        close=close,
        volume=volume,
        total_base=np.concatenate(([0.0], np.cumsum(volume))),
        total_quote=np.concatenate(([0.0], np.cumsum(volume * close))),
    )


def read_tapes(path: Path, *, venue: str) -> list[Tape]:
    """Every candle file in a folder, or the one file. Raises Invalid."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    tapes = [read_tape(f, venue=venue) for f in files if path.is_file() or _NAME.fullmatch(f.name)]
    if not tapes:
        raise Invalid(f"{path.name} holds no candle file", field="file",
                      allowed="BASE_QUOTE-1m.json or BASE_QUOTE-1m.json.gz")  # fmt: skip
    return tapes


class FileVenue:
    """Fulfils ports.venue from tapes, at the clock's time."""

    def __init__(self, tapes: Sequence[Tape], *, clock: Clock, name: str = "REPLAY") -> None:
        self._tapes = {tape.market.native: tape for tape in tapes}
        self._clock = clock
        self.traits = VenueTraits(
            name=venue_name(name),
            levels=frozenset({"price", "volume_24h_base", "volume_24h_quote"}),
            flows=frozenset({"traded_base", "traded_quote"}),
            candle_spans_ms=(MINUTE_MS,),
            candle_reach_ms=(None,),
            candle_rows_max=1_000_000,
            poll_floor_ms=1_000,
            requests_per_minute=_UNBOUNDED,
            poll_cost=1.0,
            candle_cost=1.0,
        )

    async def markets(self) -> Sequence[Market]:
        return [tape.market for tape in self._tapes.values()]

    async def tickers(self) -> Tickers:
        now_ms = self._clock.now_ms()
        rows = [_at(tape, now_ms) for tape in self._tapes.values()]
        return Tickers(
            natives=tuple(self._tapes),
            columns={
                name: array("d", [row[index] for row in rows])
                for index, name in enumerate(("price", "volume_24h_base", "volume_24h_quote"))
            },
            derived=frozenset({"volume_24h_quote"}),
            recv_ms=now_ms,
        )

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        assert span_ms == MINUTE_MS
        if native not in self._tapes:
            raise NotFound(f"no tape of {native}", field="market", allowed=", ".join(self._tapes))
        tape, now_ms = self._tapes[native], self._clock.now_ms()
        closed_ms = min(to_ms, now_ms - now_ms % MINUTE_MS)
        first, stop = np.searchsorted(tape.open_ms, (from_ms, closed_ms))
        volume, close = tape.volume[first:stop], tape.close[first:stop]
        return Candles(
            native=native,
            span_ms=span_ms,
            open_ms=array("q", tape.open_ms[first:stop].tolist()),
            close=array("d", close.tolist()),
            volume_base=array("d", volume.tolist()),
            volume_quote=array("d", (volume * close).tolist()),
            trades=array("d", [np.nan] * len(close)),
            quote_derived=True,
            complete_ms=closed_ms,
        )

    async def time_ms(self) -> int:
        return self._clock.now_ms()

    async def close(self) -> None:
        """Nothing is held."""


def _at(tape: Tape, now_ms: int) -> tuple[float, float, float]:
    """Last close and the 24-hour volumes (base, quote), of candles that have ended."""
    last = int(np.searchsorted(tape.open_ms, now_ms - MINUTE_MS, side="right"))
    first = int(np.searchsorted(tape.open_ms, now_ms - DAY_MS))
    if last == 0:
        return np.nan, np.nan, np.nan
    base = tape.total_base[last] - tape.total_base[first]
    quote = tape.total_quote[last] - tape.total_quote[first]
    return float(tape.close[last - 1]), max(float(base), 0.0), max(float(quote), 0.0)
