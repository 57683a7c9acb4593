"""An independent judge of the recorded markets: pandas and NumPy over the raw candle files.

Shares no code with the product. A quiet minute (no row) keeps the close before it and trades
nothing; a window is the 1,440 minutes up to and including the judged one.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

MINUTE_MS = 60_000
DAY = 1_440


@dataclass(frozen=True)
class Judged:
    """One market at one minute; sigma in the unit of the market, ratio, and ratio per day."""

    sigma_abs: float
    sigma_rel: float
    sigma_ret: float
    mean: float
    count: int


def load(folder: Path) -> dict[str, pd.DataFrame]:
    """Pair -> candles by open minute (index: minutes since the epoch)."""
    frames = {}
    for path in sorted(folder.glob("*-1m.json.gz")):
        rows = json.loads(gzip.decompress(path.read_bytes()))
        frame = pd.DataFrame(rows, columns=["open_ms", "open", "high", "low", "close", "volume"])
        frame.index = frame["open_ms"] // MINUTE_MS
        frames[path.name.split("-")[0].replace("_", "/")] = frame
    return frames


def prices(frames: dict[str, pd.DataFrame], first: int, last: int) -> pd.DataFrame:
    """Close of every minute, quiet ones filled forward; columns are pairs."""
    minutes = range(first, last + 1)
    return pd.DataFrame({pair: f["close"].reindex(minutes).ffill() for pair, f in frames.items()})


def traded(frames: dict[str, pd.DataFrame], first: int, last: int) -> pd.DataFrame:
    """Close x volume of every minute, NaN where there is no row."""
    minutes = range(first, last + 1)
    return pd.DataFrame({
        pair: (f["close"] * f["volume"]).reindex(minutes) for pair, f in frames.items()
    })  # fmt: skip


def judge(values: pd.Series, minute: int) -> Judged:
    """The day that ends with `minute`, by the textbook formulas (ddof 0)."""
    window = values.loc[minute - DAY + 1 : minute].to_numpy()
    present = window[~np.isnan(window)]
    with np.errstate(all="ignore"):
        returns = np.log(window[1:] / window[:-1])
    returns = returns[np.isfinite(returns)]
    mean, sigma = present.mean(), present.std(ddof=0)
    return Judged(
        sigma_abs=float(sigma),
        sigma_rel=float(sigma / abs(mean)),
        sigma_ret=float(returns.std(ddof=0) * np.sqrt(DAY)),
        mean=float(mean),
        count=len(present),
    )


def ranks(values: dict[str, float]) -> dict[str, int]:
    """1 = largest; ties share the better rank."""
    table = pd.Series(values).rank(method="min", ascending=False)
    return {str(pair): int(place) for pair, place in table.items()}
