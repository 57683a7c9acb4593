"""Tests reach loopback and nothing else (tests/conftest.py)."""

import asyncio
import socket

import pytest

BEYOND = ("192.0.2.1", 9)  # a documentation address


async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_loopback_is_reached() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(host, port)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_a_connection_beyond_loopback_is_refused() -> None:
    with socket.socket() as tcp, pytest.raises(Exception, match="loopback only"):
        tcp.connect(BEYOND)


def test_a_datagram_beyond_loopback_is_refused() -> None:
    with (
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        pytest.raises(Exception, match="loopback only"),
    ):
        udp.sendto(b"", BEYOND)


async def test_asyncio_is_refused_too_and_not_with_an_os_error() -> None:
    with pytest.raises(Exception, match="loopback only") as refused:
        await asyncio.open_connection(*BEYOND)
    assert not isinstance(refused.value, OSError)


def test_names_are_not_looked_up() -> None:
    with pytest.raises(Exception, match="no names"):
        socket.getaddrinfo("venue.invalid", 443)
