"""Somebody to send to, on loopback: says what it is told to, well or badly, and keeps what came."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import ipaddress
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.line import Patience

NAME = "hooks.example.com"
BRIEF = Patience(resolve_s=0.3, connect_s=2.0, body_s=0.1, attempt_s=5.0)
LOOPBACK = IPv4Network("127.0.0.0/8")
Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Came:
    """One request as it arrived."""

    line: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(kw_only=True)
class Receiver:
    """A listening server. behave: what it does once a request has come."""

    port: int = 0
    behave: Behave
    connections_count: int = 0
    came: list[Came] = field(default_factory=list)
    scheme: str = "http"

    def url(self, path: str = "/hook", *, host: str = NAME) -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def egress(
        self, *, trust: ssl.SSLContext | None = None, patience: Patience | None = None
    ) -> Egress:
        """The guard as an operator opens it to this receiver; every name leads there."""
        return Egress([Opening(network=LOOPBACK, port=self.port)], resolve=to_loopback,
                      trust=trust, patience=patience or BRIEF)  # fmt: skip


async def to_loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@asynccontextmanager
async def receiving(
    behave: Behave, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:  # fmt: skip
    receiver = Receiver(behave=behave, scheme="https" if tls else "http")
    open_ones: set[asyncio.StreamWriter] = set()
    tasks: set[asyncio.Task[object]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections_count += 1
        open_ones.add(writer)
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            receiver.came.append(await _request(reader))
            await receiver.behave(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for writer in open_ones:
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)


async def _request(reader: asyncio.StreamReader) -> Came:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Came(line=first, headers=headers, body=body)


def answering(
    status: int, body: bytes = b"", *, headers: Mapping[str, str] | None = None
) -> Behave:
    """A sound answer."""
    told = {"Content-Length": str(len(body))} | dict(headers or {})

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        writer.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body)
        await writer.drain()
        await reader.read()  # until the other side has gone

    return behave


def saying(*parts: bytes, endless: bytes = b"", end: bool = True) -> Behave:
    """These very bytes; then one part for ever, or the end of the connection, or silence."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        while endless:
            writer.write(endless)
            await writer.drain()
        if not end:
            await reader.read()

    return behave


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    import socket
    import struct

    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


BOMB = gzip.compress(b"\0" * 20_000_000, 9)  # 20 kB that become 20 MB


@dataclass(frozen=True, kw_only=True)
class Papers:
    """A certificate authority of the test's own, and certificates by it and without it."""

    trust: ssl.SSLContext
    right: ssl.SSLContext
    wrong_name: ssl.SSLContext
    expired: ssl.SSLContext
    self_signed: ssl.SSLContext


def papers() -> Papers:
    authority = _Authority()
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    trust.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return Papers(
        trust=trust,
        right=authority.server(NAME),
        wrong_name=authority.server("other.example.com"),
        expired=authority.server(NAME, days=-1),
        self_signed=_Authority().server(NAME),
    )


class _Authority:
    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        made = self._made(self._name, self._key, days=2)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        signed = made.sign(self._key, hashes.SHA256())
        self.pem = signed.public_bytes(serialization.Encoding.PEM)

    def server(self, name: str, *, days: int = 2) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        alternatives: list[x509.GeneralName] = [
            x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ] if name == NAME else [x509.DNSName(name)]  # fmt: skip
        made = self._made(subject, key, days=days).add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        )
        signed = made.sign(self._key, hashes.SHA256())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "server.pem"
            file.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
                + signed.public_bytes(serialization.Encoding.PEM)
            )
            context.load_cert_chain(file)
        return context

    def _made(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=3))
            .not_valid_after(now + dt.timedelta(days=days))
        )
