"""The archive port: sealed sections written out for other programs, never read back by ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sigmawatch.ports.history import Section
from sigmawatch.ports.table import RecordRows


class Archive(Protocol):
    """One copy of every sealed section, of its newest revision."""

    async def holds(self, section: Section, *, revision: int) -> bool:
        """Whether that revision is there, whole. Raises Refused where nobody can tell."""
        ...

    async def store(self, section: Section, rows: Iterable[RecordRows], *, revision: int) -> None:
        """Write a section, in the place of its older revisions: whole and verified, or not at all.
        rows: of each series. Raises Refused."""
        ...
