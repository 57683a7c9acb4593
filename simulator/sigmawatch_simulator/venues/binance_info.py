"""The entries of Binance's exchangeInfo, and the halted markets beside the model's own."""

from typing import Any

from sigmawatch_simulator.market import Market
from sigmawatch_simulator.text import fixed

BREAK = "BREAK"
_HALTED = "BCC VEN HSR ICN SALT SUB WTC MCO OAX DNT SNGLS BQX SNM MDA STRAT"
_ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"]


def halted_names(markets: tuple[Market, ...]) -> list[str]:
    """Symbols in BREAK: a tenth of the markets, at least two, at most the old names there are.

    From 100 markets on one of them is not ASCII.
    """
    known = {market.id for market in markets}
    names = [coin + quote for quote in ("USDT", "BTC", "ETH") for coin in _HALTED.split()]
    chosen = [name for name in names if name not in known][: max(2, len(markets) // 10)]
    return [*chosen, "币安人生USDT"] if len(markets) >= 100 else chosen


def symbol_entry(
    market: Market, name: str, *, status: str = "TRADING", has_sets: bool = True
) -> dict[str, Any]:
    """One entry of `symbols`. A halted one borrows everything but its name from `market`."""
    is_own = status != BREAK or name == market.id
    quote = market.quote if is_own else next(q for q in _QUOTES if name.endswith(q))
    return {
        "symbol": name,
        "status": status,
        "baseAsset": market.base if is_own else name.removesuffix(quote),
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": _ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(market),
        "permissions": [],
        "permissionSets": [["SPOT", "TRD_GRP_004"]] if has_sets else [],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


_QUOTES = ("USDT", "BTC", "ETH")


def _filters(market: Market) -> list[dict[str, Any]]:
    tick = fixed(1, market.tick_decimals, shown=max(8, market.tick_decimals))
    lot = fixed(1, market.lot_decimals, shown=8)
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "922327.00000000",
         "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000000.00000000", "stepSize": lot},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "avgPriceMins": 5},
    ]  # fmt: skip
