"""Bodies of our own in Binance's shape, written from its documentation."""

from __future__ import annotations

from tests.venues.support import T0_MS


def ticker(symbol: object = "ETHBTC", **fields: object) -> dict[str, object]:
    """One row of ticker/24hr, as documented."""
    return {
        "symbol": symbol, "priceChange": "-0.1", "weightedAvgPrice": "0.0355",
        "lastPrice": "0.03600000", "bidPrice": "0.03590000", "askPrice": "0.03610000",
        "openPrice": "0.0361", "highPrice": "0.0367", "lowPrice": "0.0355",
        "volume": "1000.00000000", "quoteVolume": "35.50000000", "openTime": T0_MS - 86_400_000,
        "closeTime": T0_MS - 200, "firstId": 1, "lastId": 99, "count": 99, **fields,
    }  # fmt: skip


def symbol(name: str, **fields: object) -> dict[str, object]:
    return {"symbol": name, "status": "TRADING", "baseAsset": name[:3], "quoteAsset": name[3:],
            **fields}  # fmt: skip
