"""Raw venue answers on disk: written as they came, and played back over HTTP on loopback.

One JSON object a line: at_ms (receipt), venue, path, query, status, headers, text. The player
stands where the venue stood: adapters are pointed at it by their base URL and parse the very bytes
the venue sent. Parameters that name moments differ from run to run, so they do not choose the body.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec
from aiohttp import web

from sigmawatch.adapters.venues.answers import Reply
from sigmawatch.adapters.venues.http import Request
from sigmawatch.domain.errors import Invalid
from sigmawatch.ports.clock import Clock

AHEAD_MS = 5_000  # a recorded poll may have come a little later in its slot than the replayed one
_MOMENTS = frozenset({"since", "start", "end", "startTime", "endTime"})
_KEPT_HEADERS = frozenset({"content-type", "retry-after", "x-mbx-used-weight-1m"})


class Exchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question to a venue and what it said: `text` where the body is UTF-8, else `data`
    (base64 in the file), so that any bytes come back as they were."""

    at_ms: int
    venue: str
    path: str
    query: dict[str, str]
    status: int
    headers: dict[str, str]
    text: str | None = None
    data: bytes | None = None

    @property
    def body(self) -> bytes:
        return self.text.encode() if self.text is not None else self.data or b""

    @property
    def question(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        chosen = sorted((k, v) for k, v in self.query.items() if k not in _MOMENTS)
        return self.venue, self.path, tuple(chosen)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that change what an adapter does with an answer."""
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: value for name, value in lower.items() if name in _KEPT_HEADERS}


class Recorder:
    """Appends exchanges to an open file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = 0

    def write(self, exchange: Exchange, body: bytes) -> None:
        """One line, flushed: a recording that is cut off is whole up to there."""
        try:
            whole = msgspec.structs.replace(exchange, text=body.decode())
        except UnicodeDecodeError:
            whole = msgspec.structs.replace(exchange, data=body)
        self._file.write(msgspec.json.encode(whole))
        self._file.write(b"\n")
        self._file.flush()
        self.count += 1

    def hearing(self, venue: str) -> Callable[[Request, Reply], None]:
        """What writes every answer of a venue: its `http.tap`."""

        def heard(request: Request, reply: Reply) -> None:
            exchange = Exchange(
                at_ms=reply.recv_ms, venue=venue, path=request.path, query=dict(request.params),
                status=reply.status, headers=kept_headers(reply.headers),
            )  # fmt: skip
            self.write(exchange, reply.body)

        return heard


def read_recording(path: Path) -> list[Exchange]:
    """Every exchange of a recording, in order of time. Raises Invalid naming the line."""
    exchanges: list[Exchange] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                exchanges.append(_exchange(line, name=path.name, number=number))
    except OSError as error:
        raise Invalid(f"{path.name} cannot be read: {error.strerror}", field="file") from None
    if not exchanges:
        raise Invalid(f"{path.name} holds no recorded answer", field="file")
    return sorted(exchanges, key=lambda exchange: exchange.at_ms)


def _exchange(line: bytes, *, name: str, number: int) -> Exchange:
    try:
        return msgspec.json.decode(line, type=Exchange)
    except msgspec.DecodeError as error:
        raise Invalid(f"{name}, line {number}: {error}", field="file") from None


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
        chosen = sorted((k, v) for k, v in request.query.items() if k not in _MOMENTS)
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
