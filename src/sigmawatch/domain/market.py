"""Markets: a pair at a venue, its public name and the many ways people write it.

Identity is (venue, the venue's own id); the public name is `KRAKEN:BTC/USD`. Names come from
strangers: what is not printable, or holds one of our separators, is refused at birth.
Imports domain.errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sigmawatch.domain.errors import Invalid

NAME_MAX = 64
_VENUE = re.compile(r"[A-Z][A-Z0-9_]{0,31}", re.ASCII)
SEPARATORS = frozenset(":/,?#&% \\")

# Other spellings of one asset, resolved for input and display alike. We speak to a venue in its own
# market ids only.
ALIASES: Mapping[str, str] = MappingProxyType({
    "XBT": "BTC",
    "XXBT": "BTC",
    "XDG": "DOGE",
    "XXDG": "DOGE",
    "XETH": "ETH",
    "ZUSD": "USD",
    "ZEUR": "EUR",
    "MIOTA": "IOTA",
})  # fmt: skip

# Renames, understood on input only: a venue may list both for a while, as two markets.
RENAMES: Mapping[str, str] = MappingProxyType({
    "BCHABC": "BCH",
    "MATIC": "POL",
    "EOS": "A",
    "RNDR": "RENDER",
    "FTM": "S",
})  # fmt: skip


class MarketStatus(StrEnum):
    """`online` trades; `halted` is listed without trading; `delisted` is gone or so marked."""

    ONLINE = "online"
    HALTED = "halted"
    DELISTED = "delisted"


def asset(code: str) -> str:
    """The one name of an asset: upper case, aliases resolved."""
    folded = code.strip().upper()
    return ALIASES.get(folded, folded)


def venue_name(text: str) -> str:
    """A venue's public name, upper case. Raises Invalid where it could not be one."""
    folded = text.strip().upper()
    if not _VENUE.fullmatch(folded):
        raise Invalid(
            f"{text!r} is no venue name", field="venue", allowed="letters, digits, underscore"
        )
    return folded


def _checked(part: str, *, what: str) -> str:
    clean = 0 < len(part) <= NAME_MAX and part.isprintable() and SEPARATORS.isdisjoint(part)
    if not clean:
        raise Invalid(f"a market's {what} must be 1 to {NAME_MAX} printable characters "
                      f"without separators, was {part[:NAME_MAX]!r}", field=what)  # fmt: skip
    return part


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A pair at a venue. `native` is the venue's own id, kept as it was given."""

    venue: str
    base: str
    quote: str
    native: str
    status: MarketStatus = MarketStatus.ONLINE

    def __post_init__(self) -> None:
        assert self.venue == venue_name(self.venue)
        _checked(self.base, what="base")
        _checked(self.quote, what="quote")
        if not 0 < len(self.native) <= NAME_MAX or not self.native.isprintable():
            raise Invalid(f"a market id must be 1 to {NAME_MAX} printable characters, "
                          f"was {self.native[:NAME_MAX]!r}", field="native")  # fmt: skip

    @property
    def pair(self) -> str:
        return f"{self.base}/{self.quote}"

    @property
    def name(self) -> str:
        return f"{self.venue}:{self.base}/{self.quote}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRef:
    """What a person wrote for a market: any venue, any separator, any alias, any case."""

    text: str
    venue: str | None
    pair: str

    def names(self, market: Market) -> bool:
        """Whether this reference may mean `market`."""
        if self.venue is not None and self.venue != market.venue:
            return False
        if self.pair == market.native.upper():
            return True
        base, separator, quote = self.pair.partition("/")
        if separator:
            return _same(base, market.base) and _same(quote, market.quote)
        return any(
            _same(self.pair[:cut], market.base) and _same(self.pair[cut:], market.quote)
            for cut in range(1, len(self.pair))
        )


def _same(written: str, listed: str) -> bool:
    folded = asset(written)
    return listed in (folded, RENAMES.get(folded))


def parse_market(text: str) -> MarketRef:
    """Read `KRAKEN:BTC/USD`, `kraken:btc-usd`, `BTC_USD`, `BTCUSD` or a venue's own id.

    Raises Invalid where it is none of them.
    """
    venue, separator, pair = text.strip().rpartition(":")
    folded = pair.strip().upper()
    for mark in "-_":
        if folded.count(mark) == 1 and "/" not in folded:
            folded = folded.replace(mark, "/")
    parts = folded.split("/")
    if len(parts) > 2 or not all(parts) or len(folded) > 2 * NAME_MAX or not folded.isprintable():
        raise Invalid(
            f"{text[:NAME_MAX]!r} is no market", field="market",
            allowed="VENUE:BASE/QUOTE, as KRAKEN:BTC/USD; or BASE/QUOTE, BASE-QUOTE, BASEQUOTE",
        )  # fmt: skip
    return MarketRef(text=text.strip(), venue=venue_name(venue) if separator else None, pair=folded)
