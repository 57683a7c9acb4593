"""The silences of one program: what nobody is told of, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigmawatch.app.access.owning import check_theirs, sees, visible
from sigmawatch.app.alerting.rulebook import Tell, nobody
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.caller import Caller, Scope
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

    def visible(self, caller: Caller) -> Sequence[Silence]:
        """Those in force that exist for a caller."""
        return visible(self.in_force, caller)

    def find(self, silence_id: int, *, by: Caller | None = None) -> Silence:
        """In force, and to exist for `by`. Raises NotFound."""
        found = self._silences.get(silence_id)
        if found is None or not found.holds(self._clock.now_ms()) or not sees(found, by):
            raise NotFound(f"there is no silence {silence_id}", field="silence")
        return found

    async def add(self, silence: Silence, *, by: Actor = OURSELVES) -> Silence:
        """With its id. An admin's is the installation's: it holds for everybody's rules, a user's
        for their own. Raises Invalid where it is over already or there are too many."""
        owner_id = None if by.caller.may(Scope.ADMIN) else by.caller.user_id
        silence = replace(silence, owner_id=owner_id)
        if silence.until_ms <= self._clock.now_ms():
            raise Invalid("the end of a silence lies ahead", field="until",
                          allowed="as 2h, or 2027-01-31T18:00:00Z")  # fmt: skip
        if len(self.in_force) >= SILENCES_MAX:
            raise Invalid(f"there are {SILENCES_MAX:,} silences already", field="target",
                          allowed="end one that is not needed")  # fmt: skip
        async with self._ledger.transaction() as transaction:
            kept = await transaction.silences.add(silence)
            await transaction.audit.append(by.did(
                "silence.add", f"silence {kept.id}", after=_said(kept)
            ))  # fmt: skip
        self._silences[kept.id] = kept
        await self.tell()
        return kept

    async def end(self, silence_id: int, *, by: Actor = OURSELVES) -> Silence:
        """Now. Raises NotFound where there is none, NotPermitted."""
        now_ms, before = self._clock.now_ms(), self._silences.get(silence_id)
        if before is not None:
            self._check_theirs(before, by)
        async with self._ledger.transaction() as transaction:
            ended = await transaction.silences.end(silence_id, at_ms=now_ms)
            if ended is not None:
                await transaction.audit.append(by.did(
                    "silence.end", f"silence {silence_id}", before=_said(before),
                    after=_said(ended),
                ))  # fmt: skip
        if ended is None:
            raise NotFound(f"there is no silence {silence_id}", field="silence")
        self._silences[ended.id] = ended
        await self.tell()
        return ended

    def _check_theirs(self, silence: Silence, by: Actor) -> None:
        if not sees(silence, by.caller):
            raise NotFound(f"there is no silence {silence.id}", field="silence")
        check_theirs(silence, by, name=f"silence {silence.id}")


def _said(silence: Silence | None) -> dict[str, object] | None:
    if silence is None:
        return None
    return {"target": silence.target.items, "rule": silence.rule, "from_ms": silence.from_ms,
            "until_ms": silence.until_ms, "owner": silence.owner_id}  # fmt: skip
