"""From a rule's line to its tree: recursive descent over the grammar of docs/reference/rules.md.

    rule       = test ["for" span]
    either     = both {"or" both}              both = denied {"and" denied}
    denied     = "not" denied | comparison     comparison = sum [("<" | "<=" | …) sum]
    sum        = product {("+" | "-") product} product = signed {("*" | "/") signed}
    signed     = "-" signed | atom             atom = number | span | word … | "(" either ")"

Sums, products and windows are read by expression_reader. Every input costs bounded time: so many
characters, parts and levels (expression_words). What a tree means (units, windows) is judged
elsewhere (rule_check). Imports domain.expression, expression_reader, expression_words, market,
metric, window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from sigmawatch.domain.errors import ExpressionInvalid, Invalid
from sigmawatch.domain.expression import (
    FOR_MAX_MS,
    Age,
    Among,
    Clearing,
    Companion,
    Comparison,
    Condition,
    ConfirmedBy,
    Crosses,
    Excess,
    Junction,
    Logic,
    Node,
    Not,
    Quantity,
    Rank,
    RankKey,
    Relation,
    Stale,
    Test,
    Value,
    speaks_of_own,
)
from sigmawatch.domain.expression_cursor import AnyNode
from sigmawatch.domain.expression_reader import STATISTICS, VOLUME, QuantityReader
from sigmawatch.domain.expression_words import RULE, Kind, Token, near
from sigmawatch.domain.market import venue_name
from sigmawatch.domain.metric import METRICS
from sigmawatch.domain.window import format_span

FUNCTIONS = (*STATISTICS, "change", "change_pct", "excess_change", "rank", "abs", "crosses_above",
             "crosses_below", "confirmed_by")  # fmt: skip
NAMES = ("value", "age", "stale")
_OF_OWN = frozenset(("rank", "excess_change", "crosses_above", "crosses_below", "confirmed_by"))
_RELATIONS = frozenset(("<", "<=", ">", ">=", "==", "!="))


def read_condition(text: str) -> Condition:
    """The tree of `text`. Raises ExpressionInvalid with the place and what is allowed there."""
    return _Reader(text).condition()


def read_clearing(text: str, *, of: Condition) -> Clearing:
    """The tree of `text`, by which a rule clears whose condition is `of`. Raises as above."""
    return _Reader(text, of=of).clearing(of)


class _Reader(QuantityReader):
    def __init__(self, text: str, *, of: Condition | None = None) -> None:
        super().__init__(text, RULE)
        self._metric: tuple[str, int | None] | None = None  # the rule's own, and its span
        if of is not None and of.metric is not None:
            self._metric = of.metric, of.span_ms
        self._spoken = (
            of is not None
        )  # of the rule's own series; from then on a new name is a companion's

    def _inner(self) -> Node:
        return self._either()

    def _own(self, node: AnyNode) -> AnyNode:
        self._spoken |= speaks_of_own(node)
        return node

    # Tests

    def _test(self, node: Node, start: Token) -> Test:
        if not isinstance(node, Test):
            raise self.wrong(
                "a number stands where a condition is needed, compare it, as in "
                "price > 3 * mean(1h)",
                at=start,
            )
        return node

    # Grammar, loosest binding first

    def condition(self) -> Condition:
        start = self.next
        test = self._test(self._either(), start)
        for_ms = 0
        if self.skip("for"):
            held = self.next
            for_ms = self.span(start=held)
            if for_ms > FOR_MAX_MS:
                raise self.wrong(f"`for` is at most {format_span(FOR_MAX_MS)}", at=held)
        ended = self.next.kind is Kind.END
        if self.follows("for") or (for_ms and not ended):
            raise self.wrong("`for` stands once, last")
        if not ended:
            raise self.wrong("expected an operator, and, or, for, or the end")
        metric, span_ms = self._metric or (None, None)
        return Condition(test=test, metric=metric, span_ms=span_ms, for_ms=for_ms)

    def clearing(self, of: Condition) -> Clearing:
        start = self.next
        test = self._test(self._either(), start)
        if self.follows("for"):
            raise self.wrong("for how long it must hold is said by `clear_for`")
        if self.next.kind is not Kind.END:
            raise self.wrong("expected an operator, and, or, or the end")
        return Clearing(test=test, metric=of.metric, span_ms=of.span_ms)

    def _either(self) -> Node:
        return self._chain(self._both, "or")

    def _both(self) -> Node:
        return self._chain(self._denied, "and")

    def _chain(self, read: Callable[[], Node], word: Junction) -> Node:
        start = self.next
        left = read()
        while self.follows(word):
            operator = self.take()
            right_start = self.next
            right = self._test(read(), right_start)
            left = self.made(
                Logic(
                    left=self._test(left, start),
                    operator=word,
                    right=right,
                    position=operator.start,
                )
            )
        return left

    def _denied(self) -> Node:
        token = self.next
        if not self.skip("not"):
            return self._comparison()
        start = self.next
        of = self._test(self.nested(self._denied), start)
        return self.made(Not(of=of, position=token.start))

    def _comparison(self) -> Node:
        start = self.next
        left = self._sum()
        if not self.follows(*_RELATIONS):
            return left
        operator = self.take()
        right_start = self.next
        right = self._quantity(self._sum(), right_start)
        if self.follows(*_RELATIONS):
            raise self.wrong("a comparison has two sides, join two with and")
        relation = cast("Relation", operator.word)
        return self.made(
            Comparison(
                left=self._quantity(left, start),
                operator=relation,
                right=right,
                position=operator.start,
            )
        )

    # Words

    def _word(self, token: Token) -> Node:
        name, position = token.word, token.start
        if name in STATISTICS:
            return self.made(self._own(self._statistic(token)))
        if name in FUNCTIONS:
            self.expect("(", start=token)
            node = self._function(token)
            self.expect(")", start=token)
            return self.made(node)
        if name in NAMES and self.follows("(", "["):
            raise self.wrong(
                f"{name} stands alone; a span follows a metric's name, as traded_quote[5m]",
                start=token,
            )
        match name:
            case "value":
                return self.made(self._own(Value(position=position)))
            case "age":
                return self.made(self._own(Age(position=position)))
            case "stale":
                return self.made(self._own(Stale(position=position)))
        return self.made(self._named(token))

    def _function(self, token: Token) -> Quantity | Test:
        """What stands between the parentheses of a function."""
        self._spoken |= token.word in _OF_OWN
        match token.word:
            case "change" | "change_pct":
                return self._own(self._change(token))
            case "rank":
                return self._rank(token)
            case "excess_change":
                return self._excess(token)
            case "abs":
                return self._absolute(token)
            case "confirmed_by":
                return self._confirmed_by(token)
            case _:
                above = token.word == "crosses_above"
                return Crosses(above=above, level=self._argument(), position=token.start)

    def _rank(self, token: Token) -> Rank:
        word = self.take()
        keys = ", ".join(RankKey)
        if word.word not in frozenset(RankKey):
            raise self.wrong(
                f"unknown key{near(word.word, RankKey) or f', use {keys}'}",
                at=word,
                start=token,
                allowed=keys,
            )
        by = RankKey(word.word)
        window_ms = self.span(start=token) if self.skip(",") else None
        if by.windowed != (window_ms is not None):
            right = f"rank({by}, 24h)" if by.windowed else f"rank({by})"
            raise self.wrong(f"write {right}", at=word, start=token, allowed=right)
        return Rank(by=by, window_ms=window_ms, position=token.start)

    def _excess(self, token: Token) -> Excess:
        window_ms, among = self.span(start=token), None
        if self.skip(","):
            word = self.take()
            allowed = ", ".join(Among)
            if word.word not in frozenset(Among):
                raise self.wrong(f"among whom? use {allowed}", at=word, start=token,
                                 allowed=allowed)  # fmt: skip
            among = Among(word.word)
        return Excess(window_ms=window_ms, among=among, position=token.start)

    def _confirmed_by(self, token: Token) -> ConfirmedBy:
        word = self.take()
        if word.kind is not Kind.WORD:
            raise self.wrong("a venue is missing, as confirmed_by(KRAKEN, 1)", at=word, start=token)
        try:
            venue = venue_name(word.word)
        except Invalid as problem:
            raise self.wrong(str(problem), at=word, start=token) from None
        self.expect(",", start=token)
        within_pct = self._percent(self.take(), start=token)
        return ConfirmedBy(venue=venue, within_pct=within_pct, position=token.start)

    def _named(self, token: Token) -> Value | Companion:
        """A metric's name, with the span that makes one value of it."""
        if token.word not in METRICS:
            raise self._unknown(token)
        named = (token.word, self._span_in_brackets(token))
        if not self._spoken:
            self._metric = named
        if named == self._metric:
            return self._own(Value(position=token.start))
        return Companion(name=named[0], span_ms=named[1], position=token.start)

    def _unknown(self, token: Token) -> ExpressionInvalid:
        name = token.word
        if self.follows("("):
            known = ", ".join(FUNCTIONS)
            return self.wrong(f"unknown function{near(name, FUNCTIONS)}", at=token, allowed=known)
        if name in {"and", "or", "not", "for"}:
            return self.wrong("a value is missing here", at=token)
        allowed = ", ".join((*METRICS, *NAMES, *FUNCTIONS))
        if name == "volume":
            return self.wrong(VOLUME, at=token, allowed=allowed)
        hint = near(name, (*METRICS, *NAMES, *FUNCTIONS))
        return self.wrong(f"unknown metric{hint}", at=token, allowed=allowed)
