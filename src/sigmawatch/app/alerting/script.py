"""What a `.rules` script says: series and their values, rules, what happens, what is expected.

    load every 60s
      KRAKEN:BTC/USD price   100x60 100 106 106 106 100x30
    rule hot: change_pct(10m) > 5 for 2m
      cooldown: 5m
    at 01:03 expect hot KRAKEN:BTC/USD firing because 6 > 5

The grammar is docs/reference/rules-test.md; app.alerting.script_reader reads it, script_run runs
it. Moments are slots, counted from the first one loaded. Imports domain.
"""

from __future__ import annotations

from dataclasses import dataclass

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.expression import Condition
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.series import Series
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, SECOND_MS, Interval

SUMMARY = "summary"  # in the place of a series: what is told of many at once


class ScriptInvalid(Invalid):
    """A line of a script cannot be understood. line: counted from 1."""

    def __init__(self, message: str, *, line: int, allowed: str = "") -> None:
        super().__init__(f"line {line}: {message}", allowed=allowed)
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Values of one series, from the first slot on; None where none came."""

    series: Series
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRule:
    """A rule and the series that it is about. text: its condition, as it was written."""

    name: str
    text: str
    condition: Condition
    clear: Condition
    settings: RuleSettings
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A line of the script about a slot. text: the line. rule: whose. about: a series id, a venue,
    SUMMARY, or None for all of the rule's."""

    line: int
    text: str
    slot: int
    rule: str
    about: int | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectState(Step):
    """The state after its slot. because: what a comparison of the condition came to."""

    state: str
    because: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectNotice(Step):
    """That this is told with the slot, or with kind None that nothing is."""

    kind: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectTells(Step):
    """All that is told from the first slot to the last: kinds and slots. slot: the last."""

    told: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Step):
    """Something that happens before a slot is judged. until: the first slot without it. value: what
    is read inside the slot. rule: the edited one's new form."""

    verb: str
    until: int | None = None
    value: float | None = None
    edited: ScriptRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A whole script. first_slot: the one that opens at 00:00; slots_count: how many there are."""

    name: str
    interval: Interval
    first_slot: int
    slots_count: int
    loaded: tuple[Loaded, ...]
    rules: tuple[ScriptRule, ...]
    steps: tuple[Step, ...]

    def clock(self, slot: int) -> str:
        """When a slot opens, as the script writes it."""
        hours, rest = divmod((slot - self.first_slot) * self.interval.ms, HOUR_MS)
        minutes, rest = divmod(rest, MINUTE_MS)
        seconds = f":{rest // SECOND_MS:02}" if rest else ""
        return f"{hours:02}:{minutes:02}{seconds}"
