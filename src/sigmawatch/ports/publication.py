"""The publication port: files for whoever reads them, where a plain file server or a CDN finds
them. A file is there whole, the old one or the new one, never a part."""

from __future__ import annotations

from typing import Protocol


class Publication(Protocol):
    """Names are paths with `/`. Every call raises Unavailable where the place does not take it."""

    @property
    def shown(self) -> str:
        """The place as an operator knows it."""
        ...

    async def put(self, name: str, content: bytes, *, media_type: str) -> None:
        """From now on, `name` is this."""
        ...

    async def put_file(self, name: str, source: str) -> None:
        """From now on, `name` is what the file `source` of this machine holds, for its owner's
        eyes alone."""
        ...
