"""From the text of a `.rules` script to what it says: docs/reference/rules-test.md.

Line by line; what cannot be read is refused with its line and what is allowed there. Imports
app.alerting.script, domain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sigmawatch.app.alerting.script import Loaded, Script, ScriptInvalid, ScriptRule, Step
from sigmawatch.app.alerting.script_steps import StepReader
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.alert_policy import NoData
from sigmawatch.domain.calendar import parse_calendar
from sigmawatch.domain.errors import ExpressionInvalid, Invalid
from sigmawatch.domain.expression import Condition
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import metric_named
from sigmawatch.domain.rule import default_clear, parse_clearing, parse_condition
from sigmawatch.domain.rule_settings import On, RuleSettings, rule_name
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import ANY, parse_pattern
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, SECOND_MS, Interval, parse_span

LINES_MAX = 10_000
VALUES_MAX = 100_000  # of one series
VALID_UNTIL = "valid_until"
START_MS = 1_704_067_200_000  # 2024-01-01, a Monday

T = TypeVar("T")

_LOAD = re.compile(r"load every (\S+)(?: from (\S+))?")
_RULE = re.compile(r"rule ([^\s:]+):\s*(.+)")
_SETTING = re.compile(r"([a-z_]+):\s*(.+)")
_TIME = re.compile(r"(\d{2,4}):(\d{2})(?::(\d{2}))?", re.ASCII)
_VALUE = re.compile(r"(_|-?\d+(?:\.\d+)?(?:e-?\d+)?)(?:x(\d+))?", re.ASCII)


def read_script(text: str, *, name: str = "script") -> Script:
    """Raises ScriptInvalid."""
    return _Reader(text, name=name).script()


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A rule as its lines stand."""

    line: int
    name: str
    condition: str
    settings: dict[str, str]


class _Reader:
    def __init__(self, text: str, *, name: str) -> None:
        self._text, self._name = text, name
        self._line = 0
        self._interval: Interval | None = None
        self._start_ms = START_MS
        self._loaded: list[Loaded] = []
        self._drafts: dict[str, _Draft] = {}
        self._steps: list[tuple[int, str]] = []

    def script(self) -> Script:
        for indented, line in self._lines():
            self._take(line, indented=indented)
        if self._interval is None or not self._loaded:
            raise self.wrong("nothing is loaded", allowed="load every 60s")
        rules = {draft.name: self._ruled(draft) for draft in self._drafts.values()}
        steps: list[Step] = []
        for number, line in self._steps:
            self._line = number
            steps.append(StepReader(self, line, rules=rules).step())
        length = max(len(one.values) for one in self._loaded)
        last = max((step.slot for step in steps), default=0) - self.first_slot + 1
        return Script(
            name=self._name, interval=self._interval, first_slot=self.first_slot,
            slots_count=max(length, last), loaded=tuple(self._loaded),
            rules=tuple(rules.values()), steps=tuple(steps),
        )  # fmt: skip

    def _lines(self) -> Iterator[tuple[bool, str]]:
        """Whether a line is indented, and what it says; comments and empty ones are left out."""
        lines = self._text.splitlines()
        if len(lines) > LINES_MAX:
            raise self.wrong(f"a script has at most {LINES_MAX:,} lines")
        for number, line in enumerate(lines, 1):
            self._line = number
            said = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].rstrip()
            if said:
                yield said[0].isspace(), " ".join(said.split())

    def _take(self, line: str, *, indented: bool) -> None:
        if indented:
            self._take_part(line)
        elif line.startswith("load"):
            self._load(line)
        elif line.startswith("rule"):
            self._rule(line)
        elif line.startswith(("at ", "expect ")):
            self._steps.append((self._line, line))
        else:
            raise self.wrong(f"{line[:60]!r} says nothing we know",
                              allowed="load, rule, at, expect")  # fmt: skip

    def _take_part(self, line: str) -> None:
        """A line that belongs to the one before."""
        if self._steps or (self._interval is None and not self._drafts):
            raise self.wrong("an indented line belongs to load or rule")
        if not self._drafts:
            self._values(line)
            return
        match = _SETTING.fullmatch(line)
        if match is None:
            raise self.wrong(f"{line[:60]!r} is no setting", allowed="cooldown: 5m")
        draft = list(self._drafts.values())[-1]
        if match[1] in draft.settings:
            raise self.wrong(f"{match[1]} stands twice")
        draft.settings[match[1]] = match[2]
        self.checked(lambda: self._settings(draft))

    # Load

    def _load(self, line: str) -> None:
        match = _LOAD.fullmatch(line)
        if match is None or self._interval is not None:
            raise self.wrong("one line loads", allowed="load every 60s from 2024-01-01T00:00Z")
        self._interval = self.checked(lambda: Interval(parse_span(match[1])))
        if match[2]:
            self._start_ms = self._moment(match[2])
        if self._start_ms % self._interval.ms:
            raise self.wrong("a script begins with a slot")

    def _moment(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self.wrong(f"{text!r} is no moment", allowed="2024-01-01T00:00Z")
        return int(moment.timestamp()) * SECOND_MS

    def _values(self, line: str) -> None:
        words = line.split()
        if len(words) < 3:
            raise self.wrong("a series has a market, a metric and values",
                              allowed="KRAKEN:BTC/USD price 100x60 301")  # fmt: skip
        assert self._interval is not None
        values: list[float | None] = []
        for word in words[2:]:
            match = _VALUE.fullmatch(word)
            count = int(match[2] or 1) if match else 0
            if match is None or not 0 < count <= VALUES_MAX - len(values):
                raise self.wrong(f"{word!r} is no value", allowed="100, 100x60, _ or _x5")
            values += [None if match[1] == "_" else float(match[1])] * count
        number = len(self._loaded) + 1
        series = self.checked(lambda: Series(
            id=number, market=_market(words[0]), metric=metric_named(words[1]).name,
            interval=self.interval, block_id=1, place=0,
        ))  # fmt: skip
        if any(one.series.name == series.name for one in self._loaded):
            raise self.wrong(f"{series.name} is loaded twice")
        self._loaded.append(Loaded(series=series, values=tuple(values)))

    # Rules

    def _rule(self, line: str) -> None:
        match = _RULE.fullmatch(line)
        if match is None:
            raise self.wrong("a rule has a name and a condition",
                              allowed="rule hot: price > 3 * mean(1h)")  # fmt: skip
        name = self.checked(lambda: rule_name(match[1]))
        if name in self._drafts or not self._loaded:
            raise self.wrong(f"rule {name} stands twice, or before anything is loaded")
        self._drafts[name] = _Draft(line=self._line, name=name, condition=match[2], settings={})
        self.checked(lambda: parse_condition(match[2], interval=self.interval))

    def _ruled(self, draft: _Draft) -> ScriptRule:
        self._line = draft.line
        return self.checked(lambda: self._made(draft))

    def _made(self, draft: _Draft) -> ScriptRule:
        settings = self._settings(draft)
        condition = parse_condition(draft.condition, interval=self.interval)
        patterns = settings.target.patterns_of({}, metric=condition.metric)
        series = tuple(one.series for one in self._loaded
                       if any(pattern.names(one.series) for pattern in patterns))  # fmt: skip
        if not series:
            raise Invalid("the rule is about nothing that is loaded")
        for metric in {one.metric for one in series}:
            parse_condition(draft.condition, interval=self.interval, metric=metric)
        clear: Condition = default_clear(condition)
        if settings.clear is not None:
            clear = parse_clearing(settings.clear, of=condition, interval=self.interval)
        return ScriptRule(
            name=draft.name, text=draft.condition, condition=condition, clear=clear,
            settings=settings, series=series,
        )  # fmt: skip

    def edited(self, name: str, condition: str) -> ScriptRule:
        """A rule with another condition."""
        if name not in self._drafts:
            raise self.wrong(f"there is no rule {name}", allowed=", ".join(self._drafts))
        return self._ruled(replace(self._drafts[name], condition=condition, line=self._line))

    def _settings(self, draft: _Draft) -> RuleSettings:
        told: dict[str, Any] = {"target": parse_target(["*:*/*"])}
        for name, text in draft.settings.items():
            if name == VALID_UNTIL:
                told["valid_until_ms"] = self.moment_ms(text)
            elif name in _SETTINGS:
                field, read = _SETTINGS[name]
                told[field] = read(text)
            else:
                allowed = ", ".join((*_SETTINGS, VALID_UNTIL))
                raise Invalid(f"there is no setting {name}", allowed=allowed)
        return RuleSettings(**told)

    # What all lines have

    @property
    def interval(self) -> Interval:
        assert self._interval is not None
        return self._interval

    @property
    def first_slot(self) -> int:
        return self.interval.slot(self._start_ms)

    def slot(self, text: str) -> int:
        """The slot that holds a moment of the script, `01:03` or `26:00:30`."""
        return self.interval.slot(self.moment_ms(text))

    def moment_ms(self, text: str) -> int:
        match = _TIME.fullmatch(text)
        if match is None or int(match[2]) >= 60 or int(match[3] or 0) >= 60:
            raise self.wrong(f"{text!r} is no time of the script", allowed="01:03 or 25:10:30")
        since_ms = int(match[1]) * HOUR_MS + int(match[2]) * MINUTE_MS
        return self._start_ms + since_ms + int(match[3] or 0) * SECOND_MS

    def series(self, text: str) -> list[Series]:
        """The loaded ones of a market, `KRAKEN:BTC/USD` or `KRAKEN:BTC/USD:price`."""
        names = (text.upper(), text.upper().rpartition(":")[0] + text[text.rfind(":") :].lower())
        return [
            one.series for one in self._loaded
            if one.series.market.name == names[0] or one.series.name == names[1]
        ]  # fmt: skip

    @property
    def line(self) -> int:
        return self._line

    @property
    def venues(self) -> frozenset[str]:
        return frozenset(one.series.market.venue for one in self._loaded)

    def wrong(self, message: str, *, allowed: str = "") -> ScriptInvalid:
        return ScriptInvalid(message, line=max(self._line, 1), allowed=allowed)

    def checked(self, read: Callable[[], T]) -> T:
        """What `read` returns; what it refuses is told with the line."""
        try:
            return read()
        except ScriptInvalid:
            raise
        except ExpressionInvalid as error:
            caret = error.caret.replace("\n", "\n  ")
            raise self.wrong(f"{error}\n  {caret}", allowed=error.allowed) from error
        except Invalid as error:
            raise self.wrong(str(error), allowed=error.allowed) from error


def _market(text: str) -> Market:
    pattern = parse_pattern(text)
    if ANY in f"{pattern.venue}{pattern.base}{pattern.quote}":
        raise Invalid(f"{text} is no market", allowed="KRAKEN:BTC/USD")
    native = f"{pattern.base}{pattern.quote}"
    return Market(venue=pattern.venue, base=pattern.base, quote=pattern.quote, native=native)


def _span(text: str) -> int:
    return 0 if text == "0s" else parse_span(text)


def _yes(text: str) -> bool:
    if text not in {"true", "false"}:
        raise Invalid(f"{text!r} is neither true nor false")
    return text == "true"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Invalid(f"{text!r} is no number")
    return int(text)


def _one_of(kind: type[StrEnum]) -> Callable[[str], StrEnum]:
    def read(text: str) -> StrEnum:
        if text not in {one.value for one in kind}:
            raise Invalid(f"{text!r} is none of these", allowed=", ".join(kind))
        return kind(text)

    return read


_SETTINGS: dict[str, tuple[str, Callable[[str], object]]] = {
    "target": ("target", lambda text: parse_target(text.split(","))),
    "clear": ("clear", str),
    "clear_for": ("clear_for_ms", _span),
    "cooldown": ("cooldown_ms", _span),
    "reminder": ("reminder_ms", _span),
    "no_data": ("no_data", _one_of(NoData)),
    "no_data_for": ("no_data_for_ms", _span),
    "severity": ("severity", _one_of(Severity)),
    "mute": ("mute", lambda text: tuple(map(parse_calendar, text.split(";")))),
    "max_triggers": ("max_triggers", _number),
    "notify_resolved": ("notify_resolved", _yes),
    "on": ("on", _one_of(On)),
}
