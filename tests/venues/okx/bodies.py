"""Bodies of our own in OKX's shape, written from its documentation."""

from __future__ import annotations


def said(data: object, code: str = "0", msg: str = "") -> dict[str, object]:
    return {"code": code, "msg": msg, "data": data}


def ticker(name: object = "A-USDT", **fields: object) -> dict[str, object]:
    return {
        "instType": "SPOT", "instId": name, "last": "50.5", "lastSz": "1", "askPx": "50.6",
        "askSz": "1", "bidPx": "50.4", "bidSz": "1", "open24h": "49", "high24h": "51",
        "low24h": "48", "volCcy24h": "101", "vol24h": "2", "sodUtc0": "47", "sodUtc8": "46",
        "ts": "1762819200000", **fields,
    }  # fmt: skip


def instrument(name: object = "A-USDT", **fields: object) -> dict[str, object]:
    base, _, quote = str(name).partition("-")
    return {"instType": "SPOT", "instId": name, "baseCcy": base, "quoteCcy": quote,
            "state": "live", **fields}  # fmt: skip


def candle(open_ms: int, close: object = "10.5", volume: object = "3", **odd: str) -> list[object]:
    return [str(open_ms), "10", "11", "9", close, volume, "31.5", "31.5", odd.get("confirm", "1")]
