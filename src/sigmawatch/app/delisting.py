"""Delistings: a tracked market that its venue no longer lists, or marks as gone, counts as
delisted once a second list an hour later says the same (SEMANTICS.md 4)."""

from __future__ import annotations

from collections.abc import Iterable

from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.window import HOUR_MS


class Delistings:
    """Market ids under suspicion (id -> since when) and confirmed ones."""

    def __init__(self) -> None:
        self.suspects: dict[str, int] = {}
        self.confirmed: frozenset[str] = frozenset()

    def listed(self, markets: Iterable[Market], tracked: Iterable[Market], *, now_ms: int) -> None:
        """A market list was read. A market that is back is forgiven at once."""
        there = {m.native for m in markets if m.status is not MarketStatus.DELISTED}
        gone = {market.native for market in tracked} - there
        since = {native: self.suspects.get(native, now_ms) for native in gone}
        sure = {native for native, first_ms in since.items() if now_ms - first_ms >= HOUR_MS}
        self.confirmed = (self.confirmed & gone) | sure
        self.suspects = {n: first for n, first in since.items() if n not in self.confirmed}
