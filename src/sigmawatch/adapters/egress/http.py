"""One HTTP/1.1 request over a line, and its answer, read by h11 as far as it is worth reading.

No redirect is followed, nothing is decompressed, no connection is used twice. The status is what
counts: where it has come, a body that never ends is cut and the answer stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import h11

from sigmawatch import __version__
from sigmawatch.adapters.egress.destination import Destination
from sigmawatch.adapters.egress.line import Line
from sigmawatch.domain.errors import BadAnswer, Unavailable

HEADER_BYTES_MAX = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked. Headers are checked when they are sent: none can hold a line's end."""

    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came. headers: by lower-case name, the first of each. body: its beginning, as sent.
    whole: whether that is all of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


async def exchange(line: Line, destination: Destination, *, request: Request) -> Reply:
    """Raises BadAnswer where no status can be read, Unavailable where none comes."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_BYTES_MAX)
    line.committed = True
    await line.write(_encoded(connection, destination, request=request))
    try:
        response = await _response(line, connection)
    except h11.RemoteProtocolError as exc:
        raise BadAnswer(f"{line.host} does not speak HTTP: {exc}"[:160]) from None
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    body, whole = await _body(line, connection)
    return Reply(status=response.status_code, headers=headers, body=body, whole=whole)


def _encoded(connection: h11.Connection, destination: Destination, *, request: Request) -> bytes:
    headers = {
        "host": destination.authority, "user-agent": f"sigmawatch/{__version__}",
        "accept": "application/json, text/plain, */*", "accept-encoding": "identity",
        "connection": "close", "content-length": str(len(request.body)),
    } | {name.lower(): value for name, value in request.headers.items()}  # fmt: skip
    asked = h11.Request(method=request.method, target=destination.target,
                        headers=list(headers.items()))  # fmt: skip
    parts = [connection.send(asked)]
    if request.body:
        parts.append(connection.send(h11.Data(data=request.body)))
    parts.append(connection.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)


async def _response(line: Line, connection: h11.Connection) -> h11.Response:
    """The answer proper; what is announced before it (1xx) is passed over."""
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                data = await line.read()
                if not data:
                    raise Unavailable(f"{line.host} closed the connection without an answer")
                connection.receive_data(data)
            case h11.Response() as response:
                return response
            case h11.InformationalResponse():
                continue
            case _:
                raise BadAnswer(f"{line.host} answered with something else than an answer")


async def _body(line: Line, connection: h11.Connection) -> tuple[bytes, bool]:
    """As much as comes soundly and soon, the status has said what there is to say; whether that is
    all."""
    body = bytearray()
    try:
        async with asyncio.timeout(line.patience.body_s):
            await _collect(body, line, connection=connection)
    except (h11.RemoteProtocolError, Unavailable, TimeoutError):
        return bytes(body), False
    return bytes(body), True


async def _collect(body: bytearray, line: Line, *, connection: h11.Connection) -> None:
    while True:
        match connection.next_event():
            case h11.NEED_DATA:
                connection.receive_data(await line.read())
            case h11.Data(data=data):
                body += data
            case _:
                return
