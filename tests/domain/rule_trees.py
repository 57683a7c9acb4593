"""Trees of the rule language for property tests."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from sigmawatch.domain.expression import (
    Absolute,
    Age,
    Among,
    Arithmetic,
    Change,
    Companion,
    Comparison,
    Condition,
    ConfirmedBy,
    Crosses,
    Duration,
    Excess,
    Logic,
    Negative,
    Node,
    Not,
    Number,
    Quantity,
    Rank,
    RankKey,
    Stale,
    Statistic,
    Test,
    Value,
    Window,
    speaks_of_own,
)

SPANS_MS = [n * unit for unit in (1_000, 60_000, 3_600_000) for n in (1, 5, 10, 24, 90)]
EXAMPLES = (
    "price > 3 * mean(1h)",
    "traded_ref[5m] > 3 * mean(1h) and value > 50000 for 2m",
    "abs(change_pct(15m)) > 5",
    "rank(sigma_rel, 24h) <= 10",
    "sigma_abs[10m] > 3 * mean(sigma_abs[10m], 1h)",
    "spread_bp > 40 or stale for 5m",
)  # SEMANTICS.md 6, as they stand there but for the comments

numbers = st.one_of(
    st.integers(0, 10**18).map(float),
    st.floats(0, 1e300, allow_nan=False, allow_infinity=False),
).map(lambda value: Number(value=abs(value)))


def ranks(spans_ms: Sequence[int]) -> st.SearchStrategy[Rank]:
    spans = st.sampled_from(spans_ms)
    keys = st.sampled_from(RankKey)
    return st.builds(
        lambda by, span: Rank(by=by, window_ms=span if by.windowed else None), keys, spans
    )


def windows(spans_ms: Sequence[int]) -> st.SearchStrategy[Window]:
    """Of the rule's own values."""
    spans = st.sampled_from(spans_ms)
    return st.builds(
        Window, statistic=st.sampled_from(Statistic), window_ms=spans, with_slot=st.booleans()
    )


companions = st.builds(
    Companion,
    name=st.sampled_from(["bid", "volume_24h_ref", "traded_base"]),
    span_ms=st.sampled_from([None, *SPANS_MS]),
) | st.just(Companion(name="price", span_ms=7_000))


def quantities(spans_ms: Sequence[int] = SPANS_MS) -> st.SearchStrategy[Quantity]:
    spans = st.sampled_from(spans_ms)
    leaves: st.SearchStrategy[Quantity] = st.one_of(
        numbers,
        st.just(Value()),
        st.just(Age()),
        spans.map(lambda ms: Duration(ms=ms)),
        windows(spans_ms),
        st.builds(Change, window_ms=spans, percent=st.booleans()),
        ranks(spans_ms),
        st.builds(Excess, window_ms=spans, among=st.sampled_from([None, *Among])),
        companions,
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Absolute, of=inner),
            st.builds(Negative, of=inner),
            st.builds(Window, statistic=st.sampled_from(Statistic), of=inner, window_ms=spans),
            st.builds(Change, of=inner, window_ms=spans),
            st.builds(
                Arithmetic, left=inner, operator=st.sampled_from(["+", "-", "*", "/"]), right=inner
            ),
        ),
        max_leaves=6,
    )


def tests(of: st.SearchStrategy[Quantity]) -> st.SearchStrategy[Test]:
    relations = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    leaves: st.SearchStrategy[Test] = st.one_of(
        st.builds(Comparison, left=of, operator=relations, right=of),
        st.just(Stale()),
        st.builds(Crosses, above=st.booleans(), level=of),
        st.builds(
            ConfirmedBy,
            venue=st.sampled_from(["KRAKEN", "FOR", "X_1"]),
            within_pct=st.floats(0.001, 100),
        ),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, of=inner),
            st.builds(Logic, left=inner, operator=st.sampled_from(["and", "or"]), right=inner),
        ),
        max_leaves=5,
    )


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    test = draw(tests(quantities()))
    first = next((one for one in test.walk() if _names(one)), None)
    if isinstance(first, Companion):  # a leading name would be the rule's own
        first = Value()
        named = Comparison(left=first, operator=">", right=Number(value=1.0))
        test = Logic(left=named, operator="and", right=test)
    metric = span_ms = None
    if isinstance(first, Value):
        metric = draw(st.sampled_from([None, "price", "traded_ref"]))
        span_ms = draw(st.sampled_from([None, *SPANS_MS])) if metric else None
    for_ms = draw(st.sampled_from([0, *SPANS_MS]))
    return Condition(test=test, metric=metric, span_ms=span_ms, for_ms=for_ms)


def _names(node: Node) -> bool:
    return isinstance(node, Companion) or speaks_of_own(node)
