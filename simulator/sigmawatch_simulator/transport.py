"""Sending an answer, well or badly. The only place that knows the HTTP server."""

import asyncio
import gzip
import socket
import struct
from dataclasses import replace

from aiohttp import web

from sigmawatch_simulator.faults import Fault
from sigmawatch_simulator.venues.speech import Answer

_COMPRESSED_FROM_BYTES = 512
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def send(
    request: web.Request, answer: Answer, *, faults: list[Fault], stopping: asyncio.Event
) -> web.StreamResponse:
    """Sends the answer with the faults of faults.SENDING; ends early when stopping."""
    kinds = {fault.kind: fault for fault in faults}
    if "hang" in kinds:
        await stopping.wait()
        return _reset(request)
    if "reset" in kinds:
        return _reset(request)
    if "truncated" in kinds:
        answer = replace(answer, body=answer.body[: len(answer.body) // 2])
    if "mime_html" in kinds:
        answer = replace(answer, content_type="text/html; charset=utf-8")
    if "huge_body" in kinds:
        megabytes = int(kinds["huge_body"].value or 16)
        answer = replace(answer, body=b" " * (megabytes * 1_000_000) + answer.body)
    if "gzip_cut" in kinds:
        return _cut(answer)
    if "slow_body" in kinds:
        return await _slowly(
            request, answer, bytes_per_s=int(kinds["slow_body"].value or 1), stopping=stopping
        )
    return _plain(request, answer)


def _plain(request: web.Request, answer: Answer) -> web.Response:
    headers = _headers(answer)
    body = answer.body
    accepts = "gzip" in request.headers.get("Accept-Encoding", "")
    if accepts and len(body) >= _COMPRESSED_FROM_BYTES:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, status=answer.status, headers=headers)


def _cut(answer: Answer) -> web.Response:
    body = gzip.compress(answer.body, compresslevel=1, mtime=0)
    headers = {**_headers(answer), "Content-Encoding": "gzip"}
    return web.Response(body=body[: len(body) // 2], status=answer.status, headers=headers)


async def _slowly(
    request: web.Request, answer: Answer, *, bytes_per_s: int, stopping: asyncio.Event
) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=_headers(answer))
    response.content_length = len(answer.body)
    await response.prepare(request)
    for byte in answer.body:
        await response.write(bytes([byte]))
        try:
            async with asyncio.timeout(1.0 / max(1, bytes_per_s)):
                await stopping.wait()
            return _reset(request)
        except TimeoutError:
            continue
    await response.write_eof()
    return response


def _reset(request: web.Request) -> web.Response:
    """Close with RST; the response that the server wants goes nowhere."""
    if request.transport is not None:
        link = request.transport.get_extra_info("socket")
        if link is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        request.transport.abort()
    return web.Response()


def _headers(answer: Answer) -> dict[str, str]:
    return {**answer.headers, "Content-Type": answer.content_type}
