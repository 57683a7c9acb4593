"""The judge of the running program: what each hearing is told of rules, clocks and people.

Which series a rule is about, and what keeps it from telling, follow from the board of the slot and
the end of the slot, the moment at which it is judged; only what is late depends on the clock. Lives
in the compute thread; what the event loop has to say is handed over as a whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import structlog

from sigmawatch.app.alerting.in_force import InForce
from sigmawatch.app.tables import Tables
from sigmawatch.domain.alert_policy import MAX_LATENESS_MS
from sigmawatch.domain.alert_state import NO_HOLD, Hold
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule import (
    MEDIAN_SERIES_MAX,
    check_series_count,
    ranked_windows_ms,
    standing_windows_ms,
)
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.watchlist import Pattern, Watchlist
from sigmawatch.engine.geometry import Mask, Rows
from sigmawatch.engine.judge import Decisions, Glance, Hearing, together
from sigmawatch.engine.reading_sitting import judge_readings
from sigmawatch.engine.running import rounds, running
from sigmawatch.engine.seats import Seats
from sigmawatch.engine.sitting import Acknowledged, Brief, judge
from sigmawatch.engine.snapshot import Board, Layout
from sigmawatch.engine.table import SeriesTable
from sigmawatch.ports.zones import Zones

log = structlog.get_logger()
Seen = tuple[int, int, int]  # rule, series, open of its episode's first slot in milliseconds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Members:
    """Which rows of a layout some patterns mean."""

    layout: Layout
    patterns: tuple[Pattern, ...]
    rows: Rows


class LiveJudge:
    """Fulfils engine.judge.Judge."""

    def __init__(
        self,
        tables: Tables,
        *,
        now_ms: Callable[[], int],
        zones: Zones,
        watchlists: Callable[[], Mapping[str, Watchlist]],
    ) -> None:
        self._tables = tables
        self._now_ms = now_ms
        self._zones = zones
        self._watchlists = watchlists
        self.in_force = InForce()  # replaced as a whole, by the event loop
        self.seats = Seats()
        self._errors: dict[tuple[int, int], str] = {}
        self._told: dict[int, str] = {}  # in the log
        self._ranked: dict[tuple[int, int], tuple[Ruling, frozenset[int]]] = {}
        self._members: dict[tuple[str, int, int], _Members] = {}
        self._few: dict[tuple[int, int], tuple[Rows, Rows]] = {}  # of targets that outgrew
        self._news: deque[Seen] = deque()
        self._seen: set[Seen] = set()

    @property
    def idle(self) -> bool:
        return not self.in_force.rules

    @property
    def errors(self) -> Mapping[int, str]:
        """By rule, why it was not judged the last time, or not for all of its series."""
        found = {**self._errors, **self.seats.errors}
        return {rule_id: reason for (rule_id, _), reason in found.items()}

    def acknowledge(self, seen: Seen) -> None:
        """Somebody has seen an episode; its state hears of it with the next slot. For any
        thread."""
        self._news.append(seen)

    @property
    def reads(self) -> bool:
        return bool(self.in_force.reading)

    def judge(self, hearing: Hearing) -> Decisions:
        in_force, table = self.in_force, self._tables.of(hearing.board.interval)
        board = self._current(hearing.board)
        rulings, rows = self._about(board, in_force, rule_ids=in_force.rules)
        board = self._widened(board, rulings, table=table)
        hearing = replace(hearing, board=board)
        brief = Brief(
            rulings=rulings, rows=rows, held=self._held(board, rulings, in_force=in_force),
            acknowledged=self._acknowledged(hearing),
        )  # fmt: skip
        decisions = judge(hearing, brief, slabs=table.slabs, seats=self.seats)
        self._tell_errors()
        return decisions

    def glance(self, glance: Glance) -> Decisions:
        in_force, table = self.in_force, self._tables.of(glance.board.interval)
        before = self._current(glance.board)
        rulings, rows = self._about(before, in_force, rule_ids=in_force.reading)
        before = self._widened(before, rulings, table=table)
        states, memories = dict(glance.states), dict(glance.memories)
        found: list[Decisions] = []
        for frames in rounds(glance.frames):
            board = running(before, frames)
            hearing = Hearing(
                board=board, blocks=frozenset(frame.block_id for frame in frames),
                awaited=frozenset(), before=glance.before, states=states, memories=memories,
            )  # fmt: skip
            held = self._held(board, rulings, in_force=in_force)
            brief = Brief(rulings=rulings, rows=rows, held=held)
            decisions = judge_readings(hearing, brief, slabs=table.slabs, seats=self.seats)
            states |= {one.key: one for one in decisions.states}
            memories |= {one.key: one for one in decisions.memories}
            found.append(decisions)
        self._tell_errors()
        return together(found)

    def _current(self, board: Board) -> Board:
        """The board, anew where series came or went since it was made."""
        if self._tables.of(board.interval).layout is board.layout:
            return board
        return self._tables.close(board.interval, board.slot)

    def _tell_errors(self) -> None:
        """Each once, until it is another one."""
        now = dict(self.errors)
        for rule_id, reason in now.items():
            if self._told.get(rule_id) != reason:
                log.warning("rule_not_judged", rule_id=rule_id, reason=reason)
        self._told = now

    # Which rules, over which series

    def _about(
        self, board: Board, in_force: InForce, *, rule_ids: Iterable[int]
    ) -> tuple[list[Ruling], dict[int, Rows]]:  # fmt: skip
        """Those of some rules that can be judged, and the rows of each."""
        rulings, found = list[Ruling](), dict[int, Rows]()
        for rule_id in rule_ids:
            key = rule_id, board.interval.ms
            ruling = in_force.ruling(rule_id, board.interval)
            try:
                if isinstance(ruling, str):
                    raise Invalid(ruling)
                told = None
                if ruling.ended is None:
                    found[rule_id], told = self._rows(ruling, board.layout)
                    self._muted(ruling, 0)  # whose zones are known
                rulings.append(ruling)
                self._errors.pop(key, None)
                if told is not None:
                    self._errors[key] = told
            except Invalid as exc:
                self._errors[key] = str(exc)
        return rulings, found

    def _rows(self, ruling: Ruling, layout: Layout) -> tuple[Rows, str | None]:
        """What it is judged on; and why on no more, where its target has outgrown its condition:
        those that came last wait, nobody who was there is let go."""
        patterns = ruling.settings.target.patterns_of(
            self._watchlists(), metric=ruling.condition.metric
        )
        rows = self._meant(("rule", *ruling.key), layout, patterns=patterns)
        try:
            for condition in (ruling.condition, ruling.clear):
                check_series_count(condition, len(rows))
        except Invalid as exc:
            return self._oldest(
                ruling.key, rows, layout=layout
            ), f"judged for the first ones: {exc}"
        return rows, None

    def _oldest(self, key: tuple[int, int], rows: Rows, *, layout: Layout) -> Rows:
        """Those of the lowest ids, as many as a median is over; the same array while `rows` is."""
        known = self._few.get(key)
        if known is None or known[0] is not rows:
            first = np.argsort(layout.ids[rows], kind="stable")[:MEDIAN_SERIES_MAX]
            known = self._few[key] = rows, np.sort(rows[first])
        return known[1]

    def _meant(
        self, key: tuple[str, int, int], layout: Layout, *, patterns: tuple[Pattern, ...]
    ) -> Rows:
        """The rows that some patterns mean; the same array while they do."""
        known = self._members.get(key)
        if known is None or known.layout is not layout or known.patterns != patterns:
            rows = np.flatnonzero(layout.labels.on(patterns))
            known = self._members[key] = _Members(layout=layout, patterns=patterns, rows=rows)
        return known.rows

    def _widened(self, board: Board, rulings: list[Ruling], *, table: SeriesTable) -> Board:
        """The board with every window that is ranked by; those asked for every slot are kept up."""
        ranked: set[int] = set()
        for ruling in rulings:
            known, of_this = self._ranked.get(ruling.key, (None, frozenset[int]()))
            if known is not ruling:
                both = ruling.condition, ruling.clear
                for window_ms in {w for each in both for w in standing_windows_ms(each)}:
                    table.stand(window_ms)
                of_this = frozenset(w for each in both for w in ranked_windows_ms(each))
                self._ranked[ruling.key] = ruling, of_this
            ranked |= of_this
        for window_ms in sorted(ranked - board.statistics.keys()):
            board = board.with_window(table.statistics(window_ms, board.slot))
        return board

    # What keeps them from telling

    def _held(
        self, board: Board, rulings: list[Ruling], *, in_force: InForce
    ) -> dict[int, Hold | npt.NDArray[np.uint8]]:
        at_ms = board.moment_ms
        late = self._now_ms() - at_ms > MAX_LATENESS_MS
        silenced = [*self._silenced(board, in_force, at_ms=at_ms)]
        found: dict[int, Hold | npt.NDArray[np.uint8]] = {}
        for ruling in rulings:
            held = Hold.LATE if late else NO_HOLD
            if self._muted(ruling, at_ms):
                held |= Hold.MUTED
            rule = ruling.rule
            mine = [mask for silence, mask in silenced
                    if silence.of_rule(rule.name, owner_id=rule.owner_id)]  # fmt: skip
            if mine:
                each = np.logical_or.reduce(mine).astype(np.uint8) * np.uint8(Hold.SILENCED)
                found[ruling.rule.id] = each | np.uint8(held)
            elif held:
                found[ruling.rule.id] = held
        return found

    def _muted(self, ruling: Ruling, at_ms: int) -> bool:
        return any(
            window.holds(at_ms + self._zones.offset_ms(window.zone, at_ms))
            for window in ruling.settings.mute
        )

    def _silenced(
        self, board: Board, in_force: InForce, *, at_ms: int
    ) -> Iterator[tuple[Silence, Mask]]:
        """Each silence that holds, and bool[rows]."""
        for silence in in_force.silences:
            if silence.holds(at_ms):
                patterns = silence.target.patterns_of(self._watchlists(), metric=None)
                key = "silence", silence.id, board.interval.ms
                mask = np.zeros(len(board.series), np.bool_)
                mask[self._meant(key, board.layout, patterns=patterns)] = True
                yield silence, mask

    # Who has seen what

    def _acknowledged(self, hearing: Hearing) -> list[Acknowledged]:
        """Those of the board's interval that a state does not know of yet."""
        while self._news:
            self._seen.add(self._news.popleft())
        found = []
        for seen in [*self._seen]:
            rule_id, series_id, opened_ms = seen
            if series_id not in hearing.board.layout.rows:
                continue
            one = rule_id, series_id, hearing.board.interval.slot(opened_ms)
            seat = self.seats.find((rule_id, hearing.board.interval.ms))
            if seat is not None and seat.current(hearing.states) and seat.knows(one[1:]):
                self._seen.discard(seen)
            else:
                found.append(one)
        return found
