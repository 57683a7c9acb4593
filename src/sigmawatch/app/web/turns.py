"""A turn: a request whose head h11 has read before (`heads`), and its answer, without h11.

An answer of which everything is known at once (its length, and the whole body in one piece) is
written as it is. Any other one is h11's: then h11 is given the head after all, and goes on as if it
had read it when it came. So there is one reader of requests, and one writer of whatever is not
plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, RequestResponseCycle

_LINES = {
    status: b"HTTP/1.1 %d %s\r\n" % (status, phrase) for status, phrase in STATUS_PHRASES.items()
}
BODILESS = frozenset({204, 304})
_H11S = frozenset({b"connection", b"transfer-encoding", b"upgrade"})  # what ends or frames it


class Turn(RequestResponseCycle):
    """data: the bytes of the head, which h11 has not got."""

    def __init__(self, data: bytes, **given: Any) -> None:
        super().__init__(**given)
        self._head: bytes | None = data
        self._start: Any = None
        self.more_body = False
        self.message_event.set()

    def hand_over(self) -> None:
        """From now on it is h11's."""
        data, self._head = self._head, None
        if data is not None:
            self.conn.receive_data(data)
            request, end = self.conn.next_event(), self.conn.next_event()
            assert isinstance(request, h11.Request)
            assert isinstance(end, h11.EndOfMessage)

    async def send(self, message: Any) -> None:
        if self._head is None:
            await self._by_h11(message)
        elif self._start is None and message["type"] == "http.response.start":
            self._start, self.response_started = message, True
        elif (whole := self._whole(message)) is None:
            self.hand_over()
            await self._by_h11(message)
        elif not self.disconnected:
            self._head, self.response_complete = None, True
            self.message_event.set()
            self.transport.write(whole)
            self.on_response()

    async def _by_h11(self, message: Any) -> None:
        start, self._start = self._start, None
        if start is not None:
            self.response_started = False
            await super().send(start)
        await super().send(message)

    def _whole(self, message: Any) -> bytes | None:
        """The answer as it leaves, where `message` ends a plain one."""
        start = self._start
        if start is None or message["type"] != "http.response.body" or message.get("more_body"):
            return None
        if not self.keep_alive or self.flow.write_paused:
            return None
        status, headers, body = start["status"], start["headers"], message.get("body", b"")
        names = dict(headers)
        length = names.get(b"content-length")
        if status in BODILESS:
            body = b""
        elif length is None or length != b"%d" % len(body) or status < 200:
            return None
        head = head_of(status, headers)
        return None if head is None else b"%b\r\n%b" % (head, body)


def head_of(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The head of a plain answer but for the empty line that ends it; None where h11 must write it,
    or say why not."""
    lines = [name + b": " + text for name, text in headers]
    head = _LINES[status] + b"\r\n".join(lines) + b"\r\n"
    if head.count(b"\n") != len(headers) + 1 or head.count(b"\r") != len(headers) + 1:
        return None
    return None if b"\0" in head or dict(headers).keys() & _H11S else head
