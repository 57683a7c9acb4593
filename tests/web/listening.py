"""Listening to the stream of a running program, as a client does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.web.conftest import MINUTE, World

from sigmawatch.app.streaming.hub import Hub, Sources
from sigmawatch.app.streaming.picking import Picker
from sigmawatch.app.streaming.reader import Listener, Reader
from sigmawatch.app.streaming.table import Asked
from sigmawatch.domain.alert import Episode, Severity
from sigmawatch.domain.caller import LOCAL, Caller
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.window import DAY_MS

PRICES = Asked(standing=Standing(metric="price", by="sigma_rel", window_ms=DAY_MS, interval=MINUTE))


def a_listener(
    caller: Caller = LOCAL, *, may_go_on: Callable[[], bool] = lambda: True, **more: Any
) -> Listener:
    return Listener(
        caller=caller, may_go_on=may_go_on, packed=False,
        **{"place": "here", "place_max": 9_999, **more},
    )  # fmt: skip


def an_episode(*, series_id: int) -> Episode:
    return Episode(rule_id=7, series_id=series_id, version=1, severity=Severity.WARNING,
                   opened_ms=60_000, told_ms=60_000)  # fmt: skip


@dataclass
class Heard:
    """What a client makes of a stream, as docs/reference/stream.md says."""

    reader: Reader
    events: list[tuple[str, Any]] = field(default_factory=list)
    last: str = ""

    async def event(self) -> tuple[str, Any]:
        """The next event; comments are `("", None)`, the end is `("end", None)`."""
        if not self.events:
            async with asyncio.timeout(60):
                told = (await self.reader.next()).decode()
            self.events = list(map(self._read, told.split("\n\n")[:-1])) or [("end", None)]
        return self.events.pop(0)

    def _read(self, text: str) -> tuple[str, Any]:
        lines = dict(line.split(": ", 1) for line in text.split("\n") if not line.startswith(":"))
        self.last = lines.get("id", self.last)
        return (lines["event"], json.loads(lines["data"])) if lines else ("", None)

    async def told(self) -> tuple[str, Any]:
        """The next event that is no comment."""
        while (found := await self.event()) == ("", None):
            pass
        return found

    async def until(self, name: str) -> Any:
        """The data of the next event of that name."""
        while True:
            found, data = await self.event()
            if found == name:
                return data
            assert found != "end"


def applied(columns: Mapping[str, list[Any]], delta: Mapping[str, Any]) -> None:
    for name, (rows, values) in delta["columns"].items():
        for row, value in zip(rows, values, strict=True):
            columns[name][row] = value


async def listening(hub: Hub, last: str | None = None, **listener: Any) -> Heard:
    return Heard(await hub.join(PRICES, a_listener(**listener), last=last))


async def snapshot(hub: Hub, asked: Asked = PRICES) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await hub.document(asked)).plain)
    return found


def a_hub(world: World, **changed: Any) -> Hub:
    """Another hub of the world's program, which sees something of it in another way."""
    program = world.program
    seen: dict[str, Any] = {
        "snapshot": lambda: program.snapshot, "changed": program.changed,
        "venues": program.stations.statuses, "rule_of": program.episodes.rule_of,
        "pick": lambda asked: Picker(asked, program.watchlists),
        "series_name": program.episodes.series_name, "demo": False,
    }  # fmt: skip
    return Hub(Sources(**(seen | changed)), clock=world.clock)
