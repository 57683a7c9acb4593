"""Kraken's three names per pair: internal key, altname, wsname. Old assets carry X and Z."""

_SHORT = {"BTC": "XBT", "DOGE": "XDG"}
_OLD_COINS = frozenset(
    {"XBT", "ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC", "XDG", "REP", "MLN"}
)
_OLD_MONEY = frozenset({"USD", "EUR", "GBP", "JPY", "CAD", "AUD"})


def short(asset: str) -> str:
    """BTC -> XBT, DOGE -> XDG."""
    return _SHORT.get(asset, asset)


def internal(asset: str) -> str:
    """BTC -> XXBT, USD -> ZUSD, ADA -> ADA."""
    name = short(asset)
    if name in _OLD_COINS:
        return "X" + name
    return "Z" + name if name in _OLD_MONEY else name


def altname(base: str, quote: str) -> str:
    return short(base) + short(quote)


def wsname(base: str, quote: str) -> str:
    return f"{short(base)}/{short(quote)}"


def pair_key(base: str, quote: str) -> str:
    """XXBTZUSD where both sides are old, else the altname; dogecoin against money is XDGUSD.

    A stablecoin or money in front of old money keeps the Z: USDTZUSD, ZEURZUSD.
    """
    old_base, old_quote = internal(base) != short(base), internal(quote) != short(quote)
    if base == "DOGE" and short(quote) in _OLD_MONEY:
        return altname(base, quote)
    if (old_base and old_quote) or (base, quote) == ("USDT", "USD"):
        return internal(base) + internal(quote)
    return altname(base, quote)
