"""Bodies of our own in Bybit's shape, written from its documentation."""

from __future__ import annotations


def said(rows: object, code: object = 0, msg: str = "OK") -> dict[str, object]:
    return {"retCode": code, "retMsg": msg, "result": {"category": "spot", "list": rows},
            "retExtInfo": {}, "time": 1762819200000}  # fmt: skip


def ticker(name: object = "AUSDT", **fields: object) -> dict[str, object]:
    return {
        "symbol": name, "bid1Price": "50.4", "bid1Size": "1", "ask1Price": "50.6",
        "ask1Size": "1", "lastPrice": "50.5", "prevPrice24h": "49", "price24hPcnt": "0.03",
        "highPrice24h": "51", "lowPrice24h": "48", "turnover24h": "101", "volume24h": "2", **fields,
    }  # fmt: skip


def instrument(name: object = "AUSDT", **fields: object) -> dict[str, object]:
    return {"symbol": name, "baseCoin": str(name).removesuffix("USDT"), "quoteCoin": "USDT",
            "status": "Trading", **fields}  # fmt: skip


def kline(open_ms: int, close: object = "10.5", volume: object = "3") -> list[object]:
    return [str(open_ms), "10", "11", "9", close, volume, "31.5"]
