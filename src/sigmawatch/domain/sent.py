"""What came of one attempt to send a message. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What an attempt came to (SEMANTICS.md 8)."""

    ACCEPTED = "accepted"  # 2xx; of SMTP, 250 after DATA
    LATER = "later"  # worth trying again: 408, 425, 429, 5xx, time-out, reset, DNS, TLS
    REFUSED = "refused"  # it will not be better the next time
    MALFORMED = "malformed"  # refused, perhaps for its formatting: plain text may pass
    GONE = "gone"  # 410: there is nobody any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of an attempt. detail: a short line for the operator, without a secret. wait_ms:
    how long the service asked us to wait. unsure: whether it may have been accepted although it
    was not said so, because bytes had gone out."""

    answer: Answer
    detail: str
    wait_ms: int | None = None
    unsure: bool = False
