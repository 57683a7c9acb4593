"""What the generated operations stand on: something that asks, and something that walks pages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from sigmawatch.client.calls import Call
from sigmawatch.client.model import Page

Answer = TypeVar("Answer")
Row = TypeVar("Row")


class Asking(ABC):
    """Blocks."""

    @abstractmethod
    def _ask(self, call: Call[Answer]) -> Answer:
        """The answer. Raises ClientError."""

    def _each(self, call: Call[Page[Row]]) -> Iterator[Row]:
        """The rows of every page, each page asked for when its first row is."""
        following: Call[Page[Row]] | None = call
        while following is not None:
            page = self._ask(following)
            yield from page.items
            following = after(page, call)


class AskingAsync(ABC):
    """Awaits."""

    @abstractmethod
    async def _ask(self, call: Call[Answer]) -> Answer:
        """The answer. Raises ClientError."""

    async def _each(self, call: Call[Page[Row]]) -> AsyncIterator[Row]:
        """The rows of every page, each page asked for when its first row is."""
        following: Call[Page[Row]] | None = call
        while following is not None:
            page = await self._ask(following)
            for row in page.items:
                yield row
            following = after(page, call)


def after(page: Page[Row], call: Call[Page[Row]]) -> Call[Page[Row]] | None:
    """What the page after `page` is asked for with; None after the last."""
    for told, asked in (("next_cursor", "cursor"), ("next_before", "before")):
        if (place := getattr(page, told, None)) is not None:
            return call.on(**{asked: place})
    return None
