"""The audit log: who did what, when, to what. It only grows, and every row seals the one before.

A row's hash is SHA-256 over the hash before it and its own columns, so whoever changes, takes out
or puts in a row has to change every row after it. The newest row's hash, kept elsewhere, tells that
too. What was changed is not in it, only digests of before and after. Imports domain.caller.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sigmawatch.domain.caller import COMMAND_LINE, Caller

FIRST = bytes(32)  # what stands before the first row
_WORD_CHARS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """who: as callers are named. what: `rule.put` and the like. about: what it was done to.
    before, after: digests of it, empty where it was not there."""

    who: str
    what: str
    about: str
    request_id: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, in which request."""

    caller: Caller
    request_id: str = ""

    def did(
        self, what: str, about: str, *, before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> Deed:  # fmt: skip
        """before, after: the thing as it was and is, None where there was or is none."""
        return Deed(who=clipped(self.caller.name), what=what, about=clipped(about),
                    request_id=self.request_id, before=digest(before),
                    after=digest(after))  # fmt: skip


# What is done without anybody having asked.
OURSELVES = Actor(caller=replace(COMMAND_LINE, name="program"))


def clipped(text: str) -> str:
    """One line of bounded length, whoever wrote it."""
    plain = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return plain[:_WORD_CHARS_MAX]


def digest(thing: Mapping[str, object] | None) -> str:
    """SHA-256 of a thing as JSON, in hex; empty for none."""
    if thing is None:
        return ""
    text = json.dumps(thing, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A deed as it is kept; numbers begin with 1 and have no holes."""

    number: int
    at_ms: int
    deed: Deed
    hash: bytes

    @classmethod
    def after(cls, before: bytes, deed: Deed, *, number: int, at_ms: int) -> Row:
        """The row that follows one with the hash `before`."""
        return cls(number=number, at_ms=at_ms, deed=deed,
                   hash=_hash(before, deed, number=number, at_ms=at_ms))  # fmt: skip


def _hash(before: bytes, deed: Deed, *, number: int, at_ms: int) -> bytes:
    columns = (number, at_ms, deed.who, deed.what, deed.about, deed.request_id, deed.before,
               deed.after)  # fmt: skip
    return hashlib.sha256(before + json.dumps(columns).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a reading of the whole log found. count: rows that are as they were written, from the
    first on. newest: the hash of the last of them. wrong: the number of the first row that is not,
    and `reason`; None where all are."""

    count: int
    newest: bytes
    wrong: int | None = None
    reason: str = ""


class Verifier:
    """Reads a log from its begin, row by row. Feed it in order; it stops at the first that is
    wrong."""

    def __init__(self) -> None:
        self._newest, self._count = FIRST, 0
        self._wrong: int | None = None
        self._reason = ""

    @property
    def through(self) -> int:
        """The number of the last row that was found good."""
        return self._count

    def feed(self, rows: Iterable[Row]) -> bool:
        """Whether it is worth to go on."""
        for row in rows:
            expected = self._count + 1
            if row.number != expected:
                self._fail(expected, f"row {expected} is missing")
            elif row.hash != _hash(
                self._newest, row.deed, number=row.number, at_ms=row.at_ms
            ):  # fmt: skip
                self._fail(expected, f"row {expected} is not as it was written, or the one before "
                                     "it is not the one it followed")  # fmt: skip
            else:
                self._newest, self._count = row.hash, expected
                continue
            return False
        return True

    def ended(self, *, written: int) -> Verified:
        """written: how many rows were ever written, as far as that is known apart from them."""
        if self._wrong is None and self._count < written:
            self._fail(self._count + 1, f"{written} rows were written, and the log ends with "
                                        f"{self._count}")  # fmt: skip
        return Verified(count=self._count, newest=self._newest, wrong=self._wrong,
                        reason=self._reason)  # fmt: skip

    def _fail(self, number: int, reason: str) -> None:
        self._wrong, self._reason = number, reason
