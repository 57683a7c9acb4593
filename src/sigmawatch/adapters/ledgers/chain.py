"""The chain: what was ever committed of frames and patches, link by link.

Every insert leaves one link: name and checksum of each item, and a hash over them and the link
before. So a frame that vanished, because a page of a tree was hit or an index lost an entry, is
known by block and slot, and a link that vanished by its neighbours. Reads learn from here what
there is, not from an index. A link goes once all it names is sealed; the newest one stays.

Always holds: what is stored and not sealed is named by a link of the same transaction.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.frame import Frame, Patch, lost
from sigmawatch.domain.window import Interval

HASH_BYTES = 16
_PATCH = 1 << 31
_LINK_IDS = 1 << 20  # of the items of one commit
_ROWS = 256
# One item in a link. place: of its row id behind the link's own, and whether it is a patch.
_ITEM = np.dtype([
    ("place", "<u4"), ("owner", "<u4"), ("revision", "<u4"), ("count", "<u4"), ("crc", "<u4"),
    ("slot", "<i8"), ("until_ms", "<i8"),
])  # fmt: skip
ENTRY = np.dtype([
    ("id", "<i8"), ("patch", "?"), ("owner", "<i8"), ("revision", "<i8"), ("count", "<i8"),
    ("slot", "<i8"), ("until_ms", "<i8"),
])  # fmt: skip
Entries = npt.NDArray[Any]  # of ENTRY, by id
NONE: Entries = np.empty(0, ENTRY)


class Written(NamedTuple):
    """One item as it was stored. until_ms: the end of its last slot."""

    id: int
    item: Frame | Patch
    body: bytes
    until_ms: int


class Stored(Protocol):
    """Where damage is noted, and what verifies a row."""

    def note_damage(self, kind: str, row_id: int | str, *, reason: str) -> None: ...

    def verified(self, rows: Iterable[Any]) -> Iterator[tuple[int, Frame | Patch]]: ...


def write_link(session: Session, sql: Mapping[str, str], *, written: Sequence[Written]) -> None:
    """Append the link of what one insert stored, in its transaction."""
    if not written:
        return
    link_id = min(one.id for one in written)
    before = bytes(value(session.execute(sql["select_tip_hash"])) or b"")
    body = _body(link_id, written)
    session.execute(sql["insert_link"], {
        "id": link_id, "before": before, "body": body,
        "hash": _hashed(link_id, body, before=before),
    })  # fmt: skip
    session.execute(sql["set_mark"], {"key": "chain_tip", "value": link_id})


def _body(link_id: int, written: Sequence[Written]) -> bytes:
    return np.array([
        (
            row_id - link_id | (_PATCH if isinstance(item, Patch) else 0), _owner(item),
            item.revision, len(item.marks), int.from_bytes(body[-4:], "little"), _slot(item),
            until_ms,
        )
        for row_id, item, body, until_ms in written
    ], _ITEM).tobytes()  # fmt: skip


def _hashed(link_id: int, body: bytes, *, before: bytes) -> bytes:
    """before: the hash of the link before it, empty for the first."""
    content = before + link_id.to_bytes(8, "little") + body
    return hashlib.blake2b(content, digest_size=HASH_BYTES).digest()


def twins(number: object, twin: object) -> bool:
    """Whether a mark is as it was written."""
    return isinstance(number, int) and isinstance(twin, int) and number + twin == 0


def _owner(item: Frame | Patch) -> int:
    return item.block_id if isinstance(item, Frame) else item.series_id


def _slot(item: Frame | Patch) -> int:
    return item.slot if isinstance(item, Frame) else item.from_slot


def _read(link_id: int, body: bytes) -> Entries:
    items = np.frombuffer(body, _ITEM)
    entries = np.empty(len(items), ENTRY)
    entries["id"] = link_id + (items["place"] & (_PATCH - 1)).astype(np.int64)
    entries["patch"] = items["place"] & _PATCH != 0
    for name in ("owner", "revision", "count", "slot", "until_ms"):
        entries[name] = items[name]
    return entries[np.argsort(entries["id"])]


def missing_item(entry: Any) -> Frame | Patch:
    """What stands for a registered item that cannot be read."""
    count, slot, revision = int(entry["count"]), int(entry["slot"]), int(entry["revision"])
    slots = slot + (count if entry["patch"] else 1)
    interval = Interval(int(entry["until_ms"]) // slots)
    values, marks = bytes(8 * count), bytes(count)
    if entry["patch"]:
        return lost(Patch(
            series_id=int(entry["owner"]), from_slot=slot, revision=revision,
            recv_ms=interval.open_ms(revision), values=values, marks=marks,
        ))  # fmt: skip
    return lost(Frame(
        block_id=int(entry["owner"]), slot=slot, revision=revision,
        recv_ms=interval.open_ms(slot) + revision, values=values, marks=marks,
    ))  # fmt: skip


class Register:
    """All that the chain names, in memory: 50 bytes an item, 15 MB for two days of 100,000 series.
    Who asks brings it up to date first; it never tells more than the session sees."""

    def __init__(self, sql: Mapping[str, str], *, stored: Stored) -> None:
        self._sql, self._stored = sql, stored
        self._lock = threading.Lock()
        self._links: dict[int, Entries] = {}  # by id, in order
        self._tip: bytes | None = b""  # hash of the newest link; None: nobody knows
        self._from_id = 0
        self._entries = NONE
        self._ends: list[tuple[int, int]] = []  # link id, entries up to and with it

    def entries(self, session: Session) -> Entries:
        """Everything committed and not yet thinned that `session` sees, by id."""
        from_id, tip_id = self._reach(session)
        with self._lock:
            newest = next(reversed(self._links), 0)
            if from_id > self._from_id or newest < tip_id:
                self._forget(from_id)
                self._extend(session, tip_id)
                self._join()
            if newest <= tip_id:
                return self._entries
            seen = [count for link_id, count in self._ends if link_id <= tip_id]
            return self._entries[: seen[-1] if seen else 0]

    def links(self, session: Session) -> list[tuple[int, Entries]]:
        """Id and items of each link that `session` sees, oldest first."""
        entries = self.entries(session)
        newest_id = int(entries["id"].max(initial=-1))
        with self._lock:
            return [
                (link_id, mine) for link_id, mine in self._links.items() if link_id <= newest_id
            ]

    def _reach(self, session: Session) -> tuple[int, int]:
        """The first and the newest link there are by our own marks; 0 before the first."""
        rows = session.execute(self._sql["select_chain_marks"]).fetchall()
        marks = {key: number for key, number, twin in rows if twins(number, twin)}
        if len(marks) == 2:
            return marks["chain_from"], marks["chain_tip"]
        self._stored.note_damage("mark", "chain", reason="nobody knows how far the chain goes")
        first_id, last_id = session.execute(self._sql["select_link_ends"]).fetchone()
        return first_id, last_id

    def _join(self) -> None:
        parts = list(self._links.values())
        self._entries = np.concatenate(parts) if parts else NONE
        counts = np.cumsum([len(part) for part in parts], dtype=np.int64).tolist()
        self._ends = list(zip(self._links, counts, strict=True))

    def _forget(self, from_id: int) -> None:
        """What lies before `from_id` is sealed."""
        self._links = {link_id: kept for link_id, kept in self._links.items() if link_id >= from_id}
        self._from_id = max(from_id, self._from_id)

    def _extend(self, session: Session, tip_id: int) -> None:
        start = next(reversed(self._links), self._from_id - 1) + 1
        rows = session.execute(self._sql["select_links"], {"first_id": start, "last_id": tip_id})
        for link_id, *parts in rows.fetchall():
            before, found, body = (part if isinstance(part, bytes) else b"" for part in parts)
            if found != _hashed(link_id, body, before=before):
                continue  # the next one misses it
            entries = _read(link_id, body)
            if not self._follows(link_id, before):
                entries = np.concatenate([self._unnamed(session, span=(start, link_id)), entries])
            self._links[link_id], self._tip = entries, found
            start = link_id + 1
        if tip_id and start <= tip_id:
            self._links[tip_id] = self._unnamed(session, span=(start, tip_id + _LINK_IDS))
            self._tip = None

    def _follows(self, link_id: int, before: bytes) -> bool:
        if not self._links and self._from_id:
            return link_id == self._from_id
        return self._tip in (None, before)

    def _unnamed(self, session: Session, *, span: tuple[int, int]) -> Entries:
        """What lies where a link is missing or damaged, as far as it can be read."""
        self._stored.note_damage(
            "link", span[0],
            reason="the record of commits is torn: what else was lost here cannot be named",
        )  # fmt: skip
        known = {row_id for one in self._links.values() for row_id in one["id"].tolist()}
        found = []
        for name in ("select_frames_between", "select_patches_between"):
            first: int | None = span[0]
            while first is not None:
                bounds = {"first_id": first, "stop_id": span[1], "rows": _ROWS}
                rows = session.execute(self._sql[name], bounds).fetchall()
                first = rows[-1][0] + 1 if len(rows) == _ROWS else None
                until = {row[0]: row[6] for row in rows}
                found += [
                    (row_id, isinstance(item, Patch), _owner(item), item.revision,
                     len(item.marks), _slot(item), until[row_id])
                    for row_id, item in self._stored.verified(row[:6] for row in rows)
                    if row_id not in known
                ]  # fmt: skip
        return np.sort(np.array(found, ENTRY), order="id")
