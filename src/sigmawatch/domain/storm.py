"""Many notices of one rule at once become one summary (SEMANTICS.md 7).

"More than 25 % *and at least 10* of a rule's states in one slot, or > 20 episodes of one rule in
60 s, become one summary listing the top ten; notices already sent stand." The first slot of a storm
is summed up at once; where slots are shorter than a minute, what follows waits until a minute after
the summary before, so a storm is one message a minute however short the slots.

    storm, gathered = gather(storm, words, slot=slot, interval=interval, states_count=4_000)
    gathered.single, gathered.summary

Missing data is not gathered here but told of once a venue (`venues_to_tell`). Imports
domain.alert_turn, notice, window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sigmawatch.domain.alert_turn import Telling
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.window import MINUTE_MS, Interval

STORM_PERCENT = 25  # more of a rule's states than this, in one slot
STORM_STATES_MIN = 10
STORM_EPISODES = 20  # more than this within a minute
TOP = 10

Episode = tuple[int, int]  # series, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What is to be told of one series. weight: how far it is beyond its limit, for the top ten."""

    series_id: int
    telling: Telling
    weight: float = 0.0

    def __post_init__(self) -> None:
        assert self.weight == self.weight

    @property
    def episode(self) -> Episode:
        return self.series_id, self.telling.opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One notice in the place of many: all of them, in the order in which they were decided."""

    words: tuple[Word, ...]

    @property
    def counts(self) -> Mapping[NoticeKind, int]:
        return Counter(word.telling.kind for word in self.words)

    @property
    def top(self) -> tuple[Word, ...]:
        """The ten furthest beyond their limit, the last word on each series."""
        last = {word.series_id: word for word in self.words}
        return tuple(sorted(last.values(), key=lambda one: (-one.weight, one.series_id))[:TOP])


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What is remembered of a rule. recent: slots and episodes that were told of within a minute,
    as many as make a storm. summed: the slot of the last summary. waiting: what is to be in the
    next."""

    recent: tuple[tuple[int, Episode], ...] = ()
    summed: int | None = None
    waiting: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What becomes of a slot's notices."""

    single: tuple[Word, ...] = ()
    summary: Summary | None = None


def gather(
    storm: Storm, words: Sequence[Word], *, slot: int, interval: Interval, states_count: int
) -> tuple[Storm, Gathered]:
    """What is told at `slot` of a rule's `words`, of a rule with so many states. To be asked at
    every slot that has words, and at every slot while some wait."""
    minute = -(-MINUTE_MS // interval.ms)
    recent = _recent(storm, words, slot=slot, first=slot - minute + 1)
    storms = len(recent) > STORM_EPISODES or _many(words, states_count)
    waiting = (*storm.waiting, *words)
    if not storms and not storm.waiting:
        return Storm(recent=recent, summed=storm.summed), Gathered(single=tuple(words))
    if not waiting or (storm.summed is not None and slot - storm.summed < minute):
        return Storm(recent=recent, summed=storm.summed, waiting=waiting), Gathered()
    return Storm(recent=recent, summed=slot), Gathered(summary=Summary(words=waiting))


def _recent(
    storm: Storm, words: Iterable[Word], *, slot: int, first: int
) -> tuple[tuple[int, Episode], ...]:
    """The newest episodes told of, each once, with the slot of the last word on it."""
    last = {episode: at for at, episode in storm.recent if at >= first}
    for word in words:
        last.pop(word.episode, None)
        last[word.episode] = slot
    return tuple((at, episode) for episode, at in last.items())[-STORM_EPISODES - 1 :]


def _many(words: Sequence[Word], states_count: int) -> bool:
    told = len({word.series_id for word in words})
    return told >= STORM_STATES_MIN and 100 * told > STORM_PERCENT * states_count


def venues_to_tell(
    told: frozenset[str], *, missing: frozenset[str], silent: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """"At most one data notice per *venue*, not per series."

    told: venues that were told of. missing: those with a state that has a NO_DATA telling now.
    silent: those of which something is still missing. Returns what is told of from now on, and the
    venues to tell of now.
    """  # fmt: skip
    before = told & (silent | missing)
    return before | missing, missing - before
