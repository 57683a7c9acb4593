"""What the ledgers of every database have in common to work on: a session, its rows, a writer.

Work is a function of a session. It runs in the thread of its connection, so it is short, keeps no
session, and changes nothing but the database: a writer whose server went away may run it again.
Statements name their parameters `:name` in every dialect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from sigmawatch.ports.storage import Storage

T = TypeVar("T")
Bindings = Mapping[str, Any]
NO_NUMBER = ("the number of the newest commit is damaged, so nothing can be written: see "
             "`sigmawatch doctor`")  # fmt: skip


class Rows(Protocol):
    """The rows of one statement, each a tuple."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Session(Protocol):
    """A connection as work sees it; apsw.Connection is one as it stands."""

    def execute(self, statement: str, bindings: Bindings | None = None, /) -> Rows: ...

    def executemany(self, statement: str, rows: Iterable[Bindings], /) -> Rows:
        """The statement once for each of `rows`; what they return, one after the other."""
        ...


class Writer(Protocol):
    """The one connection that writes. A transaction runs from `begin` to `commit` or `rollback`;
    what was begun is finished before the caller goes on, cancelled or not."""

    @property
    def storage(self) -> Storage:
        """How what is written to is."""
        ...

    @property
    def commit_number(self) -> int:
        """Of the transaction that stands: one more than that of the one before, whoever wrote it.
        Asked inside work only."""
        ...

    async def begin(self, *, bulk: bool = False) -> None:
        """bulk: nobody minds that it waits until it can be stored."""
        ...

    async def run(self, work: Callable[[Session], T]) -> T:
        """What `work` returns."""
        ...

    async def commit(self) -> None:
        """Returns once the transaction is synced."""
        ...

    async def rollback(self) -> None:
        """End the transaction that stands, if one does, whatever happened before."""
        ...

    def alone(self, work: str) -> AbstractAsyncContextManager[bool]:
        """Whether no other program does `work` on this database now, nor can begin to within the
        block, as long as the database is not lost."""
        ...

    async def close(self) -> None: ...


class Readers(Protocol):
    """Connections that only read, each in a thread of its own, and never wait for the writer."""

    def run(self, work: Callable[[Session], T]) -> asyncio.Future[T]:
        """What `work` returns; it sees committed data only."""
        ...

    async def close(self) -> None: ...


class Fetched:
    """The rows of a statement, read whole."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None

    def fetchall(self) -> list[Any]:
        return self._rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)


def value(rows: Rows) -> Any:
    """The one value of the one row; None where there is none. Reads to the end, so that nothing
    stays open behind."""
    found = rows.fetchall()
    assert len(found) <= 1
    return found[0][0] if found else None


async def settled(future: asyncio.Future[T], *, on_cancel: Callable[[], object]) -> T:
    """The outcome of work in a thread. Where the caller is cancelled meanwhile, the work ends
    first and the cancellation follows: nobody ever leaves a statement running behind.
    on_cancel: makes it end soon where it may."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as exc:
            cancelled = exc
            on_cancel()
    if cancelled is not None:
        raise cancelled from future.exception()
    return future.result()
