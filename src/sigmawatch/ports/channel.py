"""The channel port: one way to tell a person or a program about something."""

from __future__ import annotations

from typing import Protocol


class Channel(Protocol):
    """Delivers one notice. Raises Unavailable (try again) or Refused (do not)."""

    @property
    def name(self) -> str: ...

    async def deliver(self, notice_id: str, *, title: str, text: str) -> None:
        """Send once; `notice_id` is the idempotency key the receiver may drop repeats by."""
        ...
