"""What a venue says on a stream, frame by frame, parsed once at the edge.

A frame becomes zero or more of these values, each about one thing; a market that cannot be read is
missing and named in `rejected`, its neighbours stand (SEMANTICS.md 1). Also what a venue's stream
can do, as data, and how one stream is. Imports domain.reading.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Channel(StrEnum):
    """What may be subscribed to, for one market."""

    QUOTES = "quotes"  # the newest price and what is told with it
    TRADES = "trades"  # every trade


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTraits:
    """What a venue's stream can do.

    levels: metrics that its quotes carry. lasting: those of them that hold until the stream says
    otherwise; a rolling figure moves on without a word, and is worth nothing once it is old.
    chunk_max: markets in one request. request_every_ms: between two requests, no faster.
    silence_ms: without any frame for so long the connection is dead. begins_with: channels that
    speak up at once when they are subscribed to. whole: channels that come for all markets, asked
    for once. ping_every_ms: how often we must say something, 0 for never. life_ms: how old a
    connection may become before it is replaced. markets_max: markets on one connection.
    """

    levels: frozenset[str]
    lasting: frozenset[str]
    chunk_max: int
    request_every_ms: int
    silence_ms: int = 5_000
    begins_with: frozenset[Channel] = frozenset()
    whole: frozenset[Channel] = frozenset()
    ping_every_ms: int = 0
    life_ms: int | None = None
    markets_max: int = 5_000

    def __post_init__(self) -> None:
        assert self.lasting <= self.levels
        assert self.chunk_max > 0
        assert self.request_every_ms > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Newest figures of some markets.

    natives: market ids. columns: metric -> float64[markets], NaN where missing or refused.
    event_ms: int64[markets], the venue's clock. derived: metrics computed, not quoted.
    """

    natives: tuple[str, ...]
    columns: Mapping[str, array[float]]
    event_ms: array[int]
    recv_ms: int
    derived: frozenset[str] = frozenset()
    rejected: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert all(len(column) == len(self.natives) for column in self.columns.values())
        assert len(self.event_ms) == len(self.natives)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One trade. id: the venue's number of it, one more than that of the trade before."""

    native: str
    id: int
    price: float
    base: float
    event_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """Trades in the order told."""

    items: tuple[Trade, ...]
    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The venue says which trade of a market is the newest, so that a lost one is noticed."""

    native: str
    trade_id: int
    event_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A subscription is confirmed. natives: None where the answer is to a request as a whole."""

    channel: Channel | None = None
    natives: tuple[str, ...] | None = None
    request: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A subscription is refused, and why. final: asking again will not help."""

    why: str
    channel: Channel | None = None
    natives: tuple[str, ...] | None = None
    request: int | None = None
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The venue tells how it is: `trading` is false while it is being maintained."""

    trading: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """The venue is about to close this connection."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A frame that is none of the protocol's."""

    why: str


Said = Quotes | Trades | Newest | Taken | Declined | Condition | Leaving | Unread


class StreamState(StrEnum):
    """How a stream is."""

    IDLE = "idle"  # nothing is wanted of it
    CONNECTING = "connecting"
    LIVE = "live"
    MAINTENANCE = "maintenance"
    DOWN = "down"  # waiting to connect again; the venue is polled meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """A stream as an operator wants to see it. Counts are since the start of the program.

    subscribed, wanted: subscriptions (a market and a channel). bad_frames: frames that were none.
    duplicates: trades told twice. gaps: runs of trades that were never told.
    """

    state: StreamState
    since_ms: int
    detail: str = ""
    heard_ms: int | None = None
    subscribed: int = 0
    wanted: int = 0
    connections: int = 0
    frames: int = 0
    bad_frames: int = 0
    refused: int = 0
    trades: int = 0
    duplicates: int = 0
    gaps: int = 0
