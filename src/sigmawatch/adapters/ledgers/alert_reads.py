"""Reads of the alert side, over any ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from sigmawatch.adapters.ledgers.alerts import (
    episode_key,
    read_episodes,
    read_judged,
    read_memories,
    read_states,
)
from sigmawatch.adapters.ledgers.outbox import read_deliveries
from sigmawatch.adapters.ledgers.rules import read_rules, read_versions
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.adapters.ledgers.silences import read_silences
from sigmawatch.domain.alert import Remembered, Rule, States, StoredEpisode
from sigmawatch.domain.notice import FANOUT, Delivery, Notice
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.window import Interval

T = TypeVar("T")

END_OF_TIME_MS = 2**62


def as_bound(viewer: int | None) -> int:
    """For whom something is looked up, as statements are told; -1: for whoever may see all."""
    return -1 if viewer is None else viewer


class Read(Protocol):
    """Work in a reader's thread."""

    def __call__(self, work: Callable[[Session], T], /) -> Awaitable[T]: ...


class AlertReads:
    """Fulfils ports.alerts.AlertStore. damaged: where damage is noted, each row once."""

    def __init__(self, read: Read, *, sql: Mapping[str, str], damaged: set[str]) -> None:
        self._read = read
        self._sql = sql
        self._damaged = damaged

    async def rules(self) -> Sequence[Rule]:
        return await self._read(partial(read_rules, sql=self._sql))

    async def versions(self, rule_id: int) -> Sequence[Rule]:
        return await self._read(partial(read_versions, sql=self._sql, rule_id=rule_id))

    async def memories(self) -> Sequence[Remembered]:
        return await self._read(partial(read_memories, sql=self._sql))

    async def silences(self, *, after_ms: int) -> Sequence[Silence]:
        read = partial(read_silences, after_ms=after_ms, damaged=self._damaged)
        return await self._read(partial(read, sql=self._sql))

    async def states(self) -> Sequence[States]:
        return await self._read(partial(read_states, sql=self._sql, damaged=self._damaged))

    async def judged_through(self) -> Mapping[Interval, int]:
        return await self._read(partial(read_judged, sql=self._sql))

    async def episodes(
        self, *, lasting: bool = False, before_ms: int | None = None, after: str | None = None,
        limit: int = 100, viewer: int | None = None,
    ) -> Sequence[StoredEpisode]:  # fmt: skip
        bindings = {"rule_id": END_OF_TIME_MS, "series_id": 0, "rows": limit,
                    "before_ms": END_OF_TIME_MS if before_ms is None else before_ms,
                    "viewer": as_bound(viewer)}  # fmt: skip
        if after is not None:
            named = episode_key(after) or {"opened_ms": 0}
            bindings |= {**named, "before_ms": named.pop("opened_ms")}
        name = "select_lasting_episodes" if lasting else "select_episodes"
        read = partial(read_episodes, statement=self._sql[name], bindings=bindings)
        return await self._read(read)

    async def episode(self, name: str) -> StoredEpisode | None:
        bindings = episode_key(name)
        if bindings is None:
            return None
        read = partial(read_episodes, statement=self._sql["find_episode"], bindings=bindings)
        return next(iter(await self._read(read)), None)

    async def notices(self, episode: str) -> Sequence[Notice]:
        bounds = {"episode": episode, "channel": FANOUT}
        statement = self._sql["select_episode_notices"]
        read = partial(read_deliveries, statement=statement, bindings=bounds)
        return [delivery.notice for delivery in await self._read(read)]

    async def deliveries(self, *, open: bool = True, limit: int = 100) -> Sequence[Delivery]:
        statement = self._sql["select_open_notices" if open else "select_notices"]
        bounds = {"rows": limit}
        if not open:
            bounds |= {"before": END_OF_TIME_MS, "viewer": as_bound(None)}
        return await self._read(partial(read_deliveries, statement=statement, bindings=bounds))
