"""The alert side of the database: what a slot's decisions write, what a start reads back, and the
outbox.

Rows have deterministic ids: what is there already stays, or is replaced by a later account of the
same thing, so several programs that judge the same slots may write what they have. Notices are
claimed by a conditional update with a fence: who was too slow finds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sigmawatch.domain.alert import (
    Acknowledgement,
    Episode,
    Remembered,
    Rule,
    States,
    StoredEpisode,
)
from sigmawatch.domain.notice import Delivery, Notice, Outcome
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.window import Interval


class RuleRepository(Protocol):
    """Rules. Ids are stable and never used again; a removed rule keeps its row and versions."""

    async def put(self, name: str, *, text: str, settings: str, origin: str, enabled: bool) -> Rule:
        """The rule of that name as it is now: a new one, a new version where `text` or `settings`
        differ, else the version that stands."""
        ...

    async def give(self, rule: Rule, owner_id: int | None) -> Rule:
        """The rule as it is now: that user's, or the installation's."""
        ...

    async def remove(self, name: str) -> bool:
        """Whether there was one. Its episodes stay; so do its states until they are judged for the
        last time, for what is open then ends."""
        ...


class SilenceRepository(Protocol):
    """Silences. One that is over is kept for a while."""

    async def add(self, silence: Silence) -> Silence:
        """The silence with its id."""
        ...

    async def end(self, silence_id: int, *, at_ms: int) -> Silence | None:
        """It ends then, if not before; as it is now, None where there is none."""
        ...


class AlertRepository(Protocol):
    """What judging a slot changes."""

    async def put_states(self, states: Iterable[States]) -> None:
        """Store those that changed; what is there of a later slot stays. An empty body takes away
        what is there."""
        ...

    async def put_memories(self, memories: Iterable[Remembered]) -> None:
        """Store those that changed; what is there of a later slot stays."""
        ...

    async def put_episodes(self, episodes: Iterable[Episode]) -> None:
        """Store accounts of episodes; a later account of one replaces the earlier."""
        ...

    async def acknowledge(self, episode: str, acknowledgement: Acknowledgement) -> bool:
        """Whether there is such an episode. The first acknowledgement stays."""
        ...

    async def judged(self, interval: Interval, slot: int) -> None:
        """Everything of an interval is judged through `slot`; it never goes back."""
        ...


class OutboxRepository(Protocol):
    """Notices on their way. A lease is named by a notice's id and its fence."""

    async def put(self, notices: Iterable[Notice]) -> None:
        """Insert what is absent, to be sent when due."""
        ...

    async def claim(self, lane: str, *, now_ms: int, rows_max: int) -> Sequence[Delivery]:
        """Lease, for LEASE_MS, what of a lane is due and has nothing open before it for the same
        state and channel; nothing goes before an open digest. A lease that ended counts as due. In
        the order of the outbox. What was over before anybody was told of it is merged into its
        end."""
        ...

    async def begin(self, leases: Sequence[Delivery], *, now_ms: int) -> Sequence[Delivery]:
        """Record an attempt at each before it is made, and lease them for LEASE_MS from now. Those
        that are still leased: make no attempt at the others."""
        ...

    async def settle(
        self, ended: Sequence[tuple[Delivery, Outcome]], *, now_ms: int
    ) -> Sequence[Delivery]:  # fmt: skip
        """What became of leased notices; those whose lease was not lost."""
        ...

    async def hurry(self, lane: str, *, now_ms: int) -> None:
        """What of a lane waits to be tried again is due now."""
        ...

    async def send_again(self, number: int, *, now_ms: int) -> bool:
        """A dead or expired notice is due anew; False where there is none of that number."""
        ...

    async def prune(self, *, before_ms: int, rows_max: int) -> int:
        """Delete the oldest of what ended before then, so many at most; how many that were."""
        ...


class AlertStore(Protocol):
    """What was committed."""

    async def rules(self) -> Sequence[Rule]:
        """The newest version of every rule there is, by id."""
        ...

    async def versions(self, rule_id: int) -> Sequence[Rule]:
        """Every version of a rule, the oldest first; of a removed one, too."""
        ...

    async def silences(self, *, after_ms: int) -> Sequence[Silence]:
        """Those that end after a moment, by id; a damaged one is left out and counted."""
        ...

    async def states(self) -> Sequence[States]:
        """Of every rule and block; a damaged one is left out and counted."""
        ...

    async def memories(self) -> Sequence[Remembered]:
        """Of every rule and interval."""
        ...

    async def judged_through(self) -> Mapping[Interval, int]:
        """Interval -> the slot through which everything of it is judged."""
        ...

    async def episodes(
        self, *, lasting: bool = False, before_ms: int | None = None, after: str | None = None,
        limit: int = 100, viewer: int | None = None,
    ) -> Sequence[StoredEpisode]:  # fmt: skip
        """Episodes opened before `before_ms`, newest first; with `lasting`, only those not closed;
        or those that follow the one of the id `after` in that order. viewer: only of rules that
        are that user's or the installation's; 0: the installation's alone; None: all."""
        ...

    async def episode(self, name: str) -> StoredEpisode | None:
        """The one of an id."""
        ...

    async def notices(self, episode: str) -> Sequence[Notice]:
        """What was decided to be told of an episode, in order, whoever is told."""
        ...

    async def deliveries(self, *, open: bool = True, limit: int = 100) -> Sequence[Delivery]:
        """The outbox: what is open in its order, or everything, newest first."""
        ...
