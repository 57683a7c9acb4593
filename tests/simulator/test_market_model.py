"""The double's own market: what the ticker says is the sum of the candles, whoever asks when."""

from collections.abc import Callable
from decimal import Decimal
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulator.asking import DAY_MS, MINUTE_MS, NOON_MS, binance, coinbase, kraken

from sigmawatch_simulator import Simulator
from sigmawatch_simulator.arrays import DAY_MINUTES, Ints
from sigmawatch_simulator.minutes import Minutes, Source
from sigmawatch_simulator.past import Past, Span
from sigmawatch_simulator.prints import prints_of
from sigmawatch_simulator.synthetic import Synthetic
from sigmawatch_simulator.tape import Tape
from sigmawatch_simulator.universe import universe
from sigmawatch_simulator.venues.stage import NAMES, VENUES

MINUTE = NOON_MS // MINUTE_MS
CELLS = ("open", "high", "low", "close", "volume", "quote", "count")


@cache
def source(venue: str = "kraken", *, count: int = 40, seed: int = 7) -> Synthetic:
    made = universe(venue, count, seed=seed, name=NAMES[venue])
    return Synthetic(made.markets, assets=made.assets, seed=seed)


def everything(of: Source) -> Ints:
    return np.arange(len(of.markets), dtype=np.int64)


def same(one: Minutes, other: Minutes) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in CELLS)


@settings(max_examples=40)
@given(st.integers(0, 5_000), st.integers(1, 90), st.lists(st.integers(0, 39), min_size=1))
def test_a_minute_is_the_same_in_whatever_rectangle_it_is_asked(
    skip: int, length: int, columns: list[int]
) -> None:
    model = source()
    whole = model.minutes(everything(model), range(MINUTE - 5_100, MINUTE))
    which = np.array(columns, dtype=np.int64)
    span = range(MINUTE - 5_100 + skip, MINUTE - 5_100 + skip + length)
    part = model.minutes(which, span)
    rows = slice(skip, skip + length)
    for name in CELLS:
        expected = getattr(whole, name)[rows][:, which]
        np.testing.assert_array_equal(getattr(part, name)[: expected.shape[0]], expected)


@pytest.mark.parametrize("now_ms", [NOON_MS, NOON_MS - NOON_MS % MINUTE_MS, NOON_MS + 13_337])
def test_the_rolling_day_is_the_sum_over_its_trades(now_ms: int) -> None:
    tape = Tape(source(count=6))
    window = tape.window(now_ms - DAY_MS, now_ms)
    for position, market in enumerate(tape.source.markets):
        past = Past(tape=tape, market=market, position=position, now_ms=now_ms)
        trades = [
            t
            for t in past.next_trades((now_ms - DAY_MS) * 1_000_000 - 1, 10**7)
            if t.time_ns < now_ms * 1_000_000
        ]
        assert window.volume[position] == sum(t.size for t in trades)
        assert window.count[position] == len(trades)
        assert window.high[position] == max(t.price for t in trades)
        assert window.low[position] == min(t.price for t in trades)
        assert window.open[position] == trades[0].price
        assert window.close[position] == trades[-1].price


def test_at_a_minutes_edge_the_rolling_day_is_the_sum_of_1440_candles() -> None:
    model = source()
    edge_ms = MINUTE * MINUTE_MS
    window = Tape(model).window(edge_ms - DAY_MS, edge_ms)
    day = model.minutes(everything(model), range(MINUTE - DAY_MINUTES, MINUTE))
    np.testing.assert_array_equal(window.volume, day.volume.sum(axis=0))
    np.testing.assert_array_equal(window.quote, day.quote.sum(axis=0))
    np.testing.assert_array_equal(window.count, day.count.sum(axis=0))
    np.testing.assert_array_equal(window.high, np.where(day.count > 0, day.high, 0).max(axis=0))


def test_the_rolling_volume_falls_about_as_often_as_it_rises() -> None:
    tape = Tape(source())
    volumes = np.array(
        [
            tape.window(at - DAY_MS, at).volume
            for at in range(NOON_MS, NOON_MS + 40 * MINUTE_MS, MINUTE_MS)
        ]
    )
    steps = np.diff(volumes, axis=0)
    assert 0.2 < (steps < 0).mean() < 0.8
    assert 0.2 < (steps > 0).mean() < 0.8


def test_a_windows_figures_do_not_depend_on_what_was_asked_before() -> None:
    fresh, used = Tape(source()), Tape(source())
    for at in (NOON_MS + 5 * DAY_MS, NOON_MS - 3 * DAY_MS, NOON_MS + 3_600_000):
        used.board(at)
    one, other = fresh.board(NOON_MS), used.board(NOON_MS)
    for name in ("last", "bid", "ask", "last_size"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.day.volume, other.day.volume)


def test_the_prints_of_a_minute_are_the_minute() -> None:
    model = source(count=40)
    cells = model.minutes(everything(model), range(MINUTE - 30, MINUTE))
    for row in range(30):
        line = cells.row(row)
        prints, traded = prints_of(line), line.count > 0
        np.testing.assert_array_equal(prints.volume.sum(axis=0), line.volume)
        np.testing.assert_array_equal(prints.count.sum(axis=0), line.count)
        np.testing.assert_array_equal(prints.quote.sum(axis=0), line.quote)
        high = np.where(prints.active, prints.price, 0).max(axis=0)
        np.testing.assert_array_equal(high[traded], line.high[traded])
        offsets = prints.offset_ms[prints.active]
        assert ((offsets >= 0) & (offsets < MINUTE_MS)).all()


def test_candles_are_candles() -> None:
    model = source()
    cells = model.minutes(everything(model), range(MINUTE - 2_880, MINUTE))
    assert (cells.low > 0).all()
    assert (cells.low <= np.minimum(cells.open, cells.close)).all()
    assert (cells.high >= np.maximum(cells.open, cells.close)).all()
    assert ((cells.volume > 0) == (cells.count > 0)).all()
    assert (cells.volume >= cells.count).all()


def test_quiet_markets_have_quiet_minutes_and_liquid_ones_have_none() -> None:
    model = source(count=300)
    cells = model.minutes(everything(model), range(MINUTE - DAY_MINUTES, MINUTE))
    traded = (cells.count > 0).mean(axis=0)
    assert traded[0] > 0.99
    assert 0.02 < traded[-1] < 0.9
    assert ((cells.count > 0).sum(axis=0) >= DAY_MINUTES // 240).all()


def test_prices_stay_sane_for_twenty_years() -> None:
    model = source(count=20)
    closes = np.concatenate(
        [
            model.minutes(everything(model), range(minute, minute + 1)).close
            for minute in range(MINUTE - 10 * 525_600, MINUTE + 10 * 525_600, 50_000)
        ]
    )
    spread = closes.max(axis=0) / closes.min(axis=0)
    assert spread.max() < 20.0
    assert spread[0] > 1.2  # and yet they move


def test_returns_are_correlated_heavy_tailed_and_differ_in_size() -> None:
    model = source(count=12)
    cells = model.minutes(everything(model), range(MINUTE - 4_000, MINUTE))
    names = [market.pair for market in model.markets]
    returns = np.diff(np.log(cells.close.astype(np.float64)), axis=0)
    bitcoin, ether = returns[:, names.index("BTC/USD")], returns[:, names.index("ETH/USD")]
    assert np.corrcoef(bitcoin, ether)[0, 1] > 0.2
    kurtosis = ((bitcoin - bitcoin.mean()) ** 4).mean() / bitcoin.var() ** 2
    assert kurtosis > 3.5
    sigma = returns.std(axis=0)
    assert sigma.max() > 1.5 * sigma[names.index("BTC/USD")]


def test_some_prices_jump() -> None:
    model = source(count=40)
    cells = model.minutes(everything(model), range(MINUTE - 8_000, MINUTE))
    returns = np.abs(np.diff(np.log(cells.close.astype(np.float64)), axis=0))
    sizes = returns.max(axis=0) / returns.std(axis=0)
    assert (sizes > 12.0).sum() >= 5


def test_the_same_pair_costs_nearly_the_same_on_every_venue() -> None:
    lasts: dict[str, dict[str, float]] = {}
    for venue in VENUES:
        model = source(venue, count=60)
        board = Tape(model).board(NOON_MS)
        for position, market in enumerate(model.markets):
            price = float(board.last[position]) * market.tick
            lasts.setdefault(market.pair, {})[venue] = price
    shared = {pair: list(by.values()) for pair, by in lasts.items() if len(by) > 1}
    assert len(shared) > 10
    for pair, prices in shared.items():
        assert max(prices) / min(prices) < 1.01, pair
    assert lasts["BTC/USD"]["kraken"] != lasts["BTC/USD"]["coinbase"]


def test_crosses_agree_with_their_legs() -> None:
    model = source(count=60)
    cells = model.minutes(everything(model), range(MINUTE, MINUTE + 1))
    price = {m.pair: cells.open[0, n] * m.tick for n, m in enumerate(model.markets)}
    implied = price["BTC/USD"] / price["EUR/USD"]
    assert price["BTC/EUR"] == pytest.approx(implied, rel=0.002)


def test_a_longer_list_begins_with_the_shorter() -> None:
    short = universe("binance", 50, seed=7, name=NAMES["binance"])
    long = universe("binance", 400, seed=7, name=NAMES["binance"])
    assert long.markets[:50] == short.markets
    one, other = (
        Synthetic(made.markets, assets=made.assets, seed=7).minutes(
            np.arange(50, dtype=np.int64), range(MINUTE, MINUTE + 5)
        )
        for made in (short, long)
    )
    assert same(one, other)


@pytest.mark.parametrize("venue", VENUES)
def test_five_thousand_markets_have_five_thousand_names(venue: str) -> None:
    made = universe(venue, 5_000, seed=7, name=NAMES[venue])
    assert len({market.id for market in made.markets}) == 5_000
    assert len({market.pair for market in made.markets}) == 5_000


def test_another_seed_is_another_market() -> None:
    one = Tape(source(seed=7)).board(NOON_MS)
    other = Tape(source(seed=8)).board(NOON_MS)
    assert not np.array_equal(one.last, other.last)


def test_candles_do_not_depend_on_when_the_server_was_started(
    make: Callable[..., Simulator],
) -> None:
    early, late = make(start_ms=NOON_MS - 2 * DAY_MS), make()
    early.clock.advance(2 * DAY_MS)
    one = kraken(early, "OHLC", pair="XBTUSD", interval=1)
    assert one == kraken(late, "OHLC", pair="XBTUSD", interval=1)
    assert kraken(early, "Ticker") == kraken(late, "Ticker")


@pytest.mark.parametrize("offset_ms", [0, 1, 9_000, 31_500, 59_999])
def test_the_last_price_is_the_close_of_the_running_candle(
    make: Callable[..., Simulator], offset_ms: int
) -> None:
    simulator = make(start_ms=NOON_MS - NOON_MS % MINUTE_MS + offset_ms, markets_count=30)
    for row in binance(simulator, "ticker/24hr", symbolStatus="TRADING"):
        kline = binance(simulator, "klines", symbol=row["symbol"], interval="1m", limit=2)[-1]
        assert kline[4] == row["lastPrice"]
    for key, row in kraken(simulator, "Ticker").items():
        if ":" not in key:
            candles = kraken(simulator, "OHLC", pair=key, interval=1)[key]
            assert Decimal(candles[-1][4]) == Decimal(row["c"][0])
    for name, row in coinbase(simulator, "/products/stats").items():
        newest = coinbase(simulator, f"/products/{name}/candles", granularity=60)[0]
        assert newest[4] == Decimal(row["stats_24hour"]["last"])


def test_coarse_candles_are_made_of_fine_ones() -> None:
    tape = Tape(source(count=60))
    market = tape.source.markets[59]
    past = Past(tape=tape, market=market, position=59, now_ms=NOON_MS)
    hour = NOON_MS - NOON_MS % 3_600_000 - 5 * 3_600_000
    fine = past.candles(Span(first_ms=hour, end_ms=hour + 3_600_000, step_ms=MINUTE_MS))
    coarse = past.candles(Span(first_ms=hour, end_ms=hour + 3_600_000, step_ms=3_600_000))
    traded = fine.traded()
    assert coarse.volume.tolist() == [fine.volume.sum()]
    assert coarse.high.tolist() == [traded.high.max()]
    assert coarse.low.tolist() == [traded.low.min()]
    assert coarse.open.tolist() == [traded.open[0]]
    assert coarse.close.tolist() == [traded.close[-1]]
