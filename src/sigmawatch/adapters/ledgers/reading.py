"""Stored frames and patches, read back and verified.

Always holds: what is returned is bit for bit what was written. A row whose checksum or whose name
does not fit is damaged: left out, remembered in `damaged`, logged once by its row. Everything here
is work for a reader's thread, and short.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import Frame, Patch, decode

log = structlog.get_logger()

_REPLAY_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some items of a replay, in commit order. next_id: where the rest begins, None at its end."""

    items: list[Frame | Patch]
    next_id: int | None


class Stored:
    """Reads of what is stored. damaged: `frame 5` and the like, by row id."""

    def __init__(self, sql: Mapping[str, str]) -> None:
        self._sql = sql
        self.damaged: set[str] = set()

    def replay_bounds(self, session: Session, *, from_ms: int) -> tuple[int, int]:
        """The first and the last row id of a replay from `from_ms`; first > last: nothing."""
        first_id, last_id = session.execute(
            self._sql["replay_bounds"], {"from_ms": from_ms}
        ).fetchone()
        return first_id, last_id

    def replay_batch(self, session: Session, *, first_id: int, last_id: int, from_ms: int) -> Batch:
        """Up to 256 items (2.4 MB where blocks are full)."""
        rows: list[Any] = session.execute(self._sql["select_replay"], {
            "first_id": first_id, "last_id": last_id, "from_ms": from_ms, "rows": _REPLAY_ROWS
        }).fetchall()  # fmt: skip
        items = [item for _, item in self.verified(rows)]
        return Batch(items=items, next_id=rows[-1][0] + 1 if len(rows) == _REPLAY_ROWS else None)

    def said(self, session: Session, bounds: Mapping[str, int]) -> list[Frame | Patch]:
        """What is stored of one series over some slots, in commit order: every frame of its block
        is read whole, because only the whole can be verified (1,440 full ones: 17 ms, 10 without).
        bounds: block_id, series_id, from_slot, to_slot, from_ms."""
        found = [
            *self.verified(session.execute(self._sql["select_stretch_frames"], bounds)),
            *self.verified(session.execute(self._sql["select_stretch_patches"], bounds)),
        ]
        found.sort(key=lambda pair: pair[0])
        return [item for _, item in found]

    def verified(self, rows: Iterable[Any]) -> Iterator[tuple[int, Frame | Patch]]:
        """Row id and item of each row that is as it was written. rows: id, kind, owner, slot,
        revision, body."""
        for row_id, kind, owner, slot, revision, body in rows:
            try:
                item = decode(body)
            except Invalid as exc:
                self.note_damage(kind, row_id, reason=str(exc))
                continue
            if (kind, owner, slot, revision) == _name(item):
                yield row_id, item
            else:
                self.note_damage(kind, row_id, reason=f"the row says {owner}:{slot}:{revision}")

    def note_damage(self, kind: str, row_id: int | str, *, reason: str) -> None:
        """Remember a row that is not as it was written; logged the first time."""
        name = f"{kind} {row_id}"
        if name not in self.damaged:
            self.damaged.add(name)
            log.error("stored_item_damaged", row=name, reason=reason)


def _name(item: Frame | Patch) -> tuple[str, int, int, int]:
    if isinstance(item, Frame):
        return "frame", item.block_id, item.slot, item.revision
    return "patch", item.series_id, item.from_slot, item.revision
