"""From what happened to a rule's states in a slot to what is kept and told of it.

Accounts of episodes, one notice for each word, or one for all in a storm; at most one data notice a
venue (SEMANTICS.md 7). Who is told is found when a notice is sent: here each is for FANOUT. Imports
domain.alert, alert_turn, notice, receipt, rule_memory, ruling, storm; engine.alert_states,
evidence, silence.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sigmawatch.domain.alert import Episode
from sigmawatch.domain.alert_state import Hold
from sigmawatch.domain.alert_turn import Account, Telling
from sigmawatch.domain.expression_printer import print_condition
from sigmawatch.domain.notice import FANOUT, Notice, NoticeKind
from sigmawatch.domain.receipt import Listed, Receipt
from sigmawatch.domain.rule_memory import Memory, Silent
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Series
from sigmawatch.domain.storm import Summary, Word, gather
from sigmawatch.engine.alert_states import Change
from sigmawatch.engine.evidence import Evidence, named, unit_of
from sigmawatch.engine.geometry import Slots
from sigmawatch.engine.silence import EVERYWHERE

SilentNow = tuple[Mapping[str, int], Collection[str]]  # of Silence.told_of
_Opened = tuple[int, int]  # series, slot
_SILENT = "the venue has told nothing for three slots"
_SILENT_EVERYWHERE = "no venue has told anything for three slots"
_BACK = "the venue tells again"
OF_OUTAGES = frozenset({_SILENT, _SILENT_EVERYWHERE, _BACK})  # what a venue's outage is told with
_MISSING = "nothing was known for too long"
_KNOWN = "what was missing is told again"


@dataclass(slots=True, kw_only=True)
class Tidings:
    """Of one ruling at one slot. accounts: the last of each episode, in order. words: what is to be
    told, with why. gone: series that are not on the board any more."""

    ruling: Ruling
    slot: int
    accounts: dict[_Opened, Episode] = field(default_factory=dict)
    words: list[tuple[Word, str]] = field(default_factory=list)
    gone: dict[int, Series] = field(default_factory=dict)

    def take(self, changes: Iterable[Change], ids: Slots) -> None:
        """What happened to rows whose series are int64[rows]."""
        for change in changes:
            why = str(change.turn.reason)
            for effect in change.turn.effects:
                if isinstance(effect, Account):
                    self._account(effect, change.slot, ids=ids[change.rows].tolist())
                    why = effect.reason or why
                elif isinstance(effect, Telling):
                    words = (
                        Word(series_id=one, telling=effect) for one in ids[change.rows].tolist()
                    )
                    self.words += [(word, why) for word in words]
        self.words.sort(key=lambda one: one[0].series_id)  # which is the same for everybody

    def _account(self, account: Account, slot: int, *, ids: Sequence[int]) -> None:
        ruling, open_ms = self.ruling, self.ruling.interval.open_ms
        for each in ids:
            self.accounts[each, account.opened] = Episode(
                rule_id=ruling.rule.id, series_id=each, version=ruling.rule.version,
                severity=ruling.settings.severity, opened_ms=open_ms(account.opened),
                told_ms=open_ms(slot), reason=account.reason, reopened_count=account.reopened,
                closed_ms=None if account.closed is None else open_ms(account.closed),
            )  # fmt: skip

    @property
    def episodes(self) -> list[Episode]:
        """The accounts, by series."""
        return [self.accounts[key] for key in sorted(self.accounts)]

    def told(
        self, memory: Memory, evidence: Evidence, *, states_count: int
    ) -> tuple[Memory, list[Notice]]:
        """The notices of the slot, and what is remembered from now on."""
        writer = _Writer(self, evidence)
        missing = [one for one in self.words if one[0].telling.kind is NoticeKind.NO_DATA]
        memory, notices = writer.of_missing(memory, missing)
        words = [one for one in self.words if one[0].telling.kind is not NoticeKind.NO_DATA]
        if not words and not memory.storm.waiting:
            return memory, notices
        weighed = writer.weighed([word for word, _ in words])
        storm, gathered = gather(
            memory.storm, weighed, slot=self.slot, interval=self.ruling.interval,
            states_count=states_count,
        )  # fmt: skip
        if gathered.summary is not None:
            notices.append(writer.of_storm(gathered.summary))
        reasons = [reason for _, reason in words]
        notices += [
            writer.of_word(word, reason)
            for word, reason in zip(gathered.single, reasons, strict=False)
        ]
        return replace(memory, storm=storm), notices

    def of_silence(
        self, memory: Memory, evidence: Evidence, *, silent: SilentNow
    ) -> tuple[Memory, list[Notice]]:
        """What is told of venues that fell silent or tell again."""
        return _Writer(self, evidence).of_silence(memory, silent)


class _Writer:
    """Writes notices."""

    def __init__(self, tidings: Tidings, evidence: Evidence) -> None:
        self._ruling, self._slot = tidings.ruling, tidings.slot
        self._gone, self._evidence = tidings.gone, evidence
        self._layout = evidence.board.layout
        self._blank = Receipt(
            rule=self._ruling.rule.name, version=self._ruling.rule.version,
            condition=print_condition(self._ruling.condition),
            severity=self._ruling.settings.severity, series="", unit="",
            interval_ms=self._ruling.interval.ms, slot=self._slot, opened=self._slot, value=None,
            note=self._ruling.settings.note, reading_ms=evidence.board.reading_ms,
        )  # fmt: skip

    def weighed(self, words: Sequence[Word]) -> list[Word]:
        """The words with how far beyond its limit each series is."""
        at = [self._layout.rows.get(word.series_id, -1) for word in words]
        rows = np.array(at, np.intp)
        weights = np.zeros(len(rows))
        weights[rows >= 0] = self._evidence.weights(self._ruling, rows[rows >= 0])
        return [replace(word, weight=weight) for word, weight in zip(words, weights.tolist(),
                                                                     strict=True)]  # fmt: skip

    # One series

    def of_word(self, word: Word, reason: str) -> Notice:
        telling, row = word.telling, self._layout.rows.get(word.series_id)
        series = self._series(word.series_id)
        receipt = replace(
            self._blank, series=named(series) if series else "", opened=telling.opened,
            unit=unit_of(series) if series else "", reason=reason, reopened=telling.reopened,
            withheld=_names(telling.withheld),
        )  # fmt: skip
        if row is not None:
            operands = self._evidence.operands(self._ruling, row)
            receipt = replace(receipt, value=operands[0].value, operands=operands)
        episode = self._episode(str(word.series_id), telling.opened)
        return self._notice(telling.kind, receipt, of=(episode, word.series_id),
                            ordinal=telling.ordinal)  # fmt: skip

    def _series(self, series_id: int) -> Series | None:
        row = self._layout.rows.get(series_id)
        return self._gone.get(series_id) if row is None else self._layout.series[row]

    # Many

    def of_storm(self, summary: Summary) -> Notice:
        counts = tuple(sorted((str(kind), count) for kind, count in summary.counts.items()))
        opened = min(word.telling.opened for word in summary.words)
        receipt = replace(self._blank, opened=opened, counts=counts,
                          listed=tuple(map(self._listed, summary.top)))  # fmt: skip
        episode = self._episode("storm", self._slot)
        return self._notice(NoticeKind.SUMMARY, receipt, of=(episode, summary.top[0].series_id))

    def _listed(self, word: Word) -> Listed:
        series, row = self._series(word.series_id), self._layout.rows.get(word.series_id)
        value = math.nan if row is None else float(self._evidence.board.last_value[row])
        return Listed(
            series=named(series) if series else "", kind=word.telling.kind,
            value=value if math.isfinite(value) else None, weight=word.weight,
        )  # fmt: skip

    # What is not known

    def of_missing(
        self, memory: Memory, words: Iterable[tuple[Word, str]]
    ) -> tuple[Memory, list[Notice]]:
        """One data notice for each venue that was not told of, whatever number of its series."""
        told = {one.venue for one in memory.silent}
        notices, more = list[Notice](), list[Silent]()
        for word, _ in words:
            series = self._series(word.series_id)
            venue = series.market.venue if series else ""
            if venue in told or EVERYWHERE in told:
                continue
            told.add(venue)
            one = Silent(venue=venue, since=self._slot, series_id=word.series_id)
            more.append(one)
            receipt = replace(self._blank, series=named(series) if series else "",
                              opened=word.telling.opened, reason=_MISSING)  # fmt: skip
            notices.append(self._of_venue(one, receipt, kind=NoticeKind.NO_DATA))
        return (replace(memory, silent=(*memory.silent, *more)), notices) if more else (memory, [])

    def of_silence(
        self, memory: Memory, now: SilentNow
    ) -> tuple[Memory, list[Notice]]:  # fmt: skip
        (silent, still), kept, notices = now, list[Silent](), list[Notice]()
        for one in memory.silent:
            if one.venue in still or self._still_missing(one):
                kept.append(one)
            elif self._ruling.settings.notify_resolved:
                receipt = replace(self._blank, series=one.venue, opened=one.since,
                                  reason=_BACK if one.outage else _KNOWN)  # fmt: skip
                notices.append(self._of_venue(one, receipt, kind=NoticeKind.RESOLVED))
        told = {one.venue for one in kept}
        for venue, row in silent.items():
            if venue not in told:
                new = Silent(venue=venue, since=self._slot, outage=True,
                             series_id=self._layout.series[row].id)  # fmt: skip
                everywhere = venue == EVERYWHERE
                receipt = replace(
                    self._blank, series="every venue" if everywhere else venue,
                    reason=_SILENT_EVERYWHERE if everywhere else _SILENT,
                )  # fmt: skip
                kept.append(new)
                notices.append(self._of_venue(new, receipt, kind=NoticeKind.NO_DATA))
        silent_now = tuple(sorted(kept, key=lambda one: one.venue))
        return (replace(memory, silent=silent_now) if kept or memory.silent else memory), notices

    def _still_missing(self, one: Silent) -> bool:
        """Whether the series by which a venue was told of has still no value."""
        row = self._layout.rows.get(one.series_id)
        return row is not None and math.isnan(self._evidence.board.value[row])

    def _of_venue(self, one: Silent, receipt: Receipt, *, kind: NoticeKind) -> Notice:
        episode = self._episode(one.venue, one.since)
        ordinal = 0 if kind is NoticeKind.NO_DATA else 1
        return self._notice(kind, receipt, of=(episode, one.series_id), ordinal=ordinal)

    def _episode(self, of: str, opened: int) -> str:
        return f"{self._ruling.rule.id}-{of}-{self._ruling.interval.open_ms(opened)}"

    def _notice(
        self, kind: NoticeKind, receipt: Receipt, *, of: tuple[str, int], ordinal: int = 0
    ) -> Notice:
        at_ms = self._ruling.interval.open_ms(self._slot)
        return Notice(
            rule_id=self._ruling.rule.id, series_id=of[1], episode=of[0], kind=kind,
            ordinal=ordinal, channel=FANOUT, decided_ms=at_ms, due_ms=at_ms,
            receipt=receipt.encode(),
        )  # fmt: skip


def _names(hold: Hold) -> tuple[str, ...]:
    return tuple(str(each.name).lower() for each in hold)
