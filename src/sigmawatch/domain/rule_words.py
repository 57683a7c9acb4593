"""The words of the rule language: tokens with their places, and what is said of a wrong one.

Every refusal is one line, `excerpt: what is wrong, what is allowed`, with the offset of the
offending word. Words are ASCII and fold to lower case. Imports domain.errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from sigmawatch.domain.errors import Invalid

TEXT_MAX = 2_000
_EXCERPT_MAX = 60
_HINTED_MAX = 32

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_.])
    |(?P<span>[0-9][A-Za-z0-9_.]*)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign><=|>=|==|!=|[-+*/<>()\[\],])""",
    re.VERBOSE,
)
_INSTEAD = {
    "=": "compare with ==", "!": "write not", "&": "write and", "|": "write or",
    "%": "percent is a plain number, as change_pct(1h) > 5", "^": "there are no powers",
    "≥": "write >=", "≤": "write <=", "≠": "write !=", "×": "write *", "−": "write -",
    ".": "a number begins with a digit, as 0.5",
    ":": "the market stands in the rule's target", "\n": "a rule is one line",
}  # fmt: skip


class RuleInvalid(Invalid):
    """A rule's line cannot be understood. position: offset of `word`, which is wrong in `text`."""

    def __init__(
        self, message: str, *, text: str, position: int, word: str = "", allowed: str = ""
    ) -> None:
        super().__init__(message, field="condition", allowed=allowed)
        self.text = text
        self.position = position
        self.word = word

    @property
    def caret(self) -> str:
        """The rule and, under it, a caret below the offending word; two lines."""
        shown = "".join(each if each.isprintable() else " " for each in self.text)
        return f"{shown}\n{' ' * self.position}^"


class Kind(Enum):
    """What a token is."""

    NUMBER = "number"
    SPAN = "span"
    WORD = "word"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One word of a rule, folded, and where it stands in the text."""

    kind: Kind
    word: str
    start: int

    @property
    def stop(self) -> int:
        return self.start + len(self.word)


def tokens(text: str) -> tuple[Token, ...]:
    """The words of a rule, the last one the end; a comment from `#` on is left out. Raises
    RuleInvalid."""
    if len(text) > TEXT_MAX:
        problem = f"a rule is at most {TEXT_MAX:,} characters, this one has {len(text):,}"
        raise RuleInvalid(problem, text=text[:TEXT_MAX], position=TEXT_MAX)
    stop = len(text.partition("#")[0].rstrip())
    found, at = [], 0
    while at < stop:
        match = _TOKEN.match(text, at, stop)
        if match is None:
            raise _foreign(text, at)
        if match.lastgroup != "space":
            kind = Kind(match.lastgroup)
            found.append(Token(kind=kind, word=match.group().lower(), start=at))
        at = match.end()
    return (*found, Token(kind=Kind.END, word="", start=stop))


def _foreign(text: str, at: int) -> RuleInvalid:
    char = text[at]
    instead = _INSTEAD.get(char, "it means nothing in a rule")
    return RuleInvalid(f"{char!r}: {instead}", text=text, position=at, word=char)


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
