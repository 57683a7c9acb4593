"""`failover(A, B, …)` as a part of a formula's tree. Imports domain.expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sigmawatch.domain.expression import Companion, Node, Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class FailOver(Quantity):
    """The first of several venues' series that is read, as domain.fail_over decides it; a formula
    is this alone or has none of it."""

    sources: tuple[Companion, ...]
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.sources

    @property
    def parts(self) -> Iterator[Node]:
        yield from self.sources
