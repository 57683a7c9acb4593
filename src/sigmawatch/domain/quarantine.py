"""What a venue told that could not be taken, kept to be looked at: few of many, none as a value.

At most one sample a minute, the newest SAMPLES_MAX of them; what is counted by reason stands with
the venue (domain.venue). Texts are shortened and printable: they come from strangers. Imports
domain.window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.domain.window import MINUTE_MS

SAMPLES_MAX = 100
EVERY_MS = MINUTE_MS
ABOUT_CHARS_MAX, REASON_CHARS_MAX = 80, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One refusal of several. about: the market or row, "" for a whole message. refused_count: how
    many there were since the sample before, this one among them."""

    at_ms: int
    about: str
    reason: str
    refused_count: int


class Quarantine:
    """Of one venue. No clock: times are handed in."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)
        self._unsampled_count = 0

    @property
    def samples(self) -> Sequence[Sample]:
        """The newest first."""
        return tuple(reversed(self._samples))

    def put(self, rejected: Mapping[str, str], *, now_ms: int, count: int | None = None) -> None:
        """Market or row -> why it was refused. count: how many these stand for, where not all are
        named."""
        self._unsampled_count += len(rejected) if count is None else count
        if not rejected or (
            self._samples and 0 <= now_ms - self._samples[-1].at_ms < EVERY_MS
        ):  # fmt: skip
            return
        about, reason = next(iter(rejected.items()))
        self._samples.append(Sample(
            at_ms=now_ms, about=_shown(about, ABOUT_CHARS_MAX),
            reason=_shown(reason, REASON_CHARS_MAX), refused_count=self._unsampled_count,
        ))  # fmt: skip
        self._unsampled_count = 0


def _shown(text: str, chars_max: int) -> str:
    return "".join(char if char.isprintable() else "?" for char in text[:chars_max])
