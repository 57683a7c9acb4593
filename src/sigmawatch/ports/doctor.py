"""What an examination of a database finds, and what a rescue of one saves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sigmawatch.ports.ledger import Damage


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A database that was read whole.

    database: its kind and version. schema, schema_known: which it has, and up to which this program
    knows. structure: what is wrong with it as a file of pages, in the database's own words.
    items_count: frames, patches, columns and rollups that were read. missing_commits: transactions
    that were committed and are gone, found now or at a start before. names: `series 3`, `block 1`
    -> what users call it.
    """

    place: str
    database: str
    schema: int
    schema_known: int
    file_system: str = ""
    size_bytes: int | None = None
    free_bytes: int | None = None
    structure: tuple[str, ...] = ()
    items_count: int = 0
    damage: tuple[Damage, ...] = ()
    missing_commits: int = 0
    names: Mapping[str, str]

    @property
    def sound(self) -> bool:
        return not (self.structure or self.damage or self.missing_commits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What was saved into a new database. saved, lost: rows by table; lost is what could be read
    and was not as it was written; unreadable: tables of which pages could not be read at all."""

    place: str
    saved: Mapping[str, int]
    lost: Mapping[str, int]
    unreadable: tuple[str, ...] = ()
