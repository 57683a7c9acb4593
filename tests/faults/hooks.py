"""Who notices are sent to: one server for many channels, that keeps every word it heard and, while
it is `faulty`, misbehaves as RELIABILITY.md P11 asks: "10 % 5xx after processing, 5 % hang-up, 5 %
time-out".
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from tests.egress.receiver import Behave, Receiver, answering, receiving, saying


class Did(StrEnum):
    """What the server did once it had a notice."""

    ACCEPTED = "accepted"
    FAILED = "answered 503"
    HUNG_UP = "hung up"
    SILENT = "said nothing until the other side had gone"
    MISBEHAVED = "what its channel always does"


_SHARES = {Did.FAILED: 0.10, Did.HUNG_UP: 0.05, Did.SILENT: 0.05}
_BEHAVIOURS = {
    Did.ACCEPTED: answering(204),
    Did.FAILED: answering(503),
    Did.HUNG_UP: saying(),
    Did.SILENT: saying(end=False),
}


class Heard(NamedTuple):
    """One notice, as often as it came. id: its idempotency key."""

    id: str
    channel: str
    at_ms: int
    did: Did


@dataclass(kw_only=True)
class Hooks:
    """The server. manners: of channels that always do the same. stirred: set with everything that
    comes."""

    dice: random.Random
    faulty: bool = False
    manners: dict[str, Behave] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    receiver: Receiver = field(init=False)

    async def behave(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came = self.receiver.came.pop()  # its own: nothing was awaited since it was put there
        channel = came.line.split()[1].strip("/")
        manner = self.manners.get(channel)
        did = Did.MISBEHAVED if manner else self._chosen()
        at_ms = time.time_ns() // 1_000_000
        self.heard.append(Heard(came.headers["webhook-id"], channel, at_ms, did))
        self.stirred.set()
        await (manner or _BEHAVIOURS[did])(reader, writer)

    def _chosen(self) -> Did:
        throw = self.dice.random() if self.faulty else 1.0
        for did, share in _SHARES.items():
            if throw < share:
                return did
            throw -= share
        return Did.ACCEPTED

    def urls(self, channels: Sequence[str]) -> Mapping[str, str]:
        return {name: self.receiver.url(f"/{name}", host="127.0.0.1") for name in channels}


@asynccontextmanager
async def listening(dice: random.Random) -> AsyncIterator[Hooks]:
    hooks = Hooks(dice=dice)
    async with receiving(hooks.behave) as hooks.receiver:
        yield hooks
