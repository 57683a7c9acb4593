"""What judging a slot leaves behind: rules and their versions, states, episodes (SEMANTICS.md 6-8).

An alert state is of one rule over one series. The states of a rule over the series of one block
are stored together; a state's life is another module's. Every id follows from what it names, so
two programs that judge the same slot write the same rows. Imports domain.errors.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import StrEnum

from sigmawatch.domain.errors import Invalid

_CRC_BYTES = 4
_NAME = struct.Struct("<qqqq")


class Severity(StrEnum):
    """How much it matters; routes and subscriptions choose by it."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One version of a rule; versions never change. text: its condition in canonical form;
    settings: the rest of it (target, clear, cooldown, channels ...), a JSON object in canonical
    form. made_ms: when this version was made; created_ms: when the first one was. owner_id: the
    user whose it is, None where it is the installation's."""

    id: int
    name: str
    version: int
    text: str
    settings: str
    origin: str
    enabled: bool
    created_ms: int
    made_ms: int
    owner_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """The states of one rule over the series of one block.

    version: of the rule. slot: the last one in which any of them changed. body: by the hand of who
    judges; a series that it does not tell of is at rest, so it is short where little happens. An
    empty one is of states that are no more: nothing of them is kept.
    """

    rule_id: int
    block_id: int
    version: int
    slot: int
    body: bytes

    @property
    def key(self) -> tuple[int, int]:
        return self.rule_id, self.block_id

    def encode(self) -> bytes:
        """The body and a CRC-32 over it and its name."""
        return self.body + self._check()

    def _check(self) -> bytes:
        name = _NAME.pack(self.rule_id, self.block_id, self.version, self.slot)
        return zlib.crc32(self.body, zlib.crc32(name)).to_bytes(_CRC_BYTES, "little")

    @classmethod
    def decode(
        cls, body: bytes, *, rule_id: int, block_id: int, version: int, slot: int
    ) -> States:  # fmt: skip
        """What `encode` wrote. Raises Invalid where it is damaged."""
        states = cls(rule_id=rule_id, block_id=block_id, version=version, slot=slot,
                     body=body[:-_CRC_BYTES])  # fmt: skip
        if states._check() != body[-_CRC_BYTES:]:
            raise Invalid(f"states of rule {rule_id} over block {block_id} are damaged")
        return states


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is remembered of one rule as a whole over the series of one interval, beside its states
    (domain.rule_memory). slot: the last one in which it changed."""

    rule_id: int
    interval_ms: int
    slot: int
    body: bytes

    @property
    def key(self) -> tuple[int, int]:
        return self.rule_id, self.interval_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One period in which a rule was active for a series.

    opened_ms, closed_ms: open of the slot with which it began and ended; closed_ms is None while
    it lasts. told_ms: open of the slot of this account: a later one replaces it. reason: why it
    closed. reopened_count: how often it was true again in its cooldown.
    """

    rule_id: int
    series_id: int
    version: int
    severity: Severity
    opened_ms: int
    told_ms: int
    closed_ms: int | None = None
    reason: str = ""
    reopened_count: int = 0

    def __post_init__(self) -> None:
        assert self.opened_ms <= self.told_ms
        assert self.closed_ms is None or self.opened_ms <= self.closed_ms <= self.told_ms

    @property
    def id(self) -> str:
        return f"{self.rule_id}-{self.series_id}-{self.opened_ms}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """Somebody has seen an episode."""

    by: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEpisode:
    """An episode as it is kept, and who acknowledged it."""

    episode: Episode
    acknowledged: Acknowledgement | None
