"""What one transaction may touch: catalogue, frames and runs, as work for the writer's thread.

Fulfils the repositories of ports.ledger over any session. Items get their transaction's commit
number as the upper part of their row id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sigmawatch.adapters.ledgers.access import Access, Audit
from sigmawatch.adapters.ledgers.alerts import Alerts
from sigmawatch.adapters.ledgers.arrangements import Arrangements
from sigmawatch.adapters.ledgers.catalogue import Catalogue
from sigmawatch.adapters.ledgers.chain import Written, write_link
from sigmawatch.adapters.ledgers.channels import Channels
from sigmawatch.adapters.ledgers.checksums import checksum
from sigmawatch.adapters.ledgers.inbox import Inbox, Subscriptions
from sigmawatch.adapters.ledgers.once import Once
from sigmawatch.adapters.ledgers.outbox import Outbox
from sigmawatch.adapters.ledgers.rank_columns import RankColumns
from sigmawatch.adapters.ledgers.reading import Stored
from sigmawatch.adapters.ledgers.rules import Rules
from sigmawatch.adapters.ledgers.session import Session, Writer, value
from sigmawatch.adapters.ledgers.silences import Silences
from sigmawatch.adapters.ledgers.watchlists import Watchlists
from sigmawatch.domain.errors import Superseded
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.venue import Run, RunKind
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Claim

T = TypeVar("T")
ITEMS_PER_COMMIT_BITS = 20
_NAMED = {Frame: "select_frame_named", Patch: "select_patch_named"}
CATALOGUE_VERSION = {"key": "catalogue version"}
_RUN = ("id", "venue", "kind", "slot", "started_ms", "finished_ms", "expected", "updated",
        "failed", "reasons")  # fmt: skip


class SqlTransaction:
    """The open transaction. Valid inside its block only."""

    def __init__(
        self, writer: Writer, *, sql: Mapping[str, str], clock: Clock, stored: Stored
    ) -> None:
        self._writer = writer
        self.sql = sql
        self.clock = clock
        self.items_count = 0
        self._open = True
        self.catalogue = Catalogue(self, stored=stored)
        self.frames = _Frames(self, stored=stored)
        self.runs = _Runs(self)
        self.ranks = RankColumns(self)
        self.watchlists = Watchlists(self)
        self.arrangements = Arrangements(self)
        self.rules = Rules(self)
        self.silences = Silences(self, damaged=stored.damaged)
        self.alerts = Alerts(self)
        self.outbox = Outbox(self)
        self.inbox = Inbox(self)
        self.subscriptions = Subscriptions(self)
        self.channels = Channels(self)
        self.once = Once(self)
        self.access = Access(self)
        self.audit = Audit(self)

    @property
    def commit_number(self) -> int:
        """For work alone: a transaction that is run again has another one."""
        return self._writer.commit_number

    def note_catalogue(self, session: Session) -> None:
        """Within work: what is tracked, or how it is called, has changed."""
        value(session.execute(self.sql["take_epoch"], CATALOGUE_VERSION))

    async def claim(self, work: str) -> Claim:
        """Claim it anew; who had it is superseded once this transaction is kept."""
        key = {"key": _epoch_key(work)}
        epoch = await self.run(lambda session: value(session.execute(self.sql["take_epoch"], key)))
        return Claim(work=work, epoch=epoch)

    async def check(self, claim: Claim) -> None:
        key = {"key": _epoch_key(claim.work)}
        newest = await self.run(
            lambda session: value(session.execute(self.sql["select_epoch"], key))
        )
        if newest != claim.epoch:
            raise Superseded(f"another program has taken over {claim.work}")

    async def run(self, work: Callable[[Session], T]) -> T:
        assert self._open, "a transaction ends with its block"
        return await self._writer.run(work)

    def end(self) -> None:
        self._open = False


def _epoch_key(work: str) -> str:
    return f"epoch of {work}"


class _Frames:
    def __init__(self, transaction: SqlTransaction, *, stored: Stored) -> None:
        self._transaction = transaction
        self._stored = stored
        self._sql = transaction.sql

    async def insert(self, items: Iterable[Frame | Patch]) -> frozenset[str]:
        batch = list(items)  # the caller's iterator runs in the caller's thread
        first = self._transaction.items_count
        self._transaction.items_count += len(batch)
        assert self._transaction.items_count <= 1 << ITEMS_PER_COMMIT_BITS
        return await self._transaction.run(partial(self._insert, batch=batch, first=first))

    def _insert(
        self, session: Session, batch: Sequence[Frame | Patch], *, first: int
    ) -> frozenset[str]:
        first_id = (self._transaction.commit_number << ITEMS_PER_COMMIT_BITS) + first
        numbered = dict(enumerate(batch, start=first_id))
        written: list[Written] = []
        for name, kind in (("insert_frame", Frame), ("insert_patch", Patch)):
            rows = {row_id: _row(row_id, item) for row_id, item in numbered.items()
                    if type(item) is kind}  # fmt: skip
            if rows:
                written += [
                    Written(row_id, numbered[row_id], rows[row_id]["body"], until_ms)
                    for row_id, until_ms in session.executemany(self._sql[name], rows.values())
                ]
        write_link(session, self._sql, written=written)
        self._note_live(session, batch)
        return frozenset(one.item.id for one in written)

    async def standing(self, items: Iterable[Frame | Patch]) -> Sequence[Frame | Patch]:
        return await self._transaction.run(partial(self._standing, items=list(items)))

    def _standing(
        self, session: Session, items: Sequence[Frame | Patch]
    ) -> Sequence[Frame | Patch]:
        rows = [
            row
            for item in items
            for row in session.execute(self._sql[_NAMED[type(item)]], _name(item)).fetchall()
        ]
        return [item for _, item in self._stored.verified(rows)]

    def _note_live(self, session: Session, batch: Sequence[Frame | Patch]) -> None:
        first = min((item.recv_ms for item in batch if isinstance(item, Frame)), default=None)
        if first is not None:
            session.execute(self._sql["note_live_since"], {"recv_ms": first})


def _row(row_id: int, item: Frame | Patch) -> dict[str, Any]:
    row = _name(item) | {"id": row_id, "body": item.encode()}
    return row if isinstance(item, Frame) else row | {"count": len(item.marks)}


def _name(item: Frame | Patch) -> dict[str, Any]:
    """What no two items of a kind share."""
    if isinstance(item, Frame):
        return {"owner": item.block_id, "slot": item.slot, "revision": item.revision}
    return {"owner": item.series_id, "slot": item.from_slot, "revision": item.revision}


class _Runs:
    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def insert(self, runs: Iterable[Run]) -> None:
        rows = [_bindings(run) for run in runs]

        def work(session: Session) -> None:
            new = session.executemany(self._sql["insert_run"], rows).fetchall()
            if new:
                counted = {"key": "runs", "number": len(new)}
                session.execute(self._sql["add_to_mark"], counted).fetchall()

        await self._transaction.run(work)


def _bindings(run: Run) -> dict[str, str | int]:
    reasons = json.dumps(dict(run.reasons), sort_keys=True)
    row = (run.id, run.venue, str(run.kind), run.slot, run.started_ms, run.finished_ms,
           run.expected, run.updated, run.failed, reasons)  # fmt: skip
    return {**dict(zip(_RUN, row, strict=True)), "checksum": checksum("run", *row)}


def read_runs(
    session: Session, *, statement: str, bindings: Mapping[str, str | int], stored: Stored
) -> list[Run]:
    """Sound runs, newest first."""
    found = []
    for *row, check in session.execute(statement, bindings):
        if checksum("run", *row) != check:
            stored.note_damage("run", str(row[0]), reason="its checksum does not match")
            continue
        named = dict(zip(_RUN[1:], row[1:], strict=True))
        kind, reasons = RunKind(named.pop("kind")), json.loads(named.pop("reasons"))
        found.append(Run(**named, kind=kind, reasons=reasons))
    return found
