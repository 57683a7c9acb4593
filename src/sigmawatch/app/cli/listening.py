"""Where the page and the API listen: the socket, its certificate, and how it is told to others."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sigmawatch.app.config import Config
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.web.receipts import Receipts
from sigmawatch.app.web.server import listen, receipts_of, serve_on, tls_of

_FIRST = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A socket that listens. url: by which this machine reaches it. fingerprint: SHA-256 of its
    certificate as hexadecimal, so that our own commands know it whoever signed it; or empty."""

    listener: socket.socket
    receipts: Receipts
    tls: ssl.SSLContext | None
    url: str
    fingerprint: str

    async def serve(self, app: Any, *, leaving: Callable[[], None]) -> None:
        """Answer with `app` until cancelled; then `leaving` says good-bye to who reads streams."""
        await serve_on(
            app, self.listener, receipts=self.receipts, tls=self.tls, leaving=leaving
        )  # fmt: skip


@contextmanager
def listening(config: Config) -> Iterator[Listening]:
    """Listen as configured until the block ends. Raises InUse, Invalid."""
    tls = tls_of(config.access)
    with listen(config.server.host, config.server.port) as listener:
        yield Listening(
            listener=listener, tls=tls, receipts=receipts_of(config.access, config.limits),
            url=_url(listener, "https" if tls else "http"), fingerprint=_fingerprint(config),
        )  # fmt: skip


def refuse_exposed(config: Config, *, guarded: bool) -> None:
    """Raises ConfigProblems where others could connect, and it is not decided how nobody listens
    in, or who may read. guarded: a user exists."""
    host = config.server.host
    found = [config.access.exposed(host), config.access.exposed_to_nobody(host, guarded=guarded)]
    if problems := [problem for problem in found if problem is not None]:
        raise ConfigProblems(problems)


def _url(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:  # every address of this machine, so its loopback too
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    shown = f"[{address}]" if address.version == 6 else str(address)
    return f"{scheme}://{shown}:{port}"


def _fingerprint(config: Config) -> str:
    if config.access.tls_cert is None:
        return ""
    first = _FIRST.search(config.access.tls_cert.read_text("ascii", errors="replace"))
    assert first is not None  # the chain was loaded
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first[0])).hexdigest()
