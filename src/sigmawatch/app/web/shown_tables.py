"""Which table `/snapshot` and `/stream` show: one reading of what is asked, for both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar.params import QueryParameter

from sigmawatch.app.streaming.hub import Full
from sigmawatch.app.streaming.table import Asked
from sigmawatch.app.web.asked import RANK_KEYS, Every, RankKey
from sigmawatch.app.web.boards import parse_window
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.app.web.ranking import interval_of
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import metric_named
from sigmawatch.domain.rank_column import Standing
from sigmawatch.domain.window import format_span

RETRY_AFTER_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTable:
    """Query of `/snapshot` and `/stream`."""

    metric: Annotated[str, QueryParameter(description="a metric's name", max_length=32)] = "price"
    by: RankKey = "sigma_rel"
    window: Annotated[
        str | None,
        QueryParameter(description="one of the configured windows; else the longest",
                       max_length=10),
    ] = None  # fmt: skip
    interval: Every = None
    watchlist: Annotated[
        str | None, QueryParameter(description="a watchlist's name", max_length=32)
    ] = None
    page: Annotated[int, QueryParameter(description="which 5,000 rows, from 1", ge=1, le=1_000)] = 1

    def table(self, site: Site, *, by: Caller) -> Asked:
        """The table, of what exists for a caller. Raises Invalid, NotFound."""
        metric = metric_named(self.metric).name
        interval = interval_of(site.snapshot(), self.interval, metric=metric,
                               configured=site.program.config.interval)  # fmt: skip
        held = [w for w in site.program.config.windows_ms if w % interval.ms == 0]
        window_ms = held[0] if self.window is None and held else parse_window(self.window or "24h")
        if window_ms not in held:
            raise Invalid(f"no table is made over {format_span(window_ms)}", field="window",
                          allowed=", ".join(map(format_span, held)))  # fmt: skip
        if self.by not in RANK_KEYS:
            raise Invalid(f"nothing is ranked by {self.by[:32]!r}", field="by",
                          allowed=", ".join(RANK_KEYS))  # fmt: skip
        standing = Standing(
            metric=metric, by=self.by, window_ms=window_ms, interval=interval
        )  # fmt: skip
        name = self.watchlist and site.program.watchlists.find(self.watchlist, by=by).name
        return Asked(standing=standing, watchlist=name or None, page=self.page)


def refused(full: Full) -> ProblemError:
    return ProblemError(
        "too-many-streams", str(full), headers={"retry-after": str(RETRY_AFTER_S)}
    )  # fmt: skip
