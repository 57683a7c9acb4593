"""Recorded candles as the script: markets, prices and volumes of the venues come from files.

A file is a JSON list (may be gzipped) of [open ms, open, high, low, close, base volume], named
`ADA_BTC-1m.json.gz`. A minute without a row has no trade. Every venue lists the same markets
under its own names; outside the recording nothing trades and the nearest price stands. How many
trades a minute had is not recorded and comes from its noise: 4 to 19.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from sigmawatch_simulator.arrays import DAY_MS, MINUTE_MS, Floats, Ints
from sigmawatch_simulator.errors import BadRequest
from sigmawatch_simulator.market import Market
from sigmawatch_simulator.minutes import Minutes, quote_volume
from sigmawatch_simulator.noise import bits, field, keys_of

_NAME = re.compile(r"^([A-Za-z0-9]+)[_-]([A-Za-z0-9]+)-1m\.json(\.gz)?$")
_DECIMALS = 8
_COLUMNS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One file: float64[rows, 6] in the order of time, one row per minute."""

    base: str
    quote: str
    rows: Floats

    @property
    def first_ms(self) -> int:
        return int(self.rows[0, 0])

    def value(self) -> float:
        """Traded value in quote units, to put the busiest first."""
        return float((self.rows[:, 4] * self.rows[:, 5]).sum())


class ScriptFile:
    """A file or a folder of files, read once, played at every venue."""

    def __init__(self, path: Path) -> None:
        found = sorted(_recordings(path), key=Recording.value, reverse=True)
        if not found:
            raise BadRequest(f"script: {path} holds no file named like ADA_BTC-1m.json.gz")
        self._recordings = found

    @property
    def start_ms(self) -> int:
        """A day after the last market has begun, so that a day of history stands."""
        begun = max(recording.first_ms for recording in self._recordings)
        return begun - begun % MINUTE_MS + DAY_MS

    def source(self, venue: str, name: Callable[[str, str], str]) -> "Script":
        return Script(venue, self._recordings, name=name)


class Script:
    """The recorded source of one venue."""

    def __init__(
        self, venue: str, recordings: list[Recording], *, name: Callable[[str, str], str]
    ) -> None:
        self.markets = tuple(_market(venue, recording, name=name) for recording in recordings)
        first_ms = min(recording.first_ms for recording in recordings)
        last_ms = max(int(recording.rows[-1, 0]) for recording in recordings)
        self._known = range(first_ms // MINUTE_MS, last_ms // MINUTE_MS + 1)
        self._cells = _cells(recordings, self._known)

    def minutes(self, which: Ints, span: range) -> Minutes:
        """Minutes of the markets at these positions."""
        minute = np.arange(span.start, span.stop, dtype=np.int64)
        row = np.clip(minute, self._known[0], self._known[-1]) - self._known[0]
        outside = (minute != row + self._known[0])[:, None]
        at = np.ix_(row, which)
        held = self._cells
        price = np.where(
            minute < self._known[0], held.open[0, which, None], held.close[-1, which, None]
        )
        prices = {
            name: np.where(outside, price.T, getattr(held, name)[at])
            for name in ("open", "high", "low", "close")
        }
        sums = {
            name: np.where(outside, 0, getattr(held, name)[at])
            for name in ("volume", "quote", "count")
        }
        return Minutes(
            keys=held.keys[which],
            minute=minute,
            quote_scale=held.quote_scale[which],
            dip_first=held.dip_first[at],
            **prices,
            **sums,
        )


def _recordings(path: Path) -> Iterator[Recording]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        match = _NAME.match(file.name)
        if match is None:
            continue
        rows = _rows(file)
        yield Recording(base=match[1].upper(), quote=match[2].upper(), rows=rows)


def _rows(file: Path) -> Floats:
    """The rows of a file, sorted, the later one of a doubled minute. Raises BadRequest."""
    try:
        text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        table = np.array(msgspec.json.decode(text), dtype=np.float64)
    except (OSError, EOFError, zlib.error, ValueError, msgspec.MsgspecError) as exc:
        raise BadRequest(f"script: {file}: {exc}") from exc
    if table.ndim != 2 or table.shape[1] < _COLUMNS or not np.isfinite(table).all():
        raise BadRequest(f"script: {file}: expected rows of [open ms, o, h, l, c, volume]")
    if (table[:, 1:5] <= 0.0).any():
        raise BadRequest(f"script: {file}: a price is not positive")
    table = table[table[:, 5] > 0.0, :_COLUMNS]
    table[:, 0] -= table[:, 0] % MINUTE_MS
    _, last = np.unique(table[::-1, 0], return_index=True)
    return table[::-1][last]


def _market(venue: str, recording: Recording, *, name: Callable[[str, str], str]) -> Market:
    return Market(
        venue=venue,
        id=name(recording.base, recording.quote),
        base=recording.base,
        quote=recording.quote,
        tick_decimals=_DECIMALS,
        lot_decimals=_DECIMALS,
        quote_decimals=_DECIMALS,
    )


def _cells(recordings: list[Recording], known: range) -> Minutes:
    shape = (len(known), len(recordings))
    grid = {name: np.zeros(shape, dtype=np.int64) for name in _GRID}
    for column, recording in enumerate(recordings):
        for name, amounts in _column(recording.rows, known).items():
            grid[name][:, column] = amounts
    keys = keys_of(0, "script", names=[f"{r.base}/{r.quote}" for r in recordings])
    minute = np.arange(known.start, known.stop, dtype=np.int64)
    trades = 4 + (field(bits(keys, minute), 0) * 16.0).astype(np.int64)
    cells = Minutes(
        keys=keys,
        minute=minute,
        quote_scale=np.full(len(recordings), 10.0**-_DECIMALS),
        quote=np.zeros(shape, dtype=np.int64),
        count=np.where(grid["volume"] > 0, trades, 0),
        dip_first=grid["close"] >= grid["open"],
        **grid,
    )
    return replace(cells, quote=quote_volume(cells))


def _column(rows: Floats, known: range) -> dict[str, Ints]:
    """One market over all known minutes: quiet ones stand at the last close, volume 0."""
    row = (rows[:, 0] / MINUTE_MS).astype(np.int64) - known.start
    latest = np.searchsorted(row, np.arange(len(known)), side="right") - 1
    traded = np.zeros(len(known), dtype=np.bool_)
    traded[row] = True
    amounts = {
        name: np.maximum(np.rint(rows[:, at] * 10.0**_DECIMALS), 1.0).astype(np.int64)[latest]
        for name, at in _GRID.items()
    }
    opened = np.maximum(np.rint(rows[0, 1] * 10.0**_DECIMALS), 1.0)
    stands = np.where(latest >= 0, amounts["close"], int(opened))
    filled = {name: np.where(traded, amounts[name], stands) for name in _GRID}
    return {**filled, "volume": np.where(traded, amounts["volume"], 0)}


_GRID = {"open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}
