"""The states of one ruling over the rows of a board that it is about.

What is stored decides: states are kept here from slot to slot, but a block whose stored states are
not those that were made here last (they could not be stored, or this is a start) is read anew, with
all others of the rule. Rows come and go with the board's; who leaves with an open episode is told
to whoever asks. Imports domain.alert, alert_codec, ruling; engine.alert_states, snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from sigmawatch.domain.alert import States
from sigmawatch.domain.alert_codec import decode_states
from sigmawatch.domain.alert_state import GONE, RESTING, State
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Series
from sigmawatch.engine.alert_states import AlertStates
from sigmawatch.engine.geometry import Mask, Rows, Slots
from sigmawatch.engine.snapshot import Layout

Stored = Mapping[tuple[int, int], States]  # by rule and block
_NONE: Rows = np.zeros(0, np.intp)


class RuleStates:
    """Not for two threads at a time. Rows here are places in `rows`.

    rows: intp[n], rows of the board, ascending. ids: int64[n], their series. states: of them.
    """

    def __init__(self, ruling: Ruling) -> None:
        self.ruling = ruling
        self.states = AlertStates(ruling.policy, 0)
        self.rows: Rows = _NONE
        self.ids: Slots = np.zeros(0, np.int64)
        self._layout: Layout | None = None
        self._asked: Rows | None = None  # what `rows` was made of
        self._kept: dict[int, States | None] = {}  # by block: as made here last, or read
        self._heard: dict[int, int] = {}  # by block: the slot it heard last, as far as we know
        self._changed: dict[int, int] = {}  # by block: the slot of what was read
        self._blocks: dict[int, Rows] = {}  # block -> its rows here, by place
        self._places: Rows = _NONE
        self._block: Rows = _NONE  # of each row

    # Who is here

    def take_over(self, ruling: Ruling) -> None:
        """The same rule in another version, or the same."""
        if ruling is self.ruling:
            return
        if ruling.policy != self.ruling.policy:
            self.states = self.states.under(ruling.policy)
        self.ruling = ruling

    def current(self, stored: Stored) -> bool:
        """Whether what is kept here is what is stored."""
        rule_id = self.ruling.rule.id
        return all(stored.get((rule_id, block)) is one for block, one in self._kept.items())

    def stands(self, layout: Layout, rows: Rows) -> bool:
        """Whether the rows here are those of `seat`."""
        return self._layout is layout and self._asked is rows

    @property
    def series(self) -> dict[int, Series]:
        """The series here by id; also of those that left the board since it was seated."""
        if self._layout is None:
            return {}
        return {self._layout.series[row].id: self._layout.series[row] for row in self.rows.tolist()}

    def row_of(self, series_id: int) -> int | None:
        """The row here of a series."""
        row = None if self._layout is None else self._layout.rows.get(series_id)
        at = 0 if row is None else int(np.searchsorted(self.rows, row))
        return at if row is not None and at < len(self.rows) and self.rows[at] == row else None

    def knows(self, episode: tuple[int, int]) -> bool:
        """Whether an episode, of a series and from a slot on, need not be acknowledged any more."""
        row = self.row_of(episode[0])
        course = None if row is None else self.states.state(row).course
        return course is None or course.opened != episode[1] or course.acknowledged

    def leaving(self, layout: Layout, rows: Rows) -> Mask:
        """bool[n]: the rows here that are not among `rows` of a layout."""
        return ~np.isin(self.ids, layout.ids[rows])

    def seat(self, layout: Layout, rows: Rows) -> None:
        """From now on the rows here are `rows` of a layout; who is new begins in warmup."""
        ids = layout.ids[rows]
        order = np.argsort(self.ids)
        at = np.searchsorted(self.ids, ids, sorter=order)
        known = at < len(order)
        before = np.full(len(ids), -1, np.intp)
        before[known] = order[at[known]]
        before[known] = np.where(self.ids[before[known]] == ids[known], before[known], -1)
        if len(self.ids):
            self.states.rearrange(before)
        else:
            self.states = AlertStates(self.ruling.policy, len(ids))
        self._layout, self._asked, self.rows, self.ids = layout, rows, rows, ids
        self._group(layout)

    def _group(self, layout: Layout) -> None:
        """Which rows here each block has."""
        here = np.full(len(layout.ids), -1, np.intp)
        here[self.rows] = np.arange(len(self.rows))
        self._places, self._block = np.zeros((2, len(self.rows)), np.intp)
        self._blocks = {}
        for block, (places, rows) in layout.blocks.items():
            mine = here[rows]
            inside = mine >= 0
            if inside.any():
                mine, places = mine[inside], places[inside]
                order = np.argsort(places)
                self._blocks[block] = mine[order]
                self._places[mine], self._block[mine] = places, block

    def restore(self, layout: Layout, rows: Rows, *, stored: Stored) -> None:
        """Begin with what is stored: `rows` of a layout, and whoever else has an episode there."""
        rule_id = self.ruling.rule.id
        mine = {block: one for (rule, block), one in stored.items()
                if rule == rule_id and block in layout.blocks}  # fmt: skip
        found: dict[int, State] = {}
        for block, one in mine.items():
            if one.body:
                states = decode_states(one.body)
                at = zip(*(each.tolist() for each in layout.blocks[block]), strict=True)
                found |= {row: states.get(place, GONE) for place, row in at}
        others = [row for row, state in found.items() if state not in (GONE, RESTING)]
        self.ids, self._asked = np.zeros(0, np.int64), None
        self.seat(layout, np.union1d(rows, np.array(others, np.intp)))
        self.states.put(
            np.arange(len(self.rows)), [found.get(row, GONE) for row in self.rows.tolist()]
        )
        self._kept = {block: mine.get(block) for block in mine.keys() | self._blocks.keys()}
        self._heard, self._changed = {}, {block: one.slot for block, one in mine.items()}

    # What is judged

    @property
    def blocks(self) -> Collection[int]:
        return self._blocks.keys()

    def blocks_of(self, rows: Sequence[Rows]) -> set[int]:
        """The blocks that some rows are of."""
        return set(self._block[np.concatenate([_NONE, *rows])].tolist())

    def mask(self, blocks: Collection[int]) -> Mask | None:
        """bool[n]: the rows of some blocks; None for all."""
        if len(blocks) == len(self._blocks):
            return None
        mask = np.zeros(len(self.rows), np.bool_)
        for block in blocks:
            mask[self._blocks[block]] = True
        return mask

    def unheard(self, blocks: Collection[int], slot: int) -> list[int]:
        """Those of `blocks` that are here and have not heard a slot yet."""
        return [b for b in self._blocks if b in blocks and self._last(b, slot - 1) < slot]

    def gaps(self, blocks: Iterable[int], slot: int, *, before: int | None) -> dict[int, list[int]]:
        """The blocks that have not heard what came before a slot, by the first slot of that;
        before: the slot that who was there heard last."""
        found: dict[int, list[int]] = {}
        for block in blocks:
            first = self._last(block, slot - 1 if before is None else before) + 1
            if first < slot:
                found.setdefault(first, []).append(block)
        return found

    def _last(self, block: int, before: int) -> int:
        """The slot a block heard last."""
        return self._heard.get(block, max(before, self._changed.get(block, -1)))

    def edited(self, blocks: Collection[int]) -> list[int]:
        """Those of `blocks` whose states were judged by another condition."""
        kept = ((block, self._kept.get(block)) for block in blocks)
        alike = self.ruling.alike
        return [block for block, one in kept if one is not None and one.version not in alike]

    def note(self, blocks: Collection[int], slot: int) -> None:
        """Blocks have heard a slot."""
        self._heard.update(dict.fromkeys(blocks, slot))

    # What is stored

    def made(self, rows: Sequence[Rows], slot: int, *, also: Collection[int] = ()) -> list[States]:
        """The states of the blocks in which `rows` changed, and of some `also`; they are what is
        kept from now on."""
        touched = self.blocks_of(rows) | set(also)
        mine = [block for block in self._blocks if block in touched]
        here = [self._blocks[block] for block in mine]
        edges = np.cumsum([0, *map(len, here)])
        together = np.concatenate(here) if here else _NONE
        bodies = self.states.bodies(together, self._places[together], edges=edges.tolist())
        states = [
            self._made(block, slot, body=body) for block, body in zip(mine, bodies, strict=True)
        ]
        return [*states, *(self._made(b, slot, body=b"") for b in also if b not in self._blocks)]

    def ended(self, slot: int) -> list[States]:
        """Nothing is kept of any block any more."""
        known = [block for block, one in self._kept.items() if one is not None and one.body]
        return [self._made(block, slot, body=b"") for block in known]

    def _made(self, block: int, slot: int, *, body: bytes) -> States:
        rule = self.ruling.rule
        states = States(rule_id=rule.id, block_id=block, version=rule.version, slot=slot, body=body)
        self._kept[block] = states
        return states
