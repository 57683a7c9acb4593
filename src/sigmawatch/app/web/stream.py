"""`/stream`: what changes, as server-sent events (docs/reference/stream.md).

The handler admits a reader; what it answers is an ASGI application of its own that sends what the
reader is told, until it ends or the client goes. Who takes nothing for ten seconds is cut by the
server (`receipts`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter
from litestar.types import Receive, Send
from litestar.types import Scope as AsgiScope

from sigmawatch.app.streaming.hub import Full, Hub
from sigmawatch.app.streaming.reader import Listener, Reader
from sigmawatch.app.streaming.wire import GZIP_HEADER
from sigmawatch.app.web.compressed import takes_gzip
from sigmawatch.app.web.dashboard import dashboard_of
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.shown_tables import AskedTable, refused
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Caller, CallerKind, Scope

MEDIA_TYPE = "text/event-stream"
OF_ONE_MAX = 20  # streams of one key, user, or address without either
OF_THIS_MACHINE_MAX = 200
LastEventId = Annotated[
    str | None, HeaderParameter(name="last-event-id", description="the last event that came",
                                max_length=64),
]  # fmt: skip


class EventStream(Response[bytes]):
    """An answer that goes on. The reader is left when it ends."""

    def __init__(self, hub: Hub, reader: Reader) -> None:
        super().__init__(b"", media_type=MEDIA_TYPE)
        self._hub, self._reader = hub, reader

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        return _Sent(self._hub, self._reader)


@get("/stream", summary="What changes, as server-sent events", tags=["stream"],
     media_type=MEDIA_TYPE, opt={"scope": Scope.READ_METRICS},
     responses={**fails(422, 429), 200: ResponseSpec(str, media_type=MEDIA_TYPE,
                generate_examples=False, description="hello, then delta, venue, episode, reset; "
                "bye at the end")},
     dependencies={"asked": Provide(AskedTable, sync_to_thread=False)})  # fmt: skip
async def show_stream(
    request: Request[Any, Any, Any],
    site: NamedDependency[Site],
    asked: NamedDependency[AskedTable],
    caller: NamedDependency[Caller],
    last_event_id: LastEventId = None,
) -> EventStream:
    """Deltas that go on from `/snapshot` with the same query, states of venues, episodes. A
    comment every 15 s. `Last-Event-ID` goes on where a stream was cut, or is answered by
    `reset`: then load the snapshot again."""
    hub = site.program.streaming
    try:
        table, listener = (
            asked.table(site, by=caller),
            _listener(request, caller, ui=dashboard_of(request).build),
        )
        reader = await hub.join(table, listener, last=last_event_id)
    except Full as exc:
        raise refused(exc) from exc
    return EventStream(hub, reader)


def _listener(request: Request[Any, Any, Any], caller: Caller, *, ui: str) -> Listener:
    """Who reads, as the gate has said it."""
    state: dict[str, Any] = request.scope["state"]
    place, place_max = _place(caller, state["peer"].group)
    return Listener(
        caller=caller, may_go_on=state["may_go_on"], packed=takes_gzip(request), place=place,
        place_max=place_max, ui=ui,
    )  # fmt: skip


def _place(caller: Caller, address: str) -> tuple[str, int]:
    """What a caller's streams are counted under, and how many there may be (SECURITY.md, Limits:
    20 per key, 200 for the local anonymous user)."""
    match caller.kind:
        case CallerKind.KEY:
            return f"key {caller.key_id}", OF_ONE_MAX
        case CallerKind.USER:
            return f"user {caller.user_id}", OF_ONE_MAX
        case CallerKind.ANONYMOUS:
            return f"address {address}", OF_ONE_MAX
    return "this machine", OF_THIS_MACHINE_MAX


@dataclass(frozen=True, slots=True)
class _Sent:
    """The ASGI application that sends a stream."""

    hub: Hub
    reader: Reader

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
            if scope["state"]["only_head"]:
                self.reader.end()
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch(receive), name="reader")
                await self._tell(send)
                watch.cancel()
        finally:
            self.hub.leave(self.reader)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        """Nothing between us and the reader may keep or gather what is sent."""
        headers = {
            "content-type": f"{MEDIA_TYPE}; charset=utf-8", "cache-control": "no-store",
            "vary": "accept-encoding", "x-accel-buffering": "no",
        }  # fmt: skip
        if self.reader.listener.packed:
            headers["content-encoding"] = "gzip"
        return [(name.encode(), value.encode()) for name, value in headers.items()]

    async def _tell(self, send: Send) -> None:
        head = GZIP_HEADER if self.reader.listener.packed else b""
        while piece := await self.reader.next():
            await send({"type": "http.response.body", "body": head + piece, "more_body": True})
            head = b""
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive) -> None:
        """End with the client."""
        while (await receive())["type"] != "http.disconnect":
            pass  # the rest of a body that nobody asked for
        self.reader.end()
