"""The seam between the close of a slot and what is decided on it: here rules are judged.

A judge is a pure function: the same hearing has the same decisions, in every process, live or after
a restart. Whoever asks it commits the decisions before anything of the slot is shown. Blocks are
heard one slot after the other, each slot once; a block whose frame is late is heard late, and holds
up nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sigmawatch.domain.alert import Episode, Remembered, States
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.notice import Notice
from sigmawatch.engine.snapshot import Board


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hearing:
    """What a judge is asked about a slot.

    board: of the slot. blocks: whose states are to be judged now. awaited: blocks whose word on the
    slot may still come; not among `blocks`. before: the slot heard before this one, None at the
    very first; what lies between is unknown, we were down. states: by rule and block, memories: by
    rule and interval in milliseconds, as they were left.
    """

    board: Board
    blocks: frozenset[int]
    awaited: frozenset[int]
    before: int | None
    states: Mapping[tuple[int, int], States]
    memories: Mapping[tuple[int, int], Remembered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """What a judge is asked about readings of a running slot (docs/decisions/0022).

    board: of the closed slot before it. frames: of the slot, in the order of their commits; of
    blocks that have heard all that was heard before it. before, states, memories: as in Hearing.
    """

    board: Board
    frames: Sequence[Frame]
    before: int
    states: Mapping[tuple[int, int], States]
    memories: Mapping[tuple[int, int], Remembered]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What follows from a hearing, or a glance.

    states: those that changed, with the slot that they have heard last, the board's; memories
    likewise. episodes: accounts of what opened, closed or reopened. notices: in the order in which
    they are to be sent. left: of the hearing's blocks, those that read an awaited one: they are
    heard on this slot again.
    """

    states: Sequence[States] = ()
    memories: Sequence[Remembered] = ()
    episodes: Sequence[Episode] = ()
    notices: Sequence[Notice] = ()
    left: frozenset[int] = frozenset()

    @property
    def empty(self) -> bool:
        return not (self.states or self.memories or self.episodes or self.notices)


def together(decisions: Sequence[Decisions]) -> Decisions:
    """What followed one after the other as what followed: of states and memories the last."""
    return Decisions(
        states=[*{one.key: one for each in decisions for one in each.states}.values()],
        memories=[*{one.key: one for each in decisions for one in each.memories}.values()],
        episodes=[one for each in decisions for one in each.episodes],
        notices=[one for each in decisions for one in each.notices],
        left=frozenset().union(*(each.left for each in decisions)),
    )


class Judge(Protocol):
    """Evaluates rules, all states of a rule in one pass."""

    @property
    def idle(self) -> bool:
        """Whether there is no rule, so that nobody needs to know how far we came."""
        ...

    def judge(self, hearing: Hearing) -> Decisions:
        """Called in the compute thread. States whose slot is the board's or a later one have heard
        it before, and are left as they are: after a kill a slot may be heard again."""
        ...

    @property
    def reads(self) -> bool:
        """Whether any rule is judged at readings of running slots."""
        ...

    def glance(self, glance: Glance) -> Decisions:
        """Called in the compute thread. The same glance again, after its decisions were kept, has
        none: a reading opens an episode, and nothing else."""
        ...
