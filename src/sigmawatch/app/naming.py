"""Other names of markets: `btceur`, `my-btc`, and the ids that a venue has given up.

A market keeps its public name and its series their ids, so no rule, link or list breaks; another
name finds it wherever a market or a series is asked for by name, and one of them may be what it is
shown by. A name finds a tracked market only, and never hides one that a venue lists. Changes are
durable before they are seen, and other programs on the same database follow them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from sigmawatch.app.catalogue import Catalogue
from sigmawatch.domain.arrangement import Arrangement, ArrangementKind
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.errors import Conflict, Invalid, NotFound
from sigmawatch.domain.market import Market, MarketRef, parse_market
from sigmawatch.domain.metric import METRICS
from sigmawatch.ports.ledger import Ledger

ALIASES_MAX = 10_000
ALLOWED = "1 to 64 letters, digits, `-`, `_` and `.`, a letter first"
_WORD = re.compile(r"(?<![\w.:/-])[A-Za-z][\w.-]*(?::[a-z]\w*)?(?![\w.:/(-])", re.ASCII)
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """name: as it was written; found in any case. shown: the market is shown by it. by: who said
    so, empty where its venue did."""

    name: str
    venue: str
    native: str
    shown: bool = False
    by: str = ""

    @property
    def key(self) -> str:
        return self.name.upper()


class Names:
    """Every other name, by its upper case."""

    def __init__(self, catalogue: Catalogue, *, ledger: Ledger) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._found: dict[str, Alias] = {}

    async def recover(self) -> None:
        """Read them back."""
        self._become([
            Alias(**one.body) for one in await self._ledger.arrangements()
            if one.kind is ArrangementKind.ALIAS
        ])  # fmt: skip

    @property
    def all(self) -> Sequence[tuple[Alias, Market]]:
        """By name, those of markets that are tracked."""
        markets = {(one.market.venue, one.market.native): one.market
                   for one in self._catalogue.series}  # fmt: skip
        aliases = (self._found[key] for key in sorted(self._found))
        found = ((one, markets.get(_of(one))) for one in aliases)
        return [(alias, market) for alias, market in found if market is not None]

    def shown(self) -> Mapping[tuple[str, str], str]:
        """Venue and market id -> the name that the market is shown by."""
        return {_of(one): one.name for one in self._found.values() if one.shown}

    def meant(self, item: str) -> str:
        """An item of a target or a list, with the public name where another one is written."""
        name, separator, metric = item.strip().rpartition(":")
        if not separator or metric.lower() not in METRICS:
            name, separator, metric = item.strip(), "", ""
        market = self._catalogue.called(parse_or_none(name))
        return item if market is None else f"{market.name}{separator}{metric}"

    def spelled(self, formula: str) -> str:
        """A formula with public names where other ones are written: words of their own, for
        `my-btc` may also be a difference. What has none stays as it is, to be refused there."""
        return _WORD.sub(lambda found: self.meant(found[0]), formula)

    async def put(
        self, name: str, market: Market, *, shown: bool = False, by: Actor = OURSELVES
    ) -> tuple[Alias, bool]:
        """Have `name` find a tracked market; whether it is new. Where it is shown, no other name of
        that market is. Raises Invalid, Conflict."""
        if not _ALIAS.fullmatch(name):
            raise Invalid(f"{name[:64]!r} is no other name of a market", field="alias",
                          allowed=ALLOWED)  # fmt: skip
        self._check_free(name, market)
        before = self._found.get(name.upper())
        one = Alias(name=name, venue=market.venue, native=market.native, shown=shown,
                    by=by.caller.name)  # fmt: skip
        others = [
            replace(each, shown=False) for each in self._found.values()
            if shown and each.shown and _of(each) == _of(one) and each.key != one.key
        ]  # fmt: skip
        async with self._ledger.transaction() as transaction:
            for each in [*others, one]:
                await transaction.arrangements.put(_arrangement(each))
            await transaction.audit.append(by.did(
                "alias.put", f"{name} of {market.name}",
                before=None if before is None else asdict(before), after=asdict(one),
            ))  # fmt: skip
        self._become([*self._found.values(), *others, one])
        return one, before is None

    def _check_free(self, name: str, market: Market) -> None:
        stands = self._found.get(name.upper())
        if stands is None and len(self._found) >= ALIASES_MAX:
            raise Invalid(f"there are {ALIASES_MAX:,} other names already", field="alias")
        if stands is not None and _of(stands) != (market.venue, market.native):
            raise Conflict(f"{stands.name} is another market's name", field="alias")
        ref = parse_or_none(name)
        if ref is not None and any(ref.names(one) for one in self._catalogue.markets()
                                   if one.native != market.native):  # fmt: skip
            raise Conflict(f"a venue lists a market that {name} names", field="alias")

    async def remove(self, name: str, *, by: Actor = OURSELVES) -> None:
        """Raises NotFound."""
        one = self.find(name)
        async with self._ledger.transaction() as transaction:
            await transaction.arrangements.remove(ArrangementKind.ALIAS, one.key)
            await transaction.audit.append(by.did("alias.remove", one.name, before=asdict(one)))
        self._become([each for each in self._found.values() if each is not one])

    def find(self, name: str) -> Alias:
        """Raises NotFound."""
        if name.upper() not in self._found:
            raise NotFound(f"no market has the other name {name[:64]!r}", field="alias",
                           allowed=", ".join(list(self._found)[:5]) or "there is none yet"
                           )  # fmt: skip
        return self._found[name.upper()]

    async def rename(self, venue: str, renamed: Mapping[str, str]) -> None:
        """A venue calls some markets otherwise now: the ids they had go on finding them."""
        moved = [replace(one, native=renamed[one.native]) for one in self._found.values()
                 if one.venue == venue and one.native in renamed]  # fmt: skip
        given_up = [
            Alias(name=before, venue=venue, native=native) for before, native in renamed.items()
            if before.upper() not in self._found
        ]  # fmt: skip
        async with self._ledger.transaction() as transaction:
            for one in [*moved, *given_up]:
                await transaction.arrangements.put(_arrangement(one))
        self._become([*self._found.values(), *moved, *given_up])

    def _become(self, aliases: Sequence[Alias]) -> None:
        self._found = {one.key: one for one in aliases}
        self._catalogue.call({one.key: _of(one) for one in self._found.values()})


def parse_or_none(text: str) -> MarketRef | None:
    """What a person wrote for a market; None where it is no market."""
    try:
        return parse_market(text)
    except Invalid:
        return None


def _of(one: Alias) -> tuple[str, str]:
    return one.venue, one.native


def _arrangement(one: Alias) -> Arrangement:
    return Arrangement(kind=ArrangementKind.ALIAS, name=one.key, body=asdict(one))
