"""The bus inside one process: partitions in memory, durable once their reader has committed.

Fulfils ports.bus. Always holds: a partition's messages are numbered 1, 2, 3 ... and delivered in
that order; `publish` returns only after the reader of `frames` asked for its next batch; what is
not committed is never dropped. Bounds: `backlog_max` messages of `backlog_bytes_max` in all wait
per partition, or what comes in `backlog_age_max_s` where nothing is committed, then Busy;
`retained_max` committed ones are kept so that a repeated item is known and a new reader can go
back (older ones are in the database); `live_max` messages wait per tap, then the oldest goes and
`dropped_count` says so. One event loop; nothing here is thread-safe.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from sigmawatch.domain.errors import Busy, Unavailable
from sigmawatch.domain.venue import Run
from sigmawatch.ports.bus import Answer, Handler, Item, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may wait, in messages, bytes and seconds."""

    backlog_max: int = 8_192
    backlog_bytes_max: int = 100_000_000
    backlog_age_max_s: float = 60.0
    batch_max: int = 512  # RELIABILITY.md 1.1: what waits is one commit
    retained_max: int = 32
    live_max: int = 256
    publish_timeout_s: float = 60.0


class LocalBus:
    """All nine verbs. member, about: what `members` says of this process."""

    def __init__(
        self, *, member: str = "local", about: Answer | None = None, limits: Limits | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._members: Mapping[str, Answer] = {member: about or {}}
        self._partitions: dict[str, _Partition] = {}
        self._taps: set[_Tap] = set()
        self._states: dict[str, bytes] = {}
        self._watchers: set[_Watcher] = set()
        self._leases: dict[str, asyncio.Lock] = {}
        self._handlers: dict[str, list[Handler]] = {}
        self.dropped_count = 0

    async def publish(self, partition: str, items: Sequence[Item]) -> int:
        """The sequence of the last of `items`, once committed. Items already known are not
        appended again: the call waits for their first publication instead.

        Raises Busy where the backlog is full or the commit takes too long (it may still come:
        publish the same items again), Unavailable when the reader goes away meanwhile.
        """
        assert items
        log = self._partition(partition)
        message, sequence = log.append(partition, items)
        if message is not None:
            for tap in self._taps:
                self.dropped_count += tap.put(message)
        await log.committed(sequence, timeout_s=self._limits.publish_timeout_s)
        return sequence

    async def frames(self, partition: str, *, since: int = 0) -> AsyncIterator[Sequence[Message]]:
        """Everything that waits, up to `batch_max` messages at a time.

        One reader a partition: a newer one takes over, and the older gets Unavailable.
        """
        log = self._partition(partition)
        with log.reading(since) as reader:
            while True:
                yield await log.batch(reader)

    async def live(self) -> AsyncIterator[Message]:
        """Every message from now on, as it is published."""
        tap = _Tap(self._limits.live_max)
        self._taps.add(tap)
        try:
            while True:
                yield await tap.get()
        finally:
            self._taps.discard(tap)

    async def emit_state(self, key: str, state: bytes) -> None:
        self._states[key] = state
        for watcher in self._watchers:
            watcher.put(key, state)

    async def states(self) -> AsyncIterator[tuple[str, bytes]]:
        """Now every key once, then what changes; of one key only the newest waits."""
        watcher = _Watcher(self._states)
        self._watchers.add(watcher)
        try:
            while True:
                yield await watcher.get()
        finally:
            self._watchers.discard(watcher)

    @asynccontextmanager
    async def lease(self, key: str, *, holder: str, ttl_s: float) -> AsyncIterator[None]:
        """In one process the holder cannot die without its block ending, so nothing has to be
        renewed and `ttl_s` never passes. First come, first served."""
        assert holder
        assert ttl_s > 0
        async with self._leases.setdefault(key, asyncio.Lock()):
            yield

    async def members(self) -> Mapping[str, Answer]:
        return self._members

    async def ask(self, subject: str, question: Answer, *, timeout_s: float) -> Answer:
        """The answer of whoever began to serve `subject` last. What the handler raises comes
        through unchanged."""
        handlers = self._handlers.get(subject)
        if not handlers:
            raise Unavailable(f"nobody answers {subject}")
        limit = asyncio.timeout(timeout_s)
        try:
            async with limit:
                return await handlers[-1](question)
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise Unavailable(f"{subject}: no answer within {timeout_s:g} s") from exc

    @asynccontextmanager
    async def serve(self, subject: str, handler: Handler) -> AsyncIterator[None]:
        handlers = self._handlers.setdefault(subject, [])
        handlers.append(handler)
        try:
            yield
        finally:
            handlers.remove(handler)

    def _partition(self, name: str) -> _Partition:
        if name not in self._partitions:
            self._partitions[name] = _Partition(self._limits)
        return self._partitions[name]


class _Waiting(NamedTuple):
    """A message that is not committed, since when it waits, and what it weighs."""

    sequence: int
    since_s: float
    size_bytes: int


class _Reader:
    """A place in a partition. `handed`: the last sequence given out; `committed` once the reader
    comes back for more."""

    __slots__ = ("handed",)

    def __init__(self, since: int) -> None:
        self.handed = since


class _Partition:
    """One log: `_messages` holds the retained and the waiting messages, oldest first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._messages: deque[Message] = deque()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._known: dict[str, int] = {}  # item id -> its sequence, for what is in `_messages`
        self._newest = 0
        self._committed = 0
        self._reader: _Reader | None = None
        self._arrived = asyncio.Event()
        self._publishers: dict[asyncio.Future[bool], int] = {}

    def append(self, name: str, items: Sequence[Item]) -> tuple[Message | None, int]:
        """The new message, None where every item is known; and the sequence to wait for."""
        fresh = {item.id: item for item in items if item.id not in self._known}
        if not fresh:
            return None, max(self._known[item.id] for item in items)
        now_s = asyncio.get_running_loop().time()
        self._check_room(name, now_s)
        self._newest += 1
        size_bytes = sum(_size_bytes(item) for item in fresh.values())
        self._waiting.append(_Waiting(self._newest, now_s, size_bytes))
        self._waiting_bytes += size_bytes
        message = Message(partition=name, sequence=self._newest, items=tuple(fresh.values()))
        self._messages.append(message)
        self._known.update(dict.fromkeys(fresh, self._newest))
        self._arrived.set()
        return message, self._newest

    def _check_room(self, name: str, now_s: float) -> None:
        """Raises Busy."""
        limits, waiting = self._limits, self._waiting
        if not waiting:
            return
        waits_s = now_s - waiting[0].since_s
        if (
            len(waiting) >= limits.backlog_max
            or self._waiting_bytes >= limits.backlog_bytes_max
            or waits_s >= limits.backlog_age_max_s
        ):
            raise Busy(f"{name}: {len(waiting)} messages wait to be stored, the oldest for "
                       f"{waits_s:.0f} s")  # fmt: skip

    async def committed(self, sequence: int, *, timeout_s: float) -> None:
        """Return once `sequence` is committed. Raises Busy, Unavailable."""
        if sequence <= self._committed:
            return
        done = asyncio.get_running_loop().create_future()
        self._publishers[done] = sequence
        try:
            async with asyncio.timeout(timeout_s):
                stored = await done
        except TimeoutError as exc:
            raise Busy(f"not stored within {timeout_s:g} s; it may still be") from exc
        finally:
            del self._publishers[done]
        if not stored:
            raise Unavailable("the reader went away before it stored this")

    @contextmanager
    def reading(self, since: int) -> Iterator[_Reader]:
        """Become the partition's reader until the block ends; `since` is committed already."""
        assert 0 <= since <= self._newest  # of this log; a new process begins at 0
        reader = self._reader = _Reader(since)
        self._arrived.set()  # whoever read before wakes, and sees that it no longer does
        self._commit(since)
        try:
            yield reader
        finally:
            if self._reader is reader:
                self._reader = None
                self._abandon()

    async def batch(self, reader: _Reader) -> Sequence[Message]:
        """What waits for `reader`; says that what it was given before is committed."""
        self._check(reader)
        self._commit(reader.handed)
        while not (waiting := self._after(reader.handed)):
            self._arrived.clear()
            await self._arrived.wait()
            self._check(reader)
        reader.handed = waiting[-1].sequence
        return waiting

    def _check(self, reader: _Reader) -> None:
        if self._reader is not reader:
            raise Unavailable("another reader took this partition over")

    def _after(self, sequence: int) -> list[Message]:
        """Up to a batch of the messages after `sequence`, which are contiguous."""
        if not self._messages:
            return []
        start = max(0, sequence + 1 - self._messages[0].sequence)
        stop = min(start + self._limits.batch_max, len(self._messages))
        return [self._messages[i] for i in range(start, stop)]

    def _commit(self, sequence: int) -> None:
        if sequence <= self._committed:
            return
        self._committed = sequence
        while self._waiting and self._waiting[0].sequence <= sequence:
            self._waiting_bytes -= self._waiting.popleft().size_bytes
        for done, waits_for in self._publishers.items():
            if waits_for <= sequence and not done.done():
                done.set_result(True)
        while self._messages and self._messages[0].sequence <= sequence - self._limits.retained_max:
            for item in self._messages.popleft().items:
                del self._known[item.id]

    def _abandon(self) -> None:
        for done in self._publishers:
            if not done.done():
                done.set_result(False)


def _size_bytes(item: Item) -> int:
    """What an item takes in memory, roughly."""
    return 500 if isinstance(item, Run) else 300 + len(item.values) + len(item.marks)


class _Tap:
    """A bounded queue of messages. Full means the oldest goes: an old price is worth less."""

    def __init__(self, messages_max: int) -> None:
        self._waiting: deque[Message] = deque(maxlen=messages_max)
        self._arrived = asyncio.Event()

    def put(self, message: Message) -> bool:
        """Whether a message had to go."""
        full = len(self._waiting) == self._waiting.maxlen
        self._waiting.append(message)
        self._arrived.set()
        return full

    async def get(self) -> Message:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()


class _Watcher:
    """The states one reader has not seen yet; at most one a key."""

    def __init__(self, states: Mapping[str, bytes]) -> None:
        self._unseen = dict(states)
        self._arrived = asyncio.Event()

    def put(self, key: str, state: bytes) -> None:
        self._unseen.pop(key, None)  # the key moves to the end: order is that of the changes
        self._unseen[key] = state
        self._arrived.set()

    async def get(self) -> tuple[str, bytes]:
        while not self._unseen:
            self._arrived.clear()
            await self._arrived.wait()
        key = next(iter(self._unseen))
        return key, self._unseen.pop(key)
