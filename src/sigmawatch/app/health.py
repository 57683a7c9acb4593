"""A venue's health, from the outcomes of its runs (SEMANTICS.md 4). No clock: times are handed in.

An error's type says the state; a run that updated only some of its series is `degraded`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from sigmawatch.domain.errors import (
    BadAnswer,
    BlockedByRegion,
    Maintenance,
    RateLimited,
    SigmawatchError,
)
from sigmawatch.domain.quarantine import Quarantine
from sigmawatch.domain.venue import Run, VenueState, VenueStatus

SKEW_WARN_MS = 2_000
SKEW_MAX_MS = 30_000

_STATES: Mapping[type[BaseException], VenueState] = {
    RateLimited: VenueState.RATE_LIMITED,
    BlockedByRegion: VenueState.BLOCKED_BY_REGION,
    Maintenance: VenueState.MAINTENANCE,
}


def state_of(error: BaseException) -> VenueState:
    """The state that an error of a whole poll puts its venue in."""
    return _STATES.get(type(error), VenueState.DOWN)


def reason_of(error: BaseException) -> str:
    """The word a run is counted under when `error` ended it."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, BadAnswer):
        return "bad_answer"
    state = state_of(error)
    return "unavailable" if state is VenueState.DOWN else str(state)


class VenueHealth:
    """What one venue is for us now, and how often what went wrong."""

    def __init__(self, venue: str, *, now_ms: int) -> None:
        self.status = VenueStatus(venue=venue, state=VenueState.STARTING, since_ms=now_ms)
        self.errors: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.quarantine = Quarantine()
        self.skipped_runs_count = 0
        self.failures_in_a_row = 0

    def failed(self, error: SigmawatchError | TimeoutError, *, now_ms: int) -> None:
        """A poll or a market list that gave nothing."""
        self.failures_in_a_row += 1
        self.errors[reason_of(error)] += 1
        if isinstance(error, BadAnswer):
            self.quarantine.put({"": str(error)}, now_ms=now_ms)
        until_ms = None
        retry_after_s = getattr(error, "retry_after_s", None)
        if retry_after_s is not None:
            until_ms = now_ms + round(1_000 * retry_after_s)
        self._become(state_of(error), now_ms, detail=str(error) or "no answer in time",
                     until_ms=until_ms)  # fmt: skip

    def answered(self, *, now_ms: int) -> bool:
        """The venue answered; whether it had not before."""
        recovered = self.failures_in_a_row > 0
        self.failures_in_a_row = 0
        if self.status.state not in (VenueState.UP, VenueState.DEGRADED):
            self._become(VenueState.UP, now_ms)
        self._set(success_ms=now_ms)
        return recovered

    def refused(self, rejected: Mapping[str, str], *, now_ms: int) -> None:
        """What an answer held that could not be taken: market id -> why."""
        self.rejected.update(_kinds(rejected.values()))
        self.quarantine.put(rejected, now_ms=now_ms)

    def ran(self, run: Run, *, now_ms: int) -> None:
        """A run whose poll was answered: all of its series, or only some."""
        if self.failures_in_a_row or run.expected == 0:
            return
        if run.updated < run.expected:
            detail = ", ".join(f"{count} {reason}" for reason, count in run.reasons.items())
            self._become(VenueState.DEGRADED, now_ms, detail=detail)
        else:
            self._become(VenueState.UP, now_ms)

    def skewed(self, skew_ms: int) -> None:
        """How far the venue's clock is ahead of ours."""
        self._set(skew_ms=skew_ms)

    def pause(self, paused: bool, *, now_ms: int, detail: str = "") -> bool:
        """Somebody says whether the venue is to be asked; whether that is new. It has as long to
        answer as at a start."""
        if paused == (self.status.state is VenueState.PAUSED):
            return False
        if paused:
            self._become(VenueState.PAUSED, now_ms, detail=detail)
        else:
            self.failures_in_a_row = 0
            self.status = replace(
                self.status, state=VenueState.STARTING, since_ms=now_ms, detail="",
                success_ms=None,
            )  # fmt: skip
        return True

    def _become(
        self, state: VenueState, now_ms: int, *, detail: str = "", until_ms: int | None = None
    ) -> None:
        if self.status.state is VenueState.PAUSED:
            return  # what was under way says nothing of it
        since_ms = self.status.since_ms if state is self.status.state else now_ms
        self.status = VenueStatus(
            venue=self.status.venue,
            state=state,
            since_ms=since_ms,
            detail=detail[:500],
            until_ms=until_ms,
            success_ms=self.status.success_ms,
            skew_ms=self.status.skew_ms,
            rejected=dict(self.rejected),
        )

    def _set(self, *, success_ms: int | None = None, skew_ms: int | None = None) -> None:
        now = self.status
        self.status = VenueStatus(
            venue=now.venue,
            state=now.state,
            since_ms=now.since_ms,
            detail=now.detail,
            until_ms=now.until_ms,
            success_ms=now.success_ms if success_ms is None else success_ms,
            skew_ms=now.skew_ms if skew_ms is None else skew_ms,
            rejected=dict(self.rejected),
        )


def _kinds(reasons: Iterable[str]) -> Counter[str]:
    """Rejections by their kind: the words before the colon."""
    return Counter(reason.partition(":")[0][:60] for reason in reasons)
