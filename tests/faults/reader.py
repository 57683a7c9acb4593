"""Clients that read and write down every number they are shown, as fast as they are answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp
import msgspec
from tests.faults.oracle import Seen

from sigmawatch.app.config import DEFAULT_TRACK

VENUES = tuple(track.venue for track in DEFAULT_TRACK)  # of the demo
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPANS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}


class Row(msgspec.Struct):
    """What a client looks at in a row of /metrics."""

    id: int
    value: float | None
    value_at: datetime | None
    live_value: float | None
    live_at: datetime | None


class Metrics(msgspec.Struct):
    """/metrics"""

    items: list[Row]


class Record(msgspec.Struct):
    """A row of /records."""

    time: datetime
    value: float | None
    span: str | None = None


class Records(msgspec.Struct):
    """One series of /records."""

    id: int
    interval: str
    items: list[Record]


class Several(msgspec.Struct):
    """/metrics/records"""

    items: list[Records]


class Collection(msgspec.Struct):
    """One venue's part of a collection."""

    id: str
    updated: int


class Collected(msgspec.Struct):
    """/collect"""

    runs: list[Collection]


_METRICS, _SEVERAL = msgspec.json.Decoder(Metrics), msgspec.json.Decoder(Several)
_COLLECTED = msgspec.json.Decoder(Collected)


@dataclass(kw_only=True)
class Log:
    """What was shown, each number once; answers_count: in how many answers. shown: set with every
    list of series. runs: what collections were answered, id -> readings: "answers when what came is
    on disk"."""

    seen: set[Seen] = field(default_factory=set)
    ids: list[int] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)
    answers_count: int = 0
    shown: asyncio.Event = field(default_factory=asyncio.Event)

    async def look(self, url: str) -> None:
        """Read the list of series once."""
        async with aiohttp.ClientSession(f"{url}/api/v1/") as session:
            await _metrics(session, self)

    def metrics(self, body: bytes) -> None:
        rows = _METRICS.decode(body).items
        self.ids = [row.id for row in rows]
        self.answers_count += 1
        self.shown.set()
        for row in rows:
            if row.value is not None and row.value_at is not None:
                self.seen.add(Seen(row.id, ms(row.value_at), row.value))
            if row.live_value is not None and row.live_at is not None:
                self.seen.add(Seen(row.id, ms(row.live_at), row.live_value, live=True))

    def collected(self, body: bytes) -> None:
        self.answers_count += 1
        self.runs |= {run.id: run.updated for run in _COLLECTED.decode(body).runs}

    def records(self, body: bytes) -> None:
        self.answers_count += 1
        for series in _SEVERAL.decode(body).items:
            self.seen.update(shown_by(series))


def shown_by(series: Records) -> set[Seen]:
    """Every number in the history of one series."""
    slot_ms = _span_ms(series.interval)
    return {
        Seen(series.id, ms(row.time), row.value, _span_ms(row.span) // slot_ms if row.span else 1)
        for row in series.items
        if row.value is not None
    }


def several(body: bytes) -> list[Records]:
    return _SEVERAL.decode(body).items


def ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _span_ms(text: str) -> int:
    """`90s`, `5m`, `1h30m` in milliseconds."""
    total, digits = 0, ""
    for char in text:
        if char.isdigit():
            digits += char
        else:
            total, digits = total + int(digits) * _SPANS_MS[char], ""
    return total


async def read_until_gone(url: str, log: Log, dice: random.Random) -> None:
    """Read, and collect from every venue, until nobody answers any more."""
    log.ids = []  # an earlier life may have shown series that were lost: who compares finds that
    async with aiohttp.ClientSession(f"{url}/api/v1/") as session, asyncio.TaskGroup() as group:
        group.create_task(_again_and_again(lambda: _metrics(session, log)))
        group.create_task(_again_and_again(lambda: _records(session, log, dice)))
        for venue in VENUES:
            group.create_task(_again_and_again(partial(_collect, session, log, venue=venue)))


async def _again_and_again(ask: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            async with asyncio.timeout(60):
                await ask()
        except aiohttp.ClientError:
            return


async def _metrics(session: aiohttp.ClientSession, log: Log) -> None:
    query = {"limit": "1000", "window": "10m"}
    async with session.get("metrics", params=query) as answer:
        body = await answer.read()
        assert answer.status == 200, body
        log.metrics(body)


async def _records(session: aiohttp.ClientSession, log: Log, dice: random.Random) -> None:
    if not log.ids:
        await _metrics(session, log)
        return
    chosen = dice.sample(log.ids, min(10, len(log.ids)))
    query = {"ids": ",".join(map(str, chosen)), "from": "-5m"}
    async with session.get("metrics/records", params=query) as answer:
        body = await answer.read()
        assert answer.status == 200, body
        log.records(body)


async def _collect(session: aiohttp.ClientSession, log: Log, *, venue: str) -> None:
    async with session.post("collect", json={"venue": venue}) as answer:
        body = await answer.read()
        assert answer.status == 200, body
        log.collected(body)
