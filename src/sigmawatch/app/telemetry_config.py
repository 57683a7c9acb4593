"""The table `[telemetry]` of the configuration: what is told of the program, and to whom."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from sigmawatch.app.config_table import Table
from sigmawatch.domain.errors import Invalid


def _receiver(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise Invalid("must be an address without a login",
                      allowed="http://127.0.0.1:4318/v1/traces")  # fmt: skip
    return text


class TelemetryConfig(Table):
    """What `/metrics` tells beside the program itself, and who gets traces. How to:
    docs/how-to/monitoring.md."""

    values: bool = Field(
        default=False,
        description="`/metrics` tells the tracked values, too: `sigmawatch_series_…`.",
    )
    values_max: int = Field(
        default=1_000, ge=1, le=100_000,
        description="Of so many series at most, the ones that are tracked longest; how many are "
        "left out is told.",
    )  # fmt: skip
    otlp_url: Annotated[str, AfterValidator(_receiver)] | None = Field(
        default=None,
        description="Where traces go, by OTLP over HTTP, as `http://127.0.0.1:4318/v1/traces` "
        "(extra `otel`). Default: nowhere.",
    )
    otlp_authorization: SecretStr = Field(
        default=SecretStr(""),
        description="What the receiver knows us by: its `Authorization` header, as `Bearer …`. "
        "Better set in the environment.",
    )
    service_name: str = Field(
        default="sigmawatch", min_length=1, max_length=64,
        description="How this installation is called in traces.",
    )  # fmt: skip
