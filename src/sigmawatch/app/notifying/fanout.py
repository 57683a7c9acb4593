"""Fan-out: a notice without an address becomes one for each channel and subscriber.

"The slot writes one row per episode; the notifier fans out, so 10,000 subscribers do not slow a
slot" (SEMANTICS.md 8): in batches, so that no slot waits for more than one of them. Their ids
follow from the notice's, so doing it again after a kill changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from sigmawatch.app.notify_config import Routes
from sigmawatch.app.notifying.subscriptions import Subscriptions
from sigmawatch.app.notifying.wording import severity_of
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import INBOX, PROGRAM, Delivery, Notice, NoticeStatus, Outcome
from sigmawatch.domain.receipt import Receipt
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.subscription import Subscription
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

    async def spread(self, lease: Delivery) -> None:
        """Everybody who is to hear of it has a notice of their own; then it is settled."""
        notice = lease.notice
        names = await self._channels(notice)
        subscribers = [one.channel for one in await self._subscribers(notice)]
        first, *rest = _batches([*names, *subscribers])
        if rest and not await self._begun(lease):
            return
        for batch in (first, *rest[:-1]) if rest else ():
            async with self._ledger.transaction() as transaction:
                await transaction.outbox.put(_addressed(notice, batch))
        told = f"{len(names)} channels, {len(subscribers)} subscribers"
        async with self._ledger.transaction() as transaction:
            await transaction.outbox.put(_addressed(notice, rest[-1] if rest else first))
            await transaction.outbox.settle(
                lease, Outcome(status=NoticeStatus.DELIVERED, detail=told),
                now_ms=self._clock.now_ms(),
            )  # fmt: skip

    async def _begun(self, lease: Delivery) -> bool:
        async with self._ledger.transaction() as transaction:
            return await transaction.outbox.begin(lease, now_ms=self._clock.now_ms())

    async def _channels(self, notice: Notice) -> Sequence[str]:
        routed = self._routes.to(severity_of(notice))
        if notice.rule_id == PROGRAM:  # what is wrong with us may be the channels
            return tuple(dict.fromkeys((*routed, INBOX)))
        try:
            version = msgspec.json.decode(notice.receipt, type=_Versioned).version
            settings = await self._store.settings(notice.rule_id, version)
            named = RuleSettings.decode(settings).channels if settings is not None else ()
        except (Invalid, msgspec.DecodeError):
            named = ()
        return named or routed

    async def _subscribers(self, notice: Notice) -> Sequence[Subscription]:
        """Those for whom the rule exists: a user's are told of theirs and the installation's."""
        try:
            receipt = msgspec.json.decode(notice.receipt, type=Receipt)
        except msgspec.DecodeError:
            return ()
        found = self._subscriptions.hearing(notice, receipt)
        whose = {one.owner_id for one in found} - {None}
        owner_id = await self._store.owner(notice.rule_id) if whose else None
        if owner_id is None:
            return found
        return [one for one in found if one.owner_id in (None, owner_id)]


class _Versioned(msgspec.Struct):
    version: int


def _batches(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[at : at + BATCH_ROWS] for at in range(0, len(names), BATCH_ROWS)]


def _addressed(notice: Notice, names: Sequence[str]) -> list[Notice]:
    return [replace(notice, channel=name) for name in names]
