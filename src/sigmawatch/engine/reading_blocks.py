"""Which blocks of a rule read others whose word on a slot is still awaited (SEMANTICS.md 6: "when
all its inputs for k are committed"). Imports domain.expression, ruling; engine.snapshot.
"""

from __future__ import annotations

from collections.abc import Collection

from sigmawatch.domain.expression import Companion, ConfirmedBy, Excess, Node, Rank
from sigmawatch.domain.ruling import Ruling
from sigmawatch.engine.snapshot import Layout

_Peers = tuple[str, str]  # venue, metric


class Readers:
    """Of one layout and what is awaited."""

    def __init__(self, layout: Layout, awaited: Collection[int]) -> None:
        self._layout = layout
        self._awaited = {self._peers(block) for block in awaited if block in layout.blocks}
        self._found: dict[tuple[int, int], frozenset[int]] = {}

    def _peers(self, block: int) -> _Peers:
        one = self._layout.series[int(self._layout.blocks[block][1][0])]
        return one.market.venue, one.metric

    def waiting(self, ruling: Ruling, blocks: Collection[int]) -> frozenset[int]:
        """Those of a rule's `blocks` that read an awaited one."""
        if not self._awaited:
            return frozenset()
        if ruling.key not in self._found:
            nodes = [*ruling.condition.test.walk(), *ruling.clear.test.walk()]
            self._found[ruling.key] = frozenset(
                block for block in blocks if self._reads(nodes, self._peers(block))
            )
        return self._found[ruling.key]

    def _reads(self, nodes: Collection[Node], own: _Peers) -> bool:
        venue, metric = own
        for node in nodes:
            match node:
                case Companion() if (venue, node.name) in self._awaited:
                    return True
                case ConfirmedBy() if (node.venue, metric) in self._awaited:
                    return True
                case Rank() if any(of in {metric, node.by} for _, of in self._awaited):
                    return True
                case Excess() if any(of == metric for _, of in self._awaited):
                    return True
        return False
