"""InfluxDB line protocol as readings.

    BTC/USD price=67284.1,traded_quote=1200 1795248000000000000
    ticks,market=BTC/USD bid=67283.9,ask=67284.3
    ticks,market=BTC/USD,metric=price value=67284.1

The measurement is the market, or a tag `market` is; a field is a metric, or `value` with a tag
`metric`. Syntax: docs.influxdata.com, "Line protocol reference" (InfluxDB 3 Core): commas and
spaces of a measurement are escaped, of keys and tags the equals sign too; `#` begins a comment;
numbers end in `i` or `u` where they are integers. Strings and booleans are no readings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from sigmawatch.app.pushing.told import Name, Refusals, Rows, Told
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.reading import number

PRECISIONS_NS: Mapping[str, int] = MappingProxyType({
    "ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000
})  # fmt: skip
NS_PER_MS = 1_000_000
LINE_CHARS_MAX = 65_536
EXAMPLE = "BTC/USD price=67284.1 1795248000000000000"
TAGS = ("market", "metric")
_FAR_MS = 1 << 62
# A line as nearly all are: one field, nothing escaped or quoted, no tag.
_PLAIN = re.compile(
    r'([^ ,=\\"#][^ ,=\\"]*+) ([^ ,=\\"]++)=(-?[0-9]{1,20}(?:\.[0-9]{1,20})?)'
    r"(?: ([0-9]{1,19}))?",
    re.ASCII,
)
# What can begin a part of a line tells which part it is, so each takes one pass. `++` around a
# choice would save memory, but Python before 3.11.4 goes on behind what such a choice gave up.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_LINE = re.compile(
    r"(?P<head>(?:\\.|[^ \\])+) +"
    rf'(?P<fields>(?:\\.|{_STRING}|[^ \\"])+)'
    r"(?: +(?P<time>-?[0-9]{1,19}))? *\r?",
    re.ASCII,
)
_PART = re.compile(rf'(?:\\.|{_STRING}|[^,\\"])+')
_HEAD_PART = re.compile(r"(?:\\.|[^,\\])+")  # in names and tags a quote is a letter as others are
_PAIR = re.compile(r"(?P<key>(?:\\.|[^=\\])+)=(?P<value>.+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([,= ])")
_INTEGER = re.compile(r"-?[0-9]{1,20}[iu]", re.ASCII)


def read_lines(body: bytes, *, now_ms: int, precision: str = "ns", first: int = 0) -> Told:
    """What the lines say; a line without a time is of now. first: the first one's index. Raises
    Invalid for bytes that are no
    UTF-8."""
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise Invalid("the body is not UTF-8", field="body", allowed=EXAMPLE) from exc
    reader = _Reader(unit_ns=PRECISIONS_NS[precision], first=first)
    reader.read(text)
    rows = Rows(reader.indexes, reader.names, reader.times_ms, reader.values)
    return rows.told(reader.refusals, now_ms=now_ms)


class _Reader:
    """One body. unit_ns: of its times. first: its first line's index."""

    def __init__(self, *, unit_ns: int, first: int) -> None:
        self._unit_ns, self._first = unit_ns, first
        self.refusals = Refusals()
        self.indexes: list[int] = []
        self.names: list[Name] = []
        self.times_ms: list[int | None] = []
        self.values: list[float] = []

    def read(self, text: str) -> None:
        for index, line in enumerate(text.split("\n"), self._first):
            if found := _PLAIN.fullmatch(line):
                self._add(index, (found[1], found[2]), time=found[4], value=float(found[3]))
            elif line.strip() and not line.startswith("#"):
                try:
                    self._read_line(index, line)
                except Invalid as exc:
                    self.refusals.add(index, exc.field, reason=str(exc), allowed=exc.allowed)

    def _read_line(self, index: int, line: str) -> None:
        if len(line) > LINE_CHARS_MAX:
            raise Invalid("too long", field="line", allowed=f"{LINE_CHARS_MAX:,} characters")
        found = _LINE.fullmatch(line)
        if found is None:
            raise Invalid("not line protocol", field="line", allowed=EXAMPLE)
        market, metric = _series_of(found["head"])
        for field in _PART.findall(found["fields"]):
            key, value = _pair(field)
            name = market, _metric_of(key, metric)
            try:
                self._add(index, name, time=found["time"], value=_number(value))
            except Invalid:
                self.refusals.add(index, key[:40], reason="not a number",
                                  allowed="a number, as 67284.1 or 12i")  # fmt: skip

    def _add(self, index: int, name: Name, *, time: str | None, value: float) -> None:
        """What no clock can show is as far away as a column can tell."""
        if time is not None:
            time_ms = int(time) * self._unit_ns // NS_PER_MS
            self.times_ms.append(max(-_FAR_MS, min(time_ms, _FAR_MS)))
        else:
            self.times_ms.append(None)
        self.indexes.append(index)
        self.names.append(name)
        self.values.append(value)


def _series_of(head: str) -> tuple[str, str]:
    """The market, and the metric where a tag says it. Raises Invalid."""
    if head.startswith(","):
        raise Invalid("not line protocol", field="line", allowed=EXAMPLE)
    measurement, *tags = _HEAD_PART.findall(head)
    given = dict(map(_pair, tags))
    for tag in given.keys() - set(TAGS):
        raise Invalid("unknown tag", field=tag[:40], allowed=", ".join(TAGS))
    return given.get("market", _plain(measurement)), given.get("metric", "")


def _metric_of(key: str, metric: str) -> str:
    """Raises Invalid where a tag says the metric and the field another one."""
    if metric and key != "value":
        raise Invalid("the tag `metric` says what it is", field=key[:40], allowed="value")
    return metric or key


def _pair(text: str) -> tuple[str, str]:
    found = _PAIR.fullmatch(text)
    if found is None:
        raise Invalid("not line protocol", field=text[:40], allowed=EXAMPLE)
    return _plain(found["key"]), _plain(found["value"])


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _number(text: str) -> float:
    return number(text[:-1] if _INTEGER.fullmatch(text) else text)
