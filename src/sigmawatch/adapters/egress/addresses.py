"""Which internet addresses a notice may be sent to (SECURITY.md, egress guard; S26, S28, S29).

Denied is every range of the IANA special-purpose registries (RFC 6890, as of 2025), multicast,
what is neither public IPv4 nor IPv6 of 2000::/3, and the addresses where clouds keep credentials.
An IPv6 address that carries an IPv4 address inside is judged by that one as well. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# iana.org/assignments/iana-ipv4-special-registry, and multicast, and what is reserved
_DENIED_4 = tuple(IPv4Network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24",
    "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
))  # fmt: skip
# iana.org/assignments/iana-ipv6-special-registry, as far as it lies within 2000::/3; the rest of
# the space is denied whole, with unique-local, link-local, the old site-local and multicast.
_PUBLIC_6 = IPv6Network("2000::/3")
_DENIED_6 = tuple(IPv6Network(text) for text in (
    "2001::/23",  # protocol assignments, Teredo among them
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
))  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; the local-use 64:ff9b:1::/48 is never public
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # RFC 5214: the upper half of the interface identifier

_METADATA = frozenset({
    IPv4Address("169.254.169.254"), IPv4Address("169.254.170.2"), IPv4Address("168.63.129.16"),
    IPv4Address("100.100.100.200"), IPv4Address("192.0.0.192"),
    IPv6Address("fd00:ec2::254"), IPv6Address("fd20:ce::254"),
})  # fmt: skip


def faces(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 address that it carries inside, where it does."""
    yield address
    if isinstance(address, IPv4Address):
        return
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.ipv4_mapped or address in _COMPATIBLE or address in _NAT64:
        yield low
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        yield low


def is_metadata(address: Address) -> bool:
    """Whether a cloud answers there with the machine's own credentials: never allowed."""
    return any(face in _METADATA for face in faces(address))


def is_public(address: Address) -> bool:
    """Whether it belongs to somebody on the public internet, whichever way it is read."""
    if is_metadata(address):
        return False
    if isinstance(address, IPv4Address):
        return not any(address in denied for denied in _DENIED_4)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address not in _PUBLIC_6 or any(address in denied for denied in _DENIED_6):
        return False
    return all(is_public(face) for face in faces(address) if isinstance(face, IPv4Address))


def network(text: str) -> Network:
    """A range as `192.168.1.0/24`. Raises ValueError."""
    return ip_network(text, strict=True)
