"""The storage under the database as a user sees it. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StorageState(StrEnum):
    """What the storage is for us right now. Whatever it is, what was shown is stored."""

    OK = "ok"
    FULL = "full"  # no room: small things are stored in a reserve, readings wait in memory
    READ_ONLY = "read_only"
    FAILED = "failed"  # the disk, or the database on it, failed
    AWAY = "away"  # a database elsewhere does not answer


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageStatus:
    """The storage's state, since when, and why in one line.

    since_ms: UTC. since_monotonic_ms: the same moment on the clock that ages are told by.
    doubtful: what memory holds may differ from what is stored; only a restart finds out, so the
    program ends.
    """

    state: StorageState
    since_ms: int
    since_monotonic_ms: int
    reason: str = ""
    doubtful: bool = False

    def __post_init__(self) -> None:
        assert bool(self.reason) is (self.state is not StorageState.OK)
        assert not (self.doubtful and self.state is StorageState.OK)

    def __str__(self) -> str:
        return f"storage {self.state.replace('_', ' ')}: {self.reason}"
