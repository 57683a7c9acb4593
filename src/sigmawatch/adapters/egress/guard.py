"""The egress guard: the one way out for notices (SECURITY.md; S26-S37, RELIABILITY.md P24).

A destination is read strictly, its name is looked up once for every attempt, every address found
must pass, and the connection goes to a checked address with the original name in Host and SNI; the
peer is looked at again after it. Nothing is followed, no proxy and no cookie exists. An attempt
takes ATTEMPT_MS at most, whatever the other side does, and holds REPLY_BYTES_MAX of its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, ip_address

from sigmawatch.adapters.egress.addresses import Address
from sigmawatch.adapters.egress.destination import (
    Destination,
    Opening,
    admitted,
    mail_host,
    parse_url,
)
from sigmawatch.adapters.egress.http import Reply, Request, exchange
from sigmawatch.adapters.egress.line import Line, Patience, brief
from sigmawatch.domain.errors import Invalid, Refused, Unavailable

ADDRESSES_MAX = 4  # of one name that are tried
_LOOKUPS_MAX = 16  # under way at once; a resolver that hangs holds no more threads than that
_NOBODYS = IPv4Address("192.0.2.1")  # for examples in documents, RFC 5737

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
Own = Callable[[Address], bool]


class UnsureError(Unavailable):
    """It failed after our words had gone out: it may have been accepted."""


class Egress:
    """The way out. openings: what the operator opened in the configuration file. The others:
    the system's and SECURITY.md's, unless a test brings its own."""

    def __init__(
        self,
        openings: Sequence[Opening] = (),
        *,
        resolve: Resolve | None = None,
        own: Own | None = None,
        trust: ssl.SSLContext | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._openings = tuple(openings)
        self._resolve = resolve or _Resolver()
        self._own = own or _is_own
        self._trust = trust or _trust()
        self._patience = patience or Patience()

    def destination(self, url: str) -> Destination:
        """Raises Invalid."""
        return parse_url(url, openings=self._openings)

    def mail_host(self, host: str, port: int, *, tls: bool) -> Destination:
        """Raises Invalid."""
        return mail_host(host, port, tls=tls, openings=self._openings)

    async def check(self, destination: Destination, *, field: str = "url") -> None:
        """Whether it could be sent to now, without sending anything. Raises Invalid where it leads
        to where it must not, Unavailable where its name cannot be looked up."""
        try:
            await self._addresses(destination)
        except Refused as exc:
            raise Invalid(str(exc), field=field, allowed="a host on the public internet") from None

    async def send(self, url: str, request: Request) -> Reply:
        """One HTTP request. Raises Refused and Invalid where it must not be sent, Unavailable where
        it did not come through, UnsureError where that is not known."""
        destination = self.destination(url)
        async with self.connect(destination) as line:
            return await exchange(line, destination, request=request)

    @asynccontextmanager
    async def connect(
        self, destination: Destination, *, encrypted: bool | None = None
    ) -> AsyncIterator[Line]:
        """A line to a checked address, for the time of one attempt. encrypted: TLS from the first
        byte; without it, as the destination says. Raises as `send`, for what happens inside too."""
        line: Line | None = None
        try:
            async with asyncio.timeout(self._patience.attempt_s):
                tls = destination.tls if encrypted is None else encrypted
                async with self._connected(destination, tls=tls) as line:
                    yield line
        except TimeoutError:
            said = "did not answer in time" if line else "could not be reached in time"
            error: Unavailable = Unavailable(f"{destination.host} {said}")
        except Unavailable as exc:
            error = exc
        else:
            return
        if line is not None and line.committed:
            raise UnsureError(str(error), retry_after_s=error.retry_after_s) from None
        raise error from None

    async def encrypt(self, line: Line) -> None:
        """TLS over a line that began without (STARTTLS)."""
        await line.encrypt(self._trust)

    @asynccontextmanager
    async def _connected(self, destination: Destination, *, tls: bool) -> AsyncIterator[Line]:
        addresses = await self._addresses(destination)
        connection = await _connect(addresses, destination, within_s=self._patience.connect_s)
        try:
            reader, writer = await asyncio.open_connection(sock=connection)
        except BaseException:
            connection.close()
            raise
        try:
            line = Line(reader, writer, host=destination.host, patience=self._patience)
            if tls:
                await line.encrypt(self._trust)
            yield line
        finally:
            writer.transport.abort()  # nothing that we would wait for is still on its way

    async def _addresses(self, destination: Destination) -> Sequence[Address]:
        """Where the destination is now. Raises Refused unless every one may be spoken to."""
        literal = destination.literal
        found = [literal] if literal else await self._looked_up(destination)
        for address in found:
            if not self._may(address, destination):
                named = "" if literal else f" ({address})"
                raise Refused(f"{destination.host}{named} is not on the public internet, and not "
                              "opened to us by the operator")  # fmt: skip
        return found[:ADDRESSES_MAX]

    def _may(self, address: Address, destination: Destination) -> bool:
        if not admitted(address, destination, openings=self._openings):
            return False
        opened = any(
            opening.port == destination.port and address in opening.network
            for opening in self._openings
        )
        return opened or not self._own(address)

    async def _looked_up(self, destination: Destination) -> list[Address]:
        try:
            async with asyncio.timeout(self._patience.resolve_s):
                found = await self._resolve(destination.host, destination.port)
        except TimeoutError:
            raise Unavailable(f"the name {destination.host} was not looked up in time") from None
        except OSError as exc:
            raise Unavailable(f"the name {destination.host} cannot be looked up "
                              f"({brief(exc)})") from None  # fmt: skip
        addresses = [ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]
        if not addresses:
            raise Unavailable(f"the name {destination.host} leads nowhere")
        return addresses


async def _connect(
    addresses: Sequence[Address], destination: Destination, *, within_s: float
) -> socket.socket:
    """To the first address that answers; each has its share of the time."""
    reasons = []
    for address in addresses:
        try:
            async with asyncio.timeout(within_s / len(addresses)):
                return await _connect_to(address, destination.port)
        except TimeoutError:
            reasons.append("no answer")
        except OSError as exc:
            reasons.append(brief(exc))
    raise Unavailable(f"{destination.host} is out of reach ({', '.join(dict.fromkeys(reasons))})")


async def _connect_to(address: Address, port: int) -> socket.socket:
    connection = socket.socket(_family(address), socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (str(address), port))
        peer = ip_address(connection.getpeername()[0].partition("%")[0])
        if peer != address:
            raise Refused(f"we asked for {address} and are connected to {peer}")
    except BaseException:
        connection.close()
        raise
    return connection


def _trust() -> ssl.SSLContext:
    """The system's authorities; TLS 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_own(address: Address) -> bool:
    """Whether it is one of this machine's: only then may a socket of ours be bound to it. Where the
    system lets us bind to any, the way there tells: it begins where it ends."""
    if not _binds(address):
        return False
    return not _binds(_NOBODYS) or _begins_at(address) == address


def _binds(address: Address) -> bool:
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
        return True


def _begins_at(address: Address) -> Address | None:
    """Our end of the way to an address. Nothing is sent to find out."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))
            return ip_address(probe.getsockname()[0].partition("%")[0])
        except OSError:
            return None


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


class _Resolver:
    """The system's resolver, in threads of our own: one that hangs keeps nobody else's work, and
    does not keep the program from ending."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(_LOOKUPS_MAX)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if not self._free.acquire(blocking=False):
            raise TimeoutError
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def tell(result: list[str] | OSError) -> None:
            if answer.done():
                return
            if isinstance(result, OSError):
                answer.set_exception(result)
            else:
                answer.set_result(result)

        def look() -> None:
            result: list[str] | OSError
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                result = [str(entry[4][0]) for entry in found]
            except (OSError, UnicodeError) as exc:
                result = exc if isinstance(exc, OSError) else OSError("not a name")
            finally:
                self._free.release()
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(tell, result)

        threading.Thread(target=look, name="lookup", daemon=True).start()
        return await answer
