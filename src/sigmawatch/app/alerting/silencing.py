"""The silences of one program: what nobody is told of, and until when."""

from __future__ import annotations

from collections.abc import Sequence

from sigmawatch.app.alerting.rulebook import Tell, nobody
from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.window import DAY_MS
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.ledger import Ledger

SILENCES_MAX = 1_000  # in force at a time
KEPT_MS = 2 * DAY_MS  # in memory, after their end: slots of the past may still be judged


class Silencing:
    """Every silence that may matter. Changes are durable before they are seen. tell:
    called after every change."""

    def __init__(self, *, ledger: Ledger, alerts: AlertStore, clock: Clock) -> None:
        self._ledger = ledger
        self._alerts = alerts
        self._clock = clock
        self._silences: dict[int, Silence] = {}
        self.tell: Tell = nobody

    async def follow(self) -> None:
        """Take over what is stored: at a start, and where another program changed it."""
        found = await self._alerts.silences(after_ms=self._clock.now_ms() - KEPT_MS)
        self._silences = {one.id: one for one in found}

    def at(self, ts_ms: int) -> Sequence[Silence]:
        """Those in force at a moment; of a slot ask for its end."""
        return [one for one in self._silences.values() if one.holds(ts_ms)]

    @property
    def in_force(self) -> Sequence[Silence]:
        """Now, the one that ends first before the others."""
        return sorted(self.at(self._clock.now_ms()), key=lambda one: (one.until_ms, one.id))

    async def add(self, silence: Silence) -> Silence:
        """With its id. Raises Invalid where it is over already or there are too many."""
        if silence.until_ms <= self._clock.now_ms():
            raise Invalid("the end of a silence lies ahead", field="until",
                          allowed="as 2h, or 2027-01-31T18:00:00Z")  # fmt: skip
        if len(self.in_force) >= SILENCES_MAX:
            raise Invalid(f"there are {SILENCES_MAX:,} silences already", field="target",
                          allowed="end one that is not needed")  # fmt: skip
        async with self._ledger.transaction() as transaction:
            kept = await transaction.silences.add(silence)
        self._silences[kept.id] = kept
        await self.tell()
        return kept

    async def end(self, silence_id: int) -> Silence:
        """Now. Raises NotFound where there is none."""
        now_ms = self._clock.now_ms()
        async with self._ledger.transaction() as transaction:
            ended = await transaction.silences.end(silence_id, at_ms=now_ms)
        if ended is None:
            raise NotFound(f"there is no silence {silence_id}", field="silence")
        self._silences[ended.id] = ended
        await self.tell()
        return ended
