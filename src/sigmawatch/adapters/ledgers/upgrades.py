"""What a migration does that SQL cannot: steps of their own, by the name of their migration.

A step runs once, in the transaction of its migration, after its statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sigmawatch.adapters.ledgers.chain import Written, write_link
from sigmawatch.adapters.ledgers.checksums import checksum
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.frame import decode

Step = Callable[[Session, Mapping[str, str]], None]
_ROWS = 256
_COUNTED = {"markets": "market", "blocks": "block", "series": "series", "formulas": "formula"}


def add_integrity(session: Session, sql: Mapping[str, str]) -> None:
    """Checksums for the rows there are, how many there are, and links for what is stored."""
    for mark, kind in _COUNTED.items():
        rows = session.execute(sql[f"select_all_{kind}"]).fetchall()
        _check(session, sql[f"check_{kind}"], kind=kind, rows=rows)
        newest = max((row[0] for row in rows), default=0)  # formulas have the ids of their series
        ids = len(rows) if kind == "formula" else newest
        _set(session, sql, marks={mark: ids, f"no {mark}": ids - len(rows)})
    lists = session.execute(sql["select_all_watchlists"]).fetchall()
    _check(session, sql["check_watchlist"], kind="watchlist", rows=lists)
    runs = session.execute(sql["select_all_runs"]).fetchall()
    _check(session, sql["check_run"], kind="run", rows=runs)
    _set(session, sql, marks={
        "watchlists": len(lists), "runs": len(runs), "chain_from": 0, "chain_tip": 0,
        "rank_columns": value(session.execute(sql["count_rank_columns"])),
    })  # fmt: skip
    _link(session, sql)


def _check(session: Session, statement: str, *, kind: str, rows: list[Any]) -> None:
    """rows: the columns, then the checksum to be; the first column is the key."""
    checks = [{"key": row[0], "checksum": checksum(kind, *row[:-1])} for row in rows]
    if checks:
        session.executemany(statement, checks)


def _set(session: Session, sql: Mapping[str, str], *, marks: Mapping[str, int]) -> None:
    session.executemany(
        sql["set_mark"], [{"key": key, "value": number} for key, number in marks.items()]
    )


def _link(session: Session, sql: Mapping[str, str]) -> None:
    first_id = 0
    while True:
        bounds = {"first_id": first_id, "stop_id": 2**62, "rows": _ROWS}
        rows = session.execute(sql["select_frames_between"], bounds).fetchall()
        rows += session.execute(sql["select_patches_between"], bounds).fetchall()
        rows = sorted(rows, key=lambda row: int(row[0]))[:_ROWS]
        if not rows:
            return
        written = []
        for row_id, _, _, _, _, body, until_ms in rows:
            try:
                written.append(Written(row_id, decode(body), bytes(body), until_ms))
            except Invalid:
                continue  # damaged before it could be named
        write_link(session, sql, written=written)
        first_id = rows[-1][0] + 1


STEPS: Mapping[str, Step] = {"integrity": add_integrity}
