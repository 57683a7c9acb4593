"""Trees of expressions as values: equal where they mean the same, cheap to look up."""

from __future__ import annotations

from sigmawatch.domain.expression import Companion, Comparison, Node, Value


def test_a_part_is_hashed_once_however_often_it_is_looked_up() -> None:
    class Counted(str):
        __slots__ = ()
        hashed = 0

        def __hash__(self) -> int:
            Counted.hashed += 1
            return super().__hash__()

    rule = Comparison(left=Companion(name=Counted("ask")), operator=">", right=Value())
    once = {rule: 1}
    hashed = Counted.hashed
    assert once[rule] == 1
    assert Counted.hashed == hashed


def test_every_kind_of_node_keeps_its_hash() -> None:
    """A dataclass makes a `__hash__` of its own where its class names none."""
    kinds, found = [Node], set[type[Node]]()
    while kinds:
        kind = kinds.pop()
        found.add(kind)
        kinds += kind.__subclasses__()
    assert len(found) > 15
    assert {kind for kind in found if kind.__hash__ is not Node.__hash__} == set()
