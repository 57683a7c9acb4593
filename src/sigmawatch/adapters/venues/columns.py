"""Columns of numbers from a venue's texts, thousands at once, and the rules they must keep.

`floats` gives exactly what `domain.reading.number` gives for each value, refusals included, at a
tenth of the cost: a run of values that are plain decimals is checked and read as a whole, any other
run is halved until the odd one stands alone. 3,000 values: 0.2 ms.

A `Sheet` is one all-tickers answer on its way to `Tickers`: each rule turns a value that breaks it
into a missing one and writes down why, and never touches its neighbours (SEMANTICS.md 1).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.reading import VALUE_MAX, Tickers, number

Values = npt.NDArray[np.float64]
T = TypeVar("T")

_CHARS_MAX = 80  # of one number, as in domain.reading
_SINGLES_MAX = 8
_PLAIN = b"0123456789.,"
_ARRAY = msgspec.json.Decoder(list[float])
_BASIS_POINTS = 10_000.0
_EVENT_AHEAD_MAX_MS = 30_000


def floats(raws: Sequence[object]) -> tuple[Values, dict[int, str]]:
    """float64[n] and index -> reason; NaN where `number` refuses."""
    values, refused = array("d"), dict[int, str]()
    _read(raws, into=values, refused=refused)
    return np.frombuffer(values, np.float64) if values else np.empty(0), refused


def _read(raws: Sequence[object], *, into: array[float], refused: dict[int, str]) -> None:
    run = _plain(raws)
    if run is not None:
        into.extend(run)
    elif len(raws) <= _SINGLES_MAX:
        for raw in raws:
            try:
                into.append(number(raw))
            except Invalid as error:
                refused[len(into)] = str(error)
                into.append(np.nan)
    else:
        middle = len(raws) // 2
        _read(raws[:middle], into=into, refused=refused)
        _read(raws[middle:], into=into, refused=refused)


def _plain(raws: Sequence[Any]) -> array[float] | None:
    """All of them at once, where each is a text of digits and a point, or a number in range.

    Joined, the texts are one JSON array, read correctly rounded in half the time of `float`. Where
    an odd one (empty, with a comma or two points) hides among them, the array breaks or its length
    does.
    """
    try:
        text = ",".join(raws)
    except TypeError:  # not all of them are texts
        return _numeric(raws)
    if not text.isascii() or text.encode().translate(None, _PLAIN):
        return None
    try:
        run = array("d", _ARRAY.decode(f"[{text}]"))
    except msgspec.DecodeError:
        return None
    return run if len(run) == len(raws) and max(map(len, raws), default=0) <= _CHARS_MAX else None


def _numeric(raws: Sequence[Any]) -> array[float] | None:
    if not set(map(type, raws)) <= {int, float}:
        return None
    try:
        run = array("d", raws)
    except OverflowError:
        return None
    return run if bool((np.abs(np.frombuffer(run)) <= VALUE_MAX).all()) else None


def newest_ms(raws: Sequence[object], *, recv_ms: int, unit_ms: int = 1) -> int | None:
    """When an answer was made: the newest time in it, in ms. None where there is none; one that is
    far ahead of our clock is nonsense. unit_ms: of the times."""
    times, _ = floats(raws)
    times = times * unit_ms
    times = times[(times > 0) & (times <= recv_ms + _EVENT_AHEAD_MAX_MS)]
    return int(times.max()) if len(times) else None


def unique_rows(rows: Iterable[T], *, key: Callable[[T], str]) -> dict[str, T]:
    """Rows by market id; of two with one id the later stands."""
    return {key(row): row for row in rows}


class Sheet:
    """The columns of one answer, checked one by one. natives: unique market ids."""

    def __init__(self, natives: Iterable[str], *, rejected: dict[str, str] | None = None) -> None:
        self.natives = tuple(natives)
        self.rejected = rejected or {}
        self._columns: dict[str, Values] = {}
        self._derived: set[str] = set()

    def reject(self, native: str, why: str) -> None:
        """Write down why a row, or a field of it, is missing."""
        before = self.rejected.get(native)
        self.rejected[native] = f"{before}; {why}" if before else why

    def price(self, metric: str, raws: Sequence[object], *, zero_is_missing: bool = False) -> None:
        """A column of prices. zero_is_missing: the venue writes 0 for "there is none"."""
        values = self.read(metric, raws)
        if zero_is_missing:
            values[values == 0.0] = np.nan
        self._columns[metric] = self._refuse(
            metric, values, broken=values <= 0.0, why="must be above zero"
        )

    def volume(self, metric: str, raws: Sequence[object]) -> None:
        """A column of amounts, zero or more."""
        values = self.read(metric, raws)
        self._columns[metric] = self._refuse(
            metric, values, broken=values < 0.0, why="must not be negative"
        )

    def book(self, bids: Sequence[object], asks: Sequence[object]) -> None:
        """Best quotes, and their spread. A side without orders is missing; a crossed pair is."""
        self.price("bid", bids, zero_is_missing=True)
        self.price("ask", asks, zero_is_missing=True)
        bid, ask = self._columns["bid"], self._columns["ask"]
        crossed = ask < bid
        self._columns["ask"] = self._refuse("ask", ask, broken=crossed, why="below the bid")
        bid[crossed] = np.nan
        self._derive("spread_bp", _BASIS_POINTS * (ask - bid) / (0.5 * (ask + bid)))

    def worth(self, metric: str, prices: Values, *, amount: str) -> None:
        """A derived column: the amounts in column `amount` at `prices`; missing where either is."""
        amounts = self._columns[amount]
        values = amounts * prices
        values[amounts == 0.0] = 0.0  # what did not trade has no average price, and no worth
        worthless = (amounts > 0.0) & (values <= 0.0)
        self._derive(metric, self._refuse(metric, values, broken=worthless, why="no worth"))

    def column(self, metric: str) -> Values:
        """A column as it stands: float64[markets], NaN where missing."""
        return self._columns[metric]

    def read(self, what: str, raws: Sequence[object]) -> Values:
        """Numbers that only serve to derive others: float64[markets], NaN where refused."""
        assert len(raws) == len(self.natives)
        values, refused = floats(raws)
        for index, why in refused.items():
            self.reject(self.natives[index], f"{what}: {why}")
        return values

    def tickers(self, *, recv_ms: int, event_ms: int | None = None) -> Tickers:
        """The finished answer."""
        return Tickers(
            natives=self.natives,
            columns={name: array("d", values.tobytes()) for name, values in self._columns.items()},
            recv_ms=recv_ms,
            event_ms=event_ms,
            derived=frozenset(self._derived),
            rejected=self.rejected,
        )

    def _derive(self, metric: str, values: Values) -> None:
        self._columns[metric] = self._refuse(
            metric, values, broken=values > VALUE_MAX, why="out of range"
        )
        self._derived.add(metric)

    def _refuse(
        self, metric: str, values: Values, *, broken: npt.NDArray[np.bool_], why: str
    ) -> Values:
        for index in np.flatnonzero(broken):
            self.reject(self.natives[index], f"{metric}: {why}: {float(values[index])!r}")
        values[broken] = np.nan
        return values
