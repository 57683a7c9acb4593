"""The words of rules and formulas: tokens with their places, and what is said of a wrong one.

Every refusal is one line, `excerpt: what is wrong, what is allowed`, with the offset of the
offending word. Words are ASCII and fold to lower case. A formula has two more: the name of a
series, `KRAKEN:BTC/USD:price`, and a `composite(BTC/USD)`; the slashes in them belong to the name,
every other divides. Imports domain.errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from sigmawatch.domain.errors import ExpressionInvalid

TEXT_MAX = 2_000
_EXCERPT_MAX = 60
_HINTED_MAX = 32

_WORDS = r"""(?P<space>[ \t]+)
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_.])
    |(?P<span>[0-9][A-Za-z0-9_.]*)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign><=|>=|==|!=|[-+*/<>()\[\],])"""
_ASSET = r"[^\s:/,?\#&%\\()\[\]<>=!|+*-]+"  # what domain.market separates by, and our signs, end it
_NAMES = rf"""(?P<series>[A-Za-z][A-Za-z0-9_]*:{_ASSET}/{_ASSET}(?::[A-Za-z0-9_]+)?)
    |(?P<composite>[cC][oO][mM][pP][oO][sS][iI][tT][eE][ \t]*\(
        [ \t]*{_ASSET}/{_ASSET}[ \t]*(?=[,)]))
    |"""
_RULE_TOKEN = re.compile(_WORDS, re.VERBOSE)
_FORMULA_TOKEN = re.compile(_NAMES + _WORDS, re.VERBOSE)
_INSTEAD = {
    "=": "compare with ==", "!": "write not", "&": "write and", "|": "write or",
    "%": "percent is a plain number, as change_pct(1h) > 5", "^": "there are no powers",
    "≥": "write >=", "≤": "write <=", "≠": "write !=", "×": "write *", "−": "write -",
    ".": "a number begins with a digit, as 0.5",
    "\n": "write one line",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """What may be written, how much of it, and what it is called in a refusal.

    names: whether names of series and pairs are words of it.
    """

    noun: str
    field: str
    parts_max: int
    nesting_max: int
    names: bool = False

    def wrong(
        self, message: str, *, text: str, position: int, word: str = "", allowed: str = ""
    ) -> ExpressionInvalid:
        return ExpressionInvalid(
            message, text=text, position=position, word=word, field=self.field, allowed=allowed
        )


RULE = Language(noun="rule", field="condition", parts_max=200, nesting_max=32)
FORMULA = Language(noun="formula", field="formula", parts_max=60, nesting_max=16, names=True)


class Kind(Enum):
    """What a token is."""

    NUMBER = "number"
    SPAN = "span"
    WORD = "word"
    SIGN = "sign"
    SERIES = "series"
    COMPOSITE = "composite"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word, folded unless it is a name, and where it stands in the text."""

    kind: Kind
    word: str
    start: int

    @property
    def stop(self) -> int:
        return self.start + len(self.word)


def tokens(text: str, language: Language) -> tuple[Token, ...]:
    """The words of a line, the last one the end; a comment from `#` on is left out. Raises
    ExpressionInvalid."""
    if len(text) > TEXT_MAX:
        problem = (f"a {language.noun} is at most {TEXT_MAX:,} characters, "
                   f"this one has {len(text):,}")  # fmt: skip
        raise language.wrong(problem, text=text[:TEXT_MAX], position=TEXT_MAX)
    pattern = _FORMULA_TOKEN if language.names else _RULE_TOKEN
    stop = len(text.partition("#")[0].rstrip())
    found, at = [], 0
    while at < stop:
        match = pattern.match(text, at, stop)
        if match is None:
            raise _foreign(text, at, language=language)
        if match.lastgroup != "space":
            kind = Kind(match.lastgroup)
            named = kind in {Kind.SERIES, Kind.COMPOSITE}
            word = match.group() if named else match.group().lower()
            found.append(Token(kind=kind, word=word, start=at))
        at = match.end()
    return (*found, Token(kind=Kind.END, word="", start=stop))


def _foreign(text: str, at: int, *, language: Language) -> ExpressionInvalid:
    char = text[at]
    instead = _INSTEAD.get(char, "it means nothing here")
    if char == ":":
        instead = ("a series is written KRAKEN:BTC/USD:price" if language.names
                   else "the market stands in the rule's target")  # fmt: skip
    return language.wrong(f"{char!r}: {instead}", text=text, position=at, word=char)


def excerpt(text: str, start: int, *, stop: int) -> str:
    """One line of the text to begin a message with."""
    closed = stop + 1 if text[stop : stop + 1] in {")", "]"} else stop
    return shortened(text[start:closed]) or "the end"


def shortened(text: str) -> str:
    return text if len(text) <= _EXCERPT_MAX else text[:_EXCERPT_MAX] + "…"


def near(word: str, names: Iterable[str]) -> str:
    """ ", did you mean …?" for the name closest to `word`, nothing where none is close."""
    if len(word) > _HINTED_MAX:
        return ""
    distance, _, name = min((_distance(word, each), -_shared(word, each), each) for each in names)
    return f", did you mean {name}?" if distance <= max(1, len(word) // 3) else ""


def _shared(a: str, b: str) -> int:
    """With how many letters both begin."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(b))


def _distance(a: str, b: str) -> int:
    """Levenshtein: how many letters to change, add or remove."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            diagonal, row[j] = row[j], min(diagonal + (left != right), row[j] + 1, row[j - 1] + 1)
    return row[-1]
