"""Reads what rules and formulas share: sums, products, signs, numbers, and windows of quantities.

    sum     = product {("+" | "-") product}
    product = signed {("*" | "/") signed}
    signed  = "-" signed | atom
    atom    = number | word … | "(" inner ")"

Recursive descent; which words there are, and what may stand in parentheses, is each language's own.
Tests and quantities are told apart while reading, so no tree mixes them. Imports domain.expression,
expression_cursor, expression_words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from sigmawatch.domain.expression import (
    Absolute,
    Arithmetic,
    Calculation,
    Change,
    Duration,
    Negative,
    Node,
    Number,
    Quantity,
    Statistic,
    Window,
)
from sigmawatch.domain.expression_cursor import Cursor
from sigmawatch.domain.expression_words import Kind, Token

STATISTICS = tuple(each.value for each in Statistic)
VOLUME = "say `traded_quote[5m]` or `volume_24h_quote`"


class QuantityReader(Cursor):
    """A language fills in `_inner` and `_word`."""

    def _inner(self) -> Node:
        """What stands in parentheses."""
        raise NotImplementedError

    def _word(self, token: Token) -> Node:
        """What a word, or a name, begins."""
        raise NotImplementedError

    def _quantity(self, node: Node, start: Token) -> Quantity:
        if not isinstance(node, Quantity):
            raise self.wrong("true or false stands where a number is needed", at=start)
        return node

    def _sum(self) -> Node:
        return self._calculation(self._product, "+", "-")

    def _product(self) -> Node:
        return self._calculation(self._signed, "*", "/")

    def _calculation(self, read: Callable[[], Node], *signs: str) -> Node:
        start = self.next
        left = read()
        while self.follows(*signs):
            operator = self.take()
            right_start = self.next
            right = self._quantity(read(), right_start)
            left = self.made(
                Arithmetic(
                    left=self._quantity(left, start),
                    right=right,
                    operator=cast("Calculation", operator.word),
                    position=operator.start,
                )
            )
        return left

    def _signed(self) -> Node:
        token = self.next
        if not self.skip("-"):
            return self._atom()
        start = self.next
        of = self._quantity(self.nested(self._signed), start)
        return self.made(Negative(of=of, position=token.start))

    def _atom(self) -> Node:
        token = self.take()
        if token.kind is Kind.NUMBER:
            return self.made(Number(value=self.number(token), position=token.start))
        if token.kind is Kind.SPAN:
            self._at -= 1
            return self.made(Duration(ms=self.span(start=token), position=token.start))
        if token.kind in {Kind.WORD, Kind.SERIES, Kind.COMPOSITE}:
            return self._word(token)
        if token.word == "(":
            node = self.nested(self._inner)
            self.expect(")", start=token)
            return node
        raise self.wrong("a value is missing here", at=token)

    # Functions that both languages have

    def _statistic(self, token: Token) -> Window:
        statistic = Statistic(token.word)
        if self.skip("["):
            window_ms = self.span(start=token)
            self.expect("]", start=token)
            return Window(
                statistic=statistic, window_ms=window_ms, with_slot=True, position=token.start
            )
        if not self.skip("("):
            raise self.wrong(f"a window is missing, as {token.word}(1h)", at=token)
        of, window_ms = self._windowed(token)
        self.expect(")", start=token)
        return Window(statistic=statistic, of=of, window_ms=window_ms, position=token.start)

    def _change(self, token: Token) -> Change:
        """What stands between the parentheses of `change` and `change_pct`."""
        start, percent = self.next, token.word == "change_pct"
        of, window_ms = self._windowed(token)
        if percent and of is not None:
            raise self.wrong(
                "change_pct is of the rule's own values, as change_pct(1h)", at=start, start=token
            )
        return Change(of=of, window_ms=window_ms, percent=percent, position=token.start)

    def _windowed(self, token: Token) -> tuple[Quantity | None, int]:
        """`W` or `expr, W`."""
        start = self.next
        alone = self._tokens[min(self._at + 1, len(self._tokens) - 1)].word == ")"
        if start.kind is Kind.SPAN and alone:
            return None, self.span(start=token)
        of = self._argument()
        if not self.skip(","):
            raise self.wrong(f"a window is missing, as {token.word}(1h)", start=token)
        return of, self.span(start=token)

    def _argument(self) -> Quantity:
        start = self.next
        return self._quantity(self.nested(self._inner), start)

    def _percent(self, token: Token, *, start: Token) -> float:
        """How far apart two prices may be."""
        within_pct = self.number(token) if token.kind is Kind.NUMBER else 0.0
        if not 0.0 < within_pct <= 100.0:
            raise self.wrong("percent is a number above 0 and up to 100", at=token, start=start)
        return within_pct

    def _absolute(self, token: Token) -> Absolute:
        """What stands between the parentheses of `abs`."""
        return Absolute(of=self._argument(), position=token.start)

    def _span_in_brackets(self, token: Token) -> int | None:
        """`[5m]` where it follows a name."""
        if not self.skip("["):
            return None
        span_ms = self.span(start=token)
        self.expect("]", start=token)
        return span_ms
