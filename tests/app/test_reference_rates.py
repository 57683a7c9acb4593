"""What a currency is worth, through the markets that are tracked (SEMANTICS.md 1)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from sigmawatch.app.reference_rates import Rates, Routes
from sigmawatch.domain.frame import Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import Interval
from sigmawatch.engine.geometry import Column, Marks, Rows

MINUTE = Interval(60_000)
NAN = float("nan")
K = 1_000  # a slot


def a_price(place: int, name: str) -> Series:
    """The price series of `VENUE:BASE/QUOTE`, in its place of the only block."""
    venue, _, pair = name.partition(":")
    base, _, quote = pair.partition("/")
    market = Market(venue=venue, base=base, quote=quote, native=f"{base}{quote}")
    return Series(
        id=place + 1, market=market, metric="price", interval=MINUTE, block_id=1, place=place
    )


class Prices:
    """What a series table tells, of prices given as slot -> price."""

    def __init__(self, prices: Mapping[str, Mapping[int, float]]) -> None:
        self.series = [a_price(place, name) for place, name in enumerate(prices)]
        self._told = list(prices.values())

    def rows(
        self, block_id: int, places: Rows, *, from_slot: int, to_slot: int
    ) -> tuple[Column, Marks]:
        values = np.array([
            [self._told[place].get(slot, NAN) for place in places.tolist()]
            for slot in range(from_slot, to_slot)
        ])  # fmt: skip
        missing, told = np.uint8(Reason.OUTAGE), np.uint8(Reason.OBSERVED)
        return values, np.where(np.isnan(values), missing, told)

    def rate(self, currency: str, *, venue: str = "KRAKEN", slot: int = K) -> float:
        rates = Rates([(venue, currency)], prices=self.series, reference="USD")
        return float(rates.over(self, slot, stop=slot + 1)[0][0, 0])


def ways(currency: str, *prices: str, venue: str = "KRAKEN") -> list[str]:
    """The routes in their order: `1/` before a market that is read the other way round."""
    markets = [(s.market.venue, s.market.base, s.market.quote)
               for s in (a_price(0, name) for name in prices)]  # fmt: skip
    return [
        " * ".join(f"{'1/' * leg.inverse}{leg.venue}:{leg.base}/{leg.quote}" for leg in way)
        for way in Routes(markets, reference="USD").of(currency, venue=venue)
    ]


def test_a_direct_market_comes_first_then_btc_then_usdt_and_the_own_venue_before_the_others() -> (
    None
):
    """SEMANTICS.md 1: "through tracked pairs (direct, else via BTC or USDT ...)"."""
    assert ways(
        "EUR",
        "COINBASE:EUR/USD", "BINANCE:EUR/USDT", "KRAKEN:BTC/EUR", "COINBASE:BTC/EUR",
        "COINBASE:BTC/USD", "KRAKEN:USD/EUR", "BINANCE:USDT/USD", "BITSTAMP:EUR/USD",
    ) == [
        "1/KRAKEN:USD/EUR",
        "BITSTAMP:EUR/USD",
        "COINBASE:EUR/USD",
        "1/KRAKEN:BTC/EUR * COINBASE:BTC/USD",
        "1/COINBASE:BTC/EUR * COINBASE:BTC/USD",
        "BINANCE:EUR/USDT * BINANCE:USDT/USD",
    ]  # fmt: skip


def test_the_reference_itself_needs_no_market_and_a_stranger_has_none() -> None:
    assert ways("USD") == [""]
    assert ways("JPY", "KRAKEN:BTC/USD", "KRAKEN:ETH/JPY") == []


def test_a_stablecoin_is_worth_what_its_markets_say() -> None:
    """SEMANTICS.md 1: "a stablecoin at its market rate"."""
    assert ways("USDT", "BINANCE:BTC/USDT", "KRAKEN:BTC/USD", venue="BINANCE") == [
        "1/BINANCE:BTC/USDT * KRAKEN:BTC/USD"
    ]
    prices = Prices({"BINANCE:BTC/USDT": {K: 50_000.0}, "KRAKEN:BTC/USD": {K: 49_900.0}})
    assert prices.rate("USDT") == pytest.approx(49_900 / 50_000, rel=1e-15)


def test_the_first_route_whose_legs_are_known_counts() -> None:
    prices = Prices({"KRAKEN:EUR/USD": {}, "COINBASE:EUR/USD": {K: 1.1}, "BITSTAMP:EUR/USD": {}})
    assert prices.rate("EUR") == 1.1


@pytest.mark.parametrize(("age", "rate"), [(0, 1.1), (10, 1.1), (11, NAN)])
def test_a_rate_more_than_ten_slots_old_is_unknown(age: int, rate: float) -> None:
    """SEMANTICS.md 1: "unknown if the rate is > 10 slots old"."""
    assert Prices({"KRAKEN:EUR/USD": {K - age: 1.1}}).rate("EUR") == pytest.approx(
        rate, nan_ok=True
    )


def test_an_unknown_rate_has_the_reason_of_the_best_routes_first_unknown_leg() -> None:
    prices = Prices({"KRAKEN:BTC/EUR": {K: 50_000.0}, "KRAKEN:BTC/USD": {}})
    keys = [("KRAKEN", "EUR"), ("KRAKEN", "JPY")]
    rates, why = Rates(keys, prices=prices.series, reference="USD").over(prices, K, stop=K + 1)
    assert np.isnan(rates).all()
    assert why.tolist() == [[Reason.OUTAGE, Reason.NOT_POLLED]]


def test_many_slots_at_once_are_each_slot_alone() -> None:
    rng = np.random.default_rng(5)
    told = {
        name: {slot: float(p) for slot, p in enumerate(rng.uniform(1, 2, 60)) if rng.random() < 0.2}
        for name in ("KRAKEN:EUR/USD", "COINBASE:EUR/USD", "KRAKEN:BTC/EUR", "KRAKEN:BTC/USD",
                     "BINANCE:USDT/EUR", "BINANCE:USDT/USD")
    }  # fmt: skip
    prices = Prices(told)
    rates = Rates([("KRAKEN", "EUR")], prices=prices.series, reference="USD")
    together, _ = rates.over(prices, 15, stop=60)
    alone = [prices.rate("EUR", slot=slot) for slot in range(15, 60)]
    np.testing.assert_array_equal(together[:, 0], alone)
    np.testing.assert_allclose(alone, [_slow_rate(told, slot) for slot in range(15, 60)], 1e-14)


def _slow_rate(told: Mapping[str, Mapping[int, float]], slot: int) -> float:
    """Written from SEMANTICS.md alone."""

    def close(name: str) -> float:
        past = [told[name][s] for s in range(slot, slot - 11, -1) if s in told[name]]
        return past[0] if past else NAN

    routes = [
        close("KRAKEN:EUR/USD"),
        close("COINBASE:EUR/USD"),
        close("KRAKEN:BTC/USD") / close("KRAKEN:BTC/EUR"),
        close("BINANCE:USDT/USD") / close("BINANCE:USDT/EUR"),
    ]
    return next((rate for rate in routes if not np.isnan(rate)), NAN)
