"""A walk: the pages of one list of series, all of one snapshot, and what every page says of it.

`/metrics` and `/ranking` are walked alike: the first page takes the newest snapshot, its cursor
names it, and the pages that follow show it again, though slots close meanwhile. A cursor belongs
to its whole query but the size of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from litestar import Request, Response

from sigmawatch.app.web import cursors
from sigmawatch.app.web.asked import AskedWalk, Format
from sigmawatch.app.web.boards import parse_window
from sigmawatch.app.web.formats import Listing, Page, format_asked, next_link, written
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.rows import MetricRow
from sigmawatch.app.web.site import Site, not_modified, unchanged
from sigmawatch.domain.window import Interval

_OF_THE_PAGE = {"limit", "cursor", "fields", "written"}


class Walk:
    """One page's place in a walk. Raises Invalid for a cursor of another query, or a window that
    is none; ProblemError where the walk's snapshot is gone."""

    def __init__(
        self, request: Request[Any, Any, Any], site: Site, *, asked: AskedWalk, name: str
    ) -> None:
        self._request, self._site, self._asked, self._name = request, site, asked, name
        form = format_asked(request, asked)
        self._form = "" if form is Format.JSON else str(form)
        self._query = (
            name, *(getattr(asked, one.name) for one in fields(asked)
                    if one.name not in _OF_THE_PAGE),
        )  # fmt: skip
        kept, self.start = (
            cursors.unpack(self._query, asked.cursor) if asked.cursor else (None, 0)
        )  # fmt: skip
        self.stop = self.start + asked.limit
        self.window_ms = parse_window(asked.window)
        self.snapshot = site.snapshot(kept)

    @property
    def _tag(self) -> str:
        return self._site.tag(self.snapshot, form=self._form)

    def unchanged(self) -> Response[Any] | None:
        """The 304 answer where the client holds this page already."""
        return not_modified(self._tag) if unchanged(self._request, self._tag) else None

    async def widen(self, interval: Interval | None) -> None:
        """Have statistics over the asked window, on the boards of `interval` or on all."""
        self.snapshot = await self._site.windowed(
            self.snapshot, self.window_ms, interval=interval
        )  # fmt: skip

    def said(self, total: int) -> Mapping[str, Any]:
        """What every page says beside its items. total: rows on all pages."""
        cursor = None
        if self.stop < total:
            walk = self._site.keep(self.snapshot, self.window_ms)
            cursor = cursors.pack(self._query, walk=walk, place=self.stop)
        return {
            "total": total, "next_cursor": cursor, "sequence": self.snapshot.sequence,
            "as_of": rfc3339(self._site.aged_ms), "demo": self._site.program.demo,
        }  # fmt: skip

    async def answer(self, page: Page) -> Response[Any]:
        """As it was asked for."""
        listing = Listing(page=page, row=MetricRow, name=self._name, tag=self._tag)
        return await written(self._request, listing, asked=self._asked)

    def answer_as(self, content: Any, page: Page) -> Response[Any]:
        """`content` in place of `page`, whose next one a link leads to."""
        headers = {"etag": self._tag, **next_link(self._request, page)}
        return Response(content, headers=headers)
