"""The table `[backup]` of the configuration file: backups that are made by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from sigmawatch.app.backup_plan import Plan
from sigmawatch.app.config_table import Table
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import HOUR_MS, parse_span


def _often(span_ms: int) -> int:
    if span_ms < HOUR_MS:
        raise Invalid("must be an hour or more", allowed="1h, 12h, 1d or another span")
    return span_ms


Every = Annotated[
    int,
    BeforeValidator(lambda raw: parse_span(raw) if isinstance(raw, str) else raw),
    AfterValidator(_often),
]


class BackupConfig(Table):
    """Backups that are made by themselves."""

    every_ms: Every | None = Field(
        default=None, validation_alias="every",
        description="How often, as `1d`. Default: only when `sigmawatch backup` asks for one.",
    )  # fmt: skip
    keep: int = Field(default=7, ge=1, le=1_000, description="How many of them are kept.")
    folder: Path | None = Field(
        default=None,
        description="Where they lie; better on another disk. Default: `backups` in the folder of "
        "the database.",
    )

    def plan(self, data: Path) -> Plan | None:
        """What to do, where the data folder is `data`."""
        if self.every_ms is None:
            return None
        return Plan(folder=self.folder or data / "backups", every_ms=self.every_ms, keep=self.keep)
