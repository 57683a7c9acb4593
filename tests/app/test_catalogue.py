"""What people write for a market or a series finds the one they mean, or says what is near."""

from __future__ import annotations

import pytest

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.market import Market, MarketStatus, parse_market
from sigmawatch.domain.series import Block, Series, parse_series
from sigmawatch.domain.window import MINUTE_MS, Interval

MINUTE, FIVE = Interval(MINUTE_MS), Interval(5 * MINUTE_MS)
KRAKEN_BTC = Market(venue="KRAKEN", base="BTC", quote="USD", native="XXBTZUSD")
KRAKEN_ETH = Market(venue="KRAKEN", base="ETH", quote="USD", native="XETHZUSD")
COINBASE_BTC = Market(venue="COINBASE", base="BTC", quote="USD", native="BTC-USD")


def series(id: int, market: Market, metric: str = "price", interval: Interval = MINUTE) -> Series:
    return Series(id=id, market=market, metric=metric, interval=interval, block_id=1, place=id)


def catalogue(*tracked: Series) -> Catalogue:
    found = Catalogue()
    found.put(blocks=[Block(id=1, venue="KRAKEN", metric="price", interval=MINUTE)], series=tracked)
    return found


@pytest.mark.parametrize(
    "text",
    ["1", "KRAKEN:BTC-USD:price", "kraken:btc/usd:price", "KRAKEN:XBTUSD:PRICE",
     "kraken:xxbtzusd:price", "KRAKEN:XBT_USD:price"],
)  # fmt: skip
def test_a_series_is_found_by_id_name_alias_native_id_and_any_case(text: str) -> None:
    tracked = catalogue(series(1, KRAKEN_BTC), series(2, KRAKEN_ETH))
    assert tracked.find(parse_series(text)).id == 1


def test_what_follows_from_a_venues_word_and_what_from_a_pushed_one() -> None:
    """A pusher who is late holds up nobody else's rules."""
    places = [("KRAKEN", "price"), ("KRAKEN", "traded_ref"), ("PUSH", "price"),
              ("PUSH", "traded_ref"), ("DERIVED", "formula")]  # fmt: skip
    found = Catalogue()
    found.put(
        blocks=[Block(id=id, venue=venue, metric=metric, interval=MINUTE)
                for id, (venue, metric) in enumerate(places, 1)],
        series=[Series(id=id, market=Market(venue=venue, base="A", quote="B", native="A"),
                       metric=metric, interval=MINUTE, block_id=id, place=0,
                       origin="push" if venue == "PUSH" else "api",
                       formula="KRAKEN:A/B" if venue == "DERIVED" else None)
                for id, (venue, metric) in enumerate(places, 1)],
    )  # fmt: skip
    assert found.followers(MINUTE, frozenset()) == frozenset()
    assert found.followers(MINUTE, frozenset({1})) == {2, 4, 5}
    assert found.followers(MINUTE, frozenset({3})) == {4, 5}
    assert found.followers(MINUTE, frozenset({1, 3})) == {2, 4, 5}
    assert found.followers(FIVE, frozenset({9})) == frozenset()


def test_a_series_of_several_venues_is_asked_back_naming_them() -> None:
    """SEMANTICS.md 1: never join two venues by symbol alone."""
    tracked = catalogue(series(1, KRAKEN_BTC), series(2, COINBASE_BTC))
    with pytest.raises(Invalid, match="several venues") as caught:
        tracked.find(parse_series("BTC-USD:price"))
    assert "KRAKEN:BTC-USD:price" in caught.value.allowed
    assert "COINBASE:BTC-USD:price" in caught.value.allowed


def test_one_market_at_two_intervals_means_the_one_tracked_first() -> None:
    tracked = catalogue(series(4, KRAKEN_BTC, interval=FIVE), series(3, KRAKEN_BTC))
    assert tracked.find(parse_series("KRAKEN:BTC-USD:price")).id == 3


def test_an_unknown_series_is_answered_with_near_names() -> None:
    with pytest.raises(NotFound) as caught:
        catalogue(series(1, KRAKEN_BTC)).find(parse_series("KRAKEN:BTC-EUR:price"))
    assert "KRAKEN:BTC-USD:price" in caught.value.allowed
    with pytest.raises(NotFound, match="no tracked series has the id 9"):
        catalogue(series(1, KRAKEN_BTC)).find(parse_series("9"))


def test_a_market_is_resolved_only_where_one_venue_lists_it() -> None:
    listed = Catalogue()
    listed.list_markets("KRAKEN", [KRAKEN_BTC, KRAKEN_ETH])
    listed.list_markets("COINBASE", [COINBASE_BTC])
    assert listed.resolve_market(parse_market("eth-usd")) == KRAKEN_ETH
    assert listed.resolve_market(parse_market("coinbase:btcusd")) == COINBASE_BTC
    with pytest.raises(Invalid, match="more than once"):
        listed.resolve_market(parse_market("BTC/USD"))
    with pytest.raises(NotFound, match="no venue lists"):
        listed.resolve_market(parse_market("KRAKEN:DOGE/USD"))


def test_a_market_that_trades_goes_before_its_halted_namesake() -> None:
    halted = Market(venue="KRAKEN", base="BTC", quote="USD", native="XBTUSD.old",
                    status=MarketStatus.HALTED)  # fmt: skip
    listed = Catalogue()
    listed.list_markets("KRAKEN", [halted, KRAKEN_BTC])
    assert listed.resolve_market(parse_market("KRAKEN:BTC/USD")) == KRAKEN_BTC


@pytest.mark.parametrize(
    ("text", "native"),
    [("FTM-USD", "FTM-USD"), ("ftm/usd", "FTM-USD"), ("S/USD", "S-USD"), ("s-usd", "S-USD")],
)
def test_a_market_that_is_named_to_the_letter_goes_before_what_its_name_became(
    text: str, native: str
) -> None:
    """A venue lists both for a while, FTM and what it is called today."""
    both = [Market(venue="COINBASE", base=base, quote="USD", native=f"{base}-USD")
            for base in ("FTM", "S")]  # fmt: skip
    listed = Catalogue()
    listed.list_markets("COINBASE", both)
    assert listed.resolve_market(parse_market(f"COINBASE:{text}")).native == native
    listed.list_markets("COINBASE", both[1:])
    assert listed.resolve_market(parse_market(f"COINBASE:{text}")).native == "S-USD"


def test_tracked_markets_are_known_before_their_venue_has_answered() -> None:
    tracked = catalogue(series(1, KRAKEN_BTC), series(2, KRAKEN_BTC, "bid"))
    assert list(tracked.markets("KRAKEN")) == [KRAKEN_BTC]
    assert not tracked.listed("KRAKEN")
    assert tracked.resolve_market(parse_market("KRAKEN:XBT/USD")) == KRAKEN_BTC


def test_every_change_makes_old_plans_old() -> None:
    tracked = catalogue(series(1, KRAKEN_BTC))
    before = tracked.version
    tracked.drop(1)
    assert tracked.version > before
    assert tracked.series == ()
