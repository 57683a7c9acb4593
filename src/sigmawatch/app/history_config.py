"""`[history]` and `[archive]`: how long what left memory is kept, and where else it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from sigmawatch.app.archive_place import Bucket, parse_place
from sigmawatch.app.config_table import Table


def _place(text: str) -> str:
    parse_place(text)
    return text


class HistoryConfig(Table):
    """How long what left memory is kept."""

    raw_days: int = Field(default=90, ge=2, le=36_500, description="Days to keep every slot.")
    five_minute_days: int = Field(
        default=365, ge=2, le=36_500,
        description="Days to keep the five minutes' statistics of slots under a minute.",
    )  # fmt: skip
    hourly_days: int | None = Field(
        default=None, ge=2, le=36_500,
        description="Days to keep the hours' statistics; default: for ever.",
    )  # fmt: skip


class ArchiveConfig(Table):
    """Every day that is over as Parquet files, for other programs (extra `arrow`)."""

    url: Annotated[str, AfterValidator(_place)] | None = Field(
        default=None,
        description="A folder, or S3-compatible storage: `s3://bucket/prefix`, of another service "
        "than Amazon's `s3://bucket/prefix?endpoint=https://host:9000`. Default: no archive.",
    )
    required: bool = Field(
        default=True,
        description="Slots are not let go for their age before they are in the archive.",
    )
    access_key: SecretStr = Field(
        default=SecretStr(""),
        description="Of the storage; better set in the environment. Default: what programs for "
        "Amazon's use (`AWS_ACCESS_KEY_ID`, `~/.aws`, the machine's role).",
    )
    secret_key: SecretStr = Field(default=SecretStr(""), description="Belongs to `access_key`.")

    @property
    def place(self) -> Path | Bucket | None:
        """Where it is; None where there is none."""
        return None if self.url is None else parse_place(self.url)
