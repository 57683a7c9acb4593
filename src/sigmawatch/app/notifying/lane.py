"""A lane: what goes to one channel (or to all subscribers), one after the other.

Every attempt is recorded before it is made; what came of it is recorded until the database takes
it. A lane that fails is left alone for a while, all of it, and is made good as soon as it answers.
What a channel takes no more of one by one becomes one digest. No lane waits for another.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import structlog

from sigmawatch.app.notifying.directory import Directory
from sigmawatch.app.notifying.fanout import FanOut
from sigmawatch.app.notifying.own import Concern, own_notice
from sigmawatch.app.notifying.wording import Wording, severity_of
from sigmawatch.app.telemetry import families
from sigmawatch.app.telemetry.telemetry import Stage, Telemetry
from sigmawatch.app.timing import within
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.announcement import Announcement, Digest, Gist
from sigmawatch.domain.delivery_policy import Pulse, Tokens, expired, settled, singly
from sigmawatch.domain.errors import (
    NotFound,
    Refused,
    SigmawatchError,
    StorageUnavailable,
    Unavailable,
)
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import (
    FANOUT,
    PROGRAM,
    SUBSCRIBER,
    Delivery,
    Notice,
    NoticeKind,
    NoticeStatus,
    Outcome,
)
from sigmawatch.ports.channel import ATTEMPT_MS, Answer, Channel, Sent
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.delivery import DeliveryStore
from sigmawatch.ports.ledger import Ledger

ROWS_MAX = 50  # claimed at once; each is leased for 30 s from its own attempt on
FANOUT_ROWS_MAX = 500
DIGEST_ROWS_MAX = 1_000
SUBSCRIBERS_AT_ONCE = 8
MUTE_LOOK_MS = 300_000
SETTLE_AGAIN_MS = 1_000
IN_DIGEST = "in "
_LOST = (NoticeStatus.DEAD, NoticeStatus.EXPIRED)
_Ended = tuple[Delivery, Outcome]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every lane works with."""

    ledger: Ledger
    store: DeliveryStore
    clock: Clock
    directory: Directory
    wording: Wording
    fanout: FanOut
    fallback: str | None
    telemetry: Telemetry


class Lane:
    """One lane's worker. Not for two callers at a time."""

    def __init__(self, name: str, means: Means) -> None:
        self.name = name
        self._means = means
        self._pulse = Pulse()
        self._answered = False  # in this life: what failed in the one before waits until then
        self._tokens: Tokens | None = None
        self._wait_ms = 0
        self._full = False
        self.used_ms = 0

    @property
    def resume_ms(self) -> int:
        """When there is sense in taking its next turn."""
        return max(self._pulse.resume_ms, self._wait_ms)

    @property
    def goes_on(self) -> bool:
        """Whether its next turn may come at once, and there was more than one turn takes."""
        return self._full and self.resume_ms <= self._means.clock.now_ms()

    @property
    def failures_count(self) -> int:
        """Attempts in a row that came to nothing."""
        return self._pulse.failures

    async def turn(self) -> None:
        """Claim what is due, as much as is taken now, and see to it. Raises StorageUnavailable
        before anything is sent; what was claimed is due again when its lease ends."""
        self.used_ms, self._full = self._means.clock.now_ms(), False
        if self.name == FANOUT:
            return await self._means.fanout.spread(await self._claim(FANOUT_ROWS_MAX))
        per_minute = self._means.directory.per_minute(self.name)
        if per_minute is None:
            return await self._send_all(await self._claim(ROWS_MAX))
        tokens = self._allowed(per_minute)
        if tokens.whole < 1:
            self._wait_ms = tokens.next_ms
            return None
        return await self._send_within(await self._claim(min(tokens.whole, ROWS_MAX)), tokens)

    def _allowed(self, per_minute: float) -> Tokens:
        now_ms = self._means.clock.now_ms()
        if self._tokens is None or self._tokens.per_minute != per_minute:
            self._tokens = Tokens.full(per_minute, now_ms=now_ms)
        self._tokens = self._tokens.at(now_ms)
        return self._tokens

    async def _claim(self, rows_max: int) -> Sequence[Delivery]:
        async with self._means.ledger.transaction() as transaction:
            found = await transaction.outbox.claim(
                self.name, now_ms=self._means.clock.now_ms(), rows_max=rows_max
            )
        self._full = len(found) == rows_max
        return found

    # What exceeds the limit

    async def _send_within(self, leases: Sequence[Delivery], tokens: Tokens) -> None:
        """One by one as far as the channel takes them; the rest is one digest."""
        full = len(leases) == tokens.whole and self.name != SUBSCRIBER
        more = await self._claim(DIGEST_ROWS_MAX) if full else ()
        due = [*leases, *more]
        count = singly(len(due), tokens=tokens.whole) if full else len(due)
        if count < len(due):
            await self._digest(due[count:])
        self._tokens = tokens.spent(count)
        await self._send_all(due[:count])

    async def _digest(self, leases: Sequence[Delivery]) -> None:
        """Many notices become one, durably: from now on it is what is sent."""
        first, names = leases[0].notice, "\n".join(lease.notice.id for lease in leases)
        episode = f"digest-{hashlib.sha256(names.encode()).hexdigest()[:16]}"
        merged = Outcome(status=NoticeStatus.MERGED, detail=f"{IN_DIGEST}{episode}")
        now_ms = self._means.clock.now_ms()
        async with self._means.ledger.transaction() as transaction:
            held = await transaction.outbox.settle(
                [(lease, merged) for lease in leases], now_ms=now_ms
            )
            digest = Digest(gists=tuple(self._gist(lease.notice) for lease in held))
            await transaction.outbox.put([Notice(
                rule_id=PROGRAM, series_id=0, episode=episode, kind=NoticeKind.DIGEST, ordinal=0,
                channel=self.name, decided_ms=first.decided_ms, due_ms=now_ms,
                receipt=msgspec.json.encode(digest).decode(),
            )] if held else [])  # fmt: skip

    def _gist(self, notice: Notice) -> Gist:
        message = self._means.wording.message(notice)
        return Gist(id=notice.id, kind=str(notice.kind), severity=message.severity,
                    title=message.title)  # fmt: skip

    # Sending

    async def _send_all(self, leases: Sequence[Delivery]) -> None:
        """In their order; subscribers some at a time, for each of them is another's. What came of
        some is recorded in the transaction that begins the next."""
        at_once = SUBSCRIBERS_AT_ONCE if self.name == SUBSCRIBER else 1
        waited = self._pulse.failures or not self._answered
        done: list[_Ended] = []
        for at in range(0, len(leases), at_once):
            some = leases[at : at + at_once]
            ended = [(one, outcome) for one in some if (outcome := self._ended(one))]
            over = {one.number for one, _ in ended}
            going = [one for one in some if one.number not in over]
            done = await self._tried(await self._exchange([*done, *ended], going))
            if self._pulse.failures:
                waiting = [(one, self._waits()) for one in leases[at + at_once :]]
                await self._exchange([*done, *waiting])
                return
        await self._exchange(done)
        if waited and leases:
            self._answered = True
            await self._hurry()

    async def _tried(self, held: Sequence[Delivery]) -> list[_Ended]:
        """An attempt at each, all at once, and what came of them."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._traced(lease)) for lease in held]
        now_ms, done = self._means.clock.now_ms(), list[_Ended]()
        for lease, task in zip(held, tasks, strict=True):
            sent = task.result()
            done.append((lease, settled(lease, sent, now_ms=now_ms)))
            self._pulse = self._pulse.after(sent, lane=self.name, now_ms=now_ms)
            if sent.answer is Answer.GONE:
                await self._exchange(done)
                done = []
                await self._gone(lease.notice.channel, sent.detail)
        return done

    def _ended(self, lease: Delivery) -> Outcome | None:
        """What needs no attempt."""
        now_ms, kind = self._means.clock.now_ms(), lease.notice.kind
        if expired(lease, now_ms=now_ms):
            last = f": {lease.detail}" if lease.detail else ""
            return Outcome(status=NoticeStatus.EXPIRED, detail=f"not delivered within 24 h{last}")
        if kind is NoticeKind.CONFIRM:
            return None
        if self._means.directory.muted(lease.notice.channel, now_ms=now_ms):
            if kind in (NoticeKind.FIRING, NoticeKind.ACTIVE_AGAIN):  # told when the mute is over
                return Outcome(status=NoticeStatus.RETRY_WAIT, next_ms=now_ms + MUTE_LOOK_MS,
                               detail="muted")  # fmt: skip
            return Outcome(status=NoticeStatus.MUTED, detail="muted by its subscriber")
        return None

    async def _attempt(self, lease: Delivery) -> Sent:
        """One attempt; where formatting may be why it was refused, a plain one after it."""
        try:
            channel = self._means.directory.find(lease.notice.channel)
        except (NotFound, Refused) as exc:
            return Sent(answer=Answer.REFUSED, detail=str(exc))
        message = self._means.wording.message(lease.notice, told=await self._told(lease.notice))
        sent = await self._sent(channel, message)
        if sent.answer is Answer.MALFORMED and await self._begin([lease]):
            sent = await self._sent(channel, message, plain=True)
        return sent

    async def _traced(self, lease: Delivery) -> Sent:
        """An attempt, told where we tell of ourselves."""
        notice, telemetry = lease.notice, self._means.telemetry
        service = self._means.directory.service(notice.channel)
        with telemetry.stage(
            Stage.SEND, notice.decided_ms, service=service, kind=str(notice.kind),
            attempt=lease.attempts + 1,
        ):  # fmt: skip
            sent = await self._attempt(lease)
            log.info("notice_sent", id=notice.id, answer=str(sent.answer), detail=sent.detail)
        telemetry.count(families.DELIVERIES, service, sent.answer)
        return sent

    async def _sent(self, channel: Channel, message: Message, *, plain: bool = False) -> Sent:
        until_ms = self._means.clock.now_ms() + ATTEMPT_MS
        try:
            sending = channel.send(message, plain=plain)
            return await within(sending, clock=self._means.clock, until_ms=until_ms)
        except TimeoutError:
            return Sent(answer=Answer.LATER, unsure=True,
                        detail=f"no answer within {ATTEMPT_MS // 1_000} s")  # fmt: skip
        except Unavailable as exc:
            return Sent(answer=Answer.LATER, detail=str(exc))
        except SigmawatchError as exc:
            return Sent(answer=Answer.REFUSED, detail=str(exc))
        except Exception as exc:
            log.exception("channel_broken", channel=channel.name)  # its fault, and nobody else's
            return Sent(answer=Answer.LATER, unsure=True,
                        detail=f"the channel broke: {type(exc).__name__}")  # fmt: skip

    async def _told(self, notice: Notice) -> bool:
        """Whether who gets a *resolved* was told before that something fires."""
        if notice.kind is not NoticeKind.RESOLVED:
            return True
        fates = await self._means.store.fates(notice.episode, notice.channel)
        before = [fate for fate in fates if fate.kind is not NoticeKind.RESOLVED]
        return not before or any(
            fate.status is NoticeStatus.DELIVERED or fate.detail.startswith(IN_DIGEST)
            for fate in before
        )

    # Records

    async def _begin(self, leases: Sequence[Delivery]) -> Sequence[Delivery]:
        """Those that are still ours, their attempts recorded."""
        async with self._means.ledger.transaction() as transaction:
            return await transaction.outbox.begin(leases, now_ms=self._means.clock.now_ms())

    async def _exchange(
        self, ended: Sequence[_Ended], going: Sequence[Delivery] = ()
    ) -> Sequence[Delivery]:  # fmt: skip
        """Record what came of some, and the attempts at others before they are made: those that
        are still ours. What was sent is recorded however long the database takes."""
        while ended or going:
            try:
                return await self._exchanged(ended, going)
            except StorageUnavailable as exc:
                if not ended:
                    raise
                log.warning("delivery_not_recorded", channel=self.name, reason=str(exc))
            await self._means.clock.sleep_until_ms(self._means.clock.now_ms() + SETTLE_AGAIN_MS)
        return ()

    async def _exchanged(
        self, ended: Sequence[_Ended], going: Sequence[Delivery]
    ) -> Sequence[Delivery]:  # fmt: skip
        now_ms = self._means.clock.now_ms()
        lost = [one.notice for one, outcome in ended if outcome.status in _LOST]
        elsewhere = [fallen_back(one, self._means.fallback) for one in lost]
        async with self._means.ledger.transaction() as transaction:
            await transaction.outbox.settle(ended, now_ms=now_ms)
            await transaction.outbox.put(
                [replace(one, due_ms=now_ms) for one in elsewhere if one is not None]
            )
            held = await transaction.outbox.begin(going, now_ms=now_ms)
        for _, outcome in ended:
            self._means.telemetry.count(families.SETTLED, outcome.status)
        return held

    def _waits(self) -> Outcome:
        """Of what was claimed and not tried: it waits with the lane."""
        return Outcome(status=NoticeStatus.RETRY_WAIT, next_ms=self._pulse.resume_ms,
                       detail="waits until its channel answers")  # fmt: skip

    async def _hurry(self) -> None:
        """The channel answers again: nothing waits any longer."""
        async with self._means.ledger.transaction() as transaction:
            await transaction.outbox.hurry(self.name, now_ms=self._means.clock.now_ms())

    async def _gone(self, channel: str, detail: str) -> None:
        await self._means.directory.disable(channel, reason=detail)
        log.warning("channel_disabled", channel=channel, reason=detail)
        if channel.startswith(SUBSCRIBER):
            return
        now_ms = self._means.clock.now_ms()
        said = Announcement(
            title=f"Channel {channel} is disabled: {detail}", severity=Severity.WARNING,
            lines=("It said that there is nobody any more. Enable it once that is mended.",),
        )  # fmt: skip
        notice = own_notice(
            Concern.CHANNEL, said, episode=f"channel-{channel}-{now_ms}", at_ms=now_ms
        )
        async with self._means.ledger.transaction() as transaction:
            await transaction.outbox.put([notice])


def fallen_back(notice: Notice, fallback: str | None) -> Notice | None:
    """The same notice to the fallback channel, where it is critical and was to another one."""
    if fallback is None or notice.channel in (fallback, FANOUT) or notice.lane == SUBSCRIBER:
        return None
    if severity_of(notice) is not Severity.CRITICAL or notice.kind is NoticeKind.CONFIRM:
        return None
    return replace(notice, channel=fallback)
