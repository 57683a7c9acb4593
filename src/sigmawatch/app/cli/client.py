"""What a command asks with: the API in JSON (app.cli.api answers it). Imports next to nothing, as
every command does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

Json = Any


class Client(Protocol):
    """What a command asks with. Paths are below /api/v1; answers are decoded JSON."""

    async def get(self, path: str, **query: object) -> Json:
        """Read; a query value of None is left out."""
        ...

    async def get_all(self, path: str, **query: object) -> Json:
        """Read every page; `items` holds them all."""
        ...

    async def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Make or start something."""
        ...

    async def push(self, content: bytes, media_type: str, **query: str | None) -> Json:
        """Readings that are written already; also where none of them was taken."""
        ...

    async def put(self, path: str, body: Mapping[str, object], *, if_match: str = "") -> Json:
        """Make something, or replace it."""
        ...

    async def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """Change something."""
        ...

    async def delete(self, path: str, *, if_match: str = "") -> None:
        """Take something away."""
        ...


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe=":")
