"""Arrangements: what people said about markets and venues while the program ran, and what no series
says of itself.

One value for every kind, so that they are stored, shared with other programs on the same database,
salvaged and moved in one way. What is in a body is for its kind to say. Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ArrangementKind(StrEnum):
    """What is arranged."""

    PATTERN = "pattern"  # a pattern that is followed (domain.following)
    ALIAS = "alias"  # another name of a market (app.naming)
    VENUE = "venue"  # whether a venue is asked that no file sets up
    PAUSE = "pause"  # a market, or a whole venue, that is not asked for anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """body: JSON objects, lists, texts and numbers. name: unique within its kind."""

    kind: ArrangementKind
    name: str
    body: Mapping[str, Any]

    def __post_init__(self) -> None:
        assert self.name
