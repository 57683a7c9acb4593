"""How requests travel: two interfaces, one that blocks and one that awaits.

Whoever needs another way (a proxy, a recorder, an application in the same process) writes one of
these. A transport translates what its library raises to Unreachable, and follows no redirect.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sigmawatch.client.calls import Reply, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An answer that goes on. head: without a body. chunks: as they come, decompressed."""

    head: Reply
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedAsync:
    """The same, awaited."""

    head: Reply
    chunks: AsyncIterator[bytes]


class Transport(Protocol):
    """Blocks."""

    def send(self, request: Request) -> Reply:
        """The whole answer. Raises Unreachable."""
        ...

    def open(self, request: Request) -> AbstractContextManager[Opened]:
        """An answer that goes on, closed with the block. Raises Unreachable, in the block too."""
        ...

    def wait(self, wait_s: float) -> None:
        """Let time pass."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


class AsyncTransport(Protocol):
    """Awaits."""

    async def send(self, request: Request) -> Reply:
        """The whole answer. Raises Unreachable."""
        ...

    def open(self, request: Request) -> AbstractAsyncContextManager[OpenedAsync]:
        """An answer that goes on, closed with the block. Raises Unreachable, in the block too."""
        ...

    async def wait(self, wait_s: float) -> None:
        """Let time pass."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
