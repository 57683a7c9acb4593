"""A venue in memory, for tests of the program's own decisions; protocols have the venue double."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from sigmawatch.domain.errors import NotFound, SigmawatchError
from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.venue import VenueTraits

NAN = float("nan")


def market(base: str, *, venue: str = "KRAKEN") -> Market:
    return Market(venue=venue, base=base, quote="USD", native=f"{base}USD")


class MemoryVenue:
    """Answers what it is told to, or raises what it is told to. Fulfils ports.venue."""

    def __init__(self, clock: Clock, *, name: str = "KRAKEN", budget: float = 600.0) -> None:
        self.clock = clock
        self.listed: list[Market] = []
        self.prices: dict[str, float] = {}
        self.volumes: dict[str, float] = {}  # of 24 hours, in the quote; of all prices, or of none
        self.rows: dict[str, list[tuple[int, float, float]]] = {}  # native -> open_ms, close, base
        self.error: SigmawatchError | None = None
        self.candle_errors: dict[str, SigmawatchError] = {}
        self.quote_derived = False
        self.proves_quiet = True  # whether no row at all means that nothing was traded
        self.asked: list[str] = []
        self.candle_calls: list[tuple[str, int, int, int]] = []
        self.traits = VenueTraits(
            name=name,
            levels=frozenset({"price", "bid", "volume_24h_base", "volume_24h_quote"}),
            flows=frozenset({"traded_base", "traded_quote"}),
            candle_spans_ms=(MINUTE_MS, 5 * MINUTE_MS),
            candle_reach_ms=(720 * MINUTE_MS, None),
            candle_rows_max=1_000,
            poll_floor_ms=1_000,
            requests_per_minute=budget,
            poll_cost=1.0,
            candle_cost=1.0,
        )

    async def markets(self) -> Sequence[Market]:
        self._ask("markets")
        return self.listed

    async def tickers(self) -> Tickers:
        self._ask("tickers")
        columns = {"price": array("d", self.prices.values())}
        if self.volumes:
            told = (self.volumes.get(native, NAN) for native in self.prices)
            columns["volume_24h_quote"] = array("d", told)
        return Tickers(
            natives=tuple(self.prices), columns=columns, recv_ms=self.clock.now_ms()
        )  # fmt: skip

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.error is not None:
            raise self.error

    async def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        self.candle_calls.append((native, span_ms, from_ms, to_ms))
        if native in self.candle_errors:
            raise self.candle_errors[native]
        if native not in self.rows:
            raise NotFound(native)
        closed_ms = min(to_ms, self.clock.now_ms() - self.clock.now_ms() % span_ms)
        rows = [row for row in self._spans(native, span_ms) if from_ms <= row[0] < closed_ms]
        return Candles(
            native=native,
            span_ms=span_ms,
            open_ms=array("q", [row[0] for row in rows]),
            close=array("d", [row[1] for row in rows]),
            volume_base=array("d", [row[2] for row in rows]),
            volume_quote=array("d", [row[1] * row[2] for row in rows]),
            trades=array("d", [NAN] * len(rows)),
            complete_ms=closed_ms if rows or self.proves_quiet else from_ms,
            quote_derived=self.quote_derived,
        )

    def _spans(self, native: str, span_ms: int) -> list[tuple[int, float, float]]:
        """The rows added up to wider candles: last close, summed volume."""
        spans: dict[int, tuple[float, float]] = {}
        for open_ms, close, volume in sorted(self.rows[native]):
            start_ms = open_ms // span_ms * span_ms
            spans[start_ms] = (close, spans.get(start_ms, (0.0, 0.0))[1] + volume)
        return [(start_ms, close, volume) for start_ms, (close, volume) in spans.items()]

    async def time_ms(self) -> int:
        return self.clock.now_ms()

    async def close(self) -> None:
        self.asked.append("close")
