"""Fan-out: a notice without an address becomes one for each channel and subscriber.

"The slot writes one row per episode; the notifier fans out, so 10,000 subscribers do not slow a
slot" (SEMANTICS.md 8): in batches, so that no slot waits for more than one of them. Their ids
follow from the notice's, so doing it again after a kill changes nothing. A venue's outage is told
by the program itself (app.notifying.outages); whom that reaches is not told the same by each rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from sigmawatch.app.notify_config import Routes
from sigmawatch.app.notifying.outages import SEVERITY as OF_OUTAGES_SEVERITY
from sigmawatch.app.notifying.subscriptions import Subscriptions
from sigmawatch.app.notifying.wording import severity_of
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import INBOX, PROGRAM, Delivery, Notice, NoticeStatus, Outcome
from sigmawatch.domain.receipt import Receipt
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.subscription import Subscription
from sigmawatch.engine.tidings import OF_OUTAGES
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.delivery import DeliveryStore
from sigmawatch.ports.ledger import Ledger

BATCH_ROWS = 500


class FanOut:
    """Finds whom notices are for, and writes a notice for each."""

    def __init__(
        self, routes: Routes, *, ledger: Ledger, store: DeliveryStore,
        subscriptions: Subscriptions, clock: Clock,
    ) -> None:  # fmt: skip
        self._routes = routes
        self._ledger = ledger
        self._store = store
        self._subscriptions = subscriptions
        self._clock = clock

    async def spread(self, leases: Sequence[Delivery]) -> None:
        """Everybody who is to hear of them has a notice of their own; then they are settled.
        Several that are for few are one transaction; what is for many takes its own."""
        asked = _Asked(self._store)
        addressed: list[Notice] = []
        ended: list[tuple[Delivery, Outcome]] = []
        for lease in leases:
            notice = lease.notice
            names = await self._channels(notice, asked)
            subscribers = [one.channel for one in await self._subscribers(notice, asked)]
            mine = [replace(notice, channel=name) for name in [*names, *subscribers]]
            if len(addressed) + len(mine) > BATCH_ROWS:
                await self._settle(addressed, ended)
                addressed, ended = [], []
                mine = await self._all_but_last(lease, mine)
            told = f"{len(names)} channels, {len(subscribers)} subscribers"
            addressed += mine
            ended.append((lease, Outcome(status=NoticeStatus.DELIVERED, detail=told)))
        await self._settle(addressed, ended)

    async def _all_but_last(self, lease: Delivery, addressed: list[Notice]) -> list[Notice]:
        """Write what one transaction would not take; what is left for it."""
        while len(addressed) > BATCH_ROWS:
            batch, addressed = addressed[:BATCH_ROWS], addressed[BATCH_ROWS:]
            async with self._ledger.transaction() as transaction:
                await transaction.outbox.begin([lease], now_ms=self._clock.now_ms())
                await transaction.outbox.put(batch)
        return addressed

    async def _settle(
        self, addressed: Sequence[Notice], ended: Sequence[tuple[Delivery, Outcome]]
    ) -> None:
        if ended:
            async with self._ledger.transaction() as transaction:
                await transaction.outbox.put(addressed)
                await transaction.outbox.settle(ended, now_ms=self._clock.now_ms())

    async def _channels(self, notice: Notice, asked: _Asked) -> Sequence[str]:
        routed = self._routes.to(severity_of(notice))
        if notice.rule_id == PROGRAM:
            return self._by_us(severity_of(notice))
        try:
            told = msgspec.json.decode(notice.receipt, type=_Versioned)
        except msgspec.DecodeError:
            return routed
        names = await asked.channels(notice.rule_id, told.version) or routed
        known = self._by_us(OF_OUTAGES_SEVERITY) if told.reason in OF_OUTAGES else ()
        return [name for name in names if name not in known]

    def _by_us(self, severity: Severity) -> Sequence[str]:
        """Whom the program tells of itself: the inbox too, for what is wrong may be the others."""
        return tuple(dict.fromkeys((*self._routes.to(severity), INBOX)))

    async def _subscribers(self, notice: Notice, asked: _Asked) -> Sequence[Subscription]:
        """Those for whom the rule exists: a user's are told of theirs and the installation's."""
        try:
            receipt = msgspec.json.decode(notice.receipt, type=Receipt)
        except msgspec.DecodeError:
            return ()
        found = self._subscriptions.hearing(notice, receipt)
        whose = {one.owner_id for one in found} - {None}
        owner_id = await asked.owner(notice.rule_id) if whose else None
        if owner_id is None:
            return found
        return [one for one in found if one.owner_id in (None, owner_id)]


class _Asked:
    """What the database says of rules, each asked for once."""

    def __init__(self, store: DeliveryStore) -> None:
        self._store = store
        self._channels: dict[tuple[int, int], Sequence[str]] = {}
        self._owners: dict[int, int | None] = {}

    async def channels(self, rule_id: int, version: int) -> Sequence[str]:
        """Those that a version names."""
        key = rule_id, version
        if key not in self._channels:
            settings = await self._store.settings(rule_id, version)
            try:
                named = RuleSettings.decode(settings).channels if settings is not None else ()
            except Invalid:
                named = ()
            self._channels[key] = named
        return self._channels[key]

    async def owner(self, rule_id: int) -> int | None:
        if rule_id not in self._owners:
            self._owners[rule_id] = await self._store.owner(rule_id)
        return self._owners[rule_id]


class _Versioned(msgspec.Struct):
    version: int
    reason: str = ""
