"""States, episodes and the mark of what is judged, in a ledger."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import structlog

from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.domain.alert import (
    Acknowledgement,
    Episode,
    Remembered,
    Severity,
    States,
    StoredEpisode,
)
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import Interval

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction

log = structlog.get_logger()


class Alerts:
    """Fulfils ports.alerts.AlertRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put_states(self, states: Iterable[States]) -> None:
        changed = [*states]
        await self._each("put_states", [
            {"rule_id": one.rule_id, "block_id": one.block_id, "version": one.version,
             "slot": one.slot, "body": one.encode()}
            for one in changed if one.body
        ])  # fmt: skip
        await self._each("end_states", [
            {"rule_id": one.rule_id, "block_id": one.block_id, "slot": one.slot}
            for one in changed if not one.body
        ])  # fmt: skip

    async def put_memories(self, memories: Iterable[Remembered]) -> None:
        await self._each("put_memory", [
            {"rule_id": one.rule_id, "interval_ms": one.interval_ms, "slot": one.slot,
             "body": one.body}
            for one in memories
        ])  # fmt: skip

    async def put_episodes(self, episodes: Iterable[Episode]) -> None:
        await self._each("put_episode", [
            {"rule_id": one.rule_id, "series_id": one.series_id, "opened_ms": one.opened_ms,
             "version": one.version, "severity": str(one.severity), "told_ms": one.told_ms,
             "closed_ms": one.closed_ms, "reason": one.reason, "reopened": one.reopened_count}
            for one in episodes
        ])  # fmt: skip

    async def judged(self, interval: Interval, slot: int) -> None:
        await self._each("put_judged", [{"interval_ms": interval.ms, "slot": slot}])

    async def _each(self, name: str, rows: list[dict[str, object]]) -> None:
        def work(session: Session) -> None:
            session.executemany(self._sql[name], rows)

        if rows:
            await self._transaction.run(work)

    async def acknowledge(self, episode: str, acknowledgement: Acknowledgement) -> bool:
        named = episode_key(episode)
        if named is None:
            return False
        row = {**named, "by": acknowledgement.by, "at_ms": acknowledgement.at_ms}

        def work(session: Session) -> bool:
            return bool(session.execute(self._sql["acknowledge_episode"], row).fetchall())

        return await self._transaction.run(work)


def read_states(session: Session, sql: Mapping[str, str], *, damaged: set[str]) -> list[States]:
    """Of every rule and block, verified; a damaged one is noted in `damaged` and logged once."""
    found = []
    for rule_id, block_id, version, slot, body in session.execute(sql["select_states"]):
        try:
            found.append(States.decode(bytes(body), rule_id=rule_id, block_id=block_id,
                                       version=version, slot=slot))  # fmt: skip
        except Invalid as exc:
            name = f"states {rule_id} {block_id}"
            if name not in damaged:
                damaged.add(name)
                log.error("stored_item_damaged", row=name, reason=str(exc))
    return found


def read_memories(session: Session, sql: Mapping[str, str]) -> list[Remembered]:
    """Of every rule and interval; whether one is damaged its reader says."""
    return [
        Remembered(rule_id=rule_id, interval_ms=interval_ms, slot=slot, body=bytes(body))
        for rule_id, interval_ms, slot, body in session.execute(sql["select_memories"])
    ]


def read_judged(session: Session, sql: Mapping[str, str]) -> dict[Interval, int]:
    """Interval -> the slot through which everything is judged."""
    return {Interval(ms): slot for ms, slot in session.execute(sql["select_judged"])}


def episode_key(episode: str) -> dict[str, int] | None:
    """The columns that an episode's id names; None for what is none."""
    parts = episode.split("-")
    if len(parts) != 3 or not all(re.fullmatch(r"[0-9]{1,18}", part, re.ASCII) for part in parts):
        return None
    return dict(zip(("rule_id", "series_id", "opened_ms"), map(int, parts), strict=True))


def read_episodes(
    session: Session, *, statement: str, bindings: Mapping[str, int]
) -> list[StoredEpisode]:
    """Episodes, newest first."""
    return [
        StoredEpisode(
            episode=Episode(rule_id=rule_id, series_id=series_id, version=version,
                            severity=Severity(severity), opened_ms=opened_ms, told_ms=told_ms,
                            closed_ms=closed_ms, reason=reason, reopened_count=reopened),
            acknowledged=None if by is None else Acknowledgement(by=by, at_ms=at_ms),
        )
        for (rule_id, series_id, opened_ms, version, severity, told_ms, closed_ms, reason,
             reopened, by, at_ms) in session.execute(statement, bindings)
    ]  # fmt: skip
