"""One conversation on a venue's stream: what both sides may say. Values and a Protocol only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Refuses = Callable[[str], bool]  # whether a fault has the venue refuse this market


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One frame of the venue. kind: "status", "answer", "beat", "ticker" or "trade". about: the
    market, where it is of one. close: a closing code instead of a frame."""

    kind: str
    text: str = ""
    about: str = ""
    close: int | None = None


class Talk(Protocol):
    """How one venue speaks on one connection. Times are the venue's."""

    def opened(self, now_ms: int) -> list[Said]:
        """Said unasked at the beginning."""
        ...

    def asked(self, text: str, *, now_ms: int, refuses: Refuses) -> list[Said]:
        """The answer to a message."""
        ...

    def due(self, now_ms: int, *, is_maintenance: bool) -> list[Said]:
        """What there is to tell since it was last asked."""
        ...

    def leaving(self, now_ms: int) -> Said | None:
        """The words that a connection will be closed, where the venue has any."""
        ...
