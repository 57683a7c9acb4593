"""One market's trades on their way to flows: each counted once, and what was missed is known.

Venues number the trades of a market one after the other, so a number that was told already is a
duplicate (a snapshot after a reconnection, two sockets for a while), and one that was jumped over
is a hole until it comes after all. A lower number of a later time is neither: the venue counts
anew, or a number before it was wrong, and numbers go on from there. A span is *covered* where
nothing can be missing in it: only then is the sum of its trades its flow. Times are the venue's.
Pure but for what it remembers; standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sigmawatch.domain.stream import Trade

HOLE_IDS_MAX = 10_000  # further ones will never come one by one
HOLES_MAX = 64
SKEW_MS = 5_000  # by how much the venue's clock may be ahead of ours without a false claim


@dataclass(slots=True)
class Flow:
    """What was traded in one bucket. quote: in quote currency; close: the last trade's price."""

    base: float = 0.0
    quote: float = 0.0
    count: int = 0
    close: float = 0.0
    close_id: int = -1


@dataclass(slots=True)
class _Hole:
    """Trades that were jumped over, between two moments."""

    ids: set[int] | None  # None: too many to wait for
    from_ms: int
    to_ms: int


@dataclass(slots=True, kw_only=True)
class TradeBook:
    """bucket_ms: how finely sums are kept. keep_ms: for how long."""

    bucket_ms: int
    keep_ms: int
    duplicates_count: int = 0
    holes_count: int = 0
    last_id: int | None = None
    last_ms: int = 0
    _flows: dict[int, Flow] = field(default_factory=dict)
    _holes: list[_Hole] = field(default_factory=list)
    _doubt: _Hole | None = None  # while nobody listened: a hole until the next number says no
    _since_ms: int | None = None  # nothing is known of before
    _lines: int = 0  # connections that tell it now

    def subscribed(self, at_ms: int) -> None:
        """From here on every trade is told, on one more connection. at_ms: our clock, which may be
        a little behind the venue's."""
        sure_ms = at_ms + SKEW_MS
        if self.last_id is None:
            if self._since_ms is None or self._lines == 0:
                self._since_ms = sure_ms
        elif self._lines == 0:
            from_ms = self.last_ms if self._doubt is None else self._doubt.from_ms
            self._doubt = _Hole(ids=None, from_ms=from_ms, to_ms=max(sure_ms, from_ms))
        self._lines += 1

    def lost(self) -> None:
        """One of the connections that told it has ended."""
        self._lines = max(self._lines - 1, 0)

    def add(self, trade: Trade) -> bool:
        """Count a trade; whether it is new."""
        self._doubt = None  # the numbers say what was missed
        if self.last_id is None or trade.id > self.last_id:
            self._go_on(trade)
        elif not self._fills(trade.id):
            if trade.event_ms <= self.last_ms:
                self.duplicates_count += 1
                return False
            self._begin_anew(trade)
        bucket = trade.event_ms - trade.event_ms % self.bucket_ms
        flow = self._flows.setdefault(bucket, Flow())
        flow.base += trade.base
        flow.quote += trade.base * trade.price
        flow.count += 1
        if trade.id > flow.close_id:
            flow.close, flow.close_id = trade.price, trade.id
        return True

    def newest(self, trade_id: int, at_ms: int) -> None:
        """The venue says that this trade was made by `at_ms`: what we have not seen is missing."""
        if self.last_id is not None and trade_id > self.last_id:
            self._miss(self.last_id + 1, trade_id + 1, at_ms=at_ms)
            self.last_id, self.last_ms = trade_id, max(self.last_ms, at_ms)

    def covers(self, from_ms: int, to_ms: int) -> bool:
        """Whether no trade of [from_ms, to_ms) can be missing, or has been forgotten."""
        if not self._lines or self._since_ms is None or self._since_ms > from_ms:
            return False
        holes = self._holes if self._doubt is None else [*self._holes, self._doubt]
        return not any(hole.from_ms < to_ms and hole.to_ms >= from_ms for hole in holes)

    def flows(self, from_ms: int, to_ms: int, *, span_ms: int) -> dict[int, Flow]:
        """Open of each span with a trade in it -> its sums, oldest first."""
        assert from_ms % self.bucket_ms == 0
        assert span_ms % self.bucket_ms == 0
        spans: dict[int, Flow] = {}
        for open_ms in sorted(self._flows):
            if from_ms <= open_ms < to_ms:
                one, flow = (
                    self._flows[open_ms],
                    spans.setdefault(open_ms - open_ms % span_ms, Flow()),
                )
                flow.base += one.base
                flow.quote += one.quote
                flow.count += one.count
                flow.close = one.close
        return spans

    def forget_before(self, ts_ms: int) -> None:
        """Let go of what nobody will ask for."""
        self._flows = {open_ms: flow for open_ms, flow in self._flows.items() if open_ms >= ts_ms}
        self._holes = [hole for hole in self._holes if hole.to_ms >= ts_ms]
        if self._since_ms is not None:
            self._since_ms = max(self._since_ms, ts_ms)

    def _go_on(self, trade: Trade) -> None:
        if self.last_id is not None and trade.id > self.last_id + 1:
            self._miss(self.last_id + 1, trade.id, at_ms=trade.event_ms)
        self.last_id, self.last_ms = trade.id, max(self.last_ms, trade.event_ms)
        keep_from_ms = self.last_ms - self.keep_ms
        if len(self._flows) > 2 * self.keep_ms // self.bucket_ms:
            self.forget_before(keep_from_ms - keep_from_ms % self.bucket_ms)

    def _begin_anew(self, trade: Trade) -> None:
        """What is said of the time since the number before this one cannot be relied on."""
        self._miss_ids(None, at_ms=trade.event_ms)
        for flow in self._flows.values():
            flow.close_id = -1
        self.last_id, self.last_ms = trade.id, trade.event_ms

    def _miss(self, first: int, stop: int, *, at_ms: int) -> None:
        ids = set(range(first, stop)) if stop - first <= HOLE_IDS_MAX else None
        self._miss_ids(ids, at_ms=at_ms)

    def _miss_ids(self, ids: set[int] | None, *, at_ms: int) -> None:
        self.holes_count += 1
        self._holes.append(_Hole(ids=ids, from_ms=self.last_ms, to_ms=max(at_ms, self.last_ms)))
        if len(self._holes) > HOLES_MAX:
            first_hole, second = self._holes.pop(0), self._holes[0]
            second.ids, second.from_ms = None, min(first_hole.from_ms, second.from_ms)

    def _fills(self, trade_id: int) -> bool:
        for hole in self._holes:
            if hole.ids is not None and trade_id in hole.ids:
                hole.ids.remove(trade_id)
                if not hole.ids:
                    self._holes.remove(hole)
                    self.holes_count -= 1
                return True
        return False
