"""A reader's place in a line, and the limits that bound what reading it can cost.

Imports domain.expression, expression_words, window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sigmawatch.domain.errors import ExpressionInvalid, Invalid
from sigmawatch.domain.expression import Node
from sigmawatch.domain.expression_words import Kind, Language, Token, excerpt, tokens
from sigmawatch.domain.window import parse_span

_SPAN_MAX = 32  # longer ones are not repeated in a message
AnyNode = TypeVar("AnyNode", bound=Node)


class Cursor:
    """Tokens one after another; every refusal names the place."""

    def __init__(self, text: str, language: Language) -> None:
        self._text = text
        self._language = language
        self._tokens = tokens(text, language)
        self._at = 0
        self._nesting = 0
        self._count = 0

    # Tokens

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def take(self) -> Token:
        token = self.next
        self._at += token.kind is not Kind.END
        return token

    def follows(self, *words: str) -> bool:
        return self.next.word in words and self.next.kind in {Kind.SIGN, Kind.WORD}

    def skip(self, word: str) -> bool:
        """Step over `word` where it comes next."""
        found = self.follows(word)
        self._at += found
        return found

    def expect(self, sign: str, *, start: Token) -> None:
        if not self.skip(sign):
            raise self.wrong(f"{sign!r} is missing", start=start)

    def wrong(
        self,
        problem: str,
        *,
        at: Token | None = None,
        start: Token | None = None,
        allowed: str = "",
    ) -> ExpressionInvalid:
        """A refusal of the token `at` (the next), told with the text from `start` on."""
        at = at or self.next
        begin = min((start or at).start, at.start)
        shown = excerpt(self._text, begin, stop=at.stop)
        return self._language.wrong(
            f"{shown}: {problem}", text=self._text, position=at.start, word=at.word, allowed=allowed
        )

    # Nodes

    def made(self, node: AnyNode) -> AnyNode:
        self._count += 1
        if self._count > self._language.parts_max:
            most = f"a {self._language.noun} has at most {self._language.parts_max} parts"
            raise self.wrong(f"{most}, split it in two")
        return node

    def nested(self, read: Callable[[], Node]) -> Node:
        self._nesting += 1
        if self._nesting > self._language.nesting_max:
            most = f"at most {self._language.nesting_max} deep"
            raise self.wrong(f"a {self._language.noun} nests {most}")
        node = read()
        self._nesting -= 1
        return node

    # Numbers

    def number(self, token: Token) -> float:
        value = float(token.word)
        if value == float("inf"):
            raise self.wrong("the number is too large", at=token)
        return value

    def span(self, *, start: Token) -> int:
        token = self.take()
        if token.kind is not Kind.SPAN:
            raise self.wrong("a span of time is needed, as 5m or 24h", at=token, start=start)
        if "_" in token.word:
            raise self.wrong("a number is written without underscores", at=token)
        try:
            return parse_span(token.word)
        except Invalid as problem:
            said = str(problem).removeprefix(f"{token.word!r}: ")
            if len(token.word) > _SPAN_MAX:
                said = "a span of time is a number and a unit, as 5m or 24h"
            raise self.wrong(said, at=token, start=start) from None
