"""What the frames of all venues have in common: rows, each checked for itself.

The parser rule of EXCHANGES.md 2: fields are typed loosely and converted per market under a guard,
so that one null, "" or "NaN" costs its own row and nothing else. A frame of one market is read
field by field, since arrays pay only for many.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.market import Market
from sigmawatch.domain.reading import positive, quantity
from sigmawatch.domain.stream import Channel, Quotes, Said, StreamTraits, Trade, Trades

T = TypeVar("T")
Time = Callable[[object], int]  # milliseconds of what a venue wrote; raises Invalid

EVENT_AHEAD_MS = 60_000  # no clock of a venue is so far ahead of ours
EVENT_BEHIND_MS = 7 * 86_400_000
_MISSING = float("nan")
_UNREAD = "row"


class Dialect(Protocol):
    """How one venue speaks on one connection. Pure: texts in, values out."""

    TRAITS: StreamTraits
    URL: str  # of the public service
    PATH: str  # the same place at another base

    def request(self, channel: Channel, markets: Sequence[Market], *, number: int) -> str:
        """The text that subscribes; their names are known from then on."""
        ...

    def ping(self, number: int) -> str | None:
        """The text that keeps the connection; None where nothing need be said."""
        ...

    def read(self, frame: bytes, *, recv_ms: int) -> Sequence[Said]:
        """What a frame says; never raises."""
        ...


class QuoteRow(NamedTuple):
    """One market of a ticker frame, unread. vwap: what turns a base volume into a quote one."""

    native: str
    time: Any
    price: Any
    base: Any
    quote: Any = None
    vwap: Any = None


class TradeRow(NamedTuple):
    """One trade, unread."""

    native: str
    id: Any
    time: Any
    price: Any
    base: Any


def quotes_of(
    rows: Iterable[QuoteRow], *, time: Time, recv_ms: int, rejected: dict[str, str], derived: bool
) -> Quotes:
    """Checked columns. time: how the venue writes one. derived: the quote volume is computed, not
    quoted."""
    natives, events = [], array("q")
    prices, bases, quotes = array("d"), array("d"), array("d")
    for row in rows:
        event_ms = _event_ms(row, time, rejected=rejected)
        if event_ms is None:
            continue
        try:
            price = positive(row.price)
            _check_event(event_ms, recv_ms)
        except Invalid as error:
            rejected[row.native] = f"price: {error}"
            continue
        base = _amount(row, row.base, rejected=rejected)
        natives.append(row.native)
        events.append(event_ms)
        prices.append(price)
        bases.append(base)
        worth = (
            _worth(row, base, rejected=rejected)
            if derived
            else _amount(row, row.quote, rejected=rejected)
        )
        quotes.append(worth)
    return Quotes(
        natives=tuple(natives), event_ms=events, recv_ms=recv_ms, rejected=rejected,
        columns={"price": prices, "volume_24h_base": bases, "volume_24h_quote": quotes},
        derived=frozenset({"volume_24h_quote"} if derived else ()),
    )  # fmt: skip


def trades_of(
    rows: Iterable[TradeRow], *, time: Time, recv_ms: int, rejected: dict[str, str]
) -> Trades:
    """Checked trades, in the order told. time: as above."""
    items = []
    for row in rows:
        event_ms = _event_ms(row, time, rejected=rejected)
        if event_ms is None:
            continue
        try:
            if type(row.id) is not int or row.id < 0:
                raise Invalid(f"no number of a trade: {row.id!r:.40}")
            _check_event(event_ms, recv_ms)
            items.append(Trade(native=row.native, id=row.id, price=positive(row.price),
                               base=quantity(row.base), event_ms=event_ms))  # fmt: skip
        except Invalid as error:
            rejected[row.native] = f"trade: {error}"
    return Trades(items=tuple(items), rejected=rejected)


def rows_of(
    raw: bytes | msgspec.Raw,
    decoders: tuple[msgspec.json.Decoder[list[T]], msgspec.json.Decoder[T]],
    *,
    rejected: dict[str, str],
) -> list[T]:
    """All rows at once; where one is odd, each for itself. Raises ValueError for no list."""
    every, single = decoders
    try:
        return every.decode(raw)
    except (ValueError, RecursionError):
        rows = []
        for number, one in enumerate(_RAWS.decode(raw)):
            try:
                rows.append(single.decode(one))
            except (ValueError, RecursionError) as error:
                rejected[f"row {number}"] = f"{_UNREAD}: {error}"
        return rows


def rfc3339_ms(text: object) -> int:
    """Milliseconds of "2026-08-12T19:29:00.921195Z". Raises Invalid."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1_000)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise Invalid(f"no time: {text!r:.40}") from None


def whole_ms(raw: object) -> int:
    """Milliseconds that a venue wrote as a number. Raises Invalid."""
    if type(raw) is not int:
        raise Invalid(f"no time: {raw!r:.40}")
    return raw


def known(symbols: Mapping[str, str], raw: object, *, rejected: dict[str, str]) -> str | None:
    """Our id of the market that a venue calls `raw`; None, written down, where we asked for none
    of that name."""
    native = symbols.get(raw) if isinstance(raw, str) else None
    if native is None:
        rejected[f"{raw!r:.40}"] = "unknown: a market that was not asked for"
    return native


def _event_ms(row: QuoteRow | TradeRow, time: Time, *, rejected: dict[str, str]) -> int | None:
    try:
        return time(row.time)
    except Invalid as error:
        rejected[row.native] = f"time: {error}"
        return None


def _check_event(event_ms: int, recv_ms: int) -> None:
    if not recv_ms - EVENT_BEHIND_MS <= event_ms <= recv_ms + EVENT_AHEAD_MS:
        raise Invalid(f"a time that is not near {recv_ms}: {event_ms!r:.40}")


def _amount(row: QuoteRow, raw: object, *, rejected: dict[str, str]) -> float:
    try:
        return quantity(raw)
    except Invalid as error:
        rejected[row.native] = f"volume: {error}"
        return _MISSING


def _worth(row: QuoteRow, base: float, *, rejected: dict[str, str]) -> float:
    """What did not trade has no average price, and no worth."""
    try:
        return quantity(0.0 if base == 0.0 else base * positive(row.vwap))
    except Invalid as error:
        rejected[row.native] = f"volume: {error}"
        return _MISSING


_RAWS = msgspec.json.Decoder(list[msgspec.Raw])
