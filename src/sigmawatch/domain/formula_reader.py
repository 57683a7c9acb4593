"""From a formula's line to its tree: the quantities of rules, of named series (SEMANTICS.md 1).

    formula  = sum                               (expression_reader)
             | "failover" "(" series "," series {"," series} ")"
    atom     = number | series ["[" span "]"] | "(" sum ")" | statistic "(" sum "," span ")"
             | "change" "(" sum "," span ")" | "abs" "(" sum ")"
             | "composite" "(" (pair | sum "," sum {"," sum}) ["," percent] ")"
    series   = VENUE ":" pair [":" metric]       pair = BASE "/" QUOTE

A series' name is one word: no spaces in it, and none of the signs of the language. Imports
domain.expression, expression_reader, expression_words, market, metric.
"""

from __future__ import annotations

from sigmawatch.domain.errors import ExpressionInvalid, Invalid
from sigmawatch.domain.expression import (
    WITHIN_PCT,
    Companion,
    Composite,
    Consensus,
    Node,
    Number,
    Quantity,
)
from sigmawatch.domain.expression_printer import print_number
from sigmawatch.domain.expression_reader import STATISTICS, VOLUME, QuantityReader
from sigmawatch.domain.expression_words import FORMULA, Kind, Token, near
from sigmawatch.domain.formula_fail_over import FailOver
from sigmawatch.domain.market import asset, parse_market, venue_name
from sigmawatch.domain.metric import METRICS

FUNCTIONS = (*STATISTICS, "change", "abs", "composite")
_OF_RULES = frozenset(("value", "age", "stale", "rank", "change_pct", "crosses_above",
                       "crosses_below", "confirmed_by", "and", "or", "not", "for"))  # fmt: skip
_NAMED = "name a series, as KRAKEN:BTC/USD, or a pair, as composite(BTC/USD)"
_COMPOSITE = ("a composite is of a pair or of two prices or more, as composite(BTC/USD) or "
              "composite(KRAKEN:BTC/USD, COINBASE:BTC/USD)")  # fmt: skip


def read_formula(text: str) -> Quantity:
    """The tree of `text`. Raises ExpressionInvalid with the place and what is allowed there."""
    return _Reader(text, FORMULA).formula()


class _Reader(QuantityReader):
    def formula(self) -> Quantity:
        start = self.next
        alone = self.skip("failover")
        quantity = self._fail_over(start) if alone else self._quantity(self._sum(), start)
        if self.next.kind is not Kind.END:
            raise self.wrong("expected + - * / or the end")
        return quantity

    def _inner(self) -> Node:
        return self._sum()

    def _word(self, token: Token) -> Node:
        if token.kind is Kind.SERIES:
            return self.made(self._series(token))
        if token.kind is Kind.COMPOSITE:
            return self.made(self._composite(token))
        if token.word == "composite" and self.skip("("):
            return self.made(self._consensus(token))
        if token.word in STATISTICS:
            if not self.follows("("):
                raise self.wrong(self._of_what(token), at=token)
            return self.made(self._statistic(token))
        if token.word in {"change", "abs"}:
            self.expect("(", start=token)
            change = token.word == "change"
            node = self._change(token) if change else self._absolute(token)
            self.expect(")", start=token)
            return self.made(node)
        raise self._unknown(token)

    def _windowed(self, token: Token) -> tuple[Quantity | None, int]:
        start = self.next
        of, window_ms = super()._windowed(token)
        if of is None:
            raise self.wrong(self._of_what(token), at=start, start=token)
        return of, window_ms

    def _of_what(self, token: Token) -> str:
        return f"of what? write {token.word}(KRAKEN:BTC/USD, 1h)"

    # Names

    def _series(self, token: Token) -> Companion:
        venue, pair, *metrics = token.word.split(":")
        metric = metrics[0].lower() if metrics else "price"
        allowed = ", ".join(METRICS)
        if metric == "volume":
            raise self.wrong(VOLUME, at=token, allowed=allowed)
        if metric not in METRICS:
            raise self.wrong(f"unknown metric{near(metric, METRICS)}", at=token, allowed=allowed)
        try:
            name = f"{venue_name(venue)}:{self._pair(pair)}:{metric}"
        except Invalid as problem:
            raise self.wrong(str(problem), at=token) from None
        return Companion(name=name, span_ms=self._span_in_brackets(token), position=token.start)

    def _fail_over(self, token: Token) -> FailOver:
        self.expect("(", start=token)
        sources = [self._source()]
        while self.skip(","):
            sources.append(self._source())
        self.expect(")", start=token)
        return self.made(FailOver(sources=tuple(sources), position=token.start))

    def _source(self) -> Companion:
        token = self.take()
        if token.kind is not Kind.SERIES:
            raise self.wrong("name a venue's series, as KRAKEN:BTC/USD", at=token)
        return self.made(self._series(token))

    def _composite(self, token: Token) -> Composite:
        """A pair's, and how far apart its venues may be."""
        try:
            pair = self._pair(token.word.partition("(")[2].strip())
        except Invalid as problem:
            raise self.wrong(str(problem), at=token) from None
        within_pct = WITHIN_PCT
        if self.skip(","):
            within_pct = self._percent(self.take(), start=token)
        self.expect(")", start=token)
        told = "" if within_pct == WITHIN_PCT else f", {print_number(within_pct)}"
        return Composite(name=f"composite({pair}{told})", position=token.start)

    def _consensus(self, token: Token) -> Consensus:
        """What stands between the parentheses of a composite of several; a number that stands last
        is how far apart they may be."""
        members, last = [self._argument()], self.next
        while self.skip(","):
            last = self.next
            members.append(self._argument())
        self.expect(")", start=token)
        within_pct = WITHIN_PCT
        if isinstance(members[-1], Number):
            members.pop()
            within_pct = self._percent(last, start=token)
        if len(members) < 2:
            raise self.wrong(_COMPOSITE, at=token)
        return Consensus(members=tuple(members), within_pct=within_pct, position=token.start)

    def _pair(self, text: str) -> str:
        """The pair as it is called publicly: upper case, aliases resolved."""
        base, _, quote = parse_market(text).pair.partition("/")
        return f"{asset(base)}/{asset(quote)}"

    def _unknown(self, token: Token) -> ExpressionInvalid:
        name = token.word
        if name == "failover":
            return self.wrong("a fail-over stands alone: say what follows of its series", at=token)
        if name == "composite":
            return self.wrong(_COMPOSITE, at=token)
        if name in _OF_RULES:
            return self.wrong(f"this is of rules; {_NAMED}", at=token)
        if self.follows("("):
            known = ", ".join(FUNCTIONS)
            return self.wrong(f"unknown function{near(name, FUNCTIONS)}", at=token, allowed=known)
        return self.wrong(_NAMED, at=token)
