"""What happens is told here: counted for `/metrics`, and traced where somebody listens.

    with telemetry.stage(Stage.COMMIT, slot_open_ms):
        ...                                    # timed, and a span of the slot's trace
    telemetry.count(families.NOTICES, "firing")

Of one program, nothing global, and for its event loop alone. While tracing is on, log lines inside
a stage carry its `trace_id`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import Enum

import structlog
from prometheus_client.metrics_core import Metric

from sigmawatch.app.telemetry import families
from sigmawatch.app.telemetry.families import EVENTS, Family
from sigmawatch.app.telemetry.tally import Count, Spread, Tally
from sigmawatch.domain.alert import Episode
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.notice import Notice
from sigmawatch.domain.venue import Run
from sigmawatch.domain.window import Interval
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.tracing import ROOT, Span, Tracer

ROOTS_KEPT = 128
_MS_NS, _S_NS = 1_000_000, 1_000_000_000


class Stage(Enum):
    """What a reading goes through on its way to a message, and what its time is kept in."""

    COLLECT = families.VENUE_RUN_DURATION
    COMMIT = families.COMMIT_DURATION
    CLOSE = families.SLOT_DURATION
    JUDGE = families.JUDGING_DURATION
    SEND = families.DELIVERY_DURATION


class Telemetry:
    """Of one program. tracer: None where nobody listens. perf_s: of what something takes."""

    def __init__(
        self, clock: Clock, *, tracer: Tracer | None = None,
        perf_s: Callable[[], float] = time.perf_counter,
    ) -> None:  # fmt: skip
        self._clock, self._tracer, self.perf_s = clock, tracer, perf_s
        self._roots: deque[int] = deque(maxlen=ROOTS_KEPT)
        self._tallies = {one: Tally(one) for one in EVENTS}

    def collect(self) -> Iterable[Metric]:
        """What was counted so far."""
        return [tally.metric() for tally in self._tallies.values()]

    async def close(self) -> None:
        """Nothing happens any more: what is known of it is sent."""
        if self._tracer is not None:
            await self._tracer.close()

    # One by one

    def counter(self, family: Family, *labels: str) -> Count:
        """What is counted into; to be held by who does so often."""
        return self._tallies[family].count(*labels)

    def histogram(self, family: Family, *labels: str) -> Spread:
        """What is observed into; to be held by who does so often."""
        return self._tallies[family].spread(*labels)

    def count(self, family: Family, *labels: str, by: int = 1) -> None:
        self.counter(family, *labels).add(by)

    def took(self, family: Family, *labels: str, seconds: float) -> None:
        self.histogram(family, *labels).observe(seconds)

    @contextmanager
    def stage(
        self, stage: Stage, moment_ms: int | None, **attributes: str | int
    ) -> Iterator[None]:  # fmt: skip
        """Time what happens inside, and trace it. moment_ms: open of the slot it is about; None for
        what is about none."""
        began_ms, began_s = self._clock.now_ms(), self.perf_s()
        fault = ""
        try:
            with self._bound(moment_ms):
                yield
        except BaseException as exc:
            fault = type(exc).__name__
            raise
        finally:
            took_s = self.perf_s() - began_s
            labels = (str(attributes[name]) for name in stage.value.labels)
            self.took(stage.value, *labels, seconds=took_s)
            if self._tracer is not None and moment_ms is not None:
                self._tracer.record(Span(
                    name=stage.name.lower(), moment_ms=moment_ms, began_ns=began_ms * _MS_NS,
                    ended_ns=began_ms * _MS_NS + round(took_s * _S_NS), attributes=attributes,
                    fault=fault,
                ))  # fmt: skip

    def _bound(self, moment_ms: int | None) -> AbstractContextManager[object]:
        if self._tracer is None or moment_ms is None:
            return nullcontext()
        trace_id = self._tracer.trace_id(moment_ms)
        return structlog.contextvars.bound_contextvars(trace_id=trace_id)

    # What happened

    def committed(self, items: Sequence[Frame | Patch], runs: Iterable[Run]) -> None:
        """These are durable now."""
        frames_count = sum(isinstance(one, Frame) for one in items)
        self.count(families.COMMITTED, "frame", by=frames_count)
        self.count(families.COMMITTED, "patch", by=len(items) - frames_count)
        for run in runs:
            self.count(families.COMMITTED, "run")
            self.count(families.VENUE_RUNS, run.venue, run.kind, run.outcome)
            self.count(families.VENUE_UPDATED, run.venue, by=run.updated)
            for reason, count in run.reasons.items():
                self.count(families.VENUE_FAILED, run.venue, reason, by=count)

    def closed(self, interval: Interval, slot: int) -> None:
        """A slot's board is out: its trace has a beginning, which is the slot's end."""
        open_ms, end_ms = interval.open_ms(slot), interval.open_ms(slot + 1)
        now_ms = max(self._clock.now_ms(), end_ms)  # a clock that was set back
        self.took(families.SLOT_LAG, str(interval), seconds=(now_ms - end_ms) / 1_000)
        if self._tracer is not None and open_ms not in self._roots:
            self._roots.append(open_ms)
            self._tracer.record(Span(
                name=ROOT, moment_ms=open_ms, began_ns=end_ms * _MS_NS, ended_ns=now_ms * _MS_NS,
                attributes={"interval": str(interval), "slot": slot},
            ))  # fmt: skip

    def decided(self, episodes: Iterable[Episode], notices: Iterable[Notice]) -> None:
        """What a slot led to is durable."""
        for one in episodes:
            self.count(families.EPISODES, _event(one), one.severity.value)
        for notice in notices:
            self.count(families.NOTICES, notice.kind)


def _event(episode: Episode) -> str:
    """What an account of an episode tells."""
    if episode.closed_ms is not None:
        return "closed"
    return "reopened" if episode.reopened_count else "opened"
