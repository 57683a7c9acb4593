"""Receipts: how long a connection may take to say what it wants, and to take what it gets.

Uvicorn and h11 wait for ever (RELIABILITY.md, findings 9 to 11), so this stands around them:
a head is received within 5 s, a body (of a larger one each megabyte) within 30 s and at 100 bytes a
second, and an answer of which nothing is taken for 10 s is cut. Connections are counted, by address
too; where there are too many, the one that waited longest gives way. h11 reads heads of at most
16 KB; a line of a head that ends in a bare line feed, which others may read as part of another
request, is refused (RFC 9112, 2.2 lets us). Half a second's look at every connection is all it
costs. A head that h11 has read before (`heads`) is answered in a turn of its own (`turns`), or at
once (`at_once`).
"""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from sigmawatch.app.web.at_once import at_once_of
from sigmawatch.app.web.door.framing import BODY_BYTES_MAX
from sigmawatch.app.web.door.peers import group_of, is_loopback
from sigmawatch.app.web.heads import Head, Heads
from sigmawatch.app.web.problems import KINDS, MEDIA_TYPE, ProblemError, encode
from sigmawatch.app.web.turns import Turn

LOOK_EVERY_S = 0.5
_BARE = re.compile(rb"(?<!\r)\n")
_END = b"\r\n\r\n"
_SLUGS = {431: "headers-too-large", 408: "timed-out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds, and the pace of a body after its first `body_grace_s`."""

    head_s: float = 5.0
    body_s: float = 30.0
    body_grace_s: float = 5.0
    body_bytes_per_s_min: float = 100.0
    answer_s: float = 10.0
    linger_s: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many connections there may be, and of which addresses any number (proxies)."""

    connections_max: int
    per_address_max: int = 200
    exempt: Callable[[str], bool] = is_loopback


class Receipts:
    """All connections of one server."""

    def __init__(self, room: Room, *, deadlines: Deadlines = Deadlines()) -> None:
        self.deadlines = deadlines
        self._room = room
        self._open: set[Receipt] = set()
        self._waiting: OrderedDict[Receipt, None] = OrderedDict()  # longest first
        self._of_address: Counter[str] = Counter()
        self.cut_count: Counter[str] = Counter()  # by reason
        self.heads = Heads()

    @property
    def open_count(self) -> int:
        return len(self._open)

    def opened(self, connection: Receipt) -> bool:
        """Whether there is room for one more."""
        self._open.add(connection)
        address = connection.address
        if not self._room.exempt(address):
            group = group_of(address)
            self._of_address[group] += 1
            if self._of_address[group] > self._room.per_address_max:
                self.cut(connection, "address")
                return False
        self.waits(connection)
        if len(self._open) > self._room.connections_max:
            self.cut(next(iter(self._waiting)), "room")  # there is one: who has just come
        return connection in self._open

    def closed(self, connection: Receipt) -> None:
        """Forget it."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        self._waiting.pop(connection, None)
        group = group_of(connection.address)
        if group in self._of_address:
            self._of_address[group] -= 1
            if not self._of_address[group]:
                del self._of_address[group]

    def waits(self, connection: Receipt) -> None:
        """It has no request under way."""
        if connection in self._open:
            self._waiting[connection] = None
            self._waiting.move_to_end(connection)

    def works(self, connection: Receipt) -> None:
        """A request of it is under way."""
        self._waiting.pop(connection, None)

    def cut(self, connection: Receipt, reason: str) -> None:
        """End it, whatever it is doing."""
        self.cut_count[reason] += 1
        self.closed(connection)
        connection.transport.abort()

    def look(self, now_s: float) -> None:
        """End what is overdue."""
        self.heads.look(now_s)
        for connection in list(self._open):
            if connection.is_over(now_s):
                connection.transport.abort()
            elif connection.is_stuck(now_s):
                self.cut(connection, "answer")
            elif overdue := connection.overdue(now_s):
                self.cut_count[overdue] += 1
                connection.time_out()


class _Line:
    """A transport whose end waits until what is still on its way has come, where something is.

    A socket that is closed before all of its input is read resets the connection, and the client
    may lose the answer that was on its way to it (RFC 9112, 9.6). So we say that we are done, and
    read what comes without looking at it, until the client is done or `linger_s` are over.
    """

    __slots__ = ("_linger", "_transport", "get_extra_info", "get_write_buffer_size", "is_lingering",
                 "pause_reading", "resume_reading", "write")  # fmt: skip

    def __init__(self, transport: asyncio.Transport, linger: Callable[[], bool]) -> None:
        self._transport = transport
        self._linger = linger
        self.is_lingering = False
        self.write = transport.write
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size

    def is_closing(self) -> bool:
        return self.is_lingering or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        if not (self._transport.can_write_eof() and self._linger()):
            self._transport.close()
            return
        self.is_lingering = True
        self._transport.write_eof()
        self._transport.resume_reading()

    def abort(self) -> None:
        self._transport.abort()


class Receipt(H11Protocol):
    """One connection."""

    transport: _Line  # type: ignore[assignment]

    def __init__(self, *given: Any, receipts: Receipts, **more: Any) -> None:
        super().__init__(*given, **more)
        self.address = ""
        self._receipts = receipts
        self._at_once = at_once_of(self.config.app)
        self._head_s: float | None = None  # since when a head is awaited
        self._body_s: float | None = None  # since when a body is
        self._body_bytes = 0
        self._seen = b""  # of a head that is not whole
        self._linger_s: float | None = None  # since when the end is only waited for
        self._stuck_s: float | None = None
        self._stuck_bytes = 0
        self._idle_s: float | None = None  # since when the next request is awaited, after a turn

    # Of uvicorn

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        line: Any = _Line(transport, self._lingers)
        super().connection_made(line)
        self.address = self.client[0] if self.client else ""
        self._head_s = self.loop.time()
        self._receipts.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._receipts.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._idle_s = None
        waited = self._waits_alone()
        if waited and (known := self._receipts.heads.find(data)) is not None:
            self._turn(data, known)
            return
        if isinstance(self.cycle, Turn) and not self.cycle.response_complete:
            self.cycle.hand_over()  # something comes before its turn
        if self.conn.their_state is h11.IDLE and not self._is_clean(data):
            self.refuse("malformed", "a line of the head ends in a bare line feed")
            return
        if self._body_s is not None:
            self._body_bytes += len(data)
            if self._body_bytes >= BODY_BYTES_MAX:  # of one that is taken while it comes
                self._body_s, self._body_bytes = self.loop.time(), 0
        super().data_received(data)
        self._follow()
        if waited and self.conn.their_state is h11.DONE and not self.conn.trailing_data[0]:
            self._receipts.heads.keep(data, dict(self.scope))

    def _waits_alone(self) -> bool:
        """Whether a request may begin with what comes now, and nothing of one has come."""
        cycle: RequestResponseCycle | None = self.cycle
        return (
            (cycle is None or cycle.response_complete)
            and self.conn.their_state is h11.IDLE
            and self.conn.our_state is h11.IDLE
            and not self._seen
            and not self.conn.trailing_data[0]
        )

    def _turn(self, data: bytes, known: Head) -> None:
        """As uvicorn does it for what h11 reads (H11Protocol.handle_events)."""
        self._unset_keepalive_if_required()
        self._head_s = None
        self.headers = list(known.headers)
        scope: Any = {
            **known.scope, "server": self.server, "client": self.client, "scheme": self.scheme,
            "headers": self.headers, "state": self.app_state.copy(),
        }  # fmt: skip
        if not self.flow.write_paused and (whole := self._at_once(scope, known)) is not None:
            self.transport.write(whole)
            self._answered()
            return
        self._receipts.works(self)
        self.scope = scope
        self.cycle = Turn(
            data, scope=scope, conn=self.conn, transport=self.transport, flow=self.flow,
            logger=self.logger, access_logger=self.access_logger, access_log=self.access_log,
            default_headers=self.server_state.default_headers, message_event=asyncio.Event(),
            on_response=self.on_response_complete,
        )  # fmt: skip
        task = self.loop.create_task(self.cycle.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        if self.conn.their_state is h11.IDLE:  # of a turn
            self._answered()
            return
        behind = self.conn.trailing_data[0] if self.conn.their_state is h11.DONE else b""
        if behind and not self._is_clean(behind):  # a head that came before its turn
            self.refuse("malformed", "a line of the head ends in a bare line feed")
            return
        super().on_response_complete()
        self._follow()

    def _answered(self) -> None:
        """Without h11: the next request is awaited."""
        self.server_state.total_requests += 1
        self._idle_s = self.loop.time()
        self._receipts.waits(self)

    def send_400_response(self, msg: str) -> None:
        """What h11 refuses; `msg` is uvicorn's one sentence for all of it."""
        failure = sys.exception()
        status = getattr(failure, "error_status_hint", 400)
        self.refuse(_SLUGS.get(status, "malformed"), str(failure or msg).partition(":")[0])

    # Ours

    def overdue(self, now_s: float) -> str:
        """What is waited for too long: `head`, `body`, or nothing."""
        deadlines = self._receipts.deadlines
        if self._idle_s is not None and now_s - self._idle_s > self.timeout_keep_alive:
            self.transport.close()  # as uvicorn has it after other answers
            return ""
        if self._head_s is not None and now_s - self._head_s > deadlines.head_s:
            return "head"
        if self._body_s is None:
            return ""
        if self.flow.read_paused:  # we do not read: that is not theirs to answer for
            self._body_s, self._body_bytes = now_s, 0
            return ""
        taken_s = now_s - self._body_s
        slow = self._body_bytes < taken_s * deadlines.body_bytes_per_s_min
        late = taken_s > deadlines.body_s or (taken_s > deadlines.body_grace_s and slow)
        return "body" if late else ""

    def is_over(self, now_s: float) -> bool:
        """Whether its end was waited for long enough."""
        since_s, linger_s = self._linger_s, self._receipts.deadlines.linger_s
        return since_s is not None and now_s - since_s > linger_s

    def is_stuck(self, now_s: float) -> bool:
        """Whether nothing of what we have to say was taken for too long."""
        waiting_bytes = self.transport.get_write_buffer_size()
        if self._stuck_s is None or waiting_bytes < self._stuck_bytes or not waiting_bytes:
            self._stuck_s = now_s if waiting_bytes else None
        self._stuck_bytes = waiting_bytes
        since_s, answer_s = self._stuck_s, self._receipts.deadlines.answer_s
        return since_s is not None and now_s - since_s > answer_s

    def time_out(self) -> None:
        """Say so where it can still be said, and end."""
        self._head_s = self._body_s = None
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE and not self._seen:
            self.transport.close()  # nothing was asked, so nothing is answered
        elif self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self.refuse("timed-out", "what was begun was not sent in time")
        else:
            self.transport.abort()

    def refuse(self, slug: str, detail: str) -> None:
        """Answer with a problem and end, whatever was understood of the request."""
        body = encode(ProblemError(slug, detail), request_id=secrets.token_hex(8))
        head = (f"HTTP/1.1 {KINDS[slug].status} {KINDS[slug].title}\r\n"
                f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
                "x-content-type-options: nosniff\r\nconnection: close\r\n\r\n")  # fmt: skip
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # whoever waits for the rest of it hears that it ended
            cycle.message_event.set()
        self._head_s = self.loop.time()  # more of it may come
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _lingers(self) -> bool:
        """Whether more may be on its way to us as we end."""
        if self.conn.their_state not in {h11.SEND_BODY, h11.ERROR} and self._head_s is None:
            return False
        self._linger_s = self.loop.time()
        self._head_s = self._body_s = None
        return True

    def _is_clean(self, data: bytes) -> bool:
        """Whether `data`, of which a head begins or goes on, holds no bare line feed in it."""
        seen = self._seen + data if self._seen else data
        head, end, _ = seen.partition(_END)
        self._seen = b"" if end else seen[-3:].removeprefix(b"\n")  # that one was looked at
        return _BARE.search(head) is None

    def _follow(self) -> None:
        """Which part of a request is awaited now, and since when."""
        theirs, now_s = self.conn.their_state, self.loop.time()
        if theirs is h11.IDLE:
            begun = bool(self._seen) and self.conn.our_state is h11.IDLE
            if not begun:
                self._head_s = None  # between two requests: uvicorn's deadline for idle ones
            elif self._head_s is None:
                self._head_s = now_s
            self._body_s = None
            self._receipts.waits(self)
            return
        self._head_s, self._seen = None, b""
        if theirs is not h11.SEND_BODY:
            self._body_s = None
        elif self._body_s is None:
            self._body_s, self._body_bytes = now_s, 0
        self._receipts.works(self)
