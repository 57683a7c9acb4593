"""A rescue: everything in a damaged file that can be read and verifies, copied to a new folder.

The source is read and never written. Rows that are not as they were written, that refer to what is
gone, or that lie on pages which cannot be read stay behind and are counted. The new file is made
beside its place and takes it when it is whole and has been read back. Work for a thread of its own.
Raises NotFound, Conflict, InUse, Refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from sigmawatch.adapters.ledgers.checksums import checksum
from sigmawatch.adapters.ledgers.connection import PAGE_BYTES, FileSession
from sigmawatch.adapters.ledgers.copies import keep, part_of
from sigmawatch.adapters.ledgers.examining import Way
from sigmawatch.adapters.ledgers.folder import DATABASE, DataFolder
from sigmawatch.adapters.ledgers.packing import check_body
from sigmawatch.adapters.ledgers.reading import Stored
from sigmawatch.adapters.ledgers.repositories import ITEMS_PER_COMMIT_BITS
from sigmawatch.adapters.ledgers.restoring import refuse_held
from sigmawatch.adapters.ledgers.sqlite_schema import ours, run_pending
from sigmawatch.adapters.ledgers.statements import load_statements
from sigmawatch.adapters.ledgers.upgrades import add_integrity
from sigmawatch.adapters.ledgers.verifying import verify
from sigmawatch.domain.errors import Invalid, NotFound, Refused, StorageFailed
from sigmawatch.domain.frame import Frame, Reason, decode
from sigmawatch.ports.doctor import Salvaged

_LEFT = {"migrations", "links"}  # made anew
_ROWS = 256
_ID_MAX = 2**62
_BROKEN = (apsw.Error, UnicodeDecodeError)
_CHECKED = {
    "markets": "market", "blocks": "block", "series": "series", "formulas": "formula",
    "watchlists": "watchlist", "silences": "silence", "runs": "run",
    "arrangements": "arrangement",
}  # fmt: skip
_GIVEN = {"markets", "blocks", "series"}  # whose ids are
_COUNTED = {*_CHECKED, "rank_columns"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """keyed: it has no row ids."""

    name: str
    columns: tuple[str, ...]
    keyed: bool

    @property
    def listed(self) -> str:
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def said(self) -> str:
        return f'"{self.name}" ({self.listed})'


def salvage(source: Path, target: Path, *, way: Way) -> Salvaged:
    """The database in the folder `source` into the folder `target`, which holds none."""
    if not (source / DATABASE).is_file():
        raise NotFound(f"there is no database in {source}", field="data")
    held = DataFolder.hold(target)
    try:
        refuse_held(held)
        part = part_of(held.database)
        try:
            found = _salvage(source / DATABASE, part, way=way)
            verify(part, ours(), stop=way.stopped.is_set)
            keep(part, held.database)
        except apsw.Error as exc:
            raise Refused(f"nothing could be saved ({type(exc).__name__}: {exc})") from exc
        finally:
            part.unlink(missing_ok=True)
    finally:
        held.release()
    return found


def _salvage(source: Path, part: Path, *, way: Way) -> Salvaged:
    saved, lost, unreadable = Counter[str](), Counter[str](), list[str]()
    with (
        closing(apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)) as damaged,
        closing(apsw.Connection(str(part), flags=apsw.SQLITE_OPEN_READWRITE)) as file,
    ):
        file.pragma("page_size", PAGE_BYTES)
        file.pragma("journal_mode", "off")  # what is cut off is thrown away
        file.pragma("synchronous", "off")  # synced once it is whole
        run_pending(ours(), file, now_ms=0)
        file.execute("DELETE FROM meta")
        tables = _tables(damaged)
        for number, table in enumerate(tables):
            way.went(number, len(tables))
            if not _copy(table, damaged=damaged, file=file, counts=(saved, lost)):
                unreadable.append(table.name)
        way.went(len(tables), len(tables))
        with file:
            _leave_word(damaged, file)
            for row in file.execute("PRAGMA foreign_key_check").fetchall():
                name = str(row[0])
                file.execute(f'DELETE FROM "{name}" WHERE rowid = ?', (row[1],))  # noqa: S608
                saved[name] -= 1
                lost[name] += 1
            _number(file, _ids_given(damaged))
        file.pragma("journal_mode", "delete")
    return Salvaged(place=str(part.with_name(DATABASE)), saved=saved, lost=+lost,
                    unreadable=tuple(unreadable))  # fmt: skip


def _tables(damaged: apsw.Connection) -> list[_Table]:
    """Those of the source, parents first."""
    names = [name for (name,) in damaged.execute(load_statements("sqlite")["select_tables"])]
    found = []
    for name in names:
        if name not in _LEFT:
            columns = tuple(row[1] for row in damaged.pragma("table_info", name))
            keyed = bool(damaged.execute(
                "SELECT wr FROM pragma_table_list WHERE name = ?", (name,)).get)  # fmt: skip
            found.append(_Table(name=name, columns=columns, keyed=keyed))
    return found


def _copy(
    table: _Table, *, damaged: apsw.Connection, file: apsw.Connection,
    counts: tuple[Counter[str], Counter[str]],
) -> bool:  # fmt: skip
    """Whether all of its pages could be read."""
    torn: list[int] = []
    file.pragma("foreign_keys", 0)
    with file:
        for row in _read(table, damaged, torn=torn):
            named = dict(zip(table.columns, row, strict=True))
            if table.name == "meta" and _made_anew(str(named["key"])):
                continue
            new = _sound(table, named) and _inserted(table, row, file=file)
            if new is not None:
                counts[0 if new else 1][table.name] += 1
    return not torn


def _inserted(table: _Table, row: tuple[Any, ...], *, file: apsw.Connection) -> bool | None:
    """False where its columns cannot hold it, None where it is there already."""
    places = ", ".join("?" * len(table.columns))
    statement = f"INSERT OR IGNORE INTO {table.said} VALUES ({places})"  # noqa: S608
    try:
        file.execute(statement, row)
    except apsw.Error:
        return False
    return True if file.changes() else None


def _read(table: _Table, damaged: apsw.Connection, *, torn: list[int]) -> Iterator[tuple[Any, ...]]:
    """Its rows, some perhaps twice. torn: gets an entry where something cannot be read."""
    if not table.keyed:
        yield from _read_by_id(table, damaged, torn=torn)
        return
    for order in ("", " ORDER BY 1 DESC"):  # from both ends
        try:
            statement = f'SELECT {table.listed} FROM "{table.name}"{order}'  # noqa: S608
            yield from damaged.execute(statement)
        except _BROKEN:
            torn.append(0)
        else:
            return


def _read_by_id(
    table: _Table, damaged: apsw.Connection, *, torn: list[int]
) -> Iterator[tuple[Any, ...]]:
    named = f'SELECT rowid, {table.listed} FROM "{table.name}"'  # noqa: S608
    statement = f"{named} WHERE rowid > ? ORDER BY rowid LIMIT ?"
    after: int | None = -_ID_MAX
    limit = _ROWS
    while after is not None:
        try:
            rows: list[Any] = damaged.execute(statement, (after, limit)).fetchall()
        except _BROKEN:
            if limit == 1:
                torn.append(after)
                after = _beyond(damaged, statement, after=after)
            limit = 1
            continue
        yield from (row[1:] for row in rows)
        after = rows[-1][0] if rows else None
        limit = min(2 * limit, _ROWS)


def _beyond(damaged: apsw.Connection, statement: str, *, after: int) -> int | None:
    """The least id found after which a row can be read again; None where there is none."""

    def readable(row_id: int) -> bool:
        try:
            return bool(damaged.execute(statement, (row_id, 1)).fetchall())
        except _BROKEN:
            return False

    low, step = max(after, 0), 1
    while not readable(low + step):
        step *= 2
        if low + step > _ID_MAX:
            return None
    first, last = low + step // 2, low + step
    while first + 1 < last:
        middle = (first + last) // 2
        first, last = (first, middle) if readable(middle) else (middle, last)
    return last


def _sound(table: _Table, row: Mapping[str, Any]) -> bool:
    """Whether a row is as it was written; of one without a checksum nobody knows."""
    kind = _CHECKED.get(table.name)
    if kind is not None and "checksum" in row:
        own = [
            row[column] for column in table.columns
            if column != "checksum" and (column, row[column]) != ("owner_id", None)
        ]  # fmt: skip
        return bool(checksum(kind, *own) == row["checksum"])
    if table.name == "meta" and "twin" in row:
        return bool(row["value"] + row["twin"] == 0)
    check = _BODIES.get(table.name)
    if check is None:
        return True
    try:
        return check(row)
    except Invalid:
        return False


def _made_anew(key: str) -> bool:
    """Whether a mark follows from what else there is."""
    return key in _COUNTED or key.startswith(("no ", "chain_"))


def _item(row: Mapping[str, Any]) -> bool:
    item = decode(row["body"])
    if isinstance(item, Frame):
        named = item.block_id, item.slot
        return (row.get("block_id"), row.get("slot")) == named
    return (row.get("series_id"), row.get("from_slot")) == (item.series_id, item.from_slot)


def _packed(row: Mapping[str, Any]) -> bool:
    if not row["body"] and row.get("held") == 0:
        return True  # its columns were let go
    owner = row["series_id"] if "series_id" in row else row["block_id"]
    begin = row["from_ms"] if "from_ms" in row else row["from_slot"]
    check_body(row["body"], (owner, begin, row["revision"]))
    return True


_BODIES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "frames": _item, "patches": _item, "section_columns": _packed, "sections": _packed,
    "rollups": _packed,
}  # fmt: skip


def _leave_word(damaged: apsw.Connection, file: apsw.Connection) -> None:
    """Where a frame or patch is lost, what stands for it: an older one must not be taken for it."""
    session, sql = FileSession(damaged), load_statements("sqlite")
    stored = Stored(sql)
    try:
        entries = stored.register.entries(session)
    except StorageFailed:
        return  # an older schema, or the chain cannot be read
    for row_id, item in stored.numbered(session, entries):
        if set(item.marks) == {Reason.DAMAGED}:
            body = item.encode()
            if isinstance(item, Frame):
                row = (row_id, item.block_id, item.slot, item.revision, body)
                file.execute("INSERT OR IGNORE INTO frames VALUES (?, ?, ?, ?, ?)", row)
            else:
                until_ms = int(entries["until_ms"][entries["id"] == row_id][0])
                patch = (row_id, item.series_id, item.from_slot, item.revision, until_ms, body)
                file.execute("INSERT OR IGNORE INTO patches VALUES (?, ?, ?, ?, ?, ?)", patch)


def _ids_given(damaged: apsw.Connection) -> dict[str, int]:
    """How many ids each part of the catalogue had given, as far as that can be read."""
    try:
        rows: list[Any] = damaged.execute("SELECT key, value, twin FROM meta").fetchall()
    except _BROKEN:
        return {}
    marks: dict[str, int] = {key: value for key, value, twin in rows if value == -twin}
    return {key: number for key, number in marks.items() if key in _GIVEN}


def _number(file: apsw.Connection, given: Mapping[str, int]) -> None:
    """The file's own record, for what is there now: counts, chain, the number of commits. Ids that
    were given once are not given again."""
    sql = load_statements("sqlite")
    add_integrity(file, sql)
    newest = file.execute("SELECT max((SELECT coalesce(max(id), 0) FROM frames), "
                          "(SELECT coalesce(max(id), 0) FROM patches))").get  # fmt: skip
    number = file.execute(sql["select_mark"], {"key": "commit_number"}).get or 0
    marks = {"commit_number": max(number, newest >> ITEMS_PER_COMMIT_BITS)}
    for kind in _GIVEN & given.keys():
        ids = file.execute(sql["select_mark"], {"key": kind}).get or 0
        gone = file.execute(sql["select_mark"], {"key": f"no {kind}"}).get or 0
        lost = max(0, given[kind] - ids)
        marks |= {kind: ids + lost, f"no {kind}": gone + lost}
    if marks.get("no series"):
        marks["closed_blocks"] = file.execute("SELECT coalesce(max(id), 0) FROM blocks").get
    for key, number in marks.items():
        file.execute(sql["set_mark"], {"key": key, "value": number})
