"""Whose connection it is: the client's address, through the proxies that the operator named.

`X-Forwarded-For` and `X-Forwarded-Proto` are believed only from those proxies, and only as far as
they stand behind each other: the client is the last address of the list that is not one of them.
An IPv6 client is its /64, which is what one household or one rented machine has (RFC 6177).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from litestar.types.asgi_types import HTTPScope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
HOPS_MAX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is at the other end. address: empty where it has none. group: what limits count. local:
    this machine itself, through nobody's proxy. tls: whether what they send is encrypted."""

    address: str
    group: str
    local: bool
    tls: bool


class Peers:
    """Tells clients from the proxies between us and them."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = tuple(proxies)

    def of(self, scope: HTTPScope, headers: Mapping[str, str]) -> Peer:
        """Who sent this request. headers: by name; a repeated one joined by commas."""
        client = scope.get("client")
        direct, tls = client[0] if client else "", scope["scheme"] == "https"
        if not self._is_proxy(direct):
            return Peer(address=direct, group=group_of(direct), local=is_loopback(direct), tls=tls)
        hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",")][-HOPS_MAX:]
        address = next((hop for hop in reversed(hops) if not self._is_proxy(hop)), "")
        if _parsed(address) is None:
            address = ""  # the proxy's own request, or one that does not say whose it is
        proto = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return Peer(address=address, group=group_of(address or direct), local=False,
                    tls=proto == "https")  # fmt: skip

    def is_ours(self, address: str) -> bool:
        """Whether a connection comes from this machine or from a proxy, which bring many."""
        return is_loopback(address) or self._is_proxy(address)

    def _is_proxy(self, text: str) -> bool:
        return bool(self._proxies) and _within(text, self._proxies)


@lru_cache(maxsize=4_096)
def _parsed(text: str) -> Address | None:
    """An address; of an IPv4 one in IPv6's clothes (::ffff:127.0.0.1), itself."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4_096)
def _within(text: str, networks: tuple[Network, ...]) -> bool:
    address = _parsed(text)
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=4_096)
def is_loopback(text: str) -> bool:
    """Whether an address is this machine's own."""
    address = _parsed(text)
    return address is not None and address.is_loopback


@lru_cache(maxsize=4_096)
def group_of(text: str) -> str:
    """What counts as one client: an IPv4 address, an IPv6 /64."""
    address = _parsed(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return text if address is None else str(address)
