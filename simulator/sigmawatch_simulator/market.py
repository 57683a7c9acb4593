"""One market of one venue, and the assets it is made of. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Something with a price in US dollars that walks."""

    name: str
    price_usd: float
    sigma_minute: float  # own noise, log units per square root of a minute
    beta: float  # share of the common factor; 0 for money

    def __post_init__(self) -> None:
        assert self.price_usd > 0.0
        assert 0.0 <= self.sigma_minute < 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What a venue lists: names, grid and size. Prices are multiples of 10^-tick_decimals."""

    venue: str
    id: str  # the venue's own name: XXBTZUSD, BTC-USD, BTCUSDT
    base: str  # modern name: BTC, DOGE
    quote: str
    tick_decimals: int
    lot_decimals: int
    quote_decimals: int
    trades_per_minute: float = 4.0
    volume_base_minute: float = 1.0  # expected

    def __post_init__(self) -> None:
        assert self.id
        assert min(self.tick_decimals, self.lot_decimals, self.quote_decimals) >= 1

    @property
    def pair(self) -> str:
        return f"{self.base}/{self.quote}"

    @property
    def tick(self) -> float:
        return 10.0**-self.tick_decimals

    @property
    def lot(self) -> float:
        return 10.0**-self.lot_decimals
