"""A notice in words, before a channel has put it in its own: plain text, nothing escaped.

Names in it come from strangers: whoever writes it down in a format of his own escapes it there.
Imports domain.alert, notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sigmawatch.domain.alert import Severity
from sigmawatch.domain.notice import NoticeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What somebody is to be told.

    id: the same for every attempt: the idempotency key. thread: what belongs together, an episode;
    ordinal: its place there. title: one line. lines: the text, a line each. facts: names and values
    to be shown beside it. decided_ms: open of the slot it was decided in. link: to where it can be
    looked at, None where no public address is configured. data: the whole of it for a program that
    receives it, as JSON has it.
    """

    id: str
    thread: str
    ordinal: int
    kind: NoticeKind
    severity: Severity
    title: str
    lines: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    decided_ms: int
    link: str | None = None
    unsubscribe: str | None = None
    data: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert "\n" not in self.title
        assert not any("\n" in line for line in self.lines)

    @property
    def over(self) -> bool:
        """Whether it says that what its thread is about has ended."""
        return self.kind is NoticeKind.RESOLVED
