"""What every test gets: loopback only, and generated data that prints how to repeat it."""

import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

pytest_plugins = ["tests.postgres", "tests.watch", "tests.workers"]

os.environ.pop("DATABASE_URL", None)  # nobody's own database

settings.register_profile("ci", deadline=None, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("ci"), max_examples=2_000)
settings.register_profile("deep", parent=settings.get_profile("ci"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Where a command that ran within a test wrote its log to is closed with the test."""
    yield
    structlog.reset_defaults()


class NetworkRefusedError(Exception):
    """A test reached beyond loopback. No OSError: no adapter may take it for a venue's failure."""


def loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: Python calls it before every connect, send and look-up, in C code too."""
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = arguments[1]
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise NetworkRefusedError(f"{event} to {address[0]!r}: tests reach loopback only")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        host = arguments[0]
        if isinstance(host, bytes):
            host = host.decode(errors="replace")
        if host and not (_is_loopback(host) or _is_literal(host)):
            raise NetworkRefusedError(f"{event} of {host!r}: tests look up no names")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_literal(host) and _literal(host).is_loopback)


def _is_literal(host: str) -> bool:
    try:
        _literal(host)
    except ValueError:
        return False
    return True


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(host.partition("%")[0])


sys.addaudithook(loopback_only)
