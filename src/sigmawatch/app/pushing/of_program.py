"""The pushing of a program: what it needs of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigmawatch.app.pushing.push import Means, Push
from sigmawatch.domain.window import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sigmawatch.app.enrolment import Enrolment
    from sigmawatch.app.program import Program
    from sigmawatch.domain.market import Market
    from sigmawatch.domain.series import Series
    from sigmawatch.domain.window import Interval


def push_of(program: Program, enrolment: Enrolment) -> Push:
    """Made once everything else of the program is."""
    config = program.config

    async def enroll(wanted: Sequence[tuple[Market, str]], interval: Interval) -> Sequence[Series]:
        return await enrolment.push(wanted, interval, most=config.push.series_max)

    means = Means(
        catalogue=program.catalogue, clock=program.clock, past=program.past, enroll=enroll,
        publish=program.publish, storage=program.storage, telemetry=program.telemetry,
        keep_ms=config.history.raw_days * DAY_MS,
    )  # fmt: skip
    return Push(config.push, means)
