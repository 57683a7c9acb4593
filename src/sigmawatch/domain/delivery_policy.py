"""What follows from an attempt to send a notice (SEMANTICS.md 8): pure decisions, no clock.

"Retry on 408, 425, 429, 5xx, time-out, reset, DNS, TLS: 0 s, 2 s, 10 s, 30 s, 2 m, 10 m, 30 m, then
hourly to 24 h, jitter ± 50 %, Retry-After obeyed within [1 s, 1 h]. Other 4xx: one plain-text
attempt where formatting may be the cause, then dead. 410 disables the channel". The first 0 s is
the first attempt, made as soon as the notice is due. Imports domain.notice, sent, window.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from sigmawatch.domain.notice import Delivery, NoticeStatus, Outcome
from sigmawatch.domain.sent import Answer, Sent
from sigmawatch.domain.window import DAY_MS, HOUR_MS, MINUTE_MS

WAITS_MS = (0, 2_000, 10_000, 30_000, 2 * MINUTE_MS, 10 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS)
EXPIRY_MS = DAY_MS
FALLBACK_MS = MINUTE_MS  # a critical notice that is not delivered by then is told elsewhere, too
RETRY_AFTER_MIN_MS = 1_000
RETRY_AFTER_MAX_MS = HOUR_MS
_JITTER_STEPS = 1 << 32


def wait_ms(failures: int, *, seed: str) -> int:
    """How long to wait after so many failures in a row, jittered by ± 50 %: the same for the same
    seed and count, in every process."""
    assert failures >= 0
    base_ms = WAITS_MS[min(failures, len(WAITS_MS) - 1)]
    share = zlib.crc32(f"{seed} {failures}".encode()) / _JITTER_STEPS  # [0, 1)
    return round(base_ms * (0.5 + share))


def obeyed_ms(asked_ms: int) -> int:
    """A Retry-After, within what we obey."""
    return min(max(asked_ms, RETRY_AFTER_MIN_MS), RETRY_AFTER_MAX_MS)


def expired(delivery: Delivery, *, now_ms: int) -> bool:
    """Whether it is too late to tell anybody."""
    return now_ms >= delivery.notice.due_ms + EXPIRY_MS


def overdue_ms(now_ms: int) -> int:
    """What was due then or before, is critical, and is not delivered, goes to the fallback too."""
    return now_ms - FALLBACK_MS


def settled(delivery: Delivery, sent: Sent, *, now_ms: int) -> Outcome:
    """What an attempt makes of a leased notice, with its attempts as they were before it.
    MALFORMED: of a plain sent."""
    match sent.answer:
        case Answer.ACCEPTED:
            return Outcome(status=NoticeStatus.DELIVERED, detail=sent.detail)
        case Answer.LATER:
            return _later(delivery, sent, now_ms=now_ms)
        case Answer.REFUSED | Answer.MALFORMED | Answer.GONE:
            return Outcome(status=NoticeStatus.DEAD, detail=sent.detail, unsure=sent.unsure)


def _later(delivery: Delivery, sent: Sent, *, now_ms: int) -> Outcome:
    failures = delivery.attempts + 1
    next_ms = now_ms + (
        wait_ms(failures, seed=delivery.notice.id)
        if sent.wait_ms is None
        else obeyed_ms(sent.wait_ms)
    )
    if next_ms >= delivery.notice.due_ms + EXPIRY_MS:
        return Outcome(status=NoticeStatus.EXPIRED, unsure=sent.unsure,
                       detail=f"not delivered within 24 h: {sent.detail}")  # fmt: skip
    return Outcome(status=NoticeStatus.RETRY_WAIT, detail=sent.detail, next_ms=next_ms,
                   unsure=sent.unsure)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How a lane is: failures in a row, and when it is asked again."""

    failures: int = 0
    resume_ms: int = 0

    def after(self, sent: Sent, *, lane: str, now_ms: int) -> Pulse:
        """A service that answers, whatever it says of one notice, is well."""
        if sent.answer is not Answer.LATER:
            return Pulse()
        failures = self.failures + 1
        pause_ms = wait_ms(failures, seed=lane) if sent.wait_ms is None else obeyed_ms(sent.wait_ms)
        return Pulse(failures=failures, resume_ms=now_ms + pause_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """How many messages a channel takes now: within any minute no more than `per_minute`, a quarter
    of them at once (one at least)."""

    per_minute: float
    left: float
    at_ms: int

    @classmethod
    def full(cls, per_minute: float, *, now_ms: int) -> Tokens:
        assert per_minute > 0
        return cls(per_minute=per_minute, left=_burst(per_minute), at_ms=now_ms)

    def at(self, now_ms: int) -> Tokens:
        """What there is at a moment; a clock that was set back brings none."""
        gained = max(now_ms - self.at_ms, 0) * self._per_ms
        left = min(self.left + gained, _burst(self.per_minute))
        return Tokens(per_minute=self.per_minute, left=left, at_ms=now_ms)

    def spent(self, count: int) -> Tokens:
        return Tokens(per_minute=self.per_minute, left=self.left - count, at_ms=self.at_ms)

    @property
    def whole(self) -> int:
        """How many may be sent now."""
        return int(self.left + 1e-9)

    @property
    def next_ms(self) -> int:
        """When there will be one."""
        lacking = max(1.0 - self.left, 0.0)
        return self.at_ms + int(lacking / self._per_ms) + 1 if lacking else self.at_ms

    @property
    def _per_ms(self) -> float:
        return max(self.per_minute - _burst(self.per_minute), self.per_minute * 0.5) / MINUTE_MS


def _burst(per_minute: float) -> float:
    return max(per_minute / 4, 1.0)


def singly(count: int, *, tokens: int) -> int:
    """How many of so many due notices are sent one by one; the rest of them are one digest."""
    assert tokens >= 1
    return count if count <= tokens else tokens - 1
