"""Faults inside a right answer: poisoned values, missing rows, disordered candles.

Works on the decoded JSON of any personality; knows where each venue keeps what.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from sigmawatch_simulator.faults import Fault
from sigmawatch_simulator.noise import uniform
from sigmawatch_simulator.venues.speech import Answer

_FIELDS: dict[str, dict[str, tuple[str | int, ...]]] = {
    "kraken": {
        "price": ("c", 0),
        "bid": ("b", 0),
        "ask": ("a", 0),
        "volume": ("v", 1),
        "open": ("o",),
        "name": ("wsname",),
    },
    "coinbase": {
        "price": ("stats_24hour", "last"),
        "volume": ("stats_24hour", "volume"),
        "open": ("stats_24hour", "open"),
        "name": ("id",),
    },
    "binance": {
        "price": ("lastPrice",),
        "bid": ("bidPrice",),
        "ask": ("askPrice",),
        "volume": ("volume",),
        "open": ("openPrice",),
        "name": ("symbol",),
    },
}
_CANDLE_COLUMNS = {
    "kraken": {"open": 1, "price": 4, "volume": 6},
    "coinbase": {"open": 3, "price": 4, "volume": 5},
    "binance": {"open": 1, "price": 4, "volume": 5},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiler:
    """What is known about the request while its answer is spoilt."""

    venue: str
    seed: int
    now_ms: int
    pairs: dict[str, str]  # id -> BASE/QUOTE


def spoil(answer: Answer, fault: Fault, spoiler: Spoiler) -> Answer:
    """The answer with one fault of faults.INSIDE, except `frozen`, which needs a memory."""
    if answer.status != 200 or not answer.body:
        return answer
    decoded = msgspec.json.decode(answer.body)
    body = _ACTIONS[fault.kind](decoded, fault, spoiler)
    return replace(answer, body=body)


def _poison(decoded: Any, fault: Fault, spoiler: Spoiler) -> bytes:
    for container, key in _chosen(decoded, fault, spoiler):
        row = container[key]
        if isinstance(row, list):
            path: tuple[str | int, ...] = _candle_path(fault.field, spoiler.venue)
        else:
            path = _FIELDS[spoiler.venue].get(fault.field, ())
        _set(row, path, fault.value)
    return msgspec.json.encode(decoded)


def _null_row(decoded: Any, fault: Fault, spoiler: Spoiler) -> bytes:
    for container, key in _chosen(decoded, fault, spoiler):
        container[key] = None
    return msgspec.json.encode(decoded)


def _few_markets(decoded: Any, fault: Fault, spoiler: Spoiler) -> bytes:
    container = _container(decoded)
    keys = list(_keys(container))
    kept = keys[: max(1, int(len(keys) * fault.share))]
    if isinstance(container, dict):
        for key in keys[len(kept) :]:
            del container[key]
    else:
        del container[len(kept) :]
    return msgspec.json.encode(decoded)


def _duplicate_keys(decoded: Any, fault: Fault, spoiler: Spoiler) -> bytes:
    container = _container(decoded)
    keys = list(_keys(container))
    if not keys:
        return msgspec.json.encode(decoded)
    again = msgspec.json.decode(msgspec.json.encode(container[keys[0]]))
    path = _FIELDS[spoiler.venue]["price"]
    _set(again, _candle_path("price", spoiler.venue) if isinstance(again, list) else path, "*2")
    if isinstance(container, list):
        container.append(again)
        return msgspec.json.encode(decoded)
    marker = "\x00twice"
    container[marker] = again
    name = msgspec.json.encode(marker)
    return msgspec.json.encode(decoded).replace(name, msgspec.json.encode(keys[0]), 1)


def _unsorted(decoded: Any, fault: Fault, spoiler: Spoiler) -> bytes:
    rows = _candles(decoded)
    rows.sort(key=lambda row: uniform(spoiler.seed, "order", row[0]))
    return msgspec.json.encode(decoded)


def _fewer(decoded: Any, fault: Fault, spoiler: Spoiler) -> bytes:
    rows = _candles(decoded)
    oldest = slice(-_fewer_count(fault), None) if _is_newest_first(rows) else slice(
        0, _fewer_count(fault)
    )
    del rows[oldest]
    return msgspec.json.encode(decoded)


def _future(decoded: Any, fault: Fault, spoiler: Spoiler) -> bytes:
    rows = _candles(decoded)
    if len(rows) < 2:
        return msgspec.json.encode(decoded)
    step = abs(rows[1][0] - rows[0][0])
    at = 0 if _is_newest_first(rows) else len(rows)
    newest = rows[0] if at == 0 else rows[-1]
    for ahead in (1, 2):
        row = [newest[0] + ahead * step, *newest[1:]]
        rows.insert(0 if at == 0 else len(rows), row)
    return msgspec.json.encode(decoded)


_ACTIONS: dict[str, Callable[[Any, Fault, Spoiler], bytes]] = {
    "poison": _poison,
    "null_row": _null_row,
    "duplicate_keys": _duplicate_keys,
    "few_markets": _few_markets,
    "unsorted_candles": _unsorted,
    "fewer_candles": _fewer,
    "future_candles": _future,
}


def _chosen(decoded: Any, fault: Fault, spoiler: Spoiler) -> Iterator[tuple[Any, Any]]:
    container = _container(decoded)
    for key in _keys(container):
        name = _name_of(container, key)
        if fault.markets and isinstance(name, str):
            if name in fault.markets or spoiler.pairs.get(name) in fault.markets:
                yield container, key
        elif uniform(spoiler.seed, "chosen", name) < fault.share:
            yield container, key


def _container(decoded: Any) -> Any:
    """The map or list whose members are markets or candles."""
    if isinstance(decoded, dict):
        if isinstance(decoded.get("symbols"), list):
            return decoded["symbols"]
        result = decoded.get("result")
        if isinstance(result, dict):
            lists = [value for value in result.values() if isinstance(value, list)]
            return lists[0] if lists else result
        if "lastPrice" in decoded:
            return [decoded]
    return decoded if isinstance(decoded, (dict, list)) else []


def _candles(decoded: Any) -> list[Any]:
    container = _container(decoded)
    rows = isinstance(container, list) and all(isinstance(row, list) for row in container)
    return container if rows else []


def _keys(container: Any) -> list[Any]:
    return list(container) if isinstance(container, dict) else list(range(len(container)))


def _name_of(container: Any, key: Any) -> Any:
    row = container[key]
    if isinstance(container, dict):
        return key
    if isinstance(row, dict):
        return row.get("symbol") or row.get("id")
    return row[0] if isinstance(row, list) and row else key


def _candle_path(field: str, venue: str) -> tuple[int, ...]:
    column = _CANDLE_COLUMNS[venue].get(field)
    return () if column is None else (column,)


def _set(row: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Sets the field, where the row has it; the text *1000 multiplies what is there."""
    if not path:
        return
    for step in path[:-1]:
        row = row[step] if isinstance(row, dict) and step in row else None
    last = path[-1]
    if not (isinstance(row, list) or (isinstance(row, dict) and last in row)):
        return
    if isinstance(value, str) and value.startswith("*"):
        multiplied = float(row[last]) * float(value[1:])
        value = f"{multiplied:.8f}" if isinstance(row[last], str) else multiplied
    row[last] = value


def _is_newest_first(rows: list[Any]) -> bool:
    return len(rows) > 1 and rows[0][0] > rows[-1][0]


def _fewer_count(fault: Fault) -> int:
    return 13 if fault.value is None else int(fault.value)
