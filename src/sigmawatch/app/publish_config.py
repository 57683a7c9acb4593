"""The table `[publish]` of the configuration file: answers as files for a CDN."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from sigmawatch.app.archive_place import Bucket, parse_place
from sigmawatch.app.backup_config import Every
from sigmawatch.app.config_table import Table


def _place(text: str) -> str:
    parse_place(text)
    return text


class PublishConfig(Table):
    """Every slot's answers and a page as plain files, for a file server or a CDN."""

    url: Annotated[str, AfterValidator(_place)] | None = Field(
        default=None,
        description="A folder, or S3-compatible storage as of `[archive]`. Default: nothing is "
        "published. What lies there can be read by whoever can read the place.",
    )
    database_every_ms: Every | None = Field(
        default=None, validation_alias="database_every",
        description="How often a backup of the database is put beside it as `sigmawatch.db`, as "
        "`1d`. It holds what is private, so only where the place is. Default: never.",
    )  # fmt: skip
    access_key: SecretStr = Field(
        default=SecretStr(""), description="Of the storage, as of `[archive]`."
    )
    secret_key: SecretStr = Field(default=SecretStr(""), description="Belongs to `access_key`.")

    @property
    def place(self) -> Path | Bucket | None:
        """Where to; None for nowhere."""
        return None if self.url is None else parse_place(self.url)
