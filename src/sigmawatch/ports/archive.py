"""The archive port: sealed sections written out for other programs, never read back by ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from sigmawatch.domain.series import Block
from sigmawatch.ports.history import Section
from sigmawatch.ports.table import RecordRows


class Archive(Protocol):
    """One copy of every sealed section, of its newest revision. Slow, maybe far away, maybe not
    there at all: nobody who is in a hurry waits for it."""

    async def held(self, block: Block) -> Mapping[int, int]:
        """First slot -> newest revision of each of the block's sections that is there, whole.
        Older revisions that a cut-off `store` left beside a newer one go. Raises Refused where
        nobody can tell."""
        ...

    async def store(self, section: Section, rows: Iterable[RecordRows], *, revision: int) -> None:
        """Write a section, in the place of its older revisions: whole and verified, or not at all.
        rows: of each series, made one after the other in a thread of the archive's. Raises
        Refused."""
        ...
