"""From a rule's line to its tree: recursive descent over the grammar of docs/reference/rules.md.

    rule       = test ["for" span]
    either     = both {"or" both}              both = denied {"and" denied}
    denied     = "not" denied | comparison     comparison = sum [("<" | "<=" | …) sum]
    sum        = product {("+" | "-") product} product = signed {("*" | "/") signed}
    signed     = "-" signed | atom             atom = number | span | word … | "(" either ")"

Tests and quantities are told apart while reading, so no tree mixes them. Every input costs bounded
time: TEXT_MAX characters, NODES_MAX nodes, NESTING_MAX levels. What a tree means (units, windows)
is judged elsewhere (domain.rule_check). Imports domain.expression, rule_cursor, rule_metrics,
rule_words, market, window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.expression import (
    FOR_MAX_MS,
    Absolute,
    Age,
    Arithmetic,
    Calculation,
    Change,
    Comparison,
    Condition,
    ConfirmedBy,
    Crosses,
    Duration,
    Junction,
    Logic,
    Negative,
    Node,
    Not,
    Number,
    Quantity,
    Rank,
    RankKey,
    Relation,
    Stale,
    Statistic,
    Test,
    Value,
    Window,
)
from sigmawatch.domain.market import venue_name
from sigmawatch.domain.rule_cursor import Cursor
from sigmawatch.domain.rule_metrics import RULE_METRICS
from sigmawatch.domain.rule_words import Kind, RuleInvalid, Token, near
from sigmawatch.domain.window import format_span

STATISTICS = tuple(each.value for each in Statistic)
FUNCTIONS = (*STATISTICS, "change", "change_pct", "rank", "abs", "crosses_above", "crosses_below",
             "confirmed_by")  # fmt: skip
NAMES = ("value", "age", "stale")
VOLUME = "say `traded_quote[5m]` or `volume_24h_quote`"
_RELATIONS = frozenset(("<", "<=", ">", ">=", "==", "!="))


def read_condition(text: str) -> Condition:
    """The tree of `text`. Raises RuleInvalid with the place and what is allowed there."""
    return _Reader(text).condition()


class _Reader(Cursor):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._metric: tuple[str, int | None] | None = None

    # Sorts

    def _quantity(self, node: Node, start: Token) -> Quantity:
        if not isinstance(node, Quantity):
            raise self.wrong("true or false stands where a number is needed", at=start)
        return node

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
        if token.kind is Kind.WORD:
            return self._word(token)
        if token.word == "(":
            node = self.nested(self._either)
            self.expect(")", start=token)
            return node
        raise self.wrong("a value is missing here", at=token)

    # Words

    def _word(self, token: Token) -> Node:
        name, position = token.word, token.start
        if name in STATISTICS:
            return self.made(self._statistic(token))
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
                return self.made(Value(position=position))
            case "age":
                return self.made(Age(position=position))
            case "stale":
                return self.made(Stale(position=position))
        return self.made(self._named(token))

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

    def _windowed(self, token: Token) -> tuple[Quantity | None, int]:
        """`W` or `expr, W`."""
        start = self.next
        alone = self._tokens[min(self._at + 1, len(self._tokens) - 1)].word == ")"
        if start.kind is Kind.SPAN and alone:
            return None, self.span(start=token)
        of = self._quantity(self.nested(self._either), start)
        if not self.skip(","):
            raise self.wrong(f"a window is missing, as {token.word}(1h)", start=token)
        return of, self.span(start=token)

    def _function(self, token: Token) -> Quantity | Test:
        """What stands between the parentheses of a function."""
        position = token.start
        match token.word:
            case "change" | "change_pct":
                start, percent = self.next, token.word == "change_pct"
                of, window_ms = self._windowed(token)
                if percent and of is not None:
                    raise self.wrong(
                        "change_pct is of the rule's own values, as change_pct(1h)",
                        at=start,
                        start=token,
                    )
                return Change(of=of, window_ms=window_ms, percent=percent, position=position)
            case "rank":
                return self._rank(token)
            case "abs":
                return Absolute(of=self._argument(), position=position)
            case "confirmed_by":
                return self._confirmed_by(token)
            case _:
                above = token.word == "crosses_above"
                return Crosses(above=above, level=self._argument(), position=position)

    def _argument(self) -> Quantity:
        start = self.next
        return self._quantity(self.nested(self._either), start)

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

    def _confirmed_by(self, token: Token) -> ConfirmedBy:
        word = self.take()
        if word.kind is not Kind.WORD:
            raise self.wrong("a venue is missing, as confirmed_by(KRAKEN, 1)", at=word, start=token)
        try:
            venue = venue_name(word.word)
        except Invalid as problem:
            raise self.wrong(str(problem), at=word, start=token) from None
        self.expect(",", start=token)
        percent = self.take()
        within_pct = self.number(percent) if percent.kind is Kind.NUMBER else 0.0
        if not 0.0 < within_pct <= 100.0:
            raise self.wrong("percent is a number above 0 and up to 100", at=percent, start=token)
        return ConfirmedBy(venue=venue, within_pct=within_pct, position=token.start)

    def _named(self, token: Token) -> Value:
        """A metric's name, with the span that makes one value of it."""
        if token.word not in RULE_METRICS:
            raise self._unknown(token)
        span_ms = None
        if self.skip("["):
            span_ms = self.span(start=token)
            self.expect("]", start=token)
        named = (token.word, span_ms)
        if self._metric not in (None, named):
            raise self.wrong(
                "a rule is about one metric over one span, and names another before", at=token
            )
        self._metric = named
        return Value(position=token.start)

    def _unknown(self, token: Token) -> RuleInvalid:
        name = token.word
        if self.follows("("):
            known = ", ".join(FUNCTIONS)
            return self.wrong(f"unknown function{near(name, FUNCTIONS)}", at=token, allowed=known)
        if name in {"and", "or", "not", "for"}:
            return self.wrong("a value is missing here", at=token)
        allowed = ", ".join((*RULE_METRICS, *NAMES, *FUNCTIONS))
        if name == "volume":
            return self.wrong(VOLUME, at=token, allowed=allowed)
        hint = near(name, (*RULE_METRICS, *NAMES, *FUNCTIONS))
        return self.wrong(f"unknown metric{hint}", at=token, allowed=allowed)
