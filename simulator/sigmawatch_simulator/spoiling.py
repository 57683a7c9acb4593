"""Faults inside a right answer: poisoned values, missing rows, disordered candles.

Works on the decoded JSON of any personality; `anatomy` knows where each venue keeps what.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from sigmawatch_simulator import anatomy
from sigmawatch_simulator.faults import Fault
from sigmawatch_simulator.noise import uniform
from sigmawatch_simulator.venues.speech import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiler:
    """One fault of faults.INSIDE at work (`frozen` apart, which needs a memory)."""

    fault: Fault
    venue: str
    seed: int
    pairs: dict[str, str]  # id -> BASE/QUOTE

    def spoil(self, answer: Answer) -> Answer:
        """The same answer with the fault in it; errors stay as they are."""
        if answer.status != 200 or not answer.body:
            return answer
        decoded = msgspec.json.decode(answer.body)
        match self.fault.kind:
            case "poison":
                self._poison(decoded)
            case "null_row":
                self._null_row(decoded)
            case "few_markets":
                self._few_markets(decoded)
            case "unsorted_candles":
                anatomy.candles(decoded).sort(key=self._disorder)
            case "fewer_candles":
                self._fewer_candles(decoded)
            case "future_candles":
                self._future_candles(decoded)
            case "missing_candles":
                rows = anatomy.candles(decoded)
                rows[:] = [row for row in rows if not self._struck("missing", anatomy.opened(row))]
            case "odd_candles":
                _odd_candles(anatomy.candles(decoded))
            case "duplicate_keys":
                return replace(answer, body=self._duplicate(decoded))
            case _:
                raise AssertionError(f"no spoiling for {self.fault.kind}")
        return replace(answer, body=msgspec.json.encode(decoded))

    def _poison(self, decoded: Any) -> None:
        for container, key in self._chosen(decoded):
            row = container[key]
            place = anatomy.place_of(row, self.fault.field, venue=self.venue)
            anatomy.put(row, place, value=self.fault.value)

    def _null_row(self, decoded: Any) -> None:
        for container, key in self._chosen(decoded):
            container[key] = None

    def _few_markets(self, decoded: Any) -> None:
        container = anatomy.container(decoded)
        keys = anatomy.keys(container)
        for key in reversed(keys[max(1, int(len(keys) * self.fault.share)) :]):
            del container[key]

    def _fewer_candles(self, decoded: Any) -> None:
        """The oldest are missing."""
        rows = anatomy.candles(decoded)
        count = 13 if self.fault.value is None else int(self.fault.value)
        kept = max(0, len(rows) - count)
        if anatomy.is_newest_first(rows):
            del rows[kept:]
        else:
            del rows[: len(rows) - kept]

    def _future_candles(self, decoded: Any) -> None:
        rows = anatomy.candles(decoded)
        if len(rows) < 2:
            return
        is_newest_first = anatomy.is_newest_first(rows)
        newest = rows[0] if is_newest_first else rows[-1]
        step = abs(anatomy.opened(rows[1]) - anatomy.opened(rows[0]))
        for ahead in (1, 2):
            row = anatomy.moved(newest, ahead * step)
            rows.insert(0 if is_newest_first else len(rows), row)

    def _duplicate(self, decoded: Any) -> bytes:
        """The first row once more, at twice the price."""
        container = anatomy.container(decoded)
        keys = anatomy.keys(container)
        if not keys:
            return msgspec.json.encode(decoded)
        again = msgspec.json.decode(msgspec.json.encode(container[keys[0]]))
        anatomy.put(again, anatomy.place_of(again, "price", venue=self.venue), value="*2")
        if isinstance(container, list):
            container.append(again)
            return msgspec.json.encode(decoded)
        marker = "(again)"
        container[marker] = again
        name, first = msgspec.json.encode(marker), msgspec.json.encode(keys[0])
        return msgspec.json.encode(decoded).replace(name, first, 1)

    def _chosen(self, decoded: Any) -> Iterator[tuple[Any, Any]]:
        """Container and key of the rows that the fault names, or of its share of all."""
        container, fault = anatomy.container(decoded), self.fault
        for key in anatomy.keys(container):
            name = anatomy.name_of(container, key)
            if fault.markets and isinstance(name, str):
                if name in fault.markets or self.pairs.get(name) in fault.markets:
                    yield container, key
            elif self._struck("chosen", name):
                yield container, key

    def _struck(self, what: str, name: object) -> bool:
        return uniform(self.seed, what, name) < self.fault.share

    def _disorder(self, row: Any) -> float:
        return uniform(self.seed, "order", anatomy.opened(row))


def _odd_candles(rows: list[Any]) -> None:
    if len(rows) < 2:
        return
    oldest, newest = (-1, 0) if anatomy.is_newest_first(rows) else (0, -1)
    row = rows[newest]
    if isinstance(row, dict):
        del row["close"]
    else:
        del row[2:]
    rows[oldest] = None
