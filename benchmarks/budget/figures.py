"""One row of the budget: what was promised, what was measured, and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Any

import numpy as np
from benchmarks.shared.results import duration, size, whole


class Unit(StrEnum):
    MS = "ms"
    BYTES = "bytes"
    COUNT = "count"

    def said(self, number: float) -> str:
        match self:
            case Unit.MS:
                return duration(number)
            case Unit.BYTES:
                return size(number)
            case Unit.COUNT:
                return f"{number:,.0f}"


class Verdict(StrEnum):
    AIM = "aim reached"
    MUST = "must held"
    OVER = "over"
    TOLD = ""  # nothing was promised


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """must, aim: what DESIGN.md's budget promises, None where it does not. value: what is held
    against it, a median unless `what` says otherwise."""

    what: str
    value: float
    unit: Unit = Unit.MS
    must: float | None = None
    aim: float | None = None
    p95: float | None = None
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        assert self.value >= 0.0
        assert self.must is None or self.aim is None or self.aim <= self.must

    @property
    def verdict(self) -> Verdict:
        if self.aim is not None and self.value <= self.aim:
            return Verdict.AIM
        if self.must is not None:
            return Verdict.MUST if self.value <= self.must else Verdict.OVER
        return Verdict.TOLD if self.aim is None else Verdict.OVER

    def cells(self) -> list[str]:
        """As the table has it."""
        over, promised = self.verdict is Verdict.OVER, (self.must, self.aim)
        return [
            self.what,
            *("" if it is None else f"≤ {whole(self.unit.said(it))}" for it in promised),
            self.unit.said(self.value),
            "" if self.p95 is None else self.unit.said(self.p95),
            "" if self.memory_bytes is None else size(self.memory_bytes),
            f"**{self.verdict}**" if over else str(self.verdict),
        ]

    def facts(self) -> dict[str, Any]:
        """As it is written down."""
        return {
            "what": self.what, "unit": str(self.unit), "must": self.must, "aim": self.aim,
            "value": round(self.value, 4), "p95": None if self.p95 is None else round(self.p95, 4),
            "memory_bytes": self.memory_bytes, "verdict": str(self.verdict),
        }  # fmt: skip

    @classmethod
    def of(cls, facts: dict[str, Any]) -> Figure:
        """As it was written down."""
        known = {name: value for name, value in facts.items() if name != "verdict"}
        return cls(**{**known, "unit": Unit(facts["unit"])})


def timed(what: str, times_ms: Sequence[float], **promised: Any) -> Figure:
    """The figure of several runs."""
    p95 = float(np.percentile(times_ms, 95))
    return Figure(what=what, value=median(times_ms), p95=p95, **promised)


HEADER = ("", "must", "aim", "median", "p95", "memory", "verdict")
