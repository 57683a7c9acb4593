"""What the program says of itself, and what stands for many notices: receipts that are no rule's.

Imports domain.alert.
"""

from __future__ import annotations

from dataclasses import dataclass

from sigmawatch.domain.alert import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A condition of the program's own: a line, and more of them."""

    title: str
    lines: tuple[str, ...]
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Gist:
    """One of a digest's notices. id: the notice's own."""

    id: str
    kind: str
    severity: Severity
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Many notices in the place of each, in their order."""

    gists: tuple[Gist, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether who has an address wants to follow what somebody asked for. made_ms: of the
    subscription."""

    subscription: int
    made_ms: int
    target: str
