"""`[venues.NAME]`: how to talk to a venue, by REST and by its stream; and venues of one's own.

A venue with an adapter needs nothing here. `kind` makes another one: `http-json` reads numbers out
of any JSON on the web, `ccxt` asks an exchange through that library. Both exist by the file alone:
what is asked in our name is never for the API to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from jmespath import compile as compiled
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field, SecretStr, model_validator

from sigmawatch.app.config_table import Table
from sigmawatch.app.interval_config import NO_INTERVALS, EveryInterval, Intervals
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.window import SECOND_MS

EXPRESSION_CHARS_MAX = 500
JSON_MARKETS_MAX = 1_000


class VenueKind(StrEnum):
    """What a venue is asked through."""

    NATIVE = "native"
    HTTP_JSON = "http-json"
    CCXT = "ccxt"


def _address(text: str, schemes: tuple[str, str]) -> str:
    parts, (safe, plain) = urlsplit(text), schemes
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc:
        raise Invalid(
            "must be an address without a login", allowed=f"{safe}://host or {plain}://host"
        )
    return text


def _pair(text: str) -> str:
    pair = parse_market(text).pair
    if text.count("/") != 1 or ":" in text:
        raise Invalid("must be two names and a slash between them", allowed="as OSLO/CELSIUS")
    return pair


def _expression(text: str) -> str:
    if len(text) > EXPRESSION_CHARS_MAX:
        raise Invalid(f"is longer than {EXPRESSION_CHARS_MAX} characters")
    try:
        compiled(text)
    except JMESPathError as error:
        said = " ".join(str(error).split())[:120]
        raise Invalid(f"is no JMESPath: {said}", allowed="as data.last, or rows[?id=='x'].v | [0]"
                      ) from None  # fmt: skip
    return text


WEB, STREAM = ("https", "http"), ("wss", "ws")
Url = Annotated[str, AfterValidator(lambda text: _address(text, WEB).rstrip("/"))]
StreamUrl = Annotated[str, AfterValidator(lambda text: _address(text, STREAM).rstrip("/"))]
Page = Annotated[str, AfterValidator(lambda text: _address(text, WEB))]
Expression = Annotated[str, AfterValidator(_expression)]


class JsonMarket(Table):
    """What is read out of the answer of a venue of the kind `http-json`: at least one metric."""

    id: Annotated[str, AfterValidator(_pair)] = Field(
        description="How it is called: what is measured, and in what, as `OSLO/CELSIUS`."
    )
    price: Expression | None = Field(
        default=None, description="Where the number stands, in JMESPath, as `data.last`. Above 0."
    )
    bid: Expression | None = Field(default=None, description="Where the best bid stands.")
    ask: Expression | None = Field(default=None, description="Where the best ask stands.")
    volume_24h_base: Expression | None = Field(
        default=None, description="Where the volume of the last 24 hours stands, in the base."
    )
    volume_24h_quote: Expression | None = Field(
        default=None, description="Where the volume of the last 24 hours stands, in the quote."
    )

    @property
    def expressions(self) -> Mapping[str, str]:
        """Metric -> where it stands."""
        return {name: text for name, text in self if name != "id" and text is not None}

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if not self.expressions:
            raise Invalid("nothing is read of it", allowed='price = "data.last", or another metric')
        return self


class VenueConfig(Table):
    """How to talk to one venue. Every key has a default that fits the public service."""

    kind: VenueKind = Field(
        default=VenueKind.NATIVE,
        description="`http-json` or `ccxt`: a venue of one's own, of that name.",
    )
    enabled: bool = Field(default=True, description="`false`: never ask this venue.")
    every: EveryInterval | None = Field(
        default=None,
        description="How long its slots are where a track says nothing; default: `interval`.",
    )
    intervals: Intervals = Field(
        default_factory=lambda: NO_INTERVALS,
        description='Slots of single metrics, where they differ: `{ volume_24h_quote = "5m" }`.',
    )
    base_url: Url | None = Field(
        default=None, description="Address of its REST interface; default: the public one."
    )
    fallback_url: Url | None = Field(
        default=None, description="Second address, asked where the first one refuses the call."
    )
    api_key: SecretStr = Field(
        default=SecretStr(""),
        description="Optional key for public data (Binance, `http-json`). Better set in the "
        "environment.",
    )
    poll_offset_s: float = Field(
        default=1.0, ge=0.0, le=30.0, description="Seconds after a slot's end to poll it."
    )
    timeout_s: float = Field(
        default=10.0, gt=0.0, le=60.0, description="Seconds until a call is given up."
    )
    requests_per_minute: float | None = Field(
        default=None, gt=0.0,
        description="Whole budget, in the venue's own unit; default: what the venue allows.",
    )  # fmt: skip
    count_floor: float = Field(
        default=0.5, ge=0.0, le=1.0,
        description="An answer with fewer markets than this share of the last good one is refused.",
    )  # fmt: skip
    poll_floor_s: float | None = Field(
        default=None, gt=0.0, description="No faster polling than this; default: the venue's own."
    )
    stream: bool = Field(
        default=False, description="`true`: listen to its stream too; polls stay the fall-back."
    )
    stream_url: StreamUrl | None = Field(
        default=None, description="Address of its stream; default: beside `base_url`, else public."
    )
    url: Page | None = Field(
        default=None,
        description="Of `http-json`: what is read, by the same guard as what is sent (`[egress]`).",
    )
    key_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = Field(
        default=None, description="Of `http-json`: the header that carries `api_key`."
    )
    markets: Annotated[tuple[JsonMarket, ...], Field(max_length=JSON_MARKETS_MAX)] = Field(
        default=(), description="Of `http-json`: what is read out of the answer."
    )
    exchange: Annotated[str, Field(pattern=r"^[a-z0-9]{1,40}$")] | None = Field(
        default=None, description="Of `ccxt`: the library's name of the exchange, as `kucoin`."
    )

    @property
    def given(self) -> dict[str, Any]:
        """What its adapter is told, in the adapter's words."""
        return {
            "kind": str(self.kind), "base_url": self.base_url or "",
            "fallback_url": self.fallback_url or "",
            "stream": self.stream, "stream_url": self.stream_url or "",
            "api_key": self.api_key.get_secret_value(),
            "timeout_s": self.timeout_s, "requests_per_minute": self.requests_per_minute,
            "count_floor": self.count_floor, "url": self.url or "", "key_header": self.key_header,
            "exchange": self.exchange or "",
            "markets": MappingProxyType({one.id: one.expressions for one in self.markets}),
        }  # fmt: skip

    def floor_ms(self, own_ms: int) -> int:
        """How far apart polls are at the least; own_ms: by the venue's adapter."""
        return own_ms if self.poll_floor_s is None else round(SECOND_MS * self.poll_floor_s)

    @model_validator(mode="after")
    def _of_one_kind(self) -> Self:
        if self.kind is VenueKind.HTTP_JSON:
            if self.url is None or not self.markets:
                raise Invalid("http-json needs an address and what to read of it",
                              allowed='url = "https://…" and [[venues.NAME.markets]]')  # fmt: skip
            if len({one.id for one in self.markets}) < len(self.markets):
                raise Invalid("a market is defined twice", allowed="each market once")
            if self.api_key.get_secret_value() and self.key_header is None:
                raise Invalid("api_key is sent nowhere", allowed='key_header = "X-Api-Key"')
        elif self.url or self.key_header or self.markets:
            raise Invalid("url, key_header and markets are of another kind of venue",
                          allowed='kind = "http-json"')  # fmt: skip
        if self.stream and self.kind is not VenueKind.NATIVE:
            raise Invalid("a venue of one's own has no stream", allowed="stream = false")
        if (self.kind is VenueKind.CCXT) != (self.exchange is not None):
            raise Invalid("kind `ccxt` and exchange belong together",
                          allowed='kind = "ccxt" and exchange = "kucoin"')  # fmt: skip
        return self
