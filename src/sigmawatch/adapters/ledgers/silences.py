"""Silences in a ledger: a row each, kept for a while after its end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from sigmawatch.adapters.ledgers.checksums import checksum, owned
from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.window import DAY_MS

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction

log = structlog.get_logger()

KEPT_MS = 90 * DAY_MS  # after its end
_COLUMNS = ("id", "items", "rule", "from_ms", "until_ms", "by", "comment", "owner_id")


class Silences:
    """Fulfils ports.alerts.SilenceRepository."""

    def __init__(self, transaction: SqlTransaction, *, damaged: set[str]) -> None:
        self._transaction = transaction
        self._damaged = damaged
        self._sql = transaction.sql

    async def add(self, silence: Silence) -> Silence:
        before = {"before_ms": self._transaction.clock.now_ms() - KEPT_MS}

        def work(session: Session) -> Silence:
            session.execute(self._sql["delete_silences"], before)
            silence_id = value(session.execute(self._sql["next_silence"]))
            kept = replace(silence, id=int(silence_id))
            session.execute(self._sql["insert_silence"], _row(kept))
            self._transaction.note_catalogue(session)
            return kept

        return await self._transaction.run(work)

    async def end(self, silence_id: int, *, at_ms: int) -> Silence | None:
        def work(session: Session) -> Silence | None:
            found = session.execute(self._sql["find_silence"], {"id": silence_id}).fetchall()
            for silence in _sound(found, damaged=self._damaged):
                until_ms = max(silence.from_ms, min(silence.until_ms, at_ms))
                ended = replace(silence, until_ms=until_ms)
                told = {key: _row(ended)[key] for key in ("id", "until_ms", "checksum")}
                session.execute(self._sql["end_silence"], told)
                self._transaction.note_catalogue(session)
                return ended
            return None

        return await self._transaction.run(work)


def _row(silence: Silence) -> dict[str, Any]:
    row = (silence.id, json.dumps(silence.target.items), silence.rule, silence.from_ms,
           silence.until_ms, silence.by, silence.comment, silence.owner_id)  # fmt: skip
    return {**dict(zip(_COLUMNS, row, strict=True)), "checksum": _check(row)}


def _check(row: Sequence[Any]) -> int:
    return checksum("silence", *owned(row))


def _sound(rows: Sequence[Sequence[Any]], *, damaged: set[str]) -> list[Silence]:
    found = []
    for *row, check in rows:
        if _check(row) != check:
            _note(f"silence {row[0]}", damaged)
            continue
        named = dict(zip(_COLUMNS, row, strict=True))
        target = parse_target(json.loads(named.pop("items")))
        found.append(Silence(target=target, **named))
    return found


def _note(name: str, damaged: set[str]) -> None:
    if name not in damaged:
        damaged.add(name)
        log.error("stored_item_damaged", row=name, reason="its checksum does not match")


def read_silences(
    session: Session, sql: Mapping[str, str], *, after_ms: int, damaged: set[str]
) -> list[Silence]:
    """Every sound one that ends after a moment, by id."""
    rows = session.execute(sql["select_silences"], {"after_ms": after_ms}).fetchall()
    return _sound(rows, damaged=damaged)
