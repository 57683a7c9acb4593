"""What is paused: markets, and whole venues. Nothing is asked of them, their slots say `paused`,
and rules are not judged over them, until somebody has them go on.

A slot in which a market was paused stays empty: nobody fetches it afterwards
(docs/decisions/0034-what-is-paused-stays-empty.md). Changes are durable before they are seen, and
other programs on the same database follow them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from sigmawatch.app.catalogue import EVERY, Catalogue
from sigmawatch.app.collector import Collector
from sigmawatch.app.stations import Stations
from sigmawatch.domain.arrangement import Arrangement, ArrangementKind
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.market import Market
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """native: a market's id, EVERY for the whole venue. by: who said so."""

    venue: str
    native: str
    since_ms: int
    by: str

    @property
    def key(self) -> tuple[str, str]:
        return self.venue, self.native


class Pauses:
    """Every pause by venue and market id."""

    def __init__(
        self, catalogue: Catalogue, *, ledger: Ledger, clock: Clock, stations: Stations
    ) -> None:  # fmt: skip
        self._catalogue = catalogue
        self._ledger = ledger
        self._clock = clock
        self._stations = stations
        self._found: Mapping[tuple[str, str], Pause] = {}

    async def recover(self) -> None:
        """Read them back."""
        stored = await self._ledger.arrangements()
        self._become(
            Pause(**one.body) for one in stored if one.kind is ArrangementKind.PAUSE
        )  # fmt: skip

    async def pause(
        self, venue: str, market: Market | None = None, *, by: Actor = OURSELVES
    ) -> bool:
        """Ask nothing more of a market, or of a venue; whether that is new."""
        native = EVERY if market is None else market.native
        if (venue, native) in self._found:
            return False
        one = Pause(venue=venue, native=native, since_ms=self._clock.now_ms(), by=by.caller.name)
        async with self._ledger.transaction() as transaction:
            await transaction.arrangements.put(_arrangement(one))
            what, about = _said("pause", venue, market=market)
            await transaction.audit.append(by.did(what, about, after=asdict(one)))
        self._become([*self._found.values(), one])
        return True

    async def resume(
        self, venue: str, market: Market | None = None, *, by: Actor = OURSELVES
    ) -> bool:
        """Ask again; whether it was paused."""
        one = self._found.get((venue, EVERY if market is None else market.native))
        if one is None:
            return False
        async with self._ledger.transaction() as transaction:
            await transaction.arrangements.remove(ArrangementKind.PAUSE, _name(one))
            what, about = _said("resume", venue, market=market)
            await transaction.audit.append(by.did(what, about))
        self._become(each for each in self._found.values() if each is not one)
        return True

    async def rename(self, venue: str, renamed: Mapping[str, str]) -> None:
        """A venue calls some markets otherwise now: what is paused stays paused."""
        for one in [one for one in self._found.values()
                    if one.venue == venue and one.native in renamed]:  # fmt: skip
            new = replace(one, native=renamed[one.native])
            async with self._ledger.transaction() as transaction:
                await transaction.arrangements.remove(ArrangementKind.PAUSE, _name(one))
                await transaction.arrangements.put(_arrangement(new))
            others = (each for each in self._found.values() if each is not one)
            self._become([*others, new])

    def _become(self, pauses: Iterable[Pause]) -> None:
        self._found = {one.key: one for one in pauses}
        self._catalogue.pause(self._found)
        for collector in self._stations.collectors:
            self._tell(collector)

    def _tell(self, collector: Collector) -> None:
        """How its venue is now; where that is new, nothing more is fetched of its past, or what is
        missing of it is."""
        whole = self._found.get((collector.name, EVERY))
        detail = f"by {whole.by}" if whole else ""
        if collector.health.pause(
            whole is not None, now_ms=self._clock.now_ms(), detail=detail
        ):  # fmt: skip
            if whole is not None:
                self._stations.cancel_backfill(collector.name)
            else:
                self._stations.want_backfill(collector.name)


def _name(one: Pause) -> str:
    return f"{one.venue}:{one.native}"


def _arrangement(one: Pause) -> Arrangement:
    return Arrangement(kind=ArrangementKind.PAUSE, name=_name(one), body=asdict(one))


def _said(what: str, venue: str, *, market: Market | None) -> tuple[str, str]:
    """What was done, to what, as the audit log has it."""
    if market is None:
        return f"venue.{what}", venue
    return f"market.{what}", market.name
