"""The states of one ruling over the rows of a board that it is about.

What is stored decides: states are kept here from slot to slot, but a block whose stored states are
not those that were made here last (they could not be stored, or this is a start) is read anew, with
all others of the rule. Rows come and go with the board's; who leaves with an open episode is told
to whoever asks. Imports domain.alert, alert_codec, ruling; engine.alert_states, block_rows,
snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from sigmawatch.domain.alert import States
from sigmawatch.domain.alert_codec import decode_states
from sigmawatch.domain.alert_state import GONE, RESTING, State
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Series
from sigmawatch.engine.alert_states import AlertStates
from sigmawatch.engine.block_rows import BlockRows
from sigmawatch.engine.geometry import Mask, Rows, Slots
from sigmawatch.engine.snapshot import Layout

Stored = Mapping[tuple[int, int], States]  # by rule and block
_NEVER = -1


class RuleStates:
    """Not for two threads at a time. Rows here are places in `rows`, blocks places in `blocks`.

    rows: intp[n], rows of the board, ascending. ids: int64[n], their series. states: of them.
    """

    def __init__(self, ruling: Ruling, layout: Layout) -> None:
        self.ruling = ruling
        self.states = AlertStates(ruling.policy, 0)
        self.ids: Slots = np.zeros(0, np.int64)
        self._layout = layout
        self._asked: Rows | None = None  # what `rows` was made of
        self._in = BlockRows(layout, np.zeros(0, np.intp))
        self._kept: dict[int, States | None] = {}  # by block: as made here last, or read
        self._heard: dict[int, int] = {}  # by block: the slot it heard last, as far as we know
        self._last: Slots = np.zeros(0, np.int64)  # the same of each block here
        self._changed: Slots = np.zeros(0, np.int64)  # of each: the slot of what was read

    @property
    def rows(self) -> Rows:
        return self._in.rows

    @property
    def at(self) -> Rows | slice:
        """The rows here on the board; a slice where they stand side by side."""
        return self._in.at

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
        return {self._layout.series[row].id: self._layout.series[row] for row in self.rows.tolist()}

    def row_of(self, series_id: int) -> int | None:
        """The row here of a series."""
        row = self._layout.rows.get(series_id)
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
        self._heard |= self._known_last()
        self._layout, self._asked, self.ids = layout, rows, ids
        self._in = BlockRows(layout, rows)
        blocks, kept = self._in.blocks, self._kept
        self._last = np.array([self._heard.get(block, _NEVER) for block in blocks], np.int64)
        changed = [_NEVER if one is None else one.slot for one in map(kept.get, blocks)]
        self._changed = np.array(changed, np.int64)

    def _known_last(self) -> dict[int, int]:
        return dict(zip(self._in.blocks, self._last.tolist(), strict=True))

    def restore(self, rows: Rows, stored: Stored) -> None:
        """Begin with what is stored: `rows` of the layout, and whoever else has an episode
        there."""
        rule_id, blocks = self.ruling.rule.id, self._layout.blocks
        self._kept = {block: one for (rule, block), one in stored.items()
                      if rule == rule_id and block in blocks}  # fmt: skip
        found: dict[int, State] = {}
        for block, one in self._kept.items():
            if one is not None and one.body:
                states = decode_states(one.body)
                at = zip(*(each.tolist() for each in blocks[block]), strict=True)
                found |= {row: states.get(place, GONE) for place, row in at}
        others = [row for row, state in found.items() if state not in (GONE, RESTING)]
        self.seat(self._layout, np.union1d(rows, np.array(others, np.intp)))
        self.states.put(
            np.arange(len(self.rows)), [found.get(row, GONE) for row in self.rows.tolist()]
        )
        self._kept |= {block: None for block in self._in.blocks if block not in self._kept}

    # What is judged

    @property
    def blocks(self) -> Sequence[int]:
        return self._in.blocks

    def unheard(self, blocks: Collection[int], slot: int) -> Mask:
        """bool[blocks]: those of `blocks` that have not heard a slot yet."""
        return self._in.those(blocks) & (self._before(slot - 1) < slot)

    def gaps(self, blocks: Mask, slot: int, *, before: int | None) -> list[tuple[int, Mask]]:
        """The blocks that have not heard what came before a slot, by the first slot of that;
        before: the slot that who was there heard last."""
        first = self._before(slot - 1 if before is None else before) + 1
        late = blocks & (first < slot)
        if not late.any():  # which is nearly always
            return []
        return [(each, late & (first == each)) for each in np.unique(first[late]).tolist()]

    def _before(self, slot: int) -> Slots:
        """int64[blocks]: the slot each heard last; `slot` where we do not know better."""
        return np.where(self._last >= 0, self._last, np.maximum(slot, self._changed))

    def edited(self, blocks: Mask) -> Mask:
        """bool[blocks]: those of `blocks` whose states were judged by another condition."""
        kept, alike = self._kept, self.ruling.alike
        if all(one is None or one.version in alike for one in kept.values()):
            return np.zeros(len(blocks), np.bool_)
        others = [one is not None and one.version not in alike and bool(one.body)
                  for one in map(kept.get, self._in.blocks)]  # fmt: skip
        return blocks & np.array(others, np.bool_)

    def those(self, blocks: Collection[int]) -> Mask:
        """bool[blocks]: which of those here are among `blocks`, their ids."""
        return self._in.those(blocks)

    def of_blocks(self, blocks: Mask) -> Mask | None:
        """bool[n]: the rows of some blocks; None for all."""
        return None if blocks.all() else self._in.rows_of(blocks)

    def note(self, blocks: Mask, slot: int) -> None:
        """Blocks have heard a slot."""
        self._last[blocks] = slot

    # What is stored

    def blocks_of(self, rows: Sequence[Rows]) -> Mask:
        """bool[blocks]: those that some rows are of."""
        return self._in.blocks_of(rows)

    def made(self, blocks: Mask, slot: int) -> list[States]:
        """The states of some blocks, which are what is kept from now on."""
        bodies = self.states.bodies(self._in.cut(blocks))
        ids = [self._in.blocks[at] for at in np.flatnonzero(blocks).tolist()]
        return [self._made(block, slot, body=body) for block, body in zip(ids, bodies, strict=True)]

    def emptied(self, blocks: Collection[int], slot: int) -> list[States]:
        """Nothing is kept of some blocks any more, by their ids."""
        known = [block for block in blocks if block not in self._in.blocks or not len(self.rows)]
        kept = [(block, self._kept.get(block)) for block in known]
        return [self._made(block, slot, body=b"") for block, one in kept if one and one.body]

    def ended(self, slot: int) -> list[States]:
        """Nothing is kept of any block any more."""
        known = [block for block, one in self._kept.items() if one is not None and one.body]
        return [self._made(block, slot, body=b"") for block in known]

    def _made(self, block: int, slot: int, *, body: bytes) -> States:
        rule = self.ruling.rule
        states = States(rule_id=rule.id, block_id=block, version=rule.version, slot=slot, body=body)
        self._kept[block] = states
        return states
