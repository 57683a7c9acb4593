"""The catalogue in a ledger: markets, blocks, series, formulas; each row with its checksum.

Always holds: what is returned is as it was written. A row that is not is left out and noted, and so
is one that is gone: ids are given in order and never again, so it is known how many there are. A
series under a damaged market or block is left out with it, since its name or its place may be
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sigmawatch.adapters.ledgers.checksums import checksum
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.errors import Conflict, NotFound, StorageFailed
from sigmawatch.domain.market import Market, MarketStatus
from sigmawatch.domain.series import BLOCK_SERIES_MAX, DERIVED, Block, Series, stronger
from sigmawatch.domain.window import Interval

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.reading import Stored
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


_KINDS = frozenset({"market", "block", "series", "formula"})


class Catalogue:
    """Fulfils ports.ledger.CatalogueRepository."""

    def __init__(self, transaction: SqlTransaction, *, stored: Stored) -> None:
        self._transaction = transaction
        self._sql = transaction.sql
        self._stored = stored

    async def blocks(self) -> Sequence[Block]:
        return await self._transaction.run(partial(read_blocks, sql=self._sql, stored=self._stored))

    async def series(self) -> Sequence[Series]:
        return await self._transaction.run(partial(read_series, sql=self._sql, stored=self._stored))

    async def add(
        self,
        market: Market,
        metric: str,
        *,
        interval: Interval,
        origin: str,
        formula: str | None = None,
    ) -> Series:
        """The series tracked now: the one that stands, else the one that was removed, else a new
        one. Who has more to say takes over what stands."""

        def work(session: Session) -> Series:
            market_id = self._market(session, market)
            of = {"metric": metric, "interval_ms": interval.ms}
            found = self._known(session, market_id, of=of, formula=formula)
            if found is None:
                row = self._place(
                    session, market_id, block={"venue": market.venue} | of, origin=origin
                )
                stands = formula
                if formula is not None:
                    self._insert(session, "formula", row=(row[0], formula))
                self._transaction.note_catalogue(session)
            else:
                row, stands = found
            if row[6] is not None:  # its id, its place and what was recorded of it are its own
                row = self._change(session, (*row[:4], origin, row[5], None))
            elif stronger(origin, than=row[4]):
                row = self._change(session, (*row[:4], origin, *row[5:]))
            return Series(id=row[0], market=market, metric=metric, interval=interval,
                          block_id=row[2], place=row[3], origin=row[4],
                          formula=stands, added_ms=row[5])  # fmt: skip

        return await self._transaction.run(work)

    def _known(
        self, session: Session, market_id: int, *, of: dict[str, object], formula: str | None
    ) -> tuple[tuple[Any, ...], str | None] | None:
        """The row of the series that is tracked, else of the one that was, and its formula."""
        named = {"market_id": market_id} | of
        found = session.execute(self._sql["find_series"], named).fetchone()
        if found is None:
            said = {"formula": formula or ""}
            found = session.execute(self._sql["find_removed"], named | said).fetchone()
        if found is None:
            return None
        row, stands = tuple(found[:7]), found[8]
        _trust("series", row, check=found[7])
        if stands is not None:
            _trust("formula", (row[0], stands), check=found[9])
        return row, stands

    def _market(self, session: Session, market: Market) -> int:
        told = (market.venue, market.native, market.base, market.quote, str(market.status))
        name = {"venue": market.venue, "native": market.native}
        found = session.execute(self._sql["find_market"], name).fetchone()
        if found is None:
            market_id = self._next(session, "market")
            self._insert(session, "market", row=(market_id, *told))
            return market_id
        row, check = found[:6], found[6]
        _trust("market", row, check=check)
        if row[1:] != told:
            changed = (row[0], *told)
            session.execute(self._sql["change_market"], _bindings("market", changed))
        return int(row[0])

    def _place(
        self, session: Session, market_id: int, *, block: dict[str, object], origin: str
    ) -> tuple[Any, ...]:
        """Blocks fill in order, so only the newest of a kind may have room; none that series were
        lost from (the mark `closed_blocks`), for nobody knows their places."""
        if any(one.what.split(" ")[0] in _KINDS for one in self._stored.damage):
            raise Conflict("the list of series is damaged, so none can be added: see "
                           "`sigmawatch doctor`")  # fmt: skip
        newest = session.execute(self._sql["newest_block"], block).fetchone()
        closed = value(session.execute(self._sql["select_mark"], {"key": "closed_blocks"})) or 0
        if newest is None or newest[1] >= BLOCK_SERIES_MAX or newest[0] <= closed:
            newest = (self._next(session, "block"), 0)
            told = (newest[0], block["venue"], block["metric"], block["interval_ms"])
            self._insert(session, "block", row=told)
        series_id = self._next(session, "series")
        now_ms = self._transaction.clock.now_ms()
        row = (series_id, market_id, *newest, origin, now_ms, None)
        self._insert(session, "series", row=row)
        return row

    def _next(self, session: Session, kind: str) -> int:
        """The next id, which is also how many there are then."""
        counted = {"key": _mark(kind), "number": 1}
        return int(value(session.execute(self._sql["add_to_mark"], counted)))

    def _insert(self, session: Session, kind: str, *, row: tuple[Any, ...]) -> None:
        session.execute(self._sql[f"insert_{kind}"], _bindings(kind, row))
        if kind == "formula":
            self._next(session, kind)

    def _change(self, session: Session, row: tuple[Any, ...]) -> tuple[Any, ...]:
        session.execute(self._sql["change_series"], _bindings("series", row))
        self._transaction.note_catalogue(session)
        return row

    async def remove(self, series_id: int) -> None:
        now_ms = self._transaction.clock.now_ms()
        await self._rewritten(series_id, lambda row: (*row[:6], now_ms))

    async def hand_over(self, series_id: int, *, origin: str) -> None:
        await self._rewritten(series_id, lambda row: (*row[:4], origin, *row[5:]))

    async def rename(self, market: Market, native: str) -> bool:
        told = {"venue": market.venue, "native": native}

        def work(session: Session) -> bool:
            name = {"venue": market.venue, "native": market.native}
            found = session.execute(self._sql["find_market"], name).fetchone()
            if found is None or session.execute(self._sql["find_market"], told).fetchone():
                return False
            row, check = found[:6], found[6]
            _trust("market", row, check=check)
            changed = _bindings("market", (*row[:2], native, *row[3:]))
            session.execute(self._sql["rename_market"], changed)
            self._transaction.note_catalogue(session)
            return True

        return await self._transaction.run(work)

    async def _rewritten(
        self, series_id: int, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    ) -> None:
        """Change the row of a series that is tracked. Raises NotFound."""

        def work(session: Session) -> bool:
            found = session.execute(
                self._sql["select_one_series"], {"series_id": series_id}
            ).fetchone()
            if found is None:
                return False
            row, check = found[:7], found[7]
            _trust("series", row, check=check)
            self._change(session, change(tuple(row)))
            return True

        if not await self._transaction.run(work):
            raise NotFound(f"no series {series_id} is tracked", field="id")


_COLUMNS: Mapping[str, Sequence[str]] = {
    "market": ("id", "venue", "native", "base", "quote", "status"),
    "block": ("id", "venue", "metric", "interval_ms"),
    "series": ("series_id", "market_id", "block_id", "place", "origin", "added_ms", "removed_ms"),
    "formula": ("series_id", "formula"),
}


def _mark(kind: str) -> str:
    return kind if kind == "series" else f"{kind}s"


def _bindings(kind: str, row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_COLUMNS[kind], row, strict=True)) | {"checksum": checksum(kind, *row)}


def _trust(kind: str, row: tuple[Any, ...], *, check: int) -> None:
    if checksum(kind, *row) != check:
        raise StorageFailed(f"{kind} {row[0]} is damaged: stop, and run `sigmawatch doctor`")


def read_blocks(session: Session, sql: Mapping[str, str], *, stored: Stored) -> list[Block]:
    """Every sound block, by id."""
    return [
        Block(id=block_id, venue=venue, metric=metric, interval=Interval(interval_ms))
        for block_id, venue, metric, interval_ms in _sound(session, "block", sql=sql, stored=stored)
    ]


def read_series(session: Session, sql: Mapping[str, str], *, stored: Stored) -> list[Series]:
    """The sound series that are tracked now, by id."""
    rows = {row[0]: row[1:] for row in _sound(session, "market", sql=sql, stored=stored)}
    blocks = {row[0]: row[1:] for row in _sound(session, "block", sql=sql, stored=stored)}
    formulas = dict(_sound(session, "formula", sql=sql, stored=stored))
    intervals = {ms: Interval(ms) for ms in {row[2] for row in blocks.values()}}
    markets = {market_id: _as_market(row) for market_id, row in rows.items()}
    found: list[Series] = []
    places: set[tuple[int, int]] = set()
    for row in _sound(session, "series", sql=sql, stored=stored):
        series_id, market_id, block_id, place, origin, added_ms, removed_ms = row
        market, block = markets.get(market_id), blocks.get(block_id)
        formula = formulas.get(series_id)
        reason = ""
        if market is None or block is None:
            reason = "its market or block is damaged"
        elif (block_id, place) in places:
            reason = "another series has its place"
        elif market.venue == DERIVED and formula is None:
            reason = "its formula is damaged"
        places.add((block_id, place))
        if reason:
            stored.note_damage("series", series_id, reason=reason)
        elif removed_ms is None:
            assert market is not None
            assert block is not None
            found.append(Series(
                id=series_id, market=market, metric=block[1], interval=intervals[block[2]],
                block_id=block_id, place=place, origin=origin, formula=formula, added_ms=added_ms,
            ))  # fmt: skip
    return found


def _as_market(row: Sequence[str]) -> Market:
    venue, native, base, quote, status = row
    return Market(venue=venue, base=base, quote=quote, native=native, status=MarketStatus(status))


def _sound(
    session: Session, kind: str, *, sql: Mapping[str, str], stored: Stored
) -> Iterator[tuple[Any, ...]]:
    """The columns of every row of a kind that is as it was written, by id; the others are noted."""
    count = 0
    for *row, check in session.execute(sql[f"select_all_{kind}"]).fetchall():
        count += 1
        if checksum(kind, *row) == check:
            yield tuple(row)
        else:
            stored.note_damage(kind, row[0], reason="its checksum does not match")
    marked = value(session.execute(sql["select_mark"], {"key": _mark(kind)})) or 0
    marked -= value(session.execute(sql["select_mark"], {"key": f"no {_mark(kind)}"})) or 0
    if count != marked:
        stored.note_damage(kind, "rows", reason=f"{marked} were written, {count} can be found")
