"""What a rule would have said between two moments, as a value; and who counts it.

Imports domain.alert, notice, series, window; engine.trial.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sigmawatch.domain.alert import Episode
from sigmawatch.domain.notice import Notice, NoticeKind
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import DAY_MS, Interval
from sigmawatch.engine.trial import STORM, Outcome, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """An episode that would have been. closed_ms: None while it lasts."""

    series: str
    opened_ms: int
    closed_ms: int | None = None
    reason: str = ""
    reopened_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A notice that would have been sent. about: a series, a venue, or "" of a summary of many."""

    at_ms: int
    kind: NoticeKind
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a rule would have said in [from_ms, to_ms).

    condition, clear: in canonical form. asked_count: how many judgements, each of a series at a
    slot, were looked at closer; unknown_count: how many of those were not known well enough.
    almost_count: how often it was true, but not for long enough. Episodes and notices stand in the
    order of time. took_ms: of a processor.
    """

    condition: str
    clear: str
    from_ms: int
    to_ms: int
    series_count: int
    asked_count: int
    unknown_count: int
    almost_count: int
    episodes: tuple[Previewed, ...]
    notices: tuple[Note, ...]
    took_ms: int

    @property
    def unknown_share(self) -> float:
        """How much of what was judged was not known well enough, 0 to 1."""
        return self.unknown_count / self.asked_count if self.asked_count else 0.0

    @property
    def notices_a_day(self) -> float:
        return len(self.notices) * DAY_MS / (self.to_ms - self.from_ms)

    @property
    def kinds(self) -> Mapping[str, int]:
        """How many notices of each kind."""
        return Counter(note.kind.value for note in self.notices)

    @property
    def by_day(self) -> Sequence[tuple[int, int, int]]:
        """Every day of UTC that it touches: its begin, episodes opened, notices."""
        opened = Counter(one.opened_ms // DAY_MS for one in self.episodes)
        told = Counter(note.at_ms // DAY_MS for note in self.notices)
        days = range(self.from_ms // DAY_MS, -(-self.to_ms // DAY_MS))
        return [(day * DAY_MS, opened[day], told[day]) for day in days]

    @property
    def by_series(self) -> Sequence[tuple[str, int]]:
        """The series that had episodes and how many, most first."""
        counts = Counter(one.series for one in self.episodes)
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    def merged(self, other: Preview) -> Preview:
        """Of both; `other` is of the same rule over series of another interval."""
        counts = ("series_count", "asked_count", "unknown_count", "almost_count", "took_ms")
        return replace(
            self, from_ms=min(self.from_ms, other.from_ms), to_ms=max(self.to_ms, other.to_ms),
            episodes=_by_time(self.episodes + other.episodes),
            notices=tuple(sorted(self.notices + other.notices, key=lambda one: one.at_ms)),
            **{name: getattr(self, name) + getattr(other, name) for name in counts},
        )  # fmt: skip


def _by_time(episodes: Iterable[Previewed]) -> tuple[Previewed, ...]:
    return tuple(sorted(episodes, key=lambda one: (one.opened_ms, one.series)))


class Tally:
    """Counts what slots come to, of some series of one interval."""

    def __init__(self, interval: Interval, series: Iterable[Series]) -> None:
        self._interval = interval
        self._names = {one.id: one.name for one in series}
        self._episodes: dict[tuple[int, int], Episode] = {}
        self._notes: list[Note] = []
        self.slots_count = self.asked_count = self.unknown_count = self.almost_count = 0

    def enter(self, outcomes: Iterable[Outcome]) -> None:
        """The next slots."""
        for one in outcomes:
            self.slots_count += 1
            self.almost_count += one.almost_count
            if one.unknown_count is not None:
                self.asked_count += len(self._names)
                self.unknown_count += one.unknown_count
            self._episodes |= {(each.series_id, each.opened_ms): each for each in one.episodes}
            self._notes += map(self._note, one.notices)

    def _note(self, notice: Notice) -> Note:
        of = about(notice)
        whom = self._names[of] if isinstance(of, int) else "" if of == STORM else of
        return Note(at_ms=notice.decided_ms, kind=notice.kind, about=whom)

    def preview(self, lines: tuple[str, str], *, span: tuple[int, int], took_ms: int) -> Preview:
        """lines: condition and clear condition. span: the slots."""
        episodes = (
            Previewed(series=self._names[one.series_id], opened_ms=one.opened_ms,
                      closed_ms=one.closed_ms, reason=one.reason,
                      reopened_count=one.reopened_count)
            for one in self._episodes.values()
        )  # fmt: skip
        return Preview(
            condition=lines[0], clear=lines[1], from_ms=self._interval.open_ms(span[0]),
            to_ms=self._interval.open_ms(span[1]), series_count=len(self._names),
            asked_count=self.asked_count, unknown_count=self.unknown_count,
            almost_count=self.almost_count, episodes=_by_time(episodes),
            notices=tuple(self._notes), took_ms=took_ms,
        )  # fmt: skip
