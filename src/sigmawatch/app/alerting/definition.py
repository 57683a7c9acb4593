"""A rule as people write it, in the file, the API and the command line: read, or refused.

    definition = read_definition("hot", {"condition": "price > 3 * mean(1h)", "target": "*:*/USD"},
                                 scope=scope)

Everything that is wrong is told at once, with the place in a condition's text. What may only be
missing for now (nobody tracks what the target names, a slot too wide for a window) is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, InstanceOf, ValidationError

from sigmawatch.app.alerting.confirming import unconfirmable
from sigmawatch.app.alerting.scope import Kind, Scope
from sigmawatch.app.config_table import Table
from sigmawatch.app.problems import ConfigProblems, Problem, explain, near
from sigmawatch.domain.alert import Rule, Severity
from sigmawatch.domain.alert_policy import NoData
from sigmawatch.domain.calendar import CalendarWindow, parse_calendar
from sigmawatch.domain.errors import ExpressionInvalid, Invalid
from sigmawatch.domain.expression import FOR_MAX_MS, Clearing, Condition
from sigmawatch.domain.rule import (
    MEDIAN_SERIES_MAX,
    check_condition,
    median_used,
    print_clearing,
    print_condition,
)
from sigmawatch.domain.rule_reader import read_clearing, read_condition
from sigmawatch.domain.rule_settings import (
    CHANNELS_MAX,
    MUTES_MAX,
    NOTE_CHARS_MAX,
    On,
    RuleSettings,
    channel_name,
    rule_name,
)
from sigmawatch.domain.rule_target import Target, parse_target
from sigmawatch.domain.window import MINUTE_MS, format_span, parse_span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_SPANS = ("clear_for", "cooldown", "reminder", "no_data_for")


def _span(raw: object) -> object:
    if not isinstance(raw, str):
        raise Invalid("is a span of time", allowed="text as 5m or 24h; 0s for none")
    span_ms = 0 if raw.strip().lower() in {"0", "0s", "0m", "0h", "0d"} else parse_span(raw)
    if span_ms > FOR_MAX_MS:
        raise Invalid("is too long", allowed=f"0s to {format_span(FOR_MAX_MS)}")
    return span_ms


def _items(raw: object) -> object:
    return (raw,) if isinstance(raw, str) else raw


def _target(raw: object) -> object:
    items = _items(raw)
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise Invalid("is a name or a list of names", allowed="kraken:*/USD")
    return parse_target(items)


def _mute(raw: object) -> object:
    if not isinstance(raw, str):
        raise Invalid("is text", allowed="mon-fri 22:00-07:00 Europe/Berlin")
    return parse_calendar(raw)


def _channel(raw: object) -> object:
    return channel_name(raw) if isinstance(raw, str) else raw


def _moment(raw: object) -> object:
    """RFC 3339, or what TOML makes of one."""
    try:
        moment = datetime.fromisoformat(raw) if isinstance(raw, str) else raw
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise Invalid("is a moment with its zone", allowed="as 2027-01-31T18:00:00Z")
    return (moment - _EPOCH) // _MS


_Span = Annotated[int, BeforeValidator(_span)]
_Mute = Annotated[InstanceOf[CalendarWindow], BeforeValidator(_mute)]
_Channel = Annotated[str, BeforeValidator(_channel)]


class RuleTable(Table):
    """The keys of a rule."""

    condition: str = Field(description="When it fires: one line, [the rule language](rules.md).")
    target: Annotated[InstanceOf[Target], BeforeValidator(_target)] = Field(
        description="Of which series: `kraken:*/USD`, `KRAKEN:BTC/USD`, `*:BTC/*:price`, "
        "`watchlist:majors`, or a list of them. New markets join by themselves."
    )
    clear: str | None = Field(
        default=None, description="When it is over; default: the condition moved by a tenth."
    )
    clear_for: _Span = Field(default=0, description="How long that must hold.")
    cooldown: _Span = Field(
        default=15 * MINUTE_MS, description="Nothing is told for so long after the end; `0s`: none."
    )
    reminder: _Span = Field(default=0, description="How often it is said again; `0s`: never.")
    no_data: NoData = Field(
        default=NoData.KEEP,
        description="What missing data does to an open episode: `keep`, `alert`, `ok`.",
    )
    no_data_for: _Span = Field(default=5 * MINUTE_MS, description="After how long.")
    severity: Severity = Field(
        default=Severity.WARNING,
        description="`info`, `warning`, `critical`; `[routes]` goes by it.",
    )
    channels: Annotated[tuple[_Channel, ...], BeforeValidator(_items)] = Field(
        default=(), max_length=CHANNELS_MAX,
        description="Who is told; default: the channels that `[routes]` gives its severity.",
    )  # fmt: skip
    mute: Annotated[tuple[_Mute, ...], BeforeValidator(_items)] = Field(
        default=(), max_length=MUTES_MAX,
        description="When nobody is told: `mon-fri 22:00-07:00 Europe/Berlin`, or several.",
    )  # fmt: skip
    max_triggers: int | None = Field(
        default=None, ge=1, description="How many episodes each series may open; default: any."
    )
    valid_until: Annotated[int, BeforeValidator(_moment)] | None = Field(
        default=None, description="From then on it is not judged: `2027-01-31T18:00:00Z`."
    )
    notify_resolved: bool = Field(default=True, description="Whether the end is told.")
    on: On = Field(
        default=On.SLOT, description="`slot`: judged when a slot has closed. `reading`: "
        "[at each new reading, too](rules.md#on-reading).",
    )  # fmt: skip
    note: str = Field(
        default="", max_length=NOTE_CHARS_MAX, description="Your own words, in every notice."
    )
    enabled: bool = Field(default=True, description="`false`: it is kept, and not judged.")

    def settings(self, clear: str | None) -> RuleSettings:
        told = {one.name.removesuffix("_ms"): one.name for one in fields(RuleSettings)}
        return RuleSettings(**{
            field: getattr(self, name) for name, field in told.items() if name != "clear"
        } | {"clear": clear, "channels": tuple(dict.fromkeys(self.channels))})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a rule is to be. text: its condition in canonical form. warnings: what will not work
    for now."""

    name: str
    text: str
    settings: RuleSettings
    enabled: bool = True
    warnings: tuple[Problem, ...] = ()


def read_definition(name: str, raw: Mapping[str, Any], *, scope: Scope, at: str = "") -> Definition:
    """A rule from its keys. at: what paths begin with. Raises ConfigProblems with all there are."""
    problems: list[Problem] = []
    table: RuleTable | None = None
    try:
        name = rule_name(name)
    except Invalid as exc:
        problems.append(Problem(path="name", rule=str(exc), allowed=exc.allowed))
    try:
        table = RuleTable.model_validate(dict(raw))
    except ValidationError as exc:
        problems += explain(exc, RuleTable, layers={})
    lines = _Lines(raw, problems)
    unknown = [] if table is None else [*_unknown(table, scope)]
    if table is not None:
        problems += [*_unsound(table, scope), *(unknown if scope.complete else ())]
    kinds = scope.kinds(table.target, lines.metric) if table is not None else {}
    wrong = lines.unfit(kinds or [scope.usual])
    if lines.condition is not None and len(wrong) == max(1, len(kinds)):
        problems.append(next(iter(wrong.values())))
        wrong = {}
    problems += _too_many(lines.condition, sum(kinds.values()))
    if problems:
        raise ConfigProblems([replace(one, path=at + one.path) for one in problems])
    assert table is not None
    assert lines.condition is not None
    clear = None if lines.clearing is None else print_clearing(lines.clearing)
    return Definition(
        name=name,
        text=print_condition(lines.condition),
        settings=table.settings(clear),
        enabled=table.enabled,
        warnings=tuple(
            replace(one, path=at + one.path)
            for one in (
                *unknown,
                *_warnings(table.target, kinds, wrong=wrong),
                *_idle_readings(table.on, lines.condition),
                *unconfirmable(lines.condition, table.target, scope=scope),
            )
        ),
    )


class _Lines:
    """The condition and the clear condition, as far as they can be read; what cannot be goes into
    `problems`."""

    def __init__(self, raw: Mapping[str, Any], problems: list[Problem]) -> None:
        self.text, self.clear_text = raw.get("condition"), raw.get("clear")
        self.condition: Condition | None = None
        self.clearing: Clearing | None = None
        try:
            if isinstance(self.text, str):
                self.condition = read_condition(self.text)
            if isinstance(self.clear_text, str) and self.condition is not None:
                self.clearing = read_clearing(self.clear_text, of=self.condition)
        except ExpressionInvalid as exc:
            problems.append(_placed(exc, "condition" if self.condition is None else "clear"))
            self.condition = self.clearing = None

    @property
    def metric(self) -> str | None:
        """What the condition names."""
        return None if self.condition is None else self.condition.metric

    def unfit(self, kinds: Iterable[Kind]) -> dict[Kind, Problem]:
        """The kinds of series that they cannot be judged on, and why."""
        found = ((kind, self._wrong_on(kind)) for kind in kinds)
        return {kind: problem for kind, problem in found if problem is not None}

    def _wrong_on(self, kind: Kind) -> Problem | None:
        lines = (
            (self.condition, self.text, "condition"),
            (self.clearing, self.clear_text, "clear"),
        )
        for line, text, path in lines:
            try:
                if line is not None:
                    check_condition(line, interval=kind.interval, metric=kind.metric, text=text)
            except ExpressionInvalid as exc:
                return _placed(exc, path)
        return None


def _placed(exc: ExpressionInvalid, path: str) -> Problem:
    return Problem(path=path, rule=str(exc), allowed=exc.allowed, position=exc.position)


def _unknown(table: RuleTable, scope: Scope) -> Iterator[Problem]:
    """Names of watchlists and channels that there are not."""
    for name in table.target.watchlists:
        if name not in scope.watchlists:
            yield Problem(path="target", rule=f"no watchlist{near(name, scope.watchlists)}",
                          value=name, allowed=", ".join(scope.watchlists))  # fmt: skip
    for row, name in enumerate(table.channels):
        if name not in scope.channels:
            yield Problem(path=f"channels[{row}]", rule=f"no channel{near(name, scope.channels)}",
                          value=name, allowed=", ".join(sorted(scope.channels)))  # fmt: skip


def _unsound(table: RuleTable, scope: Scope) -> Iterator[Problem]:
    for row, window in enumerate(table.mute):
        try:
            scope.zones.offset_ms(window.zone, 0)
        except Invalid as exc:
            yield Problem(path=f"mute[{row}]", rule=str(exc), allowed=exc.allowed)
    if not table.note.isprintable():
        yield Problem(path="note", rule="is one line, without control characters")


def _too_many(condition: Condition | None, count: int) -> Iterator[Problem]:
    if condition is not None and count > MEDIAN_SERIES_MAX and median_used(condition):
        yield Problem(
            path="target", rule=f"a rule with median is over at most {MEDIAN_SERIES_MAX:,} "
            f"series, this target has {count:,}", allowed="use mean, or a narrower target",
        )  # fmt: skip


def _warnings(
    target: Target, kinds: Mapping[Kind, int], *, wrong: Mapping[Kind, Problem]
) -> Iterator[Problem]:
    if not kinds:
        items = ", ".join(target.items[:5])
        yield Problem(path="target", rule=f"nothing is tracked yet that {items} names")
    for kind, problem in wrong.items():
        yield replace(problem, rule=f"not judged for {kind}: {problem.rule}")


def _idle_readings(on: On, condition: Condition) -> Iterator[Problem]:
    if on is On.READING and condition.for_ms:
        yield Problem(path="on", rule="makes no difference to a condition with `for`, which is "
                      "counted in closed slots", value=str(on), allowed=str(On.SLOT))  # fmt: skip


def spelled(rule: Rule) -> dict[str, Any]:
    """A stored version with the keys of `RuleTable`, as JSON has them: what reads back as it."""
    settings = RuleSettings.decode(rule.settings)
    found: dict[str, Any] = {"condition": rule.text, "target": list(settings.target.items)}
    for name in RuleTable.model_fields:
        if name not in found and name != "enabled":
            value = getattr(settings, f"{name}_ms" if name in _SPANS else name, None)
            found[name] = written(name, value)
    until_ms = settings.valid_until_ms
    if until_ms is not None:
        found["valid_until"] = (_EPOCH + until_ms * _MS).isoformat().replace("+00:00", "Z")
    return found | {"enabled": rule.enabled}


def written(name: str, value: Any) -> Any:
    """The value of a key as JSON and a file have it."""
    if name in _SPANS:
        return format_span(value) if value else "0s"
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return str(value) if isinstance(value, NoData | Severity | On) else value


def unspoken(told: Mapping[str, Any]) -> dict[str, Any]:
    """What `spelled` told without what is the default anyway: for a file."""
    usual = RuleTable.model_validate({"condition": "stale", "target": "*"})
    default = {name: getattr(usual, name) for name in RuleTable.model_fields}
    shown = {name: written(name, value) for name, value in default.items()}
    return {name: value for name, value in told.items()
            if name in {"condition", "target"} or value != shown[name]}  # fmt: skip
