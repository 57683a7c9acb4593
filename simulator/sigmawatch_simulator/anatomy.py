"""Where each venue keeps what in its decoded JSON: rows, names, prices. For spoiling answers."""

from typing import Any

Place = tuple[str | int, ...]

_ROW_PLACES: dict[str, dict[str, Place]] = {
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
    "okx": {
        "price": ("last",),
        "bid": ("bidPx",),
        "ask": ("askPx",),
        "volume": ("vol24h",),
        "open": ("open24h",),
        "name": ("instId",),
    },
    "bybit": {
        "price": ("lastPrice",),
        "bid": ("bid1Price",),
        "ask": ("ask1Price",),
        "volume": ("volume24h",),
        "open": ("prevPrice24h",),
        "name": ("symbol",),
    },
    "bitstamp": {
        "price": ("last",),
        "bid": ("bid",),
        "ask": ("ask",),
        "volume": ("volume",),
        "open": ("open_24",),
        "name": ("pair",),
    },
}
_CANDLE_COLUMNS = {
    "kraken": {"open": 1, "price": 4, "volume": 6},
    "coinbase": {"open": 3, "price": 4, "volume": 5},
    "binance": {"open": 1, "price": 4, "volume": 5},
    "okx": {"open": 1, "price": 4, "volume": 5},
    "bybit": {"open": 1, "price": 4, "volume": 5},
}
_NAMES = ("symbol", "id", "instId", "pair", "market_symbol")


def container(decoded: Any) -> Any:
    """The map or list whose members are markets, candles or trades; empty where there is none."""
    if isinstance(decoded, dict):
        if isinstance(decoded.get("symbols"), list):
            return decoded["symbols"]
        data = decoded.get("data")
        if isinstance(data, (list, dict)):
            return data.get("ohlc", data) if isinstance(data, dict) else data
        if isinstance(decoded.get("result"), dict):
            result = decoded["result"]
            return next((value for value in result.values() if isinstance(value, list)), result)
        if "lastPrice" in decoded:
            return [decoded]
    return decoded if isinstance(decoded, (dict, list)) else []


def candles(decoded: Any) -> list[Any]:
    """The rows of a candle answer; an empty list for any other."""
    rows = container(decoded)
    is_table = isinstance(rows, list) and all(_is_candle(row) for row in rows)
    return rows if is_table else []


def _is_candle(row: Any) -> bool:
    return isinstance(row, list) or (isinstance(row, dict) and "close" in row)


def opened(row: Any) -> float:
    """When a candle opens, in the venue's own unit."""
    return float(row["timestamp"] if isinstance(row, dict) else row[0])


def moved(row: Any, by: float) -> Any:
    """The same candle later, its time written as it was."""
    before = row["timestamp"] if isinstance(row, dict) else row[0]
    after = type(before)(int(float(before) + by))
    return {**row, "timestamp": after} if isinstance(row, dict) else [after, *row[1:]]


def keys(rows: Any) -> list[Any]:
    return list(rows) if isinstance(rows, dict) else list(range(len(rows)))


def name_of(rows: Any, key: Any) -> Any:
    """The venue's id of a market, the time of a candle."""
    if isinstance(rows, dict):
        return key
    row = rows[key]
    if isinstance(row, dict):
        return next((row[name] for name in _NAMES if row.get(name)), row.get("timestamp"))
    return row[0] if isinstance(row, list) and row else key


def place_of(row: Any, field: str, *, venue: str) -> Place:
    """Where a row keeps a field; () where it has none such."""
    if isinstance(row, list):
        column = _CANDLE_COLUMNS[venue].get(field)
        return () if column is None else (column,)
    place = _ROW_PLACES[venue].get(field, ())
    if field == "name" and isinstance(row, dict) and place[0] not in row:
        return next(((name,) for name in _NAMES if name in row), ())
    return place


def put(row: Any, place: Place, *, value: Any) -> None:
    """Sets the field where the row has it; the text *1000 multiplies what is there."""
    for step in place[:-1]:
        row = row[step] if isinstance(row, dict) and step in row else None
    if not place or not (isinstance(row, list) or (isinstance(row, dict) and place[-1] in row)):
        return
    cell: Any = row
    last: Any = place[-1]
    if isinstance(value, str) and value.startswith("*"):
        multiplied = float(cell[last]) * float(value[1:])
        value = f"{multiplied:.8f}" if isinstance(cell[last], str) else multiplied
    cell[last] = value


def is_newest_first(rows: list[Any]) -> bool:
    return len(rows) > 1 and opened(rows[0]) > opened(rows[-1])
