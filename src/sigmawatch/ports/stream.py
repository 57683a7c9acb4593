"""The stream port: what a venue tells without being asked each time. Beside ports.venue; a venue
may have none.

A line is one connection. Only domain errors leave it: RateLimited, BlockedByRegion, BadAnswer or
another Unavailable. What a frame holds is parsed before it gets here; a bad one is `Unread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sigmawatch.domain.market import Market
from sigmawatch.domain.stream import Channel, Said, StreamTraits


class Line(Protocol):
    """One open connection."""

    async def ask(self, channel: Channel, markets: Sequence[Market], *, request: int) -> None:
        """Subscribe; the answer is heard later, under the same number. Raises Unavailable."""
        ...

    async def ping(self) -> None:
        """Say something, so that the venue does not take us for gone. Raises Unavailable."""
        ...

    async def heard(self) -> Sequence[Said]:
        """What the next frame says; waits for it. Raises Unavailable once the line is closed."""
        ...

    async def close(self) -> None:
        """Say goodbye, and do not wait for an answer."""
        ...


class VenueStream(Protocol):
    """The stream of one venue."""

    @property
    def traits(self) -> StreamTraits: ...

    async def open(self) -> Line:
        """A new connection. Raises as above."""
        ...

    async def close(self) -> None:
        """Give back what it holds; a line that is open ends."""
        ...
