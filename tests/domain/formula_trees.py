"""Trees of formulas for property tests."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from tests.domain.rule_trees import SPANS_MS, numbers

from sigmawatch.domain.expression import (
    Absolute,
    Arithmetic,
    Change,
    Companion,
    Composite,
    Consensus,
    Negative,
    Quantity,
    Statistic,
    Window,
)

ASSETS = [
    "BTC",
    "USD",
    "1INCH",
    "USD.M",
    "A_B",
    "$CAT",
    "币安人生",
    "FOR",
    "5M",
    "1E5",
    "COMPOSITE",
]
assets = st.sampled_from(ASSETS)
metrics = st.sampled_from(["price", "spread_bp", "traded_quote", "formula", "volume_24h_ref"])


def series(spans_ms: Sequence[int]) -> st.SearchStrategy[Companion]:
    return st.builds(
        lambda venue, base, quote, metric, span_ms: Companion(
            name=f"{venue}:{base}/{quote}:{metric}", span_ms=span_ms
        ),
        st.sampled_from(["KRAKEN", "X_1", "AND"]), assets, assets, metrics,
        st.sampled_from([None, *spans_ms]),
    )  # fmt: skip


composites = st.builds(
    lambda base, quote, within: Composite(name=f"composite({base}/{quote}{within})"),
    assets, assets, st.sampled_from(["", ", 2", ", 0.25"]),
)  # fmt: skip


def formulas(
    leaves: st.SearchStrategy[Quantity] | None = None, *, spans_ms: Sequence[int] = SPANS_MS
) -> st.SearchStrategy[Quantity]:
    """Quantities over some leaves; as they are written, whatever they mean."""
    spans = st.sampled_from(spans_ms)
    measured = leaves if leaves is not None else series(spans_ms)  # no number stands last
    return st.recursive(
        leaves if leaves is not None else st.one_of(series(spans_ms), composites, numbers),
        lambda inner: st.one_of(
            st.builds(Absolute, of=inner),
            st.builds(Negative, of=inner),
            st.builds(Window, statistic=st.sampled_from(Statistic), of=inner, window_ms=spans),
            st.builds(Change, of=inner, window_ms=spans),
            st.builds(
                Consensus,
                members=st.tuples(inner, measured) | st.tuples(inner, inner, measured),
                within_pct=st.sampled_from([5.0, 0.5]),
            ),
            st.builds(
                Arithmetic, left=inner, operator=st.sampled_from(["+", "-", "*", "/"]), right=inner
            ),
        ),
        max_leaves=6,
    )
