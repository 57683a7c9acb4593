"""An independent judge of rules over the recorded markets: pandas over the raw files, plain Python
for the life of an alert. Nothing of the product is imported.

    python tests/replay/alert_reference.py FOLDER        prints the table of the documentation

Written from SEMANTICS.md 2, 6 and 7 alone, one market and one minute after the other. A rule is a
factor over its own last hour, of the price or of what was traded; `hysteresis` clears it a tenth
below its limit, as the default does, else at the limit.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

MINUTE_MS = 60_000
HOUR = 60
COOLDOWN = 15
UNKNOWN_MAX = 2
STORM_MIN = 10
FLAPPING = 5  # reopenings within an hour
REREAD = (
    2  # closed minutes before the newest that every poll reads again: so many are known at first
)
Truth = bool | None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """of: `price`, `traded_quote`, or that over 5 minutes. cooldown: minutes."""

    of: str
    factor: float
    hysteresis: bool
    cooldown: int

    @property
    def condition(self) -> str:
        return f"{self.of} > {self.factor:g} * mean(1h)"

    @property
    def name(self) -> str:
        words = [self.of.replace("[", "-").replace("]", ""), f"{self.factor:g}".replace(".", "-"),
                 "band" if self.hysteresis else "edge", f"{self.cooldown}m"]  # fmt: skip
        return "-".join(words).replace("_", "-")

    @property
    def span(self) -> int:
        return 5 if self.of.endswith("[5m]") else 1


RULES = tuple(
    Rule(of=of, factor=factor, hysteresis=hysteresis, cooldown=cooldown)
    for of, factor in (
        ("price", 3.0), ("price", 1.03), ("traded_quote", 3.0), ("traded_quote[5m]", 3.0),
    )
    for hysteresis in (True, False)
    for cooldown in (COOLDOWN, 0)
)  # fmt: skip


@dataclass(kw_only=True)
class Episode:
    """Minutes since the epoch; closed is None while it lasts."""

    pair: str
    opened: int
    closed: int | None = None
    reopened: int = 0


@dataclass(kw_only=True)
class Life:
    """One rule over one market."""

    pair: str
    cooldown: int
    episodes: list[Episode] = field(default_factory=list)
    notices: list[tuple[int, str]] = field(default_factory=list)  # minute, what is told
    phase: str = "ok"
    cooling_since: int = 0
    unknown_since: int | None = None
    reopenings: list[int] = field(default_factory=list)
    flapping: str = "no"
    summed: int | None = None

    def hear(self, minute: int, condition: Truth, *, clear: Truth) -> None:
        """One row of the table of SEMANTICS.md 7 after the other, as long as one holds."""
        clears = clear is True and condition is not True
        known = condition is True or clear is not None
        if known or self.phase in {"ok", "cooldown"}:
            self.unknown_since = None
        elif self.unknown_since is None:
            self.unknown_since = minute
        while self._row(minute, condition, clears=clears, known=known):
            pass
        self._flap(minute)

    def _flap(self, minute: int) -> None:
        """ "5 reopenings in 1 h: one notice, then an hourly summary until 1 h is quiet"."""
        last = self.reopenings[-FLAPPING:]
        if last and last[-1] == minute:
            if len(last) > 1 and minute - last[-2] >= HOUR:  # an hour was quiet
                self.flapping = "no"
            if self.flapping == "no" and len(last) == FLAPPING and minute - last[0] < HOUR:
                self.flapping = "untold"
        if self.flapping == "no":
            return
        if minute - last[-1] >= HOUR:
            self.flapping = "no"
        elif self.summed is None or minute - self.summed >= HOUR:
            self.notices.append((minute, "summary" if self.flapping == "told" else "flapping"))
            self.flapping, self.summed = "told", minute

    def _row(self, minute: int, condition: Truth, *, clears: bool, known: bool) -> bool:
        over = minute - self.cooling_since >= self.cooldown
        if self.phase == "ok" and condition:
            self.episodes.append(Episode(pair=self.pair, opened=minute))
            self.notices.append((minute, "firing"))
            self.phase = "firing"
        elif self.phase == "firing" and clears:
            self.episodes[-1].closed = minute
            self.notices.append((minute, "resolved"))
            self.phase, self.cooling_since = "cooldown", minute
        elif self.phase == "cooldown" and over:
            self.phase = "ok"
        elif self.phase == "cooldown" and condition:
            self.episodes[-1].closed = None
            self.episodes[-1].reopened += 1
            self.reopenings.append(minute)
            self.phase = "reopened"
        elif self.phase == "reopened" and clears:
            self.episodes[-1].closed = minute
            self.phase = "cooldown"
        elif self.phase == "reopened" and over and (known or self._long_unknown(minute)):
            self.notices.append((minute, "active_again"))
            self.phase = "firing"
        else:
            return False
        return True

    def _long_unknown(self, minute: int) -> bool:
        return self.unknown_since is not None and minute - self.unknown_since >= UNKNOWN_MAX


# What is known of a market at a minute


def candles(folder: Path) -> dict[str, pd.DataFrame]:
    """Pair -> candles by open minute."""
    found = {}
    for path in sorted(folder.glob("*-1m.json.gz")):
        rows = json.loads(gzip.decompress(path.read_bytes()))
        frame = pd.DataFrame(rows, columns=["open_ms", "open", "high", "low", "close", "volume"])
        frame.index = frame["open_ms"] // MINUTE_MS
        found[path.name.split("-")[0].replace("_", "/")] = frame
    return found


def judged(rule: Rule, frame: pd.DataFrame, minutes: range) -> Iterator[tuple[Truth, Truth]]:
    """What the condition and the clear condition say at each minute."""
    level = rule.of == "price"
    values, means = (_levels if level else _flows)(rule, frame, minutes)
    band = 0.9 if rule.hysteresis else 1.0
    for value, mean in zip(values.tolist(), means.tolist(), strict=True):
        if np.isnan(value) or np.isnan(mean) or mean <= 0.0:
            yield None, None
        else:
            yield value > rule.factor * mean, not value > rule.factor * band * mean


def _levels(rule: Rule, frame: pd.DataFrame, minutes: range) -> tuple[np.ndarray, np.ndarray]:
    """The close, standing through minutes without a trade, and the mean of the hour before."""
    del rule
    close = frame["close"].reindex(minutes).ffill()
    return close.to_numpy(), close.rolling(HOUR, min_periods=48).mean().shift(1).to_numpy()


def _flows(rule: Rule, frame: pd.DataFrame, minutes: range) -> tuple[np.ndarray, np.ndarray]:
    """What was traded in the span that ends with each minute, and the mean of the spans of the
    hour before it. A minute without a row is zero once a later row exists or two more minutes have
    passed; when its own minute closes it is not known."""
    read = range(minutes.start - REREAD, minutes.stop)
    traded = (frame["close"] * frame["volume"]).reindex(read)
    settled = traded.fillna(0.0).to_numpy()
    there = traded.notna().to_numpy()
    count, span = len(settled), rule.span
    spans = HOUR // span
    needed = max(4, -(-4 * spans // 5))
    values, means = np.full((2, count), np.nan)
    for now in range(span - 1, count):
        last = now if there[now] else now - 1 if there[now - 1] else now - 2  # all known up to it
        if last >= now:
            values[now] = settled[now - span + 1 : now + 1].sum()
        known = [
            settled[end - span + 1 : end + 1].sum()
            for end in range(now - span, now - HOUR - 1, -span)
            if end - span + 1 >= 0 and end <= last
        ]
        if len(known) >= needed:
            means[now] = sum(known) / len(known)
    return values[REREAD:], means[REREAD:]


def lives(rule: Rule, folder: Path) -> Mapping[str, Life]:
    """Pair -> what became of the rule over it in the recorded days."""
    markets = candles(folder)
    first = min(int(frame.index[0]) for frame in markets.values())
    last = max(int(frame.index[-1]) for frame in markets.values())
    minutes = range(first, last + 1)
    found = {}
    for pair, frame in markets.items():
        life = Life(pair=pair, cooldown=rule.cooldown)
        for minute, (condition, clear) in zip(minutes, judged(rule, frame, minutes), strict=True):
            life.hear(minute, condition, clear=clear)
        found[pair] = life
    return found


def gathered(lives: Iterable[Life]) -> list[tuple[str, int, str]]:
    """Pair, minute and kind of every notice; "" for a storm: where more than 25 % and at least 10
    of a rule's states have something to tell in one slot, that is one summary."""
    everybody = list(lives)
    told: dict[int, list[tuple[str, str]]] = {}
    for life in everybody:
        for minute, kind in life.notices:
            told.setdefault(minute, []).append((life.pair, kind))
    found = []
    for minute, words in sorted(told.items()):
        storm = len(words) >= STORM_MIN and 4 * len(words) > len(everybody)
        found += [("", minute, "summary")] if storm else [(p, minute, k) for p, k in words]
    return found


def main(arguments: Sequence[str]) -> None:
    print("| condition | clears | cooldown | episodes | reopened | notices | markets |")
    print("|---|---|---|---|---|---|---|")
    for rule in RULES:
        all_lives = lives(rule, Path(arguments[0])).values()
        episodes = [one for life in all_lives for one in life.episodes]
        cells = (
            f"`{rule.condition}`", "a tenth below" if rule.hysteresis else "at its limit",
            f"{rule.cooldown}m", len(episodes), sum(one.reopened for one in episodes),
            len(gathered(all_lives)), len({one.pair for one in episodes}),
        )  # fmt: skip
        print(
            "|", " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in cells), "|"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
