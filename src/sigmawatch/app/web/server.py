"""The HTTP server: uvicorn with h11, one process, ended by cancellation alone.

Bounds: headers and request line together 16 KB, idle connections 15 s, and what `receipts` says of
those who send or take slowly. When the caller cancels, running answers get one second, then every
connection is closed. Signals belong to the caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from sigmawatch.app.access_config import AccessConfig, LimitsConfig
from sigmawatch.app.web.door.framing import HEADER_BYTES_MAX
from sigmawatch.app.web.door.peers import Peers
from sigmawatch.app.web.receipts import LOOK_EVERY_S, Receipt, Receipts, Room
from sigmawatch.domain.errors import InUse, Invalid

GRACE_S = 1
KEEP_ALIVE_S = 15
BACKLOG = 512
ACCEPTED_AT_ONCE = 4
RESERVED_FILES = 256


class _Server(uvicorn.Server):
    """Uvicorn without signal handlers of its own, and with receipts."""

    def __init__(
        self, config: uvicorn.Config, *, receipts: Receipts, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(config)
        self._receipts = receipts
        self._tls = tls
        self._looked_s = 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        shake_s = self._receipts.deadlines.head_s if self._tls else None

        def connection() -> Receipt:
            return Receipt(self.config, self.server_state, {}, loop, receipts=self._receipts)

        self.servers = [
            await loop.create_server(connection, sock=one, ssl=self._tls, backlog=ACCEPTED_AT_ONCE,
                                     ssl_handshake_timeout=shake_s)
            for one in sockets or ()
        ]  # fmt: skip
        # The loop accepts `backlog` of them before it tells us of the first, and then we could only
        # look on as they take the last open files; those that wait in the kernel may be many.
        for one in sockets or ():
            one.listen(BACKLOG)
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        now_s = asyncio.get_running_loop().time()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = now_s
            self._receipts.look(now_s)
        return await super().on_tick(counter)


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


async def serve_on(
    app: Any, listener: socket.socket, *, receipts: Receipts | None = None,
    tls: ssl.SSLContext | None = None, leaving: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """As `serve`, on a socket that listens already; closes it. tls: to speak https with. leaving:
    called when it ends, to end answers that go on by themselves."""
    config = uvicorn.Config(
        app, http="h11", ws="none", loop="asyncio", lifespan="off", interface="asgi3",
        log_config=None, access_log=False, server_header=False, date_header=False,
        proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
    )  # fmt: skip
    if receipts is None:
        receipts = receipts_of(AccessConfig(), LimitsConfig())
    server = _Server(config, receipts=receipts, tls=tls)
    running = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(running)
    finally:
        if leaving is not None:
            leaving()
        server.should_exit = True
        try:
            await running
        finally:
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            listener.close()


def receipts_of(access: AccessConfig, limits: LimitsConfig) -> Receipts:
    """The receipts of a configuration."""
    peers = Peers(access.networks)
    return Receipts(Room(
        connections_max=affordable(limits.connections_max),
        per_address_max=limits.connections_per_address_max, exempt=peers.is_ours,
    ))  # fmt: skip


def affordable(wanted: int) -> int:
    """How many connections leave some open files to the collectors, the database and what sends
    alerts (RELIABILITY.md P36). As many files may be open afterwards as the system lets us."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != most:
        with contextlib.suppress(OSError, ValueError):  # some systems say more than they allow
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            allowed = most
    if allowed == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, allowed - min(RESERVED_FILES, allowed // 2)))


def tls_of(access: AccessConfig) -> ssl.SSLContext | None:
    """TLS 1.2 and above with the configured certificate; None where there is none. Raises Invalid
    where the files are no pair that can be read."""
    if access.tls_cert is None or access.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(access.tls_cert, access.tls_key)
    except (OSError, ValueError) as exc:  # SSLError is an OSError
        raise Invalid(
            f"the certificate cannot be used: {getattr(exc, 'reason', None) or exc.strerror or exc}"
            if isinstance(exc, OSError) else f"the certificate cannot be used: {exc}",
            field="access.tls_cert", allowed="a PEM chain, and its key without a password",
        ) from None  # fmt: skip
    return context
