"""Bodies of our own in Kraken's shape, written from its documentation."""

from __future__ import annotations

from tests.venues.support import T0_MS, body


def ticker(price: object = "100.5", **fields: object) -> dict[str, object]:
    """One market of Ticker, as documented; fields by their letter."""
    return {
        "a": ["101.0", "1", "1.000"], "b": ["100.0", "2", "2.000"], "c": [price, "0.5"],
        "v": ["1.0", "20.0"], "p": ["99.0", "100.0"], "t": [3, 60], "l": ["98.0", "97.0"],
        "h": ["102.0", "103.0"], "o": "99.5", **fields,
    }  # fmt: skip


def answer(result: object, *errors: str) -> bytes:
    return body({"error": list(errors), "result": result})


def pair(wsname: str, **fields: object) -> dict[str, object]:
    return {"wsname": wsname, "aclass_base": "currency", "status": "online", **fields}


def ohlc(minute: int, close: str = "100.0", volume: str = "2.0", count: int = 3) -> list[object]:
    return [T0_MS // 1_000 + 60 * minute, "99", "101", "98", close, "99.5", volume, count]
