"""Bodies of our own in Bitstamp's shape, written from its documentation."""

from __future__ import annotations


def ticker(pair: object = "A/USD", **fields: object) -> dict[str, object]:
    return {
        "timestamp": "1762819200", "open": "47", "high": "51", "low": "48", "last": "50.5",
        "volume": "2", "vwap": "50", "bid": "50.4", "ask": "50.6", "side": "0", "open_24": "49",
        "percent_change_24": "3.06", "pair": pair, **fields,
    }  # fmt: skip


def market(name: str = "A/USD", **fields: object) -> dict[str, object]:
    base, _, quote = name.partition("/")
    return {"name": name, "market_symbol": (base + quote).lower(), "base_currency": base,
            "counter_currency": quote, "trading": "Enabled", "market_type": "SPOT",
            **fields}  # fmt: skip


def candle(open_s: int, close: object = "10.5", volume: object = "3") -> dict[str, object]:
    return {"timestamp": str(open_s), "open": "10", "high": "11", "low": "9", "close": close,
            "volume": volume}  # fmt: skip


def ohlc(*rows: object) -> dict[str, object]:
    return {"data": {"pair": "A/USD", "ohlc": list(rows)}}
