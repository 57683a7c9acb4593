"""What a venue's adapter is told: facts of the venue, and what the operator set.

Facts stand beside the parser in each venue's file; settings come from the configuration, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from urllib.parse import urlsplit

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import venue_name

SECONDS_PER_MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be asked, in the venue's own unit (calls, or weight).

    per_minute: never more than this in any 60 s. burst: as much of it as may be spent at once.
    reserve: the part of the burst that only urgent requests (the slot poll) may touch; no urgent
    request costs more. call: what the dearest other request costs.
    """

    per_minute: float
    burst: float
    reserve: float
    call: float = 1.0

    def __post_init__(self) -> None:
        least = self.reserve + self.call
        if not least <= self.burst < self.per_minute:
            raise Invalid(
                f"a budget of {self.per_minute:g} a minute is too small for this venue",
                field="requests_per_minute", allowed=f"more than {least:g}",
            )  # fmt: skip

    @property
    def per_second(self) -> float:
        """The steady rate that, after a whole burst, stays within `per_minute`."""
        return (self.per_minute - self.burst) / SECONDS_PER_MINUTE

    def scaled(self, per_minute: float | None) -> Limits:
        """The same limits under another whole budget. Raises Invalid where it is too small."""
        if per_minute is None:
            return self
        burst = max(self.burst * per_minute / self.per_minute, self.reserve + self.call)
        return Limits(per_minute=per_minute, burst=burst, reserve=self.reserve, call=self.call)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFacts:
    """What holds for a venue whoever asks.

    key_header: the header that carries an API key on public calls; None where they take none.
    used_header: the header that says how much of the budget is used in this minute.
    maintenance_marks: what stands in an error body, in lower case, when the venue is being
    maintained, besides the word itself. ban_marks: what stands in the body of a refusal (4xx), in
    lower case, that means "you ask too often" under a status of its own; ban_s: for how long then,
    where nothing else is said. bare: an answer may be a lone number. alternative: where else the
    same data may be had, for an operator whose address is refused.
    """

    name: str
    base_url: str
    fallback_url: str = ""
    limits: Limits
    key_header: str | None = None
    used_header: str | None = None
    maintenance_marks: tuple[bytes, ...] = ()
    ban_marks: tuple[bytes, ...] = ()
    ban_s: float | None = None
    bare: bool = False
    alternative: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """How to talk to one venue. What is not said is as the venue publishes it.

    api_key: sent where the venue's public calls take one (BINANCE: X-MBX-APIKEY); the
    others take none there, and it is not sent. requests_per_minute: the whole budget in the
    venue's own unit. stream, stream_url: whether to listen to the venue's stream, and where.
    count_floor: an answer with fewer priced markets than this share of the last good one is
    refused. kind: `native`, or what a venue of the operator's own is asked through: url, key_header
    and markets (id -> metric -> expression) are of `http-json`, openings what the egress guard lets
    it reach beside the public internet; exchange is of `ccxt`. Raises Invalid.
    """

    name: str
    kind: str = "native"
    base_url: str = ""
    fallback_url: str = ""
    stream: bool = False
    stream_url: str = ""
    api_key: str = field(default="", repr=False)
    timeout_s: float = 10.0
    requests_per_minute: float | None = None
    count_floor: float = 0.5
    body_bytes_max: int = 16 * 1024 * 1024
    url: str = field(default="", repr=False)
    key_header: str | None = None
    exchange: str = ""
    markets: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    openings: tuple[tuple[IPv4Network | IPv6Network, int], ...] = ()

    def __post_init__(self) -> None:
        _check_url(self.stream_url, field="stream_url", schemes=("ws", "wss"))
        if self.name != venue_name(self.name):
            raise Invalid(f"{self.name!r} is not in upper case", field="name")
        for name in ("base_url", "fallback_url"):
            _check_url(getattr(self, name), field=name)
        if not 0.0 < self.timeout_s <= 60.0:
            raise Invalid(f"must be above 0 and at most 60 s, was {self.timeout_s!r}",
                          field="timeout_s")  # fmt: skip
        if not 0.0 <= self.count_floor <= 1.0:
            raise Invalid(f"must be 0 to 1, was {self.count_floor!r}", field="count_floor")
        if not (self.api_key.isascii() and self.api_key.isprintable()):
            raise Invalid("must be printable ASCII", field="api_key")


def _check_url(text: str, *, field: str, schemes: tuple[str, str] = ("http", "https")) -> None:
    parts, (plain, safe) = urlsplit(text), schemes
    sound = parts.scheme in schemes and parts.hostname and "@" not in parts.netloc
    if text and not (sound and not parts.query and not parts.fragment):
        raise Invalid(f"{text!r} is no address to ask", field=field,
                      allowed=f"{safe}://host or {plain}://host, without a login")  # fmt: skip
