"""Clients of the stream that do as docs/reference/stream.md says, whatever happens meanwhile."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.web.conftest import BASES, World
from tests.web.listening import PRICES, Heard, a_listener, applied

from sigmawatch.app.streaming.hub import Hub
from sigmawatch.domain.market import parse_market

STEPS = 60


@dataclass
class Client:
    """One program that shows the table."""

    hub: Hub
    heard: Heard
    table: dict[str, Any] = field(default_factory=dict)
    resets: int = 0

    @classmethod
    async def come(cls, hub: Hub) -> Client:
        return cls(hub, Heard(await hub.join(PRICES, a_listener(), last=None)))

    async def come_again(self) -> None:
        """Cut off, and back with the last event that came."""
        self.hub.leave(self.heard.reader)
        last = self.heard.last or None
        self.heard = Heard(await self.hub.join(PRICES, a_listener(), last=last), last=last or "")

    async def snapshot(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self.hub.document(PRICES)).plain)
        return found

    async def take(self) -> None:
        """One event."""
        name, data = await self.heard.told()
        if name == "reset":
            self.resets += 1
            self.table = {}
        elif name == "hello":
            if data["epoch"] != self.table.get("epoch"):
                self.table = {}
            if not self.table:
                self.table = await self.snapshot()
        elif name == "delta" and data["sequence"] > self.table["sequence"]:
            assert data["sequence"] == self.table["sequence"] + 1
            applied(self.table["columns"], data)
            self.table["sequence"] = data["sequence"]

    async def level(self) -> dict[str, Any]:
        """What is shown once all that was told has been taken."""
        newest = self.heard.reader.table.told
        while (self.table.get("epoch"), self.table.get("sequence")) != (
            newest.epoch, newest.sequence,
        ):  # fmt: skip
            await self.take()
            newest = self.heard.reader.table.told
        return self.table


async def step(world: World, clients: list[Client], rng: random.Random) -> None:
    """Something happens."""
    client = rng.choice(clients)
    match rng.randrange(8):
        case 0 | 1 | 2:
            await world.pass_slots(1, {base: rng.uniform(0.9, 1.1) for base in BASES})
        case 3:
            await world.clock.advance_to_ms(world.clock.now_ms() + rng.randrange(3_000), turns=3)
        case 4 | 5:
            for _ in range(rng.randrange(4)):
                newest = client.heard.reader.table.told
                if client.table.get("sequence") != newest.sequence:
                    await client.take()
        case 6:
            await client.come_again()
        case _ if rng.random() < 0.3:
            venue = rng.choice(("KRAKEN", "BINANCE"))
            await world.program.track(parse_market(f"{venue}:NEW/USD"), ["price"])


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_every_client_ends_with_what_is_so(world: World, seed: int) -> None:
    rng, hub = random.Random(seed), world.program.streaming
    await world.pass_slots(2)
    clients = [await Client.come(hub) for _ in range(4)]
    for _ in range(STEPS):
        await step(world, clients, rng)
    await world.pass_slots(1)
    for client in clients:
        now, shown = await client.snapshot(), await client.level()
        while now["sequence"] < shown["sequence"]:  # it went on while we read
            now, shown = await client.snapshot(), await client.level()
        assert shown["columns"] == now["columns"], f"seed {seed}"
    assert sum(client.resets for client in clients) > 0  # somebody fell behind, or rows changed
