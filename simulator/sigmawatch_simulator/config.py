"""What to simulate: one frozen value, checked at birth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sigmawatch_simulator.clock import SPEED_MAX
from sigmawatch_simulator.errors import BadRequest
from sigmawatch_simulator.faults import Fault
from sigmawatch_simulator.venues.stage import VENUES

MARKETS_MAX = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Defaults: every venue, 50 markets each, the host's time, free ports on loopback."""

    venues: tuple[str, ...] = VENUES
    markets_count: int = 50  # per venue
    seed: int = 7
    start_ms: int | None = None  # None: the host's time (script: 24 h after its first candle)
    speed: float = 1.0  # 0 stands still
    skew_ms: int = 0
    script: Path | None = None  # a recorded candle file, or a folder of them
    limited: bool = True  # the venues' request limits
    ports: Mapping[str, int] = field(default_factory=dict)  # venue or "control" -> port, 0: free
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise BadRequest("; ".join(problems))

    def _problems(self) -> Iterator[str]:
        if not 1 <= self.markets_count <= MARKETS_MAX:
            yield f"markets_count: must lie in 1..{MARKETS_MAX}, was {self.markets_count}"
        if not 0.0 <= self.speed <= SPEED_MAX:
            yield f"speed: must lie in 0..{SPEED_MAX:g}, was {self.speed:g}"
        unknown = [venue for venue in self.venues if venue not in VENUES]
        if unknown or not self.venues:
            yield f"venues: must be some of {', '.join(VENUES)}, was {list(self.venues)}"
        for name in self.ports:
            if name not in (*VENUES, "control"):
                yield f"ports: {name!r} is neither a venue nor control"
