"""A notifier over a real ledger, a clock moved by hand, and services that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from tests.contracts.samples import MINUTE, track

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.config import Config
from sigmawatch.app.notifying.service import Notifying, NotifyPorts
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.domain.errors import NotFound, Refused
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import FANOUT, Delivery, Notice, NoticeKind, NoticeStatus
from sigmawatch.domain.receipt import Operand, Receipt
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.ports.channel import Answer, Channel, Sent

START_MS = 1_795_248_000_000  # 2026-11-21T08:00:00Z
ACCEPTED = Sent(answer=Answer.ACCEPTED, detail="200")
LATER = Sent(answer=Answer.LATER, detail="503")
Behaviour = Callable[[Message], Sent]


def accept(message: Message) -> Sent:
    return ACCEPTED


@dataclass(kw_only=True)
class Service:
    """A channel that keeps what it was sent. hangs: it never answers."""

    name: str
    clock: VirtualClock
    per_minute: float = 6_000.0
    behaviour: Behaviour = accept
    hangs: bool = False
    heard: list[tuple[int, Message, bool]] = field(default_factory=list)

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        if self.hangs:
            await asyncio.Future()
        self.heard.append((self.clock.now_ms(), message, plain))
        return self.behaviour(message)

    @property
    def titles(self) -> list[str]:
        return [message.title for _, message, _ in self.heard]

    @property
    def ids(self) -> list[str]:
        return [message.id for _, message, _ in self.heard]


class Services:
    """Fulfils ports.channel.Channels."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.by_name: dict[str, Service] = {}
        self.disabled: dict[str, str] = {}
        self.mail: dict[str, Service] = {}
        self.mails = True

    @property
    def hanging(self) -> set[str]:
        return {name for name, service in self.by_name.items() if service.hangs}

    def make(self, name: str, *, behaviour: Behaviour = accept, per_minute: float = 6e3) -> Service:
        made = Service(name=name, clock=self.clock, behaviour=behaviour, per_minute=per_minute)
        self.by_name[name] = made
        return made

    def find(self, name: str) -> Channel:
        if name in self.disabled:
            raise Refused(f"{name} is disabled: {self.disabled[name]}")
        if name not in self.by_name:
            raise NotFound(f"there is no channel {name}")
        return self.by_name[name]

    def service(self, name: str) -> str:
        return "double"

    def mailing(self, address: str) -> Channel:
        if not self.mails:
            raise NotFound("no channel is named for the mail of subscribers")
        return self.mail.setdefault(address, Service(name="mail", clock=self.clock))

    async def disable(self, name: str, *, reason: str) -> None:
        self.disabled[name] = reason


@dataclass(kw_only=True)
class World:
    """One program's delivery."""

    clock: VirtualClock
    ledger: SqliteLedger
    services: Services
    notifying: Notifying

    async def put(self, *notices: Notice) -> None:
        async with self.ledger.transaction() as transaction:
            await transaction.outbox.put(notices)
        self.notifying.notifier.wake()

    async def settled(self, *, for_s: float = 0.0) -> None:
        """Let time go by, and everything that is due be done."""
        until_ms = self.clock.now_ms() + round(for_s * 1_000)
        await self.quiet()
        while self.clock.now_ms() < until_ms:
            waiting = [at_ms for at_ms, _, wake in self.clock._sleepers if not wake.done()]
            next_ms = min([until_ms, *waiting])
            await self.clock.advance_to_ms(max(next_ms, self.clock.now_ms() + 1))
            await self.quiet()

    async def quiet(self) -> None:
        """Until nothing is under way but what waits for the clock. Work is done in threads, so the
        real time that it takes is nobody's to know."""
        calm = 0
        while calm < 3:
            await asyncio.sleep(0.001)
            busy = self.notifying.notifier.busy - self.services.hanging
            calm = calm + 1 if self.notifying.notifier.resting and not busy else 0

    async def deliveries(self, channel: str | None = None) -> Sequence[Delivery]:
        """In the order of the outbox."""
        found = await self.ledger.delivery.deliveries(limit=100_000)
        return [one for one in reversed(found) if channel in (None, one.notice.channel)]

    async def statuses(self, channel: str) -> list[NoticeStatus]:
        return [one.status for one in await self.deliveries(channel)]


@asynccontextmanager
async def a_world(
    folder: Path, *, start_ms: int = START_MS, **settings: object
) -> AsyncIterator[World]:
    clock = VirtualClock(start_ms)
    ledger = await SqliteLedger.open(folder, clock=clock)
    await track(ledger, "BTC", "ETH", "SOL")
    async with ledger.transaction() as transaction:
        await transaction.rules.put("hot", text="price > 1", origin="api", enabled=True,
                                    settings=settings_of())  # fmt: skip
    config = Config.model_validate({"data": folder, **settings})
    services = Services(clock)
    notifying = Notifying(
        config,
        NotifyPorts(delivery=ledger.delivery, zones=IanaZones(), key=b"k" * 32, channels=services),
        ledger=ledger, clock=clock, watchlists=Watchlists(config, ledger=ledger),
    )  # fmt: skip
    await notifying.recover()
    task = asyncio.create_task(notifying.notifier.run_for_ever())
    try:
        yield World(clock=clock, ledger=ledger, services=services, notifying=notifying)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await ledger.close()


def settings_of(*channels: str) -> str:
    return RuleSettings(target=parse_target(["kraken:*/USD"]), channels=channels).encode()


def receipt(*, severity: str = "warning", series: str = "KRAKEN:BTC/USD price",
            slot: int | None = None, version: int = 1, **more: object) -> str:  # fmt: skip
    at = MINUTE.slot(START_MS) if slot is None else slot
    told: dict[str, object] = {
        "rule": "hot", "version": version, "condition": "price > 3 * mean(1h)", "unit": "USD",
        "severity": severity, "series": series, "interval_ms": 60_000, "slot": at, "opened": at,
        "value": 301.0, "operands": (Operand(text="mean(1h)", value=100.0, coverage=1.0),),
        "reason": "the condition is true",
    }  # fmt: skip
    return msgspec.json.encode(Receipt(**{**told, **more})).decode()  # type: ignore[arg-type]


def notice(
    kind: NoticeKind = NoticeKind.FIRING, *, series_id: int = 1, channel: str = FANOUT,
    ordinal: int = 0, severity: str = "warning", at_ms: int = START_MS, **more: object,
) -> Notice:  # fmt: skip
    return Notice(
        rule_id=1, series_id=series_id, episode=f"1-{series_id}-{START_MS}", kind=kind,
        ordinal=ordinal, channel=channel, decided_ms=at_ms, due_ms=at_ms,
        receipt=receipt(severity=severity, **more),  # type: ignore[arg-type]
    )  # fmt: skip
