"""Which markets a venue lists now, and under which names. Changes are scripted by faults."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sigmawatch_simulator.market import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """From now on (whoever holds the change decides) a market is away or has another name."""

    market: str  # the venue's id, or BASE/QUOTE
    new_id: str | None = None  # None: not listed


@dataclass(frozen=True, slots=True)
class Listings:
    """An immutable list: position in the model, current id."""

    markets: tuple[Market, ...]
    ids: tuple[str, ...]  # [markets], "" where not listed
    changes: tuple[Change, ...] = ()
    positions: dict[str, int] = field(default_factory=dict)
    listed: tuple[int, ...] = ()

    @classmethod
    def of(cls, markets: tuple[Market, ...], changes: Iterable[Change] = ()) -> "Listings":
        chosen = tuple(changes)
        new = {change.market: change.new_id or "" for change in chosen}
        ids = tuple(new.get(m.id, new.get(m.pair, m.id)) for m in markets)
        listed = tuple(position for position, name in enumerate(ids) if name)
        positions = {ids[position]: position for position in listed}
        return cls(markets, ids, chosen, positions, listed)

    def all_listed(self) -> bool:
        return len(self.listed) == len(self.markets)

    def gone(self) -> list[Market]:
        """Markets that a change took away."""
        return [m for m, name in zip(self.markets, self.ids, strict=True) if not name]
