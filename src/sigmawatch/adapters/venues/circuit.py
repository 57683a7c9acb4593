"""The circuit of a venue: after a failure nothing is asked for a while, then one probe goes first.

A ban (429, 418, Retry-After) is obeyed to its end; without a time the pause is 60 s, doubling to
15 min (15 s where the venue complains in words inside a 200). A refusal by region pauses like a ban
without a time. Everything else backs off with full jitter up to 60 s, as in "Exponential Backoff
And Jitter" (M. Brooker, AWS Architecture Blog, 2015). Time is monotonic milliseconds, chance is
handed in.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from sigmawatch.domain.errors import (
    BlockedByRegion,
    RateLimited,
    SigmawatchError,
    Unavailable,
)

_PAUSE_MAX_S = 900.0
_BACKOFF_FIRST_S, _BACKOFF_MAX_S = 2.0, 60.0
_DOUBLINGS_MAX = 16


def pause_s(
    error: SigmawatchError, *, failures: int, chance: float, first_s: float = 60.0
) -> float:
    """How long to ask nothing after the `failures`-th such failure in a row (1 = the first).

    chance: uniform in [0, 1). first_s: the first pause of a ban without a time. A time that the
    venue gave is obeyed as it is.
    """
    assert failures >= 1
    doubled = 2.0 ** min(failures - 1, _DOUBLINGS_MAX)
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        return error.retry_after_s
    if isinstance(error, (RateLimited, BlockedByRegion)):
        return min(first_s * doubled, _PAUSE_MAX_S)
    return chance * min(_BACKOFF_FIRST_S * doubled, _BACKOFF_MAX_S)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to ask once. era: which state of the circuit gave it."""

    era: int


class Circuit:
    """Closed (ask), open (do not), or half open (one probe is on its way)."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._era = 0
        self._error: SigmawatchError | None = None
        self._failures = 0
        self._until_ms = 0
        self._probe: Ticket | None = None

    def check(self, now_ms: int) -> None:
        """Raises what opened the circuit, with the time left, while nothing may be asked."""
        if self._error is not None and (now_ms < self._until_ms or self._probe is not None):
            raise _again(self._error, left_s=max(self._until_ms - now_ms, 0) / 1_000.0)

    def enter(self, now_ms: int) -> Ticket:
        """Leave to ask once; every ticket is handed back by `failed`, `answered` or `left`."""
        self.check(now_ms)
        ticket = Ticket(self._era)
        if self._error is not None:
            self._probe = ticket
        return ticket

    def answered(self, ticket: Ticket) -> None:
        """The venue answered as it should. A late answer from before a failure closes nothing."""
        if ticket.era == self._era:
            self._error, self._failures = None, 0
        self.left(ticket)

    def failed(
        self, ticket: Ticket, error: SigmawatchError, *, now_ms: int, first_s: float = 60.0
    ) -> None:
        """The venue failed. Calls that failed together count once, and the longest pause stands."""
        if ticket.era == self._era:
            same = self._error is not None and _family(self._error) is _family(error)
            self._failures = self._failures + 1 if same else 1
            self._era += 1
        wait_s = pause_s(error, failures=max(self._failures, 1), chance=self._rng.random(),
                         first_s=first_s)  # fmt: skip
        until_ms = now_ms + math.ceil(wait_s * 1_000.0)
        if self._error is None or until_ms >= self._until_ms:
            # A copy: the original holds on to every frame it passed through.
            self._error, self._until_ms = type(error)(str(error)), until_ms
        self.left(ticket)

    def left(self, ticket: Ticket) -> None:
        """The asking ended, whatever came of it."""
        if self._probe is ticket:
            self._probe = None


def _family(error: SigmawatchError) -> type[SigmawatchError]:
    for family in (RateLimited, BlockedByRegion):
        if isinstance(error, family):
            return family
    return SigmawatchError


def _again(error: SigmawatchError, *, left_s: float) -> SigmawatchError:
    text = f"{error} (nothing is asked for {left_s:.0f} s more)"
    if isinstance(error, Unavailable):
        return type(error)(text, retry_after_s=left_s)
    return type(error)(text)
