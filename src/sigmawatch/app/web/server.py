"""The HTTP server: uvicorn with h11, one process, ended by cancellation alone.

Bounds: headers and request line together 16 KB, idle connections 15 s. When the caller cancels,
running answers get one second, then every connection is closed. Signals belong to the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from sigmawatch.app.web.gate import HEADER_BYTES_MAX
from sigmawatch.domain.errors import InUse, Invalid

GRACE_S = 1
KEEP_ALIVE_S = 15
BACKLOG = 512


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers of its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Any, *, host: str, port: int) -> None:
    """Answer on `host`:`port` until cancelled; then ends within two seconds, whatever clients do.

    Raises InUse where the port is taken, Invalid where the address cannot be used.
    """
    await serve_on(app, listen(host, port))


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises InUse, Invalid."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as exc:
        listener.close()
        if exc.errno == errno.EADDRINUSE:
            raise InUse(f"port {port} on {host} is taken; use another one with --port") from exc
        raise Invalid(
            f"cannot listen on {host} port {port}: {exc.strerror}", field="host",
            allowed="--host 127.0.0.1, --port 1024 to 65535",
        ) from exc  # fmt: skip
    listener.setblocking(False)
    return listener


async def serve_on(app: Any, listener: socket.socket) -> None:
    """As `serve`, on a socket that listens already; closes it."""
    config = uvicorn.Config(
        app, http="h11", ws="none", loop="asyncio", lifespan="off", interface="asgi3",
        log_config=None, access_log=False, server_header=False, date_header=False,
        proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
    )  # fmt: skip
    server = _Server(config)
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(running)
    finally:
        server.should_exit = True
        try:
            await running
        finally:
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            listener.close()
