"""The tracker of a program with rules, over a real database and a clock of our own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tests.app.test_tracker import HeldLedger

from sigmawatch.adapters.buses.local import LocalBus
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.alerting.alerting import Alerting
from sigmawatch.app.alerting.live_judge import LiveJudge
from sigmawatch.app.catalogue import Catalogue
from sigmawatch.app.collector import PARTITION
from sigmawatch.app.config import Config
from sigmawatch.app.tables import Tables
from sigmawatch.app.tracker import Tracker
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.domain.alert import Episode, Rule
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.notice import Notice, NoticeKind
from sigmawatch.domain.receipt import Receipt
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.engine.snapshot import Board

MINUTE = Interval(MINUTE_MS)
S0 = 28_000_000
T0 = S0 * MINUTE_MS
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A notice as tests look at it."""

    kind: NoticeKind
    slot: int
    notice: Notice
    receipt: Receipt


class Live:
    """Prices of markets, in frames; every venue a block."""

    def __init__(self, ledger: HeldLedger, clock: VirtualClock) -> None:
        self.ledger, self.clock, self.bus = ledger, clock, LocalBus()
        self.catalogue = Catalogue()
        tables = Tables(self.catalogue)
        watchlists = Watchlists(Config(), ledger=ledger)  # type: ignore[arg-type]
        self.tracker = Tracker(
            ledger=ledger, bus=self.bus, clock=clock,  # type: ignore[arg-type]
            catalogue=self.catalogue, tables=tables,
        )  # fmt: skip
        judge = LiveJudge(
            tables, now_ms=clock.now_ms, zones=IanaZones(), watchlists=watchlists.by_name
        )
        self.alerting = Alerting(
            judge, catalogue=self.catalogue, alerts=ledger.alerts,
            ledger=ledger, clock=clock,  # type: ignore[arg-type]
        )  # fmt: skip
        self.tracker.appoint(
            self.alerting.judge, alerts=ledger.alerts, catching_up=lambda _: self.catching_up
        )
        self.series: list[Series] = []
        self.missing = Reason.OUTAGE  # why a price is not there
        self.catching_up = False

    async def enroll(self, *names: str, metric: str = "price") -> None:
        """Track `VENUE:BASE`, from now on."""
        async with self.ledger.transaction() as transaction:
            for name in names:
                venue, base = name.split(":")
                market = Market(venue=venue, base=base, quote="USD", native=f"{base}USD")
                await transaction.catalogue.add(market, metric, interval=MINUTE, origin="api")
        await self.load()

    async def load(self) -> None:
        blocks = await self._real.blocks()
        self.series = list(await self._real.series())
        self.catalogue.put(blocks=blocks, series=self.series)
        await self.tracker.enroll(blocks=blocks, series=self.series)

    @property
    def _real(self) -> Any:
        return self.ledger

    async def rule(
        self, text: str, *, name: str = "hot", enabled: bool = True, **more: Any
    ) -> Rule:
        settings = {"target": "*:*/USD"} | more
        target = parse_target([str(settings.pop("target"))])
        async with self.ledger.transaction() as transaction:
            rule = await transaction.rules.put(
                name, text=text, settings=RuleSettings(target=target, **settings).encode(),
                origin="api", enabled=enabled,
            )  # fmt: skip
        await self.alerting.changed()
        return rule

    async def remove(self, name: str = "hot") -> None:
        async with self.ledger.transaction() as transaction:
            await transaction.rules.remove(name)
        await self.alerting.changed()

    def frames(
        self, slot: int, prices: Sequence[float], *, reading_ms: int | None = None
    ) -> list[Frame]:
        """Of every block: the prices of all series in their order, NaN where there is none.
        reading_ms: they are readings inside the slot, and came then."""
        found, open_ms = [], slot * MINUTE_MS
        recv_ms = open_ms + MINUTE_MS + 1_000 if reading_ms is None else reading_ms
        for block_id in sorted({one.block_id for one in self.series}):
            mine = [(one.place, prices[at]) for at, one in enumerate(self.series)
                    if one.block_id == block_id]  # fmt: skip
            values = np.full(max(place for place, _ in mine) + 1, np.nan)
            for place, price in mine:
                values[place] = price
            marks = np.where(np.isnan(values), np.uint8(self.missing), np.uint8(Reason.OBSERVED))
            found.append(Frame(
                block_id=block_id, slot=slot, revision=recv_ms - open_ms, recv_ms=recv_ms,
                open=reading_ms is not None, values=values.astype("<f8").tobytes(),
                marks=marks.astype(np.uint8).tobytes(),
            ))  # fmt: skip
        return found

    async def pass_slot(self, slot: int, *prices: float) -> None:
        """The final frames of a slot come, and it closes."""
        await self.clock.advance_to_ms((slot + 1) * MINUTE_MS + 1_000, turns=5)
        await self.bus.publish(PARTITION, self.frames(slot, prices))
        await self.shown(slot)

    async def read(self, slot: int, *prices: float, after_ms: int = 30_000) -> None:
        """Readings inside a slot come; what follows from them is durable."""
        reading_ms = slot * MINUTE_MS + after_ms
        await self.clock.advance_to_ms(reading_ms, turns=5)
        await self.bus.publish(PARTITION, self.frames(slot, prices, reading_ms=reading_ms))

    async def pass_slots(self, first: int, prices: Sequence[Sequence[float]]) -> int:
        """One slot after the other; the next one."""
        for slot, row in enumerate(prices, start=first):
            await self.pass_slot(slot, *row)
        return first + len(prices)

    async def fill(self, stop: int, prices: Sequence[Sequence[float]]) -> None:
        """The frames of the slots before `stop`, all at once."""
        first = stop - len(prices)
        await self.bus.publish(PARTITION, [
            frame for slot, row in enumerate(prices, start=first)
            for frame in self.frames(slot, row)
        ])  # fmt: skip

    async def shown(self, slot: int) -> None:
        async with asyncio.timeout(60):
            while MINUTE_MS not in self.tracker.snapshot.boards or self.board.slot < slot:
                await self.tracker.changed(self.tracker.snapshot.sequence)

    @property
    def board(self) -> Board:
        return self.tracker.snapshot.boards[MINUTE_MS]

    async def told(self) -> list[Told]:
        """Every notice that is to be sent, in its order."""
        found = await self.ledger.alerts.deliveries(limit=10_000)
        return [
            Told(kind=one.notice.kind, slot=one.notice.decided_ms // MINUTE_MS, notice=one.notice,
                 receipt=msgspec.json.decode(one.notice.receipt, type=Receipt))
            for one in found
        ]  # fmt: skip

    async def line(self) -> list[tuple[str, int]]:
        """Kinds and slots after S0."""
        return [(str(one.kind), one.slot - S0) for one in await self.told()]

    async def episodes(self) -> list[Episode]:
        """Oldest first."""
        found = [one.episode for one in await self.ledger.alerts.episodes(limit=10_000)]
        return sorted(found, key=lambda one: (one.opened_ms, one.series_id))


@asynccontextmanager
async def living(
    folder: Path, *names: str, now_ms: int = T0 + 1_500, before: Sequence[Sequence[float]] = (),
    filled: Sequence[Sequence[float]] = (),
) -> AsyncIterator[Live]:  # fmt: skip
    """A life: recovered, and running. before: prices of the slots before `now_ms`; filled: the
    same, once we are there, as back-fill brings them."""
    clock = VirtualClock(now_ms)
    ledger = await SqliteLedger.open(folder, clock=clock)
    live = Live(HeldLedger(ledger), clock)
    try:
        await (live.enroll(*names) if names else live.load())
        live.catching_up = bool(filled)
        await live.alerting.recover()
        await live.tracker.recover()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(live.tracker.consume_for_ever()),
                group.create_task(live.tracker.close_for_ever()),
                group.create_task(live.tracker.refresh_for_ever()),
            ]
            if names:
                nothing = [[NAN] * len(names)]
                await live.fill(now_ms // MINUTE_MS, before or nothing)
            if filled:
                await live.fill(now_ms // MINUTE_MS, filled)
                live.catching_up = False
            yield live
            for task in tasks:
                task.cancel()
    finally:
        live.tracker.close()
        await ledger.close()
