"""The tree of a rule's or a formula's line (SEMANTICS.md 6): quantities, tests, and the condition
they make.

A `Quantity` is a number for each series at a slot, a `Test` is true, false or unknown; no tree
holds one in the place of the other. Nodes are equal where they mean the same: `position`, where a
node stood in its text, is for messages only. Imports domain.window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Literal

from sigmawatch.domain.window import DAY_MS, SECOND_MS

FOR_MAX_MS = 7 * DAY_MS
WITHIN_PCT = 5.0  # how far from their median a composite's members may stand, unless it says
Calculation = Literal["+", "-", "*", "/"]
Relation = Literal["<", "<=", ">", ">=", "==", "!="]
Junction = Literal["and", "or"]


class Statistic(StrEnum):
    """What `f(W)`, `f[W]` and `f(expr, W)` tell of the values in a window."""

    MEAN = "mean"
    MEDIAN = "median"
    MIN = "min"
    MAX = "max"
    SIGMA_ABS = "sigma_abs"
    SIGMA_REL = "sigma_rel"
    SIGMA_RET = "sigma_ret"
    ZSCORE = "zscore"


class RankKey(StrEnum):
    """What `rank` orders by: the first four over a window, the others by the latest value."""

    SIGMA_REL = "sigma_rel"
    SIGMA_ABS = "sigma_abs"
    SIGMA_RET = "sigma_ret"
    CHANGE_PCT = "change_pct"
    SURGE = "surge"
    VOLUME_24H_REF = "volume_24h_ref"
    SPREAD_BP = "spread_bp"

    @property
    def windowed(self) -> bool:
        return self in _WINDOWED


class Among(StrEnum):
    """Which peers a series is held against, where not all."""

    QUOTE = "quote"
    VENUE = "venue"


_WINDOWED = frozenset((RankKey.SIGMA_REL, RankKey.SIGMA_ABS, RankKey.SIGMA_RET, RankKey.CHANGE_PCT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Any part of an expression. position: its offset in the text it was read from."""

    position: int = field(default=0, compare=False, repr=False)
    _hash: int = field(default=0, init=False, compare=False, repr=False)

    def __hash__(self) -> int:
        """Worked out once: rules are looked up part by part every slot. A dataclass does not
        inherit it, so every kind of node names it."""
        if not self._hash:
            told = [getattr(self, one.name) for one in fields(self) if one.compare]
            object.__setattr__(self, "_hash", hash((type(self), *told)))
        return self._hash

    @property
    def parts(self) -> Iterator[Node]:
        """What it is made of, from left to right as it is written."""
        for name in self.__dataclass_fields__:
            part = getattr(self, name)
            if isinstance(part, Node):
                yield part
            elif isinstance(part, tuple):
                yield from part

    def walk(self) -> Iterator[Node]:
        """Itself and everything in it, from left to right."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity(Node):
    """A number for each series at the judged slot, or unknown."""

    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Test(Node):
    """True, false or unknown for each series at the judged slot."""

    __test__ = False  # not a test of ours, whatever pytest thinks of the name
    __hash__ = Node.__hash__


# Quantities


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Quantity):
    """A number as written; a sign before it is a `Negative`."""

    value: float
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert 0.0 <= self.value < math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(Quantity):
    """A span of time as a number of seconds, to compare `age` with: `5m`."""

    ms: int
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.ms > 0
        assert self.ms % SECOND_MS == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Value(Quantity):
    """The rule's own metric at the judged slot: `value`, or the metric's name."""

    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion(Quantity):
    """The value of a series that is not the rule's own, at the judged slot.

    name: in a rule a metric, of the same market; in a formula a series, `KRAKEN:BTC/USD:price`.
    span_ms: the span that makes one value of it, None for a slot. A level is the newest of the
    last 3 slots, a flow the sum of its span.
    """

    name: str
    span_ms: int | None = None
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.name
        assert self.span_ms is None or self.span_ms > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite(Companion):
    """The price of a pair over all venues that agree on it; named as it is written,
    `composite(BTC/USD)`, or `composite(BTC/USD, 2)` where they agree within 2 percent."""

    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.span_ms is None
        assert self.name.startswith("composite(")
        assert self.name.endswith(")")
        assert 0.0 < self.within_pct <= 100.0

    @property
    def pair(self) -> str:
        return self._told[0]

    @property
    def within_pct(self) -> float:
        percent = self._told[2]
        return float(percent) if percent else WITHIN_PCT

    @property
    def _told(self) -> tuple[str, str, str]:
        return self.name[len("composite(") : -1].partition(", ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus(Quantity):
    """The mean of those of several quantities that agree: `composite(A, B, C)`."""

    members: tuple[Quantity, ...]
    within_pct: float = WITHIN_PCT
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert len(self.members) > 1
        assert 0.0 < self.within_pct <= 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Age(Quantity):
    """Seconds since the series last told something new (SEMANTICS.md 4)."""

    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Quantity):
    """A statistic over the window before the judged slot: `f(W)`, `f(expr, W)`; or, `with_slot`,
    over the window that ends with it: `f[W]`."""

    statistic: Statistic
    of: Quantity | None = None
    window_ms: int
    with_slot: bool = False
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.window_ms > 0
        assert self.of is None or not self.with_slot

    @property
    def own(self) -> bool:
        """Whether it is of the rule's own values, not of another expression's."""
        return self.of is None or isinstance(self.of, Value)

    @property
    def baseline(self) -> bool:
        """Whether it is an amount that the judged slot is no part of."""
        return not self.with_slot and self.statistic is not Statistic.ZSCORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Quantity):
    """From `window_ms` ago to the judged slot; `percent` of what was then (own values only)."""

    of: Quantity | None = None
    window_ms: int
    percent: bool = False
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.window_ms > 0
        assert self.of is None or not self.percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank(Quantity):
    """The place among the peers, 1 is the largest."""

    by: RankKey
    window_ms: int | None = None
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.by.windowed == (self.window_ms is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess(Quantity):
    """The change in percent over `window_ms` less the median change of the peers: of everything
    tracked, or of those among the series' own."""

    window_ms: int
    among: Among | None = None
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert self.window_ms > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Absolute(Quantity):
    of: Quantity
    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative(Quantity):
    of: Quantity
    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic(Quantity):
    left: Quantity
    operator: Calculation
    right: Quantity
    __hash__ = Node.__hash__


# Tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Test):
    left: Quantity
    operator: Relation
    right: Quantity
    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale(Test):
    """The series is `stale` (SEMANTICS.md 4)."""

    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosses(Test):
    """The value is beyond the level and at the slot before was not."""

    above: bool
    level: Quantity
    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedBy(Test):
    """The same pair and metric at `venue` stands within `within_pct` percent of it."""

    venue: str
    within_pct: float
    __hash__ = Node.__hash__

    def __post_init__(self) -> None:
        assert 0.0 < self.within_pct <= 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(Test):
    of: Test
    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Logic(Test):
    left: Test
    operator: Junction
    right: Test
    __hash__ = Node.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a rule's line says.

    metric: the one it names, else the target's. span_ms: the rolling span that makes one value of
    it, None for a slot. for_ms: how long the test must hold.

    A metric is the rule's own where it is named before all else that speaks of the rule's own
    series; every other name is a `Companion`.
    """

    test: Test
    metric: str | None = None
    span_ms: int | None = None
    for_ms: int = 0

    def __post_init__(self) -> None:
        assert self.span_ms is None or self.metric is not None
        assert 0 <= self.for_ms <= FOR_MAX_MS
        named = [
            one for one in self.test.walk() if speaks_of_own(one) or isinstance(one, Companion)
        ]
        if self.metric is not None:
            assert named, "a metric is named in the place of a value"
            assert isinstance(named[0], Value), "the rule's own metric is named first"
        assert not named or not isinstance(named[0], Companion), "the first name is the rule's own"
        assert Companion(name=self.metric or "value", span_ms=self.span_ms) not in named


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing(Condition):
    """The condition of clearing that a rule states itself: of the metric and span of the rule's
    condition, which are `value` in it, and need not be named."""

    def __post_init__(self) -> None:
        assert self.for_ms == 0
        own = Companion(name=self.metric or "value", span_ms=self.span_ms)
        assert own not in self.test.walk()


def speaks_of_own(node: Node) -> bool:
    """Whether it is itself about the rule's own series, not only what is in it."""
    match node:
        case Value() | Age() | Rank() | Excess() | Stale() | Crosses() | ConfirmedBy():
            return True
        case Window() | Change():
            return node.of is None
        case _:
            return False
