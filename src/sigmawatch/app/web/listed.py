"""Pages of a list that is all in memory, and from which nothing is ever removed.

A cursor names the last thing that was shown, so what is made meanwhile neither repeats nor hides
anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sigmawatch.app.web.asked import AskedPage
from sigmawatch.app.web.cursors import pack, unpack
from sigmawatch.domain.errors import Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of a list. next_cursor: None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


def page_of(
    everything: Sequence[T], asked: AskedPage, *, of: str, named: Callable[[T], str]
) -> Page[T]:
    """The page that was asked for. of: which list. named: by what a thing is known. Raises Invalid
    for a cursor of another list."""
    start = 0
    if asked.cursor is not None:
        last, _ = unpack(of, asked.cursor)
        places = (place for place, one in enumerate(everything) if named(one) == last)
        if (found := next(places, None)) is None:
            raise Invalid("that cursor is of another list", field="cursor",
                          allowed="next_cursor of an answer to you")  # fmt: skip
        start = found + 1
    items = everything[start : start + asked.limit]
    more = start + asked.limit < len(everything)
    return Page(items=items, next_cursor=pack(of, walk=named(items[-1]), place=0) if more else None)
