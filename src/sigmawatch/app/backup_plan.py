"""What the configuration asks of backups that are made by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where they are made, how often, and how many are kept."""

    folder: Path
    every_ms: int
    keep: int
