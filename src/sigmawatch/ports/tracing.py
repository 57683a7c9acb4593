"""The tracing port: what became of the slots of one moment, told to somebody else's program.

A trace is what follows from the slots that open at one moment: its id follows from that moment (and
the installation), so collector, tracker and notifier need tell each other nothing, and a notice
that is sent after a restart is in the trace of the slot it was decided in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

ROOT = "slot"  # the span that every other one of a trace is a part of


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One piece of work. moment_ms: open of the slot that it belongs to. fault: the type of what
    ended it, never its words."""

    name: str
    moment_ms: int
    began_ns: int
    ended_ns: int
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    fault: str = ""

    def __post_init__(self) -> None:
        assert self.began_ns <= self.ended_ns


class Tracer(Protocol):
    """Takes spans and never waits; where they cannot be sent they are dropped."""

    def trace_id(self, moment_ms: int) -> str:
        """32 hexadecimal digits (W3C Trace Context)."""
        ...

    def record(self, span: Span) -> None: ...

    async def close(self) -> None:
        """Send what is left, within seconds."""
        ...
