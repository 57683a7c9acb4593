"""Everything the program has to do with telling people, in one object: built, read back, run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sigmawatch.app.notifying.concerns import Away
from sigmawatch.app.notifying.directory import Directory
from sigmawatch.app.notifying.fanout import FanOut
from sigmawatch.app.notifying.heartbeat import Heartbeat
from sigmawatch.app.notifying.inbox import Inbox
from sigmawatch.app.notifying.lane import Means
from sigmawatch.app.notifying.notifier import Notifier
from sigmawatch.app.notifying.outages import QuietOf
from sigmawatch.app.notifying.subscriptions import Keeping, Subscriptions
from sigmawatch.app.notifying.tokens import Purpose, Signer
from sigmawatch.app.notifying.watch import Watch
from sigmawatch.app.notifying.wording import Links, Wording
from sigmawatch.app.notifying.words import Times
from sigmawatch.app.telemetry.telemetry import Telemetry
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import SUBSCRIBER
from sigmawatch.domain.subscription import Following, Subscription
from sigmawatch.domain.venue import VenueStatus
from sigmawatch.domain.window import DAY_MS, HOUR_MS
from sigmawatch.engine.snapshot import Snapshot
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.channel import Channels, Signal
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.delivery import DeliveryStore
from sigmawatch.ports.ledger import Ledger
from sigmawatch.ports.zones import Zones

if TYPE_CHECKING:
    from sigmawatch.app.config import Config

PRUNE_MS = HOUR_MS
PRUNE_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyPorts:
    """The outside of telling people. channels, signal: None where nothing may leave this machine.
    key: what links are signed with."""

    delivery: DeliveryStore
    zones: Zones
    key: bytes
    channels: Channels | None = None
    signal: Signal | None = None
    telemetry: Telemetry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is seen of the rest of the program. changed: waits for the first snapshot after one;
    before a board is shown, what was decided on it is in the outbox."""

    changed: Callable[[int], Awaitable[Snapshot]]
    venues: Callable[[], Sequence[VenueStatus]]
    away: Callable[[], Sequence[Away]]
    snapshot: Callable[[], Snapshot]
    alerts: AlertStore


class Notifying:
    """The notifier and what it needs."""

    def __init__(
        self, config: Config, ports: NotifyPorts, *, ledger: Ledger, clock: Clock,
        watchlists: Watchlists,
    ) -> None:  # fmt: skip
        store = ports.delivery
        self.store = store
        self._ledger = ledger
        self._clock = clock
        self._public_url = config.notify.public_url
        self.subscriptions = Subscriptions(
            Keeping(ledger=ledger, store=store, now_ms=clock.now_ms), watchlists=watchlists,
            signer=Signer(ports.key), zones=ports.zones,
        )  # fmt: skip
        links = Links(
            public_url=self._public_url,
            confirm=lambda channel: self._link(Purpose.CONFIRM, channel),
            code=lambda channel: self.subscriptions.token(Purpose.CONFIRM, channel),
            unsubscribe=lambda channel: self._link(Purpose.UNSUBSCRIBE, channel),
        )
        wording = Wording(Times(ports.zones, zone=config.notify.zone), links)
        fanout = FanOut(config.routes, ledger=ledger, store=store,
                        subscriptions=self.subscriptions, clock=clock)  # fmt: skip
        self._directory = Directory(
            ports.channels, inbox=Inbox(ledger), subscriptions=self.subscriptions
        )  # fmt: skip
        self.notifier = Notifier(Means(
            ledger=ledger, store=store, clock=clock, directory=self._directory, wording=wording,
            fanout=fanout, fallback=config.notify.fallback,
            telemetry=ports.telemetry or Telemetry(clock),
        ))  # fmt: skip
        self.watch = Watch(self.notifier, ledger=ledger, store=store, clock=clock,
                            interval=config.interval)  # fmt: skip
        self._signal = ports.signal
        self._keep_ms = config.history.raw_days * DAY_MS
        self._inbox_ms = config.notify.inbox_days * DAY_MS

    def _link(self, purpose: Purpose, channel: str) -> str | None:
        if self._public_url is None:
            return None
        token = self.subscriptions.token(purpose, channel)
        if token is None:
            return None
        return f"{self._public_url}/subscriptions/{purpose}?token={token}"

    async def recover(self) -> None:
        """Read back what was left."""
        await self.subscriptions.recover()
        await self.watch.recover()

    async def run_for_ever(self, outlook: Outlook) -> None:
        """Deliver, watch over ourselves, give signs of life."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.deliver_for_ever(outlook.changed), name="delivery")
            looking = self.watch.look_for_ever(
                outlook.venues, away=outlook.away, quiet=QuietOf(outlook.snapshot)
            )
            group.create_task(looking, name="watch")
            group.create_task(self._prune_for_ever(), name="outbox and inbox pruning")
            if self._signal is not None:
                heart = Heartbeat(self._signal, alerts=outlook.alerts, clock=self._clock)
                group.create_task(heart.beat_for_ever(), name="heartbeat")

    async def _prune_for_ever(self) -> None:
        """Let go of what ended or came long ago: as long as slots are kept, decisions can be
        explained."""
        while True:
            await self._clock.sleep_until_ms(self._clock.now_ms() + PRUNE_MS)
            now_ms, more = self._clock.now_ms(), True
            while more:  # each time as much as no slot waits for
                async with self._ledger.transaction(bulk=True) as transaction:
                    ended_count = await transaction.outbox.prune(
                        before_ms=now_ms - self._keep_ms, rows_max=PRUNE_ROWS
                    )
                    came_count = await transaction.inbox.prune(
                        before_ms=now_ms - self._inbox_ms, rows_max=PRUNE_ROWS
                    )
                more = PRUNE_ROWS in (ended_count, came_count)

    async def deliver_for_ever(self, changed: Callable[[int], Awaitable[Snapshot]]) -> None:
        """Deliver what is decided; all there is to do in a replay."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.notifier.run_for_ever(), name="notifier")
            group.create_task(self._follow(changed), name="decisions")

    async def _follow(self, changed: Callable[[int], Awaitable[Snapshot]]) -> None:
        boards: object = None
        sequence = -1
        while True:
            snapshot = await changed(sequence)
            sequence = snapshot.sequence
            if snapshot.boards is not boards:  # not just a live reading
                boards = snapshot.boards
                self.notifier.wake()

    async def subscribe(self, following: Following, *, by: Actor = OURSELVES) -> Subscription:
        """Ask an address whether it wants to follow something. Raises Conflict, Invalid."""
        if self._directory.per_minute(SUBSCRIBER) is None:
            raise Invalid("no mail can be sent to subscribers", field="address",
                          allowed="name a channel for it: notify.mail")  # fmt: skip
        made = await self.subscriptions.make(following, by=by)
        self.notifier.wake()
        return made

    async def mark_read(self, through: int, *, by: Caller) -> int:
        """Everything in a caller's inbox up to a number; how many were unread."""
        async with self._ledger.transaction() as transaction:
            return await transaction.inbox.mark_read(through=through, owner=str(by.user_id or ""))

    async def send_again(self, number: int, *, by: Actor = OURSELVES) -> bool:
        """A dead letter, anew; False where there is none of that number."""
        async with self._ledger.transaction() as transaction:
            done = await transaction.outbox.send_again(number, now_ms=self._clock.now_ms())
            if done:
                await transaction.audit.append(by.did("delivery.resend", f"delivery {number}"))
        self.notifier.wake()
        return done
