"""What stands between a page and its program: it passes everything on, but for what a test says.

So a page meets, over the real program, what a real network and a sick server do to it: answers that
are refused or changed, streams that are cut, fall silent, or tell what a test makes up.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

API = "/api/v1"
STREAM = f"{API}/stream"
OWN = {"transfer-encoding", "connection", "content-length", "content-encoding"}
Change = Callable[[Any], Any]


class Between:
    """A proxy before the program at `port` of this machine, at a path of its own if `below` names
    one. asked: what was, path and query; resumed: the `Last-Event-ID` of every stream."""

    def __init__(self, port: int, *, below: str = "") -> None:
        self.port, self.below = port, below
        self.asked: list[str] = []
        self.resumed: list[str | None] = []
        self.changes: dict[str, Change] = {}
        self.refusals: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self.resume_from: str | None = None  # in place of a stream's own Last-Event-ID
        self.away = False
        self.silent = False
        self.only_ours = False  # of the program's own events, only `hello` passes
        self.sequence = 0
        self._streams: set[_Stream] = set()
        self._lock = threading.Lock()
        handler = type("Passing", (_Passing,), {"between": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{self.below}"

    def count(self, path: str) -> int:
        """How often something that begins with `path`, below the API's, was asked."""
        return sum(one.startswith(API + path) for one in self.asked)

    def change(self, path: str, how: Change) -> None:
        """What the program answers at `path` (or says as an event of that name) is changed."""
        self.changes[path] = how

    def refuse(self, path: str, status: int, **problem: Any) -> None:
        """`path` is answered with a problem."""
        self.refusals[path] = (status, problem)

    def cut(self) -> None:
        """No answer any more, and every stream ends; `mend` undoes it."""
        self.away = True
        with self._lock:
            ending = list(self._streams)
        for stream in ending:
            stream.end()

    def mend(self) -> None:
        self.away = False

    def tell(self, name: str, data: Mapping[str, Any], *, id: str = "") -> None:
        """An event of the test's own, in every stream."""
        with self._lock:
            told = list(self._streams)
        for stream in told:
            stream.write(_event(name, data, id=id))

    def delta(self, columns: Mapping[str, Any]) -> None:
        """The next delta after the snapshot: column -> its rows and their values."""
        self.sequence += 1
        facts = {"sequence": self.sequence, "time": "2026-11-22T12:00:00.000Z", "of": 20}
        self.tell("delta", {**facts, "slot": None, "columns": columns})

    # What the handlers ask

    def changed(self, path: str, body: bytes) -> bytes:
        how = self.changes.get(path)
        told = json.loads(body)
        told = told if how is None else how(told)
        if path == f"{API}/snapshot":
            self.sequence = told["sequence"]
        return json.dumps(told).encode()

    def passed(self, event: bytes) -> bytes | None:
        """What becomes of an event of the program's; None where it does not arrive."""
        name = event.partition(b"event: ")[2].partition(b"\n")[0].decode()
        if self.silent or (self.only_ours and name not in {"hello", ""}):
            return None
        if name not in self.changes:
            return event + b"\n\n"
        head, _, data = event.partition(b"data: ")
        return (
            head + b"data: " + json.dumps(self.changes[name](json.loads(data))).encode() + b"\n\n"
        )

    def begins(self, stream: _Stream) -> None:
        with self._lock:
            self._streams.add(stream)

    def ends(self, stream: _Stream) -> None:
        with self._lock:
            self._streams.discard(stream)


def _event(name: str, data: Mapping[str, Any], *, id: str) -> bytes:
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


class _Stream:
    """One that is open: the program's end and the page's."""

    def __init__(self, inner: socket.socket, outer: socket.socket) -> None:
        self._inner, self._outer = inner, outer
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock, suppress(OSError):
            self._outer.sendall(data)

    def end(self) -> None:
        for one in (self._outer, self._inner):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class _Passing(BaseHTTPRequestHandler):
    between: Between
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass_on(None)

    def do_DELETE(self) -> None:
        self._pass_on(None)

    def do_POST(self) -> None:
        self._pass_on(self.rfile.read(int(self.headers.get("content-length", 0))))

    def do_PUT(self) -> None:
        self.do_POST()

    def _pass_on(self, body: bytes | None) -> None:
        between = self.between
        asked = self.path.removeprefix(between.below)
        path = asked.partition("?")[0]
        self.close_connection = True
        between.asked.append(asked)
        if between.away or not self.path.startswith(between.below + "/"):
            return
        if path in between.refusals:
            self._refuse(*between.refusals[path])
            return
        headers = {name.title().replace("-Id", "-ID"): value
                   for name, value in self.headers.items()}  # fmt: skip
        headers.pop("Accept-Encoding", None)
        if "Last-Event-ID" in headers and between.resume_from is not None:
            headers["Last-Event-ID"] = between.resume_from
        inner = HTTPConnection("127.0.0.1", between.port, timeout=120)
        with suppress(OSError, HTTPException):
            inner.request(self.command, asked, body=body, headers=headers)
            self._answer(path, inner, inner.getresponse())
        inner.close()

    def _answer(self, path: str, inner: HTTPConnection, answer: HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OWN:
                self.send_header(name, value)
        self.send_header("connection", "close")
        if path == STREAM and answer.status == 200:
            self.end_headers()
            self._relay(inner, answer)
            return
        body = answer.read()
        known = path in self.between.changes or path == f"{API}/snapshot"
        if answer.status == 200 and known:
            body = self.between.changed(path, body)
        if answer.status != 304:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _relay(self, inner: HTTPConnection, answer: HTTPResponse) -> None:
        between = self.between
        between.resumed.append(self.headers.get("last-event-id"))
        assert answer.fp is not None
        stream = _Stream(answer.fp.raw._sock, self.connection)  # type: ignore[attr-defined]
        between.begins(stream)
        text = b""
        try:
            while piece := answer.read1(65_536):
                *whole, text = (text + piece).split(b"\n\n")
                for event in whole:
                    if (told := between.passed(event)) is not None:
                        stream.write(told)
        finally:
            between.ends(stream)

    def _refuse(self, status: int, problem: Mapping[str, Any]) -> None:
        body = json.dumps({"status": status, "title": "Refused", **problem}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/problem+json")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
