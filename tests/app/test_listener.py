"""A stream kept alive over a venue in memory, second by second on a clock that is moved by hand.

RELIABILITY.md P17: "<= 1 reconnect per second per host, backoff with jitter to 60 s [...] proactive
reconnect before the 24 h stream limit with overlap and no gap".
"""

from __future__ import annotations

import asyncio
import random
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.app.doubles import market

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.listening.listener import Listener
from sigmawatch.domain.errors import RateLimited, SigmawatchError, Unavailable
from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Block, Series
from sigmawatch.domain.stream import (
    Channel,
    Condition,
    Leaving,
    Quotes,
    Said,
    StreamState,
    StreamTraits,
    Taken,
    Trade,
    Trades,
)
from sigmawatch.domain.window import HOUR_MS, Interval

MINUTE = Interval(60_000)
T0_MS = 1_000_000 * MINUTE.ms
A = market("A")


class MemoryLine:
    """Confirms what it is asked for, and tells what it is told to tell. Fulfils ports.stream."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.said: asyncio.Queue[Said | SigmawatchError] = asyncio.Queue()
        self.asked: list[tuple[Channel, tuple[str, ...]]] = []
        self.closed = False

    async def ask(self, channel: Channel, markets: Sequence[Market], *, request: int) -> None:
        self.asked.append((channel, tuple(one.native for one in markets)))
        self.said.put_nowait(Taken(request=request))

    async def ping(self) -> None:
        return

    async def heard(self) -> Sequence[Said]:
        said = await self.said.get()
        if isinstance(said, SigmawatchError):
            raise said
        return [said]

    async def close(self) -> None:
        self.closed = True


class MemoryStream:
    """Opens lines, or fails as it is told to; beats on all of them."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.lines: list[MemoryLine] = []
        self.opened_ms: list[int] = []
        self.error: SigmawatchError | None = None
        self.opening: Callable[[], None] = lambda: None
        self.traits = StreamTraits(
            levels=frozenset({"price", "volume_24h_base"}), lasting=frozenset({"price"}),
            chunk_max=10, request_every_ms=500, life_ms=2 * HOUR_MS,
        )  # fmt: skip

    async def open(self) -> MemoryLine:
        self.opened_ms.append(self.clock.monotonic_ms())
        self.opening()
        if self.error is not None:
            raise self.error
        self.lines.append(MemoryLine(len(self.lines)))
        return self.lines[-1]

    async def close(self) -> None:
        """Nothing is held."""

    @property
    def standing(self) -> list[int]:
        return [line.number for line in self.lines if not line.closed]

    def tell(self, said: Said) -> None:
        for line in self.lines:
            if not line.closed:
                line.said.put_nowait(said)


class Bench:
    """A listener that runs."""

    def __init__(self) -> None:
        self.clock = VirtualClock(T0_MS)
        self.stream = MemoryStream(self.clock)
        self.catalogue = catalogue = Catalogue()
        catalogue.put(
            blocks=[Block(id=1, metric="price", venue="KRAKEN", interval=MINUTE),
                    Block(id=2, metric="trades", venue="KRAKEN", interval=MINUTE)],
            series=[Series(id=1, market=A, metric="price", interval=MINUTE, block_id=1, place=0),
                    Series(id=2, market=A, metric="trades", interval=MINUTE, block_id=2, place=0)],
        )  # fmt: skip
        self.listener = Listener(
            self.stream, name="KRAKEN", catalogue=catalogue, clock=self.clock, rng=random.Random(7)
        )

    async def pass_s(self, count: int, *, beats: bool = True) -> None:
        for _ in range(count):
            if beats:
                self.stream.tell(Condition(trading=True, text="online"))
            await self.clock.advance_to_ms(self.clock.now_ms() + 1_000, turns=20)

    async def jump_s(self, count: int) -> None:
        """Hours, with a beat every four seconds."""
        for _ in range(0, count, 4):
            self.stream.tell(Condition(trading=True, text="online"))
            await self.clock.advance_to_ms(self.clock.now_ms() + 4_000, turns=3)

    def quote(self, price: float) -> Quotes:
        now_ms = self.clock.now_ms()
        return Quotes(
            natives=(A.native,), event_ms=array("q", [now_ms]), recv_ms=now_ms,
            columns={"price": array("d", [price]), "volume_24h_base": array("d", [1.0])},
        )  # fmt: skip

    def trade(self, number: int) -> Trades:
        return Trades(items=(Trade(native=A.native, id=number, price=10.0, base=1.0,
                                   event_ms=self.clock.now_ms()),))  # fmt: skip


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running() as made:
        yield made


@asynccontextmanager
async def running(made: Bench | None = None) -> AsyncIterator[Bench]:
    made = made or Bench()
    task = asyncio.ensure_future(made.listener.run_for_ever())
    try:
        await made.pass_s(3)
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_tracked_is_subscribed_to_and_heard(bench: Bench) -> None:
    assert bench.stream.lines[0].asked == [
        (Channel.QUOTES, (A.native,)), (Channel.TRADES, (A.native,)),
    ]  # fmt: skip
    assert bench.listener.report().state is StreamState.LIVE
    bench.stream.tell(bench.quote(10.0))
    await bench.pass_s(30)
    told = bench.listener.tickers()
    assert told is not None
    assert told.columns["price"][0] == 10.0


async def test_what_is_tracked_while_we_connect_or_later_is_subscribed_to_as_well() -> None:
    made, b, c = Bench(), market("B"), market("C")

    def track(number: int, new: Market) -> None:
        made.catalogue.put(series=[Series(id=number, market=new, metric="price", interval=MINUTE,
                                          block_id=1, place=number)])  # fmt: skip

    made.stream.opening = lambda: track(3, b)
    async with running(made) as bench:
        (line,) = bench.stream.lines
        assert (Channel.QUOTES, (A.native, b.native)) in line.asked
        track(4, c)
        assert bench.listener.report().state is StreamState.CONNECTING, "one is missing"
        await bench.pass_s(2)
        assert line.asked[-1] == (Channel.QUOTES, (c.native,))
        assert bench.listener.report().state is StreamState.LIVE


async def test_a_state_is_told_since_it_began_though_nobody_asked_then(bench: Bench) -> None:
    connected_ms = bench.clock.now_ms()
    await bench.pass_s(120)
    assert bench.listener.report().since_ms <= connected_ms
    bench.stream.error = Unavailable("gone")
    bench.stream.lines[0].said.put_nowait(Unavailable("cut"))
    cut_ms = bench.clock.now_ms()
    await bench.pass_s(90)
    report = bench.listener.report()
    assert report.state is StreamState.DOWN
    assert cut_ms <= report.since_ms <= cut_ms + 10_000


async def test_a_connection_that_grows_old_is_replaced_while_it_still_tells(bench: Bench) -> None:
    numbers = iter(range(1, 1_000_000))
    bench.stream.tell(bench.trade(next(numbers)))
    await bench.jump_s(6_800)
    assert bench.stream.standing == [0]
    overlapped = False
    for _ in range(500 // 4):
        bench.stream.tell(bench.trade(next(numbers)))
        await bench.jump_s(4)
        overlapped |= bench.stream.standing == [0, 1]
    assert overlapped
    assert bench.stream.standing == [1]
    report = bench.listener.report()
    assert report.gaps == 0
    assert report.state is StreamState.LIVE
    slot_ms = bench.clock.now_ms() - bench.clock.now_ms() % MINUTE.ms
    span = {"span_ms": MINUTE.ms, "from_ms": slot_ms - MINUTE.ms, "to_ms": slot_ms}
    assert bench.listener.flow_from_ms(A.native, **span) == slot_ms - MINUTE.ms
    assert bench.listener.candles(A.native, **span).trades[0] == 15.0, "one every four seconds"


async def test_a_venue_that_says_goodbye_is_left_after_the_next_connection_stands(
    bench: Bench,
) -> None:
    bench.stream.lines[0].said.put_nowait(Leaving(text="bye"))
    await bench.pass_s(6)
    assert bench.stream.standing == [1]
    assert bench.listener.report().state is StreamState.LIVE


async def test_failures_are_tried_again_with_jitter_never_twice_a_second(bench: Bench) -> None:
    """node-binance-api #86: "one failed reconnect attempt, then nothing"."""
    bench.stream.error = Unavailable("gone")
    bench.stream.lines[0].said.put_nowait(Unavailable("cut"))
    await bench.pass_s(600)
    gaps = [b - a for a, b in zip(bench.stream.opened_ms, bench.stream.opened_ms[1:], strict=False)]
    assert 10 < len(gaps) < 60
    assert min(gaps) >= 1_000
    assert max(gaps) <= 61_000
    assert bench.listener.report().state is StreamState.DOWN
    assert bench.listener.tickers() is None
    bench.stream.error = None
    await bench.pass_s(70)
    assert bench.listener.report().state is StreamState.LIVE


async def test_a_venue_that_asks_for_silence_has_it_to_the_end(bench: Bench) -> None:
    bench.stream.error = RateLimited("429", retry_after_s=300.0)
    bench.stream.lines[0].said.put_nowait(Unavailable("cut"))
    await bench.pass_s(120)
    asked_count = len(bench.stream.opened_ms)
    await bench.pass_s(150)
    assert len(bench.stream.opened_ms) == asked_count


async def test_a_silent_connection_is_down_within_ten_seconds_and_forgets_what_it_told(
    bench: Bench,
) -> None:
    bench.stream.tell(bench.quote(10.0))
    await bench.pass_s(1)
    bench.stream.error = Unavailable("gone")
    await bench.pass_s(10, beats=False)
    assert bench.listener.tickers() is None
    assert bench.listener.report().state is StreamState.DOWN
    assert bench.listener.report().detail


async def test_maintenance_is_waited_for_and_polled_meanwhile(bench: Bench) -> None:
    bench.stream.tell(bench.quote(10.0))
    for _ in range(60):
        bench.stream.tell(Condition(trading=False, text="maintenance"))
        await bench.pass_s(1, beats=False)
    assert bench.listener.report().state is StreamState.MAINTENANCE
    assert bench.listener.tickers() is None
    assert len(bench.stream.opened_ms) == 1


async def test_the_end_of_the_program_closes_the_connection() -> None:
    async with running() as bench:
        line = bench.stream.lines[0]
    assert line.closed


async def test_a_price_that_moves_without_a_trade_uncovers_the_flow(bench: Bench) -> None:
    """nautilus_trader #4255: one channel confirmed, and silent for ever."""
    bench.stream.tell(bench.trade(1))
    await bench.pass_s(130)
    slot_ms = bench.clock.now_ms() - bench.clock.now_ms() % MINUTE.ms
    span = {"span_ms": MINUTE.ms, "from_ms": slot_ms - MINUTE.ms, "to_ms": slot_ms}
    assert bench.listener.flow_from_ms(A.native, **span) == slot_ms - MINUTE.ms
    for price in (10.0, 11.0):
        bench.stream.tell(bench.quote(price))
        await bench.pass_s(1)
    assert bench.listener.flow_from_ms(A.native, **span) is None
