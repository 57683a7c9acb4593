"""Stored frames and patches, read back and verified.

Always holds: what is returned is bit for bit what was written. The chain says what there must be;
what is missing, or whose checksum or name does not fit, is damaged: a word that says so stands in
its place (domain.frame.lost), and it is remembered in `damage` and logged once. Everything here is
work for a reader's thread, and short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import structlog

from sigmawatch.adapters.ledgers.chain import Entries, Register, missing_item
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.errors import Invalid, StorageDamaged
from sigmawatch.domain.frame import Frame, Patch, decode
from sigmawatch.domain.window import Interval
from sigmawatch.ports.ledger import Damage

log = structlog.get_logger()

BATCH_ROWS = 256  # 2.4 MB where blocks are full
NOTHING: Mapping[str, int] = MappingProxyType({})


class Stored:
    """Reads of what is stored. damage: by name, `frame 5` and the like."""

    def __init__(self, sql: Mapping[str, str]) -> None:
        self._sql = self.sql = sql
        self.register = Register(sql, stored=self)
        self._damage: dict[str, Damage] = {}
        self.damaged: set[str] = set()  # names, of those who know no more

    @property
    def damage(self) -> Sequence[Damage]:
        named = (Damage(what=name, reason="") for name in self.damaged - self._damage.keys())
        return [*self._damage.values(), *named]

    def wanted(self, session: Session, *, from_ms: int) -> Entries:
        """What a replay from `from_ms` brings, in commit order."""
        entries = self.register.entries(session)
        return entries[entries["until_ms"] > from_ms]

    def items(self, session: Session, *, entries: Entries) -> list[Frame | Patch]:
        """Registered items in commit order; a damaged one is told by what stands for it, one that
        is sealed and gone is left out."""
        return [item for _, item in self.numbered(session, entries)]

    def numbered(self, session: Session, entries: Entries) -> Iterator[tuple[int, Frame | Patch]]:
        """The same, each with its row id."""
        for start in range(0, len(entries), BATCH_ROWS):
            part = entries[start : start + BATCH_ROWS]
            found: dict[int, Frame | Patch] = {}
            for patches, name in ((False, "select_frames_by_id"), (True, "select_patches_by_id")):
                ids = part["id"][part["patch"] == patches].tolist()
                found |= self.verified(self._rows(session, name, ids=ids))
            missing = np.array([row_id not in found for row_id in part["id"].tolist()], np.bool_)
            lost = dict(self._lost(session, part[missing])) if missing.any() else {}
            for row_id in part["id"].tolist():
                item = found.get(row_id) or lost.get(row_id)
                if item is not None:
                    yield row_id, item

    def _rows(self, session: Session, name: str, *, ids: Sequence[int]) -> list[Any]:
        """The rows of these ids. Where a page cannot be read, those on other pages."""
        if not ids:
            return []
        try:
            return session.execute(self._sql[name], {"ids": json.dumps(ids)}).fetchall()
        except StorageDamaged:
            half = len(ids) // 2
            if not half:
                return []
            return self._rows(session, name, ids=ids[:half]) + self._rows(
                session, name, ids=ids[half:]
            )

    def _lost(self, session: Session, entries: Entries) -> Iterator[tuple[int, Frame | Patch]]:
        """What stands for those that cannot be read. One that is sealed may be gone."""
        sealed: dict[tuple[int, int], int] = {}
        for entry in entries:
            item = missing_item(entry)
            if self._is_sealed(session, entry, known=sealed):
                continue
            kind = "patch" if isinstance(item, Patch) else "frame"
            self.note_damage(kind, int(entry["id"]), reason="it is missing", told=_told(entry))
            yield int(entry["id"]), item

    def all_sealed(self, session: Session, entries: Entries) -> bool:
        """Whether all that the items say is in sealed sections."""
        known: dict[tuple[int, int], int] = {}
        return all(self._is_sealed(session, entry, known=known) for entry in entries)

    def _is_sealed(
        self, session: Session, entry: Any, *, known: dict[tuple[int, int], int]
    ) -> bool:
        """Whether all that an item says is in sealed sections."""
        slots = int(entry["count"]) if entry["patch"] else 1
        first = int(entry["slot"])
        interval = Interval(int(entry["until_ms"]) // (first + slots))
        block_id = int(entry["owner"])
        if entry["patch"]:
            series = {"series_id": block_id}
            block_id = value(session.execute(self._sql["select_block_of"], series)) or 0
        width = interval.section_slots
        for section in range(first // width * width, first + slots, width):
            if (block_id, section) not in known:
                bounds = {"block_id": block_id, "from_slot": section}
                through = value(session.execute(self._sql["select_through"], bounds))
                known[block_id, section] = -1 if through is None else through
            if known[block_id, section] < int(entry["id"]):
                return False
        return True

    def said(self, session: Session, bounds: Mapping[str, int]) -> list[Frame | Patch]:
        """What is stored of one series over some slots, in commit order: every frame of its block
        is read whole, because only the whole can be verified (1,440 full ones: 17 ms, 10 without).
        bounds: block_id, series_id, from_slot, to_slot."""
        entries = self.register.entries(session)
        span = bounds["from_slot"], bounds["to_slot"]
        mine = of_block(entries, bounds["block_id"], span=span)
        mine |= of_series(entries, [bounds["series_id"]], span=span)
        return self.items(session, entries=entries[mine])

    def verified(self, rows: Iterable[Any]) -> Iterator[tuple[int, Frame | Patch]]:
        """Row id and item of each row that is as it was written. rows: id, kind, owner, slot,
        revision, body."""
        for row_id, kind, owner, slot, revision, body in rows:
            try:
                item = decode(body if isinstance(body, bytes) else b"")
            except Invalid as exc:
                self.note_damage(kind, row_id, reason=str(exc))
                continue
            if (kind, owner, slot, revision) == _name(item):
                yield row_id, item
            else:
                self.note_damage(kind, row_id, reason=f"the row says {owner}:{slot}:{revision}")

    def count(self, session: Session, *, table: str) -> None:
        """Note where a table has lost rows. One that was never written to has no mark."""
        marked = value(session.execute(self._sql["select_mark"], {"key": table}))
        there = value(session.execute(self._sql[f"count_{table}"]))
        if there != (marked or 0):
            kind = table.rstrip("s").replace("_", " ")
            reason = f"{marked or 0} were written, not all of them can be found"
            self.note_damage(kind, "rows", reason=reason)

    def note_damage(
        self, kind: str, row_id: int | str, *, reason: str, told: Mapping[str, int] = NOTHING
    ) -> None:
        """Remember what is not as it was written; logged the first time. told: as far as known, the
        block_id or series_id that it told of, and from_ms and until_ms."""
        name = f"{kind} {row_id}"
        known = self._damage.get(name)
        if known is None:
            log.error("stored_item_damaged", row=name, reason=reason)
        if known is None or (told and known.until_ms is None):
            why = reason if known is None else known.reason
            self._damage[name] = Damage(what=name, reason=why, **told)


def of_block(entries: Entries, block_id: int, *, span: tuple[int, int]) -> Any:
    """bool[n]: the frames of a block over [from, to)."""
    return (
        (entries["owner"] == block_id) & ~entries["patch"]
        & (entries["slot"] >= span[0]) & (entries["slot"] < span[1])
    )  # fmt: skip


def of_series(entries: Entries, series_ids: Sequence[int], *, span: tuple[int, int]) -> Any:
    """bool[n]: the patches of some series that reach into [from, to)."""
    return (
        entries["patch"] & (entries["slot"] < span[1])
        & (entries["slot"] + entries["count"] > span[0]) & np.isin(entries["owner"], series_ids)
    )  # fmt: skip


def _told(entry: Any) -> dict[str, int]:
    """Of what and when a registered item told."""
    slots = int(entry["count"]) if entry["patch"] else 1
    until_ms, owner = int(entry["until_ms"]), int(entry["owner"])
    interval_ms = until_ms // (int(entry["slot"]) + slots)
    span = {"from_ms": int(entry["slot"]) * interval_ms, "until_ms": until_ms}
    return span | {"series_id" if entry["patch"] else "block_id": owner}


def _name(item: Frame | Patch) -> tuple[str, int, int, int]:
    if isinstance(item, Frame):
        return "frame", item.block_id, item.slot, item.revision
    return "patch", item.series_id, item.from_slot, item.revision
