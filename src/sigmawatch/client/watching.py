"""One table, kept as the server has it: a snapshot, and the deltas that go on from it.

The steps of docs/reference/stream.md, "Putting them together". No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from sigmawatch.client.errors import ClientError, Problem, Unreachable, Unreadable
from sigmawatch.client.events import Event
from sigmawatch.client.v1.models import Delta, Hello, Reset, TableSnapshot


@dataclass(slots=True)
class Watched:
    """table: what is so now; None until a snapshot was loaded that fits the stream."""

    table: TableSnapshot | None = None
    _epoch: str = ""

    def take(self, event: Event) -> bool:
        """Whether the table has changed. Raises Unreadable for a delta that does not fit."""
        if isinstance(event, Reset):
            self.table, self._epoch = None, ""  # the next hello says of what
        if isinstance(event, Hello):
            self._epoch = event.epoch
            if self.table is not None and self.table.epoch != event.epoch:
                self.table = None
        if not isinstance(event, Delta) or self.table is None:
            return False
        if event.sequence > self.table.sequence + 1:
            self.table = None  # a gap: begin again
        if self.table is None or event.sequence <= self.table.sequence:
            return False
        self.table = applied(self.table, event)
        return True

    @property
    def wants(self) -> bool:
        """Whether a snapshot is to be loaded."""
        return self.table is None and bool(self._epoch)

    def load(self, snapshot: TableSnapshot) -> bool:
        """Whether it fits. One that does not was made before or after a reset: load it again with
        the next event."""
        if snapshot.epoch == self._epoch:
            self.table = snapshot
        return self.table is not None


def passes(exc: ClientError) -> bool:
    """Whether it will do to ask again with the next event: the server, or the way to it, is away or
    busy. The stream itself says when it is over."""
    away = isinstance(exc, Problem) and exc.status in {429, 502, 503, 504}
    return away or isinstance(exc, Unreachable)


def applied(table: TableSnapshot, delta: Delta) -> TableSnapshot:
    """A table of its own; what was handed out before does not change."""
    changed = {}
    for name, (rows, values) in delta.columns.items():
        column = list(getattr(table.columns, name, ()))
        if not column:
            continue  # a column that a newer server has
        if rows and (max(rows) >= len(column) or len(rows) != len(values)):
            raise Unreadable(f"delta {delta.sequence}: {name} has {len(column)} rows")
        for row, value in zip(rows, values, strict=True):
            column[row] = value
        changed[name] = column
    columns = msgspec.structs.replace(table.columns, **changed)
    return msgspec.structs.replace(
        table, columns=columns, sequence=delta.sequence, time=delta.time, slot=delta.slot,
        of=delta.of,
    )  # fmt: skip
