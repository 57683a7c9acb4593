"""The stream of one venue, kept alive: what is wanted of it, its lives, and what they told.

One connection at a time; before it is too old, or when the venue says that it will close it, the
next one takes over while the first still tells, so nothing is missed and trades told twice count
once. After a life that came to nothing the next waits, with jitter, never less than a second.
"""

from __future__ import annotations

import asyncio
import random
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.listening.board import Board
from sigmawatch.app.listening.life import Life
from sigmawatch.app.timing import pause, until
from sigmawatch.domain.errors import SigmawatchError
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import METRICS, Kind
from sigmawatch.domain.reading import Candles, Tickers
from sigmawatch.domain.stream import (
    Channel,
    Declined,
    Newest,
    Quotes,
    StreamReport,
    StreamState,
    Trades,
    Unread,
)
from sigmawatch.domain.stream_watch import Key, backoff_ms
from sigmawatch.domain.trade_book import TradeBook
from sigmawatch.domain.window import MINUTE_MS
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.stream import VenueStream

KEEP_MS = 30 * MINUTE_MS  # how long sums of trades are kept
STOOD_MS = MINUTE_MS  # a life that lasted so long came to something
LATE_TRADE_MS = 10_000  # a price that changed so long before any trade: trades do not come
REJECTED_MAX = 1_000

log = structlog.get_logger()


class Listener:
    """Fulfils life.Ear."""

    def __init__(
        self,
        stream: VenueStream,
        *,
        name: str,
        catalogue: Catalogue,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self.name = name
        self._stream = stream
        self._catalogue = catalogue
        self._clock = clock
        self._rng = rng
        self._version = -1
        self._markets: Mapping[str, Market] = {}
        self._keys: tuple[Key, ...] = ()
        self._levels: Mapping[str, frozenset[str]] = {}
        self._bucket_ms = MINUTE_MS
        self._board = Board(stream.traits, bucket_ms=MINUTE_MS)
        self._books: dict[str, TradeBook] = {}
        self._lives: list[Life] = []
        self._failures = 0
        self._connected_ms: int | None = None  # when we last tried
        self._retry_ms = 0
        self._counts: Counter[str] = Counter()
        self._rejected: dict[str, str] = {}
        self._heard_ms: int | None = None
        self._detail, self._state = "", StreamState.IDLE
        self._since_ms = clock.now_ms()

    # Life

    async def run_for_ever(self) -> None:
        """Keep listening."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._look()
                await self._turn()
                life = self._born(group)
                await _either(life.ready, life.over)
                self._look()
                if not life.over.is_set():
                    self._replaces(life)
                    await _either(life.renew, life.over)

    def renew(self) -> None:
        """Have another connection take over."""
        for life in self.lives:
            life.renew.set()

    async def _turn(self) -> None:
        """Wait until something is wanted, and until we may connect."""
        while not self.keys():
            news = self._catalogue.news
            await until(news, clock=self._clock, ts_ms=self._clock.now_ms() + 10 * MINUTE_MS)
        if self._connected_ms is not None:
            wait_ms = max(backoff_ms(self._failures, chance=self._rng.random()), self._retry_ms)
            await pause(wait_ms, clock=self._clock)
        self._connected_ms = self._clock.monotonic_ms()

    def _born(self, group: asyncio.TaskGroup) -> Life:
        self._lives = list(self.lives)
        if not self._lives:
            self._board.clear()
        self._counts["connections"] += 1
        life_ms = self._stream.traits.life_ms
        after_ms = None if life_ms is None else round(life_ms * (1.0 - 0.05 * self._rng.random()))
        life = Life(self._stream, self, clock=self._clock, renew_after_ms=after_ms)
        self._lives.append(life)
        life.begin(group)
        return life

    def _replaces(self, life: Life) -> None:
        """A life stands: the ones before it may go."""
        for old in self.lives:
            if old is not life:
                old.end()
        log.info("stream_connected", venue=self.name, markets_count=len(self._markets))

    # life.Ear

    def markets(self, natives: Sequence[str]) -> Sequence[Market]:
        return [self._markets[native] for native in natives if native in self._markets]

    def keys(self) -> tuple[Key, ...]:
        self._plan()
        return self._keys

    def subscribed(self, keys: list[Key]) -> None:
        for channel, native in keys:
            if channel is Channel.TRADES:
                book = self._books.setdefault(
                    native, TradeBook(bucket_ms=self._bucket_ms, keep_ms=KEEP_MS)
                )
                book.subscribed(self._clock.now_ms())

    def lost(self, life: Life, keys: set[Key]) -> None:
        for channel, native in keys:
            if channel is Channel.TRADES and native in self._books:
                self._books[native].lost()
        self._counts["frames"] += life.frames_count
        self._counts["refused"] += life.subscriptions.refused_count
        stood = life.opened_ms is not None and (
            self._clock.monotonic_ms() - life.opened_ms >= STOOD_MS
        )
        self._failures = 0 if stood or life.error is None else self._failures + 1
        self._retry_ms = round(1_000 * (getattr(life.error, "retry_after_s", None) or 0))
        if life.error is not None:
            self._tell_lost(life.error)

    def _tell_lost(self, error: SigmawatchError | TimeoutError) -> None:
        """Told once for every row of failures."""
        self._detail = str(error) or "no answer in time"
        if self._failures <= 1:
            log.warning("stream_lost", venue=self.name, reason=self._detail)

    def quotes(self, said: Quotes) -> int:
        self._heard_ms = said.recv_ms
        self._reject(said.rejected)
        return self._board.take(said)

    def trades(self, said: Trades) -> int:
        self._reject(said.rejected)
        news, now_ms = 0, self._clock.now_ms()
        for trade in said.items:
            book = self._books.get(trade.native)
            if book is not None and book.add(trade):
                news += 1
                self._board.traded(trade, recv_ms=now_ms)
        self._counts["trades"] += news
        self._counts["duplicates"] += len(said.items) - news
        self._heard_ms = now_ms
        return news

    def newest(self, said: Newest) -> None:
        book = self._books.get(said.native)
        if book is not None:
            book.newest(said.trade_id, said.event_ms)

    def unread(self, said: Unread) -> None:
        self._counts["bad_frames"] += 1
        self._reject({"": f"frame: {said.why}"})
        if self._counts["bad_frames"] == 1:
            log.warning("stream_frame_unread", venue=self.name, reason=said.why)

    def declined(self, said: Declined) -> None:
        self._detail = said.why

    def _reject(self, rejected: Mapping[str, str]) -> None:
        if len(self._rejected) < REJECTED_MAX:
            self._rejected.update(rejected)

    # What is known

    @property
    def lives(self) -> Sequence[Life]:
        """The connections that have not ended."""
        return [life for life in self._lives if not life.over.is_set()]

    @property
    def sound(self) -> bool:
        """Whether what was told is what the venue would answer now."""
        return any(life.sound for life in self._lives)

    def tickers(self) -> Tickers | None:
        """As ports.venue.Venue.tickers, of what is tracked; None where the stream cannot serve."""
        self._look()
        if not self.sound or not self._levels:
            return None
        return self._board.tickers(self._levels, now_ms=self._clock.now_ms())

    def take_rejected(self) -> Mapping[str, str]:
        """What was refused since this was last asked: market id -> why."""
        rejected, self._rejected = self._rejected, {}
        return rejected

    def flow_from_ms(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> int | None:
        """From which span on until `to_ms` every trade of a market was heard; None for none."""
        book = self._books.get(native)
        if book is None or span_ms % book.bucket_ms or not self.sound:
            return None
        moved_ms = self._board.moved_ms(native)
        if moved_ms is not None and moved_ms > book.last_ms + LATE_TRADE_MS:
            return None
        for first_ms in range(from_ms, to_ms, span_ms):
            if book.covers(first_ms, to_ms):
                return first_ms
        return None

    def candles(self, native: str, *, span_ms: int, from_ms: int, to_ms: int) -> Candles:
        """Candles of a span that `flow_from_ms` gave."""
        flows = self._books[native].flows(from_ms, to_ms, span_ms=span_ms)
        return Candles(
            native=native, span_ms=span_ms, open_ms=array("q", flows),
            close=array("d", [flow.close for flow in flows.values()]),
            volume_base=array("d", [flow.base for flow in flows.values()]),
            volume_quote=array("d", [flow.quote for flow in flows.values()]),
            trades=array("d", [float(flow.count) for flow in flows.values()]),
            complete_ms=to_ms, from_ms=from_ms,
        )  # fmt: skip

    def report(self) -> StreamReport:
        """How it is."""
        state, lives = self._look(), self.lives
        asked = [life.subscriptions for life in lives]
        return StreamReport(
            state=state, since_ms=self._since_ms,
            detail="" if state is StreamState.LIVE else self._detail[:200],
            heard_ms=self._heard_ms, connections=self._counts["connections"],
            subscribed=asked[-1].taken_count if asked else 0, wanted=len(self.keys()),
            frames=self._counts["frames"] + sum(life.frames_count for life in lives),
            bad_frames=self._counts["bad_frames"],
            refused=self._counts["refused"] + sum(one.refused_count for one in asked),
            trades=self._counts["trades"], duplicates=self._counts["duplicates"],
            gaps=sum(book.holes_count for book in self._books.values()),
        )  # fmt: skip

    def _look(self) -> StreamState:
        """How it is now; since when is noted when it changes, whoever asks later."""
        state = self._state_now()
        if state is not self._state:
            self._state, self._since_ms = state, self._clock.now_ms()
        return state

    def _state_now(self) -> StreamState:
        if not self.keys():
            return StreamState.IDLE
        if any(life.sound and life.settled for life in self._lives):
            return StreamState.LIVE
        if any(not life.condition.trading for life in self.lives):
            return StreamState.MAINTENANCE
        return StreamState.DOWN if self._failures else StreamState.CONNECTING

    def _plan(self) -> None:
        """What is wanted, from the catalogue as it is now."""
        if self._version == self._catalogue.version:
            return
        self._version = self._catalogue.version
        paused = self._catalogue.paused_at(self.name)
        series = [one for one in self._catalogue.of_venue(self.name)
                  if not one.derived and one.market.native not in paused]  # fmt: skip
        markets, metrics = dict[str, Market](), dict[str, set[str]]()
        for one in series:
            markets[one.market.native] = one.market
            metrics.setdefault(one.market.native, set()).add(one.metric)
        levels = {native: frozenset(m for m in told if METRICS[m].kind is Kind.LEVEL)
                  for native, told in metrics.items()}  # fmt: skip
        self._levels = {native: told for native, told in levels.items() if told}
        quoted = [(Channel.QUOTES, native) for native in self._levels]
        flowing = [(Channel.TRADES, native) for native, told in metrics.items()
                   if told != levels[native]]  # fmt: skip
        self._markets, keys = markets, (*quoted, *flowing)
        if keys != self._keys:
            self._keys = keys
            for life in self.lives if not keys else ():
                life.end()
        self._rescale(min((one.interval.ms for one in series), default=MINUTE_MS))
        wanted = {native for _, native in flowing}
        self._books = {native: book for native, book in self._books.items() if native in wanted}

    def _rescale(self, shortest_ms: int) -> None:
        """Sums and boundaries as fine as the shortest slot; what was summed otherwise is void."""
        bucket_ms = min(shortest_ms, MINUTE_MS)
        if bucket_ms == self._bucket_ms:
            return
        self._bucket_ms = bucket_ms
        self._board = Board(self._stream.traits, bucket_ms=bucket_ms)
        self._books.clear()
        for life in self.lives:
            life.end()


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(event.wait()) for event in (one, other)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
