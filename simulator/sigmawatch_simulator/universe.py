"""The markets of each venue: which pairs, how finely priced, how busy. A function of the seed.

The first N by traded value are chosen, so a list of 1,000 starts with the list of 50.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sigmawatch_simulator.market import Asset, Market
from sigmawatch_simulator.names import assets
from sigmawatch_simulator.noise import uniform

_SYNTHETIC_SIGMA = (0.0006, 0.0013)
_MONEY = {
    "USD": Asset(name="USD", price_usd=1.0, sigma_minute=0.0, beta=0.0),
    "EUR": Asset(name="EUR", price_usd=1.08, sigma_minute=0.00006, beta=0.0),
    "GBP": Asset(name="GBP", price_usd=1.27, sigma_minute=0.00006, beta=0.0),
    "USDT": Asset(name="USDT", price_usd=1.0002, sigma_minute=0.000008, beta=0.0),
    "USDC": Asset(name="USDC", price_usd=0.9999, sigma_minute=0.000006, beta=0.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How one venue differs from the others."""

    leader_usd_day: float  # traded value of its busiest asset
    trade_usd: tuple[float, float, float]  # least, most, and the divisor of the root of the value
    quotes: dict[str, tuple[float, int]]  # quote -> share of the value, number of assets
    money: tuple[str, ...]  # pairs of money against money
    extra_decimals: int
    decimals_max: int


HABITS = {
    "kraken": Habits(
        leader_usd_day=2.5e8,
        trade_usd=(60.0, 3_000.0, 1.0),
        quotes={
            "USD": (1.0, 9_999),
            "EUR": (0.4, 1_200),
            "USDT": (0.12, 300),
            "USDC": (0.1, 150),
            "BTC": (0.05, 120),
            "GBP": (0.03, 100),
            "ETH": (0.01, 30),
        },
        money=("USDT/USD", "USDC/USD", "EUR/USD", "GBP/USD", "USDT/EUR", "USDC/EUR", "USDC/USDT"),
        extra_decimals=0,
        decimals_max=10,
    ),
    "coinbase": Habits(
        leader_usd_day=7e8,
        trade_usd=(40.0, 1_500.0, 4.0),
        quotes={
            "USD": (1.0, 9_999),
            "EUR": (0.09, 900),
            "USDC": (0.07, 400),
            "USDT": (0.06, 200),
            "BTC": (0.04, 100),
            "GBP": (0.03, 100),
        },
        money=("USDT/USD", "USDT/EUR", "USDT/USDC"),
        extra_decimals=1,
        decimals_max=10,
    ),
    "binance": Habits(
        leader_usd_day=2e9,
        trade_usd=(30.0, 500.0, 20.0),
        quotes={
            "USDT": (1.0, 9_999),
            "USDC": (0.25, 900),
            "EUR": (0.02, 300),
            "BTC": (0.06, 300),
            "ETH": (0.01, 60),
        },
        money=("USDC/USDT", "EUR/USDT", "EUR/USDC"),
        extra_decimals=1,
        decimals_max=8,
    ),
    "okx": Habits(
        leader_usd_day=6e8,
        trade_usd=(30.0, 500.0, 10.0),
        quotes={
            "USDT": (1.0, 9_999),
            "USDC": (0.2, 600),
            "EUR": (0.03, 200),
            "BTC": (0.04, 60),
            "ETH": (0.01, 20),
        },
        money=("USDC/USDT", "USDT/EUR", "USDC/EUR"),
        extra_decimals=0,
        decimals_max=10,
    ),
    "bybit": Habits(
        leader_usd_day=7e8,
        trade_usd=(30.0, 500.0, 10.0),
        quotes={
            "USDT": (1.0, 9_999),
            "USDC": (0.2, 400),
            "EUR": (0.02, 100),
            "BTC": (0.03, 30),
        },
        money=("USDC/USDT", "USDT/EUR", "USDC/EUR"),
        extra_decimals=0,
        decimals_max=10,
    ),
    "bitstamp": Habits(
        leader_usd_day=1.2e8,
        trade_usd=(80.0, 3_000.0, 1.0),
        quotes={
            "USD": (1.0, 9_999),
            "EUR": (0.5, 900),
            "GBP": (0.04, 60),
            "USDT": (0.03, 40),
            "USDC": (0.02, 40),
            "BTC": (0.03, 60),
        },
        money=("USDT/USD", "USDC/USD", "EUR/USD", "GBP/USD", "USDT/EUR", "USDC/EUR"),
        extra_decimals=0,
        decimals_max=8,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """All assets the markets of a venue are made of, and the markets."""

    assets: dict[str, Asset]
    markets: tuple[Market, ...]


def universe(venue: str, count: int, *, seed: int, name: Callable[[str, str], str]) -> Universe:
    """The `count` busiest markets of a venue; `name` makes the venue's id of (base, quote)."""
    known = {asset.name: asset for asset in _assets(math.ceil(count * 1.3) + 20, seed)} | _MONEY
    wanted = sorted(_candidates(venue, list(known.values()), seed=seed), reverse=True)
    chosen: list[Market] = []
    for value_usd, base, quote in wanted:
        market = _market(venue, (known[base], known[quote]), value_usd=value_usd, name=name)
        if market is not None:
            chosen.append(market)
        if len(chosen) == count:
            break
    assert len(chosen) == count
    used = {m.base for m in chosen} | {m.quote for m in chosen}
    return Universe(assets={n: known[n] for n in used}, markets=tuple(chosen))


def _assets(count: int, seed: int) -> Iterator[Asset]:
    low, high = _SYNTHETIC_SIGMA
    for rank, (name, price) in enumerate(assets(count)):
        dice = uniform(seed, "asset", name)
        yield Asset(
            name=name,
            price_usd=price or 10.0 ** (uniform("price", name) * 6.0 - 3.5),
            sigma_minute=0.00025 if rank == 0 else low + (high - low) * dice,
            beta=1.0 if rank == 0 else 0.7 + 0.8 * uniform(seed, "beta", name),
        )


def _candidates(venue: str, known: list[Asset], *, seed: int) -> Iterator[tuple[float, str, str]]:
    """Traded value a day in US dollars, base, quote."""
    habits = HABITS[venue]
    for pair in habits.money:
        base, quote = pair.split("/")
        yield habits.leader_usd_day * (0.2 if quote in ("USD", "USDT") else 0.03), base, quote
    coins = [asset for asset in known if asset.name not in _MONEY]
    for rank, asset in enumerate(coins):
        if rank >= 40 and uniform(venue, "lists", asset.name) < 0.12:
            continue  # not every venue lists everything
        value = habits.leader_usd_day * (rank + 1) ** -1.25
        value *= 0.7 + 0.6 * uniform(seed, venue, asset.name)
        for quote, (share, rank_max) in habits.quotes.items():
            is_pair = quote != asset.name and (asset.name, quote) != ("BTC", "ETH")
            if rank < rank_max and is_pair:
                yield value * share, asset.name, quote


def _market(
    venue: str,
    pair: tuple[Asset, Asset],
    *,
    value_usd: float,
    name: Callable[[str, str], str],
) -> Market | None:
    """The market of a pair, or None where the venue's grid is too coarse for its price."""
    base, quote = pair
    habits = HABITS[venue]
    price = base.price_usd / quote.price_usd
    fine = 5 - math.floor(math.log10(price)) + habits.extra_decimals
    decimals = min(max(fine, 1), habits.decimals_max)
    if price * 10.0**decimals < 1_000.0:
        return None
    least, most, divisor = habits.trade_usd
    trade_usd = min(max(value_usd**0.5 / divisor, least), most)
    volume_day = value_usd / base.price_usd
    return Market(
        venue=venue,
        id=name(base.name, quote.name),
        base=base.name,
        quote=quote.name,
        tick_decimals=decimals,
        lot_decimals=_decimals(volume_day, digits=13),
        quote_decimals=_decimals(value_usd / quote.price_usd, digits=17),
        trades_per_minute=value_usd / 1_440.0 / trade_usd,
        volume_base_minute=volume_day / 1_440.0,
    )


def _decimals(amount: float, *, digits: int) -> int:
    """As many decimals (1 to 8) as keep the amount within so many digits."""
    return min(max(digits - math.ceil(math.log10(amount)), 1), 8)
