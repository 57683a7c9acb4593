"""Judging: every closed slot is heard once, in order; what is decided is durable before it shows.

The frames of a slot are committed as they come; what is decided on it (states, episodes, notices,
and the mark through which slot everything is judged) is one transaction of its own. A kill between
the two loses nothing: the slots after the mark are heard again, from the same frames
(docs/decisions/0013). A block whose frame has not come is waited for over two slots, then judged
by what is there (SEMANTICS.md 6). The slots that we were down for wait for their venue's back-fill,
but for no more than `PATIENCE_MS`, and what came since waits behind them (section 7: "Missed slots
are replayed from back-fill").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

import structlog

from sigmawatch.app.docket import Case, Docket, slots_max
from sigmawatch.app.readings import Readings
from sigmawatch.app.telemetry.telemetry import Stage, Telemetry
from sigmawatch.domain.alert import Episode, Remembered, States
from sigmawatch.domain.errors import Invalid, StorageUnavailable
from sigmawatch.domain.frame import Frame, Patch
from sigmawatch.domain.window import MINUTE_MS, Interval
from sigmawatch.engine.judge import Decisions, Glance, Hearing, Judge
from sigmawatch.engine.snapshot import Board
from sigmawatch.ports.alerts import AlertStore
from sigmawatch.ports.ledger import Ledger

WAITED_SLOTS = 2
PATIENCE_MS = 2 * MINUTE_MS  # of slot time, for back-fill: a venue may never be back
AT_ONCE_MAX = 60  # slots heard before the next board is shown: a backlog is heard in parts

T = TypeVar("T")
log = structlog.get_logger()


class Past(NamedTuple):
    """A slot that is over. framed: whether any frame of it came."""

    slot: int
    framed: bool


class Court(Protocol):
    """What judging needs of the tracker."""

    def blocks(self, interval: Interval) -> frozenset[int]:
        """All there are."""
        ...

    def awaited(self, interval: Interval, slot: int) -> frozenset[int]:
        """Blocks whose final word on an ended slot has not come."""
        ...

    def filling(self, interval: Interval) -> frozenset[int]:
        """Blocks whose past since we were last up may still be filled."""
        ...

    async def past(self, interval: Interval, *, from_slot: int, to_slot: int) -> Sequence[Past]:
        """The slots in [from_slot, to_slot) that can still be closed."""
        ...

    async def board(self, interval: Interval, slot: int) -> Board:
        """A closed slot by what is known of it now."""
        ...

    def look_again(self) -> None:
        """There is more to be judged: soon, without another slot."""
        ...

    async def hear(self, work: Callable[[T], Decisions], hearing: T) -> Decisions:
        """`work` in the compute thread."""
        ...


class Judging:
    """One judge over every interval. Not for two callers at a time. tell: called with every episode
    that was opened, changed or closed, once that is durable."""

    def __init__(
        self, judge: Judge, *, ledger: Ledger, alerts: AlertStore, telemetry: Telemetry
    ) -> None:
        self._judge = judge
        self._telemetry = telemetry
        self._ledger = ledger
        self._alerts = alerts
        self._states: dict[tuple[int, int], States] = {}
        self._memories: dict[tuple[int, int], Remembered] = {}
        self._dockets: dict[Interval, Docket] = {}
        self._boards: dict[Interval, Board] = {}  # of the slots heard last
        self._readings = Readings()
        self._since_ms = 0  # before it nothing could be stored, or we were down
        self._postponed = False
        self.tell: Callable[[Sequence[Episode]], None] | None = None

    async def recover(self, now_ms: int) -> None:
        """States and marks as the last life left them."""
        self._since_ms = now_ms
        self._states = {one.key: one for one in await self._alerts.states()}
        self._memories = {one.key: one for one in await self._alerts.memories()}
        for interval, slot in (await self._alerts.judged_through()).items():
            self._dockets[interval] = Docket(newest=slot, slots_max=slots_max(interval))

    async def judge(self, board: Board, court: Court, *, awaited: frozenset[int]) -> None:
        """Hear what can be heard up to the board's slot; it is durable afterwards. While nothing
        can be stored nothing is decided: that is heard again the next time.

        awaited: of the board's slot, as it was before the board was made: what came since is not
        on it."""
        if self._judge.idle:
            self._dockets.pop(board.interval, None)
            self._readings.forget(board.interval)
            return
        try:
            await self._judged(board, court, awaited=awaited)
            await self._hear_readings(board.interval, board.slot + 1, court=court)
        except StorageUnavailable as exc:
            self._postponed = True
            log.warning("judging_postponed", slot=board.slot, reason=str(exc))

    async def _judged(self, board: Board, court: Court, *, awaited: frozenset[int]) -> None:
        docket = self._dockets.get(board.interval) or await self._begun(board)
        if self._postponed:
            self._since_ms, self._postponed = board.interval.open_ms(board.slot + 1), False
        filling = self._filling(board, court)
        for slot in await self._due(docket, board, court=court, filled=bool(filling)):
            docket.enter(slot, court.blocks(board.interval))
        held: frozenset[int] = frozenset()  # not heard on an earlier slot yet
        heard_count = 0
        for case in list(docket.cases):
            if heard_count == AT_ONCE_MAX:
                court.look_again()
                break
            await self._hear_readings(board.interval, case.slot, court=court)
            newest = case.slot == board.slot
            silent = awaited if newest else court.awaited(board.interval, case.slot)
            if case.slot <= board.slot - WAITED_SLOTS:
                silent = frozenset()
            if case.slot < board.interval.slot(self._since_ms):
                silent |= filling
            blocks = case.waiting - silent - held
            if blocks or not case.waiting:
                shown = (
                    board if newest else await self._shown(board.interval, case.slot, court=court)
                )
                if shown is None:
                    docket.drop(case)
                    continue
                self._boards[board.interval] = shown
                hearing = Hearing(board=shown, blocks=blocks, awaited=silent | held,
                                  before=case.before, states=self._states,
                                  memories=self._memories)  # fmt: skip
                await self._hear(docket, case, hearing=hearing, court=court)
                heard_count += 1
            held |= case.waiting

    async def _hear(self, docket: Docket, case: Case, *, hearing: Hearing, court: Court) -> None:
        interval = hearing.board.interval
        moment_ms = interval.open_ms(case.slot)
        with self._telemetry.stage(Stage.JUDGE, moment_ms, interval=str(interval)):
            decisions = await court.hear(self._judge.judge, hearing)
            assert decisions.left <= hearing.blocks
            assert all(one.slot == case.slot for one in decisions.states)
            left = (case.waiting - hearing.blocks) | decisions.left
            await self._store(decisions, interval, through=docket.mark(case, left=left))
        self._keep(decisions)
        docket.note(case, left=left)

    async def _shown(self, interval: Interval, slot: int, *, court: Court) -> Board | None:
        """The board of an earlier slot; None where the table no longer holds what it takes: while
        one waits, slots of a few seconds grow old."""
        try:
            return await court.board(interval, slot)
        except Invalid as exc:
            log.warning("slot_not_judged", slot=slot, reason=str(exc))
            return None

    # Readings of running slots

    def note(
        self, items: Iterable[Frame | Patch], of: Callable[[Frame], Interval | None]
    ) -> None:  # fmt: skip
        """Items are durable, since now or an earlier life. of: the interval of a frame."""
        if not self._judge.reads:
            return
        for item in items:
            if isinstance(item, Frame) and item.open:
                interval = of(item)
                docket = None if interval is None else self._dockets.get(interval)
                if interval is not None and docket is not None and item.slot > docket.judged:
                    self._readings.note(interval, item)

    @property
    def asked(self) -> bool:
        """Whether readings wait to be heard."""
        return bool(self._readings)

    async def judge_readings(self, court: Court) -> None:
        """Hear the readings of the slots that run. What cannot be stored is heard later."""
        for interval, docket in self._dockets.items():
            try:
                await self._hear_readings(interval, docket.newest + 1, court=court)
            except StorageUnavailable as exc:
                log.warning("readings_postponed", slot=docket.newest + 1, reason=str(exc))

    async def _hear_readings(self, interval: Interval, slot: int, *, court: Court) -> None:
        """Those of one slot whose blocks have heard the slot before it."""
        docket = self._dockets.get(interval)
        frames = self._readings.due(interval, docket, slot=slot) if docket and self.asked else []
        if docket is None or not frames:
            return
        before = self._boards.get(interval)
        if before is None or before.slot != slot - 1:
            before = await self._shown(interval, slot - 1, court=court)
        if before is not None:
            glance = Glance(
                board=before, frames=frames, before=docket.before(slot), states=self._states,
                memories=self._memories,
            )  # fmt: skip
            decisions = await court.hear(self._judge.glance, glance)
            assert all(one.slot == slot - 1 for one in decisions.states)
            await self._store(decisions, interval, through=None)
            self._keep(decisions)
        self._readings.heard(interval, frames)

    def _keep(self, decisions: Decisions) -> None:
        self._states |= {one.key: one for one in decisions.states}
        self._memories |= {one.key: one for one in decisions.memories}

    async def _begun(self, board: Board) -> Docket:
        """An interval that was never judged is, from this slot on. That is durable before any of it
        is heard: else a kill would have the next life begin anew, and leave out what came since."""
        docket = Docket(newest=board.slot - 1, slots_max=slots_max(board.interval))
        await self._store(Decisions(), board.interval, through=docket.newest)
        self._dockets[board.interval] = docket
        return docket

    def _filling(self, board: Board, court: Court) -> frozenset[int]:
        end_ms = board.interval.open_ms(board.slot + 1)
        late = end_ms - self._since_ms > PATIENCE_MS
        return frozenset() if late else court.filling(board.interval)

    async def _due(
        self, docket: Docket, board: Board, *, court: Court, filled: bool
    ) -> Sequence[int]:
        """The slots to be heard from now on: the board's, and those between that nobody closed,
        because we were late or had been killed; of old ones those that hold frames, or may yet hold
        what is `filled` in."""
        if docket.newest + 1 >= board.slot:
            return (board.slot,)
        held = board.interval.slots_held_ms // board.interval.ms  # however long we were down
        first = max(docket.newest + 1, board.slot - held)
        waited = max(first, board.slot - WAITED_SLOTS)  # whose frames may still come
        past = await court.past(board.interval, from_slot=first, to_slot=waited)
        old = [one.slot for one in past if one.framed or filled]
        return (*old[-docket.slots_max :], *range(waited, board.slot + 1))

    async def _store(
        self, decisions: Decisions, interval: Interval, *, through: int | None
    ) -> None:
        """What was decided on a slot, all or nothing."""
        if decisions.empty and through is None:
            return
        async with self._ledger.transaction() as transaction:
            await transaction.alerts.put_states(decisions.states)
            await transaction.alerts.put_memories(decisions.memories)
            await transaction.alerts.put_episodes(decisions.episodes)
            await transaction.outbox.put(decisions.notices)
            if through is not None:
                await transaction.alerts.judged(interval, through)
        self._telemetry.decided(decisions.episodes, decisions.notices)
        if self.tell is not None and decisions.episodes:
            self.tell(tuple(decisions.episodes))
