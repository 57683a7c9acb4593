"""Minutes from the model: correlated walks of assets, seen through a venue's order flow.

A pure function of (seed, market, minute). The price of a pair is the ratio of its two assets, so
crosses agree with each other and the same pair on two venues differs by a few basis points.
"""

from dataclasses import dataclass, replace

import numpy as np

from sigmawatch_simulator.arrays import DAY_MINUTES, Bits, Flags, Floats, Ints
from sigmawatch_simulator.market import Asset, Market
from sigmawatch_simulator.minutes import Minutes, quote_scale, quote_volume
from sigmawatch_simulator.noise import bits, field, keys_of, stream
from sigmawatch_simulator.walk import brownian, growth, jumps

_COMMON_SIGMA = 0.0003
_SURE_TRADE_MINUTES = 240  # the quietest market trades this often
_TRADES_MAX = 4_000
_ACTIVITY_MINUTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What the order flow of a minute looks like, as [minutes, markets]."""

    traded: Flags
    count: Ints
    volume: Ints
    up_ticks: Floats
    down_ticks: Floats
    swap: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paper:
    """What the order flow is drawn on; [markets] but for the minutes."""

    keys: Bits
    minute: Ints
    rate: Floats  # trades a minute, expected
    lots: Floats  # volume a minute, expected
    sigma: Floats  # log units a minute
    centre: Floats  # ticks

    def shape(self, moved: Floats, first: Bits) -> _Shape:
        """moved: the minute's way in log units; first: noise that the prices used in part."""
        second = bits(stream(self.keys, 2), self.minute)
        activity = _activity(self.keys, self.minute)
        rate = self.rate * activity
        chance = rate * (1.0 + rate) / (rate * (1.0 + rate) + 0.9)
        phase = (self.keys % np.uint64(_SURE_TRADE_MINUTES)).astype(np.int64)
        sure = self.minute[:, None] % _SURE_TRADE_MINUTES == phase[None, :]
        luck = field(first, 3)
        moved = np.minimum(moved / self.sigma, 6.0)
        burst = (0.2 + 0.3 * luck / (1.03 - luck)) * (1.0 + 0.5 * moved) / 1.4
        count = np.minimum(1.0 + rate * burst, _TRADES_MAX).astype(np.int64)
        lots = self.lots * activity / chance * burst * (0.7 + 0.6 * field(second, 3))
        wick = self.sigma * self.centre
        return _Shape(
            traded=(field(first, 2) < chance) | sure,
            count=count,
            volume=np.maximum(lots.astype(np.int64), 16 * count),
            up_ticks=np.floor(_wick(field(second, 0)) * wick),
            down_ticks=np.floor(_wick(field(second, 1)) * wick),
            swap=field(second, 2) < 0.3,
        )


class Synthetic:
    """The synthetic source of one venue's markets."""

    def __init__(self, markets: tuple[Market, ...], *, assets: dict[str, Asset], seed: int) -> None:
        assert markets
        self.markets = markets
        self._keys = keys_of(seed, "market", names=[f"{m.venue}:{m.pair}" for m in markets])
        names = sorted({m.base for m in markets} | {m.quote for m in markets})
        self._asset_keys = keys_of(seed, "asset", names=names)
        self._common_key = keys_of(seed, "common", names=[""])
        own = [assets[name] for name in names]
        self._sigma = np.array([asset.sigma_minute for asset in own])
        self._beta = np.array([asset.beta for asset in own]) * _COMMON_SIGMA
        place = {name: position for position, name in enumerate(names)}
        self._base = np.array([place[m.base] for m in markets], dtype=np.int64)
        self._quote = np.array([place[m.quote] for m in markets], dtype=np.int64)
        self._centre_ticks = np.array(
            [assets[m.base].price_usd / assets[m.quote].price_usd / m.tick for m in markets]
        )
        self._rate = np.array([m.trades_per_minute for m in markets])
        self._lots = np.array([m.volume_base_minute / m.lot for m in markets])
        self._scale = quote_scale(markets)
        self._sigma_market = np.hypot(self._sigma[self._base], self._beta[self._base]) + 1e-5

    def minutes(self, which: Ints, span: range) -> Minutes:
        """Minutes of the markets at these positions; ~0.3 us per cell."""
        keys = self._keys[which]
        minute = np.arange(span.start, span.stop, dtype=np.int64)
        log = self._log_price(which, span)
        random = bits(stream(keys, 1), minute)
        centre = self._centre_ticks[which]
        noise = 2e-4 + 4e-4 / (1.0 + self._rate[which])
        o = centre * growth(log[:-1] + noise * (field(random, 0) - 0.5))
        c = centre * growth(log[1:] + noise * (field(random, 1) - 0.5))
        paper = _Paper(
            keys=keys,
            minute=minute,
            rate=self._rate[which],
            lots=self._lots[which],
            sigma=self._sigma_market[which],
            centre=centre,
        )
        shape = paper.shape(np.abs(log[1:] - log[:-1]), random)
        return _cells(paper, self._scale[which], open_close=(o, c), shape=shape)

    def _log_price(self, which: Ints, span: range) -> Floats:
        needed, place = np.unique(
            np.concatenate([self._base[which], self._quote[which]]), return_inverse=True
        )
        keys = self._asset_keys[needed]
        own = brownian(keys, span)
        own += jumps(keys, span)
        own *= self._sigma[needed]
        common = brownian(self._common_key, span)
        own += common * self._beta[needed]
        ratio: Floats = own[:, place[: which.size]] - own[:, place[which.size :]]
        return ratio


def _cells(
    paper: _Paper, scale: Floats, *, open_close: tuple[Floats, Floats], shape: _Shape
) -> Minutes:
    """Whole ticks, and no more detail than the number of trades allows."""
    o = np.maximum(np.rint(open_close[0]), 1.0)
    c = np.where(shape.count == 1, o, np.maximum(np.rint(open_close[1]), 1.0))
    dip_first = (c >= o) ^ shape.swap
    up = np.where((shape.count >= 4) | ((shape.count == 3) & ~dip_first), shape.up_ticks, 0.0)
    down = np.where((shape.count >= 4) | ((shape.count == 3) & dip_first), shape.down_ticks, 0.0)
    cells = Minutes(
        keys=paper.keys,
        minute=paper.minute,
        quote_scale=scale,
        open=o.astype(np.int64),
        high=(np.maximum(o, c) + up).astype(np.int64),
        low=np.maximum(np.minimum(o, c) - down, 1.0).astype(np.int64),
        close=c.astype(np.int64),
        volume=np.where(shape.traded, shape.volume, 0),
        quote=np.zeros_like(shape.volume),
        count=np.where(shape.traded, shape.count, 0),
        dip_first=dip_first,
    )
    return replace(cells, quote=quote_volume(cells))


def _wick(u: Floats) -> Floats:
    return 1.6 * u * u


def _activity(keys: Bits, minute: Ints) -> Floats:
    """How busy a market is, mean about 1: its own swells times the common course of the day."""
    block = minute // _ACTIVITY_MINUTES
    lattice = np.arange(block[0], block[-1] + 2, dtype=np.int64)
    heights = field(bits(stream(keys, 3), lattice), 0)
    heights = 0.35 + 1.95 * heights * heights
    part = (minute % _ACTIVITY_MINUTES)[:, None] * (1.0 / _ACTIVITY_MINUTES)
    row = block - block[0]
    own = heights[row] * (1.0 - part) + heights[row + 1] * part
    hour = np.abs((minute % DAY_MINUTES) / DAY_MINUTES - 0.625)
    busy: Floats = own * (1.35 - 1.4 * np.minimum(hour, 1.0 - hour))[:, None]
    return busy
