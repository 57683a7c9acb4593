"""What the episodes and notices of a data folder must be, from its frames alone.

tests/rising.py said a second time, with the standard library and the layout of frames: no code of
the product, or of the judge, is shared.
"""

from __future__ import annotations

import math
import shutil
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

Told = tuple[str, str, int, str, int]  # episode, kind, ordinal, channel, open of the slot
Rows = Callable[[LiteralString], Iterable[tuple[Any, ...]]]  # of a statement
_HEADER = struct.Struct("<BBHIqIIq")  # version, kind, flags, owner, slot, revision, n, recv_ms


class Verdict(NamedTuple):
    """expected: how many notices there must be; missing, extra, double: what is wrong with those
    that are. torn: episodes that do not say what their notices say."""

    expected: int
    episodes: int
    missing: list[Told]
    extra: list[Told]
    double: list[Told]
    torn: list[tuple[str, bool]]


@contextmanager
def copied(folder: Path) -> Iterator[Rows]:
    """What asks a copy of the database: a killed program's log stays as it was."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / "data", copy)
    with closing(sqlite3.connect(copy / "sigmawatch.db")) as connection:
        yield connection.execute


def heard_from_ms(rows: Rows) -> int:
    """Open of the first slot that the next life's judge hears: that life goes on behind what the
    one before has judged, not where that one ended."""
    [(interval_ms, slot)] = rows("SELECT interval_ms, slot FROM judged")
    return int(interval_ms * (slot + 1))


def verdict(rows: Rows, *, from_ms: int) -> Verdict:
    """Compare what was decided up to the slot through which everything is judged; nothing was
    judged before `from_ms`."""
    [(interval_ms, slot)] = list(rows("SELECT interval_ms, slot FROM judged")) or [(1_000, -1)]
    every = list(_expected(rows, interval_ms, from_slot=from_ms // interval_ms))
    expected = [told for told in every if told[4] <= slot * interval_ms]
    all_told = set(every)
    notices = rows(  # what the program tells of itself is another matter
        "SELECT episode, kind, ordinal, channel, decided_ms FROM outbox WHERE rule_id = 1"
    )
    found = Counter[Any](tuple(row) for row in notices)
    kept = rows("SELECT rule_id, series_id, opened_ms, closed_ms FROM episodes")
    lasting = {(f"{rule}-{series}-{opened}", end is None) for rule, series, opened, end in kept}
    opened = {told[0] for told in found if told[1] == "firing"}
    closed = {told[0] for told in found if told[1] == "resolved"}
    return Verdict(
        expected=len(expected), episodes=len(lasting),
        missing=[told for told in expected if told not in found],
        extra=[told for told in found if told not in all_told],
        double=[told for told, count in found.items() if count > 1],
        torn=sorted(lasting ^ {(name, name not in closed) for name in opened}),
    )  # fmt: skip


def _expected(rows: Rows, interval_ms: int, *, from_slot: int) -> Iterator[Told]:
    """Two rises in a row open an episode, the first fall closes it; two channels hear of both."""
    known = frames(rows)
    for series_id, block_id, place in rows("SELECT id, block_id, place FROM series"):
        price, rises, opened_ms = math.nan, 0, -1
        for slot, values in known.get(block_id, []):
            if slot < from_slot or place >= len(values) or math.isnan(values[place]):
                continue
            at_ms, was, price = slot * interval_ms, price, values[place]
            rises = rises + 1 if price > was else 0
            kind = ""
            if opened_ms < 0 and rises >= 2:
                kind, opened_ms = "firing", at_ms
            elif opened_ms >= 0 and price < was:
                kind = "resolved"
            for channel in ("ops", "mail") if kind else ():
                yield f"1-{series_id}-{opened_ms}", kind, 0, channel, at_ms
            opened_ms = -1 if kind == "resolved" else opened_ms


def frames(rows: Rows) -> dict[int, list[tuple[int, list[float]]]]:
    """Block -> (slot, prices, NaN where none counts) in order: of each slot the first final frame,
    without one the newest."""
    chosen: dict[tuple[int, int], tuple[tuple[bool, int], list[float]]] = {}
    for block_id, body in rows("SELECT block_id, body FROM frames ORDER BY id"):
        _, _, flags, _, slot, revision, count, _ = _HEADER.unpack_from(body)
        values = struct.unpack_from(f"<{count}d", body, _HEADER.size)
        marks = body[_HEADER.size + 8 * count :]
        row = [v if marks[at] & 15 < 8 else math.nan for at, v in enumerate(values)]
        order = (False, -revision) if flags & 1 else (True, 0)
        at = chosen.get((block_id, slot))
        if at is None or (not at[0][0] and (order[0] or order[1] < at[0][1])):
            chosen[block_id, slot] = order, row
    found: dict[int, list[tuple[int, list[float]]]] = {}
    for (block_id, slot), (_, row) in sorted(chosen.items()):
        found.setdefault(block_id, []).append((slot, row))
    return found
