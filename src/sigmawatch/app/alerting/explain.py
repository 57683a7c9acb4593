"""Explanations: every number behind a decision, as it was written and as history has it now.

"The receipt stores the inputs of the decision, and `explain` recomputes it from history"
(SEMANTICS.md 7). Recomputed is on a series table of its own (engine.rehearsal), by the version of
the rule that decided. What came late was not known then and is now: then the two differ, and the
difference is shown. `course` tells what a rule said of a series slot by slot, also where it did not
fire.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sigmawatch.app.alerting.preview import Holdings
from sigmawatch.domain.alert import Episode, Rule
from sigmawatch.domain.alert_policy import UNKNOWN_SLOTS_MAX
from sigmawatch.domain.errors import NotFound
from sigmawatch.domain.expression import Age, Value, Window
from sigmawatch.domain.expression_printer import print_condition, print_node, print_value
from sigmawatch.domain.notice import Notice, NoticeKind
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import HOUR_MS
from sigmawatch.engine.evidence import Evidence
from sigmawatch.engine.needs import Needs
from sigmawatch.engine.rehearsal import Rehearsal
from sigmawatch.engine.trial import Compared, Trial
from sigmawatch.ports.alerts import AlertStore

LEAD_MS = 12 * HOUR_MS  # before the slots that are told: what a state was in before is mostly known
COURSE_SLOTS_MAX = 1_440


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of a condition. then: as the receipt has it; now: as history has it; None where
    unknown. kept: whether history could have it at all."""

    text: str
    then: float | None
    now: float | None
    kept: bool = True

    @property
    def agrees(self) -> bool:
        return not self.kept or self.then == self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedNotice:
    """A notice and what it was decided on. numbers: none where it is about more than one series.
    reading_ms: when the reading came that decided while the slot ran; None where it had closed."""

    kind: NoticeKind
    at_ms: int
    reason: str
    withheld: tuple[str, ...]
    numbers: tuple[Number, ...]
    reading_ms: int | None = None

    @property
    def agrees(self) -> bool:
        return all(number.agrees for number in self.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An episode. condition: of the version that decided."""

    episode: Episode
    rule: str
    condition: str
    series: str
    notices: tuple[ExplainedNotice, ...]

    @property
    def agrees(self) -> bool:
        """Whether history still says what every decision was made on."""
        return all(notice.agrees for notice in self.notices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a slot said to a state. phase: after it; why: it became so or stayed so. compared: what
    each comparison of the condition came to."""

    at_ms: int
    phase: str
    why: str
    compared: tuple[Compared, ...]


class Explainer:
    """Over one program."""

    def __init__(self, holdings: Holdings, alerts: AlertStore) -> None:
        self._holdings, self._alerts = holdings, alerts

    async def explain(self, name: str) -> Explained:
        """An episode by its id. Raises NotFound where there is none, or its series is tracked no
        more; StorageFailed."""
        stored = await self._alerts.episode(name)
        if stored is None:
            raise NotFound(f"there is no episode {name[:64]!r}", field="episode")
        episode = stored.episode
        series = self._series(lambda one: one.id == episode.series_id, str(episode.series_id))
        versions = await self._alerts.versions(episode.rule_id)
        rulings = {
            one.version: Ruling.of(one, versions, interval=series.interval, ended=None)
            for one in versions
        }
        notices = [
            await self._explained(notice, series, rulings=rulings)
            for notice in await self._alerts.notices(name)
        ]
        ruling = rulings[episode.version]
        return Explained(
            episode=episode, rule=ruling.rule.name, condition=print_condition(ruling.condition),
            series=series.name, notices=tuple(notices),
        )  # fmt: skip

    async def course(
        self, rule: Rule, name: str, *, at_ms: int, slots: int = 30
    ) -> Sequence[Moment]:
        """What a rule said of the series `name` at the slots that end with the one that holds a
        moment. The state before the first of them is that of a rule made 12 hours earlier."""
        series = self._series(lambda one: one.name == name, name)
        interval = series.interval
        newest = interval.slot(self._holdings.clock.now_ms()) - 1
        stop = min(interval.slot(at_ms), newest) + 1
        first = stop - min(slots, COURSE_SLOTS_MAX)
        begin = first - LEAD_MS // interval.ms
        trial = Trial(rule, interval, series=[series])
        rehearsal = await self._rehearsal(trial.ruling, series, span=(begin, stop))
        await self._holdings.calm()
        return await asyncio.to_thread(_course, trial, rehearsal, span=(begin, first))

    def _series(self, meant: Callable[[Series], bool], name: str) -> Series:
        found = next((one for one in self._holdings.series() if meant(one)), None)
        if found is None:
            raise NotFound(f"the series {name} is not tracked", field="series",
                           allowed="what is tracked now, as KRAKEN:BTC/USD:price")  # fmt: skip
        return found

    async def _explained(
        self, notice: Notice, series: Series, *, rulings: dict[int, Ruling]
    ) -> ExplainedNotice:
        receipt: dict[str, Any] = json.loads(notice.receipt)
        operands = receipt["operands"]
        numbers: tuple[Number, ...] = ()
        if operands:
            ruling, slot = rulings[receipt["version"]], receipt["slot"]
            rehearsal = await self._rehearsal(ruling, series, span=(slot, slot + 1))
            await self._holdings.calm()
            now = await asyncio.to_thread(_numbers, ruling, rehearsal, slot=slot, of=series.id)
            kept = _kept(ruling, reading=receipt.get("reading_ms") is not None)
            numbers = tuple(
                Number(text=one["text"], then=one["value"], now=now.get(one["text"]),
                       kept=one["text"] in kept)
                for one in operands
            )  # fmt: skip
        return ExplainedNotice(
            kind=notice.kind, at_ms=notice.decided_ms, reason=receipt["reason"],
            withheld=tuple(receipt["withheld"]), numbers=numbers,
            reading_ms=receipt.get("reading_ms"),
        )  # fmt: skip

    async def _rehearsal(
        self, ruling: Ruling, series: Series, *, span: tuple[int, int]
    ) -> Rehearsal:
        """A table that was told all that judging `series` in `span` needs."""
        holdings, interval = self._holdings, series.interval
        needs = Needs(conditions=(ruling.condition, ruling.clear))
        everybody = [series, *needs.others([series], holdings.series())]
        windows_ms = tuple(dict.fromkeys((*holdings.windows_ms[:1], *needs.ranked_ms)))
        rehearsal = Rehearsal(
            interval, everybody, needs=needs, windows_ms=windows_ms if needs.ranked else (),
        )  # fmt: skip
        before = needs.before_ranks(interval) + UNKNOWN_SLOTS_MAX
        before += needs.before(interval, first_window_ms=holdings.windows_ms[0])
        stored = await holdings.stored.of(everybody, from_slot=span[0] - before, to_slot=span[1])
        await asyncio.to_thread(rehearsal.tell, stored)
        return rehearsal


def _numbers(
    ruling: Ruling, rehearsal: Rehearsal, *, slot: int, of: int
) -> dict[str, float | None]:
    """Every number of a condition at a slot, by its text."""
    needs = Needs(conditions=(ruling.condition, ruling.clear))
    *_, last = rehearsal.boards(slot - needs.before_ranks(ruling.interval))
    operands = Evidence(last, rehearsal.table.slabs).operands(ruling, last.layout.rows[of])
    return {one.text: one.value for one in operands}


def _kept(ruling: Ruling, *, reading: bool) -> frozenset[str]:
    """The numbers of a condition that history has, by their text: not ages; where a reading
    decided, only what ended with the slot before."""
    names = print_value(ruling.condition)
    return frozenset(
        print_node(node, names=repeat(names))
        for node in (Value(), *ruling.condition.test.walk())
        if (isinstance(node, Window) and node.baseline if reading else not isinstance(node, Age))
    )


def _course(trial: Trial, rehearsal: Rehearsal, *, span: tuple[int, int]) -> Sequence[Moment]:
    """span: the slot to begin with, and the first that is told of."""
    found, series_id = [], trial.series[0].id
    needs = Needs(conditions=(trial.ruling.condition, trial.ruling.clear))
    for board in rehearsal.boards(span[0] - needs.before_ranks(trial.ruling.interval)):
        if board.slot < span[0]:
            continue
        slabs, before = rehearsal.table.slabs, trial.state(series_id)
        trial.hear(board, slabs=slabs)
        if board.slot >= span[1]:
            found.append(Moment(
                at_ms=board.interval.open_ms(board.slot),
                phase=trial.state(series_id).phase.name.lower(),
                why=trial.why(series_id, before=before, board=board, slabs=slabs),
                compared=tuple(trial.compared(board, series_id, slabs=slabs)),
            ))  # fmt: skip
    return found
