"""Some rows of a board, block by block. Imports engine.snapshot."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sigmawatch.engine.geometry import Mask, Rows
from sigmawatch.engine.snapshot import Layout

_NONE: Rows = np.zeros(0, np.intp)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """Some blocks one after the other. rows: intp[m], theirs, by place; places: intp[m], in their
    blocks; edges: intp[blocks + 1], where each begins, the end too."""

    rows: Rows
    places: Rows
    edges: Rows

    def bits(self, which: Mask) -> list[bytes]:
        """A bit for each place of each block, set where `which`, bool[m], is; place 0 is the lowest
        of the first byte."""
        return self._every if which.all() else self._bits(which)

    @cached_property
    def _every(self) -> list[bytes]:
        return self._bits(np.ones(len(self.rows), np.bool_))

    def _bits(self, which: Mask) -> list[bytes]:
        blocks, width = len(self.edges) - 1, int(self.places.max(initial=0)) + 1
        found = np.zeros((blocks, width), np.bool_)
        found[np.repeat(np.arange(blocks), np.diff(self.edges)), self.places] = which
        return [one.tobytes() for one in np.packbits(found, axis=1, bitorder="little")]


class BlockRows:
    """Immutable. rows: intp[n], of the board, ascending; here a row is its place in them, a block
    its place in `blocks`."""

    def __init__(self, layout: Layout, rows: Rows) -> None:
        self.rows = rows
        side_by_side = len(rows) > 0 and int(rows[-1]) - int(rows[0]) + 1 == len(rows)
        self.at = slice(int(rows[0]), int(rows[-1]) + 1) if side_by_side else rows
        here = np.full(len(layout.ids), -1, np.intp)
        here[rows] = np.arange(len(rows))
        found: dict[int, tuple[Rows, Rows]] = {}
        for block, (places, of_board) in layout.blocks.items():
            mine = here[of_board]
            if (mine >= 0).any():
                places, mine = places[mine >= 0], mine[mine >= 0]
                order = np.argsort(places)
                found[block] = mine[order], places[order]
        self.blocks = tuple(found)
        self._known = frozenset(found)
        self._order = np.concatenate([_NONE, *(mine for mine, _ in found.values())])
        self._places = np.concatenate([_NONE, *(places for _, places in found.values())])
        self._edges = np.cumsum([0, *(len(mine) for mine, _ in found.values())])
        self._block = np.zeros(len(rows), np.intp)  # of each row
        self._block[self._order] = np.repeat(np.arange(len(found)), np.diff(self._edges))

    def those(self, blocks: Collection[int]) -> Mask:
        """bool[blocks]: which of ours are among `blocks`."""
        if isinstance(blocks, frozenset) and self._known <= blocks:
            return np.ones(len(self.blocks), np.bool_)
        return np.array([block in blocks for block in self.blocks], np.bool_)

    def blocks_of(self, rows: Sequence[Rows]) -> Mask:
        """bool[blocks]: those that some rows are of."""
        found = np.zeros(len(self.blocks), np.bool_)
        for each in rows:
            found[self._block[each]] = True
        return found

    def rows_of(self, blocks: Mask) -> Mask:
        """bool[n]: the rows of some blocks."""
        return blocks[self._block]

    def cut(self, blocks: Mask) -> Cut:
        """Some blocks; all of them is the same object each time."""
        if blocks.all():
            return self._whole
        inside = np.repeat(blocks, np.diff(self._edges))
        edges = np.cumsum([0, *np.diff(self._edges)[blocks].tolist()])
        return Cut(rows=self._order[inside], places=self._places[inside], edges=edges)

    @cached_property
    def _whole(self) -> Cut:
        return Cut(rows=self._order, places=self._places, edges=self._edges)
