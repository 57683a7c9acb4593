"""The operations on stream.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import Unpack

from sigmawatch.client.base import Asking
from sigmawatch.client.calls import Many
from sigmawatch.client.v1.models import Lines, TableSnapshot
from sigmawatch.client.v1.operations.stream import LIST_SPARKLINES, SHOW_SNAPSHOT, ShowSnapshotQuery


class StreamOperations(Asking):
    """Blocks."""

    def show_snapshot(self, **query: Unpack[ShowSnapshotQuery]) -> TableSnapshot:
        """One metric's table in columns.

        Where `/stream` goes on from: apply the deltas after `sequence`. At most 5,000 rows a
        page, by id; numbers to seven significant digits; a second old at most.

        `GET /api/v1/snapshot`. Needs the scope `read:metrics`.
        """
        return self._ask(SHOW_SNAPSHOT.call(query=query))

    def list_sparklines(self, ids: Many) -> Lines:
        """The last day of several series, drawn.

        48 points on the half hours of the clock, the newest on what is closed of the running
        one: the last value of a level, the sum of a flow. Drawn once a slot for everybody.

        `GET /api/v1/sparklines`. Needs the scope `read:metrics`.
        """
        return self._ask(LIST_SPARKLINES.call(query={"ids": ids}))
