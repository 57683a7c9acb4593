"""The bus port: how roles talk. Nine verbs, the same inside one process and over machines.

What moves is bytes of frames and patches (domain.frame) and runs, in order per partition. Raises
Unavailable (Busy when a bound is reached); nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.venue import Run

Item = Frame | Patch | Run
Answer = Mapping[str, object]
Handler = Callable[[Answer], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one publication carried, all or nothing. sequence: its place in the partition's log."""

    partition: str
    sequence: int
    items: tuple[Item, ...]


class Bus(Protocol):
    """Publication, state, leases, membership, questions."""

    async def publish(self, partition: str, items: Sequence[Item]) -> int:
        """Append to a partition; returns its sequence once it is durable: over a broker, stored
        there; inside one process, committed by the reader of `frames`. In order per partition."""
        ...

    def frames(self, partition: str, *, since: int = 0) -> AsyncIterator[Sequence[Message]]:
        """Messages after `since`: what is retained, then live; no hole, no repeat, log order.
        Asking for the next batch says that the one before is durable. One reader a partition: a
        newer one takes over. In one process sequences begin anew with it: `since` is 0 then."""
        ...

    def live(self) -> AsyncIterator[Message]:
        """A best-effort tap of every partition, before durability; drops the oldest when slow."""
        ...

    async def emit_state(self, key: str, state: bytes) -> None:
        """Best effort; the newest state of a key wins."""
        ...

    def states(self) -> AsyncIterator[tuple[str, bytes]]:
        """The newest state of every key now, then each change; a slow reader skips old ones."""
        ...

    def lease(self, key: str, *, holder: str, ttl_s: float) -> AbstractAsyncContextManager[None]:
        """Hold `key` alone; waits for it; renewed until the block ends."""
        ...

    async def members(self) -> Mapping[str, Answer]:
        """Holder -> what it said of itself, of everyone alive."""
        ...

    async def ask(self, subject: str, question: Answer, *, timeout_s: float) -> Answer:
        """One answer from whoever serves `subject`. Raises Unavailable without one in time; a
        domain error the handler raised arrives as itself."""
        ...

    def serve(self, subject: str, handler: Handler) -> AbstractAsyncContextManager[None]:
        """Answer questions on `subject` until the block ends."""
        ...
