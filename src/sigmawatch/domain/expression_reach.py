"""How far an expression looks back. Imports domain.expression."""

from __future__ import annotations

from sigmawatch.domain.expression import Change, Companion, Excess, Node, Window


def reach_ms(node: Node) -> int:
    """How far before its slot a node looks, spans of its companions included. A rank is of its
    slot: what it is ranked by looks further back, but not through the rule."""
    inside = max((reach_ms(part) for part in node.parts), default=0)
    match node:
        case Window() | Change():
            return inside + node.window_ms
        case Excess():
            return node.window_ms
        case Companion():
            return node.span_ms or 0
        case _:
            return inside
