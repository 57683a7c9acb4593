"""`[venues.NAME]`: how to talk to one venue, by REST and by its stream."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from sigmawatch.app.config_table import Table
from sigmawatch.domain.errors import Invalid


def _address(text: str, schemes: tuple[str, str]) -> str:
    parts, (safe, plain) = urlsplit(text), schemes
    if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc:
        raise Invalid(
            "must be an address without a login", allowed=f"{safe}://host or {plain}://host"
        )
    return text.rstrip("/")


Url = Annotated[str, AfterValidator(lambda text: _address(text, ("https", "http")))]
StreamUrl = Annotated[str, AfterValidator(lambda text: _address(text, ("wss", "ws")))]


class VenueConfig(Table):
    """How to talk to one venue. Every key has a default that fits the public service."""

    enabled: bool = Field(default=True, description="`false`: never ask this venue.")
    base_url: Url | None = Field(
        default=None, description="Address of its REST interface; default: the public one."
    )
    fallback_url: Url | None = Field(
        default=None, description="Second address, asked where the first one refuses the call."
    )
    api_key: SecretStr = Field(
        default=SecretStr(""),
        description="Optional key for public data (Binance). Better set in the environment.",
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
