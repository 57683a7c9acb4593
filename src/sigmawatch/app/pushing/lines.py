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
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from sigmawatch.app.pushing.told import Refusals, Row, Told
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.reading import number

PRECISIONS_NS: Mapping[str, int] = MappingProxyType({
    "ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000
})  # fmt: skip
NS_PER_MS = 1_000_000
EXAMPLE = "BTC/USD price=67284.1 1795248000000000000"
TAGS = ("market", "metric")
_FAR_MS = 1 << 62
# Nothing that was taken is given back, so each takes one pass.
_LINE = re.compile(
    r"(?P<head>(?:\\.|[^ \\])++) ++"
    r'(?P<fields>(?:\\.|"(?:\\.|[^"\\])*+"|[^ \\"])++)'
    r"(?: ++(?P<time>-?[0-9]{1,19}))? *+\r?",
    re.ASCII,
)
_PART = re.compile(r'(?:\\.|"(?:\\.|[^"\\])*+"|[^,\\"])++')
_PAIR = re.compile(r"(?P<key>(?:\\.|[^=\\])++)=(?P<value>.+)", re.DOTALL)
_ESCAPED = re.compile(r"\\([,= ])")
_INTEGER = re.compile(r"-?[0-9]{1,20}[iu]", re.ASCII)


def read_lines(body: bytes, *, now_ms: int, precision: str = "ns") -> Told:
    """What the lines say; a line without a time is of now. Raises Invalid for bytes that are no
    UTF-8."""
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise Invalid("the body is not UTF-8", field="body", allowed=EXAMPLE) from exc
    refusals = Refusals()
    reader = _Reader(refusals, unit_ns=PRECISIONS_NS[precision])
    return Told.of(reader.rows(text), refusals, now_ms=now_ms)


class _Reader:
    """One body. unit_ns: of its times."""

    def __init__(self, refusals: Refusals, *, unit_ns: int) -> None:
        self._refusals = refusals
        self._unit_ns = unit_ns

    def rows(self, text: str) -> Iterator[Row]:
        for index, line in enumerate(text.split("\n")):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                yield from self._of_line(index, line)
            except Invalid as exc:
                self._refusals.add(index, exc.field, reason=str(exc), allowed=exc.allowed)

    def _of_line(self, index: int, line: str) -> Iterator[Row]:
        found = _LINE.fullmatch(line)
        if found is None:
            raise Invalid("not line protocol", field="line", allowed=EXAMPLE)
        market, metric = _series_of(found["head"])
        moment = found["time"]
        time_ms = None if moment is None else self._read_ms(moment)
        for field in _PART.findall(found["fields"]):
            key, value = _pair(field)
            name = market, _metric_of(key, metric)
            try:
                yield index, name, time_ms, _number(value)
            except Invalid:
                self._refusals.add(index, key[:40], reason="not a number",
                                   allowed="a number, as 67284.1 or 12i")  # fmt: skip

    def _read_ms(self, moment: str) -> int:
        """What no clock can show is as far away as a column can tell."""
        time_ms = int(moment) * self._unit_ns // NS_PER_MS
        return max(-_FAR_MS, min(time_ms, _FAR_MS))


def _series_of(head: str) -> tuple[str, str]:
    """The market, and the metric where a tag says it. Raises Invalid."""
    measurement, *tags = _PART.findall(head)
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
