"""Recorded answers of venues, played back over HTTP on loopback.

The player stands where the venue stood: adapters are pointed at it by their base URL and parse the
very bytes the venue sent. Parameters that name moments differ from run to run, so they do not
choose the body.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from sigmawatch.adapters.venues.recording import MOMENTS, Exchange
from sigmawatch.ports.clock import Clock

AHEAD_MS = 5_000  # a recorded poll may have come a little later in its slot than the replayed one


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Every answer to one question, by time."""

    at_ms: tuple[int, ...]
    exchanges: tuple[Exchange, ...]

    def at(self, now_ms: int) -> Exchange:
        """The newest answer at that time; before the first one, the first."""
        index = bisect.bisect_right(self.at_ms, now_ms + AHEAD_MS) - 1
        return self.exchanges[max(index, 0)]


class Player:
    """A local server that answers as the venues did at the clock's time."""

    def __init__(self, exchanges: Iterable[Exchange], *, clock: Clock) -> None:
        grouped: dict[object, list[Exchange]] = {}
        for exchange in sorted(exchanges, key=lambda each: each.at_ms):
            grouped.setdefault(exchange.question, []).append(exchange)
        self._shelves: Mapping[object, Shelf] = {
            question: Shelf(at_ms=tuple(e.at_ms for e in some), exchanges=tuple(some))
            for question, some in grouped.items()
        }
        self._clock = clock
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{venue}/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def base_url(self, venue: str) -> str:
        return f"http://127.0.0.1:{self._port}/{venue}"

    async def _answer(self, request: web.Request) -> web.Response:
        chosen = sorted((k, v) for k, v in request.query.items() if k not in MOMENTS)
        path = "/" + request.match_info["path"]
        shelf = self._shelves.get((request.match_info["venue"], path, tuple(chosen)))
        if shelf is None:
            return web.Response(status=404, text='{"message": "not in the recording"}',
                                content_type="application/json")  # fmt: skip
        exchange = shelf.at(self._clock.now_ms())
        return web.Response(
            status=exchange.status,
            headers=exchange.headers,
            body=exchange.body,
        )
