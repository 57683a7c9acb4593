"""A walk: the pages of one list of series, all of one snapshot, and what every page says of it.

`/metrics` and `/ranking` are walked alike: the first page takes the newest snapshot, its cursor
names it, and the pages that follow show it again, though slots close meanwhile. A cursor belongs
to its whole query but the size of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Protocol, TypeVar

from litestar import Request, Response

from sigmawatch.app.web import cursors
from sigmawatch.app.web.boards import parse_window
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.site import Site, not_modified, unchanged
from sigmawatch.domain.window import Interval

_OF_THE_PAGE = {"limit", "cursor"}
Page = TypeVar("Page")


class Asked(Protocol):
    """What the query of a walk holds beside its filters: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def window(self) -> str: ...

    @property
    def limit(self) -> int: ...

    @property
    def cursor(self) -> str | None: ...


class Walk:
    """One page's place in a walk. Raises Invalid for a cursor of another query, or a window that
    is none; ProblemError where the walk's snapshot is gone."""

    def __init__(self, site: Site, asked: Asked, *, name: str) -> None:
        self._site = site
        self._asked = asked
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

    def unchanged(self, request: Request[Any, Any, Any]) -> Response[Any] | None:
        """The 304 answer where the client holds this page already."""
        tag = self._site.tag(self.snapshot)
        return not_modified(tag) if unchanged(request, tag) else None

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
            "as_of": rfc3339(self._site.now_ms), "demo": self._site.program.demo,
        }  # fmt: skip

    def answer(self, page: Page) -> Response[Page]:
        return Response(page, headers={"etag": self._site.tag(self.snapshot)})
