"""The lines of a `.rules` script that are about a slot: what happens, and what is expected.

Imports app.alerting.script, domain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from sigmawatch.app.alerting.script import (
    SUMMARY,
    Act,
    ExpectNotice,
    ExpectState,
    ExpectTells,
    ScriptInvalid,
    ScriptRule,
    Step,
)
from sigmawatch.domain.alert_state import Phase
from sigmawatch.domain.notice import NoticeKind
from sigmawatch.domain.series import Series

RESOLVED = "resolved"  # its episode is over
STATES = (*(phase.name.lower() for phase in Phase), RESOLVED)
KINDS = tuple(kind.value for kind in NoticeKind)
ALLOWED = """at 01:03 expect hot KRAKEN:BTC/USD firing because 6 > 5
  at 01:03 expect hot KRAKEN:BTC/USD told firing
  at 01:03 expect hot told nothing
  expect hot KRAKEN:BTC/USD tells firing 01:03, resolved 01:12
  at 01:05 acknowledge hot KRAKEN:BTC/USD
  at 01:05 silence hot until 02:00
  at 01:05 edit hot: price > 5
  at 01:05 disable hot (or delete)
  at 01:05 delist KRAKEN:BTC/USD
  at 01:05 down until 01:30
  at 01:05 read KRAKEN:BTC/USD 301"""

_AT = re.compile(r"at (\S+) (.+)")
_STATE = re.compile(
    r"expect (\S+) (\S+) ([a-z]+)(?: because (-?[0-9.e-]+) ([<>=!]+) (-?[0-9.e-]+))?"
)
_TOLD = re.compile(r"expect (\S+)(?: (\S+))? told ([a-z_]+)")
_TELLS = re.compile(r"expect (\S+)(?: (\S+))? tells (.+)")
_ACT = re.compile(
    r"(acknowledge|silence|disable|delete)\s+(\S+)(?: (?!until)(\S+))?(?: until (\S+))?"
)
_EDIT = re.compile(r"edit ([^\s:]+): (.+)")
_DELIST = re.compile(r"delist (\S+)")
_READ = re.compile(r"read (\S+) ([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)")
_DOWN = re.compile(r"down until (\S+)")


class Reader(Protocol):
    """What a step asks of the script that it stands in."""

    @property
    def line(self) -> int: ...

    @property
    def venues(self) -> frozenset[str]: ...

    def slot(self, text: str) -> int: ...

    def series(self, text: str) -> list[Series]: ...

    def edited(self, name: str, condition: str) -> ScriptRule: ...

    def wrong(self, message: str, *, allowed: str = "") -> ScriptInvalid: ...


class StepReader:
    """One line."""

    def __init__(self, reader: Reader, line: str, *, rules: Mapping[str, ScriptRule]) -> None:
        self._reader, self._text, self._rules = reader, line, rules

    def step(self) -> Step:
        """Raises ScriptInvalid."""
        at = _AT.fullmatch(self._text)
        if at is None:
            return self._tells(self._text)
        slot, said = self._reader.slot(at[1]), at[2]
        if match := _TOLD.fullmatch(said):
            kind = None if match[3] == "nothing" else self._one_of(match[3], KINDS)
            about = self._about(match[1], match[2])
            return ExpectNotice(**self._named(slot, match[1]), about=about, kind=kind)
        if match := _STATE.fullmatch(said):
            because = (match[4], match[5], match[6]) if match[4] else None
            state = self._one_of(match[3], STATES)
            about = self._about(match[1], match[2])
            return ExpectState(**self._named(slot, match[1]), about=about, state=state,
                               because=because)  # fmt: skip
        return self._act(slot, said)

    def _tells(self, said: str) -> ExpectTells:
        match = _TELLS.fullmatch(said)
        if match is None:
            raise self._unknown()
        told = []
        for one in [] if match[3] == "nothing" else match[3].split(","):
            kind, _, moment = one.strip().partition(" ")
            told.append((self._one_of(kind, KINDS), self._reader.slot(moment)))
        slot = max((slot for _, slot in told), default=0)
        about = self._about(match[1], match[2])
        return ExpectTells(**self._named(slot, match[1]), about=about, told=tuple(told))

    def _act(self, slot: int, said: str) -> Act:
        if match := _EDIT.fullmatch(said):
            edited = self._reader.edited(match[1], match[2])
            return Act(**self._named(slot, match[1]), verb="edit", edited=edited)
        if match := _DOWN.fullmatch(said):
            back = self._until(slot, match[1])
            return Act(**self._named(slot, None), verb="down", until=back)
        if match := _DELIST.fullmatch(said):
            series = self._one(match[1])
            return Act(**self._named(slot, None), verb="delist", about=series)
        if match := _READ.fullmatch(said):
            series = self._one(match[1])
            value = float(match[2])
            return Act(**self._named(slot, None), verb="read", about=series, value=value)
        match = _ACT.fullmatch(said)
        if match is None or (match[1] == "silence") is not bool(match[4]):
            raise self._unknown()
        about = self._about(match[2], match[3])
        until = self._until(slot, match[4]) if match[4] else None
        return Act(**self._named(slot, match[2]), verb=match[1], about=about, until=until)

    # Names

    def _named(self, slot: int, rule: str | None) -> dict[str, Any]:
        """What every step has. Raises where there is no such rule."""
        if rule is not None and rule not in self._rules:
            raise self._reader.wrong(f"there is no rule {rule}", allowed=", ".join(self._rules))
        return {"line": self._reader.line, "text": self._text, "slot": slot, "rule": rule or ""}

    def _about(self, rule: str, text: str | None) -> int | str | None:
        if text is None or text == SUMMARY or text.upper() in self._reader.venues:
            return text if text in {None, SUMMARY} else str(text).upper()
        return self._one(text, of=self._rules.get(rule))

    def _one(self, text: str, *, of: ScriptRule | None = None) -> int:
        found = [one for one in self._reader.series(text) if of is None or one in of.series]
        if len(found) != 1:
            raise self._reader.wrong(f"{text} names {len(found)} loaded series",
                                     allowed="a market, or KRAKEN:BTC/USD:price")  # fmt: skip
        return found[0].id

    def _until(self, slot: int, text: str) -> int:
        until = self._reader.slot(text)
        if until <= slot:
            raise self._reader.wrong(f"{text} is not later")
        return until

    def _one_of(self, word: str, words: tuple[str, ...]) -> str:
        if word not in words:
            raise self._reader.wrong(f"{word!r} is none of these", allowed=", ".join(words))
        return word

    def _unknown(self) -> ScriptInvalid:
        return self._reader.wrong(f"{self._text[:80]!r} says nothing we know", allowed=ALLOWED)
