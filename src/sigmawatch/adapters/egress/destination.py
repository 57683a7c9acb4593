"""Where a notice is to go, as far as its address alone can tell (SECURITY.md S26-S29, S33, S34).

One reading, and a strict one: what two programs could read in two ways is refused. What a name
leads to is not known here; `guard` asks anew for every attempt. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from sigmawatch.adapters.egress.addresses import Address, Network, is_metadata, is_public
from sigmawatch.domain.errors import Invalid

URL_CHARS_MAX = 2_048
HTTPS_PORT, HTTP_PORT = 443, 80
MAIL_PORTS = frozenset({465, 587})  # submission, RFC 8314; 25 is between servers

_URL = re.compile(r"(https?)://([^/?#@]*)([/?][^#]*)?", re.ASCII | re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([1-9][0-9]{0,4}))?", re.ASCII)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # a last label that is read as an address
_NAME_CHARS_MAX = 253
_METADATA_NAMES = frozenset({
    "metadata", "metadata.google.internal", "metadata.goog", "instance-data",
    "instance-data.ec2.internal", "metadata.tencentyun.com", "metadata.azure.internal",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A place that the operator has opened in the configuration file: a range and a port."""

    network: Network
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One host and port. host: a name in lower case, or a literal address without brackets.
    tls: from the first byte, or demanded later. target: path and query, of an HTTP request."""

    host: str
    port: int
    tls: bool
    common: bool  # whether the port is one that needs no opening
    target: str = "/"

    @property
    def literal(self) -> Address | None:
        """The address, where the host is one."""
        return _literal(self.host)

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = HTTPS_PORT if self.tls else HTTP_PORT
        return host if self.port == default else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """Scheme and host: all of it that may stand in a log."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"


def parse_url(text: str, *, openings: Sequence[Opening] = ()) -> Destination:
    """Where a URL leads. Raises Invalid: it never quotes the URL, which is a secret."""
    _check_characters(text)
    found = _URL.fullmatch(text)
    if found is None:
        if "@" in text.partition("//")[2].partition("/")[0]:
            raise _bad("an address must not hold a user or a password")
        if "#" in text:
            raise _bad("an address must not have a fragment")
        raise _bad("must be an address of the web", allowed="https://host/path")
    tls = found[1].lower() == "https"
    authority = _AUTHORITY.fullmatch(found[2])
    if authority is None:
        raise _bad("has no host that we can read", allowed="a name as hooks.example.com")
    port = int(authority[2] or (HTTPS_PORT if tls else HTTP_PORT))
    target = found[3] or "/"
    return _checked(
        Destination(
            host=_host(authority[1].strip("[]").lower()), port=port, tls=tls,
            common=tls and port == HTTPS_PORT,
            target=target if target.startswith("/") else f"/{target}",
        ),
        openings,
    )  # fmt: skip


def mail_host(
    host: str, port: int, *, tls: bool, openings: Sequence[Opening] = ()
) -> Destination:  # fmt: skip
    """A mail server. tls: false where nothing is encrypted, for which it must be opened. Raises
    Invalid."""
    _check_characters(host, field="host")
    common = tls and port in MAIL_PORTS
    destination = Destination(host=_host(host.lower(), field="host"), port=port, tls=tls,
                              common=common)  # fmt: skip
    return _checked(destination, openings, field="host")


def admitted(address: Address, destination: Destination, *, openings: Sequence[Opening]) -> bool:
    """Whether this destination may be spoken to at this address."""
    if is_metadata(address):
        return False
    port = destination.port
    if any(opening.port == port and address in opening.network for opening in openings):
        return True
    return destination.common and is_public(address)


def _checked(
    destination: Destination, openings: Sequence[Opening], *, field: str = "url"
) -> Destination:  # fmt: skip
    literal, port = destination.literal, destination.port
    if not destination.common and all(opening.port != port for opening in openings):
        raise _bad(
            f"port {port} {'is not one that is open to us' if destination.tls else 'unencrypted'}",
            field=field, allowed="https on port 443 (mail: TLS on 465 or 587); the operator opens "
            "others in the configuration file: egress.allow",
        )  # fmt: skip
    if literal is not None and not admitted(literal, destination, openings=openings):
        raise _bad(f"{literal} is not an address on the public internet", field=field,
                   allowed="a public host; the operator opens others: egress.allow")  # fmt: skip
    return destination


def _check_characters(text: str, *, field: str = "url") -> None:
    if len(text) > URL_CHARS_MAX:
        raise _bad(f"is longer than {URL_CHARS_MAX} characters", field=field)
    if not (text.isascii() and text.isprintable()) or " " in text or "\\" in text:
        raise _bad("must be printable ASCII without spaces and backslashes", field=field,
                   allowed="a name in other letters in its xn-- form")  # fmt: skip


def _host(text: str, *, field: str = "url") -> str:
    """Raises Invalid for what is neither a DNS name nor a literal address as everybody reads it."""
    if _literal(text) is not None:
        return text
    labels = text.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(text) > _NAME_CHARS_MAX:
        raise _bad("has no host that we can read", field=field,
                   allowed="a name as hooks.example.com, without a dot at its end")  # fmt: skip
    if _NUMBER.fullmatch(labels[-1]):
        raise _bad("its host is an address in a form that not everybody reads alike", field=field,
                   allowed="four decimal numbers, or a name")  # fmt: skip
    if text in _METADATA_NAMES:
        raise _bad("its host is where a cloud keeps credentials", field=field)
    return text


def _literal(text: str) -> Address | None:
    """ipaddress refuses leading zeros and fewer than four parts; `%` has no place in a URL."""
    kind = IPv6Address if ":" in text else IPv4Address
    try:
        return kind(text)
    except ValueError:
        return None


def _bad(message: str, *, field: str = "url", allowed: str = "") -> Invalid:
    return Invalid(message, field=field, allowed=allowed)
