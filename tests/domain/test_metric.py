"""The metrics (SEMANTICS.md 1)."""

from __future__ import annotations

import pytest

from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.metric import METRICS, Kind, Unit, metric_named, with_derived, with_sources


def test_a_bare_volume_is_answered_with_what_to_say() -> None:
    with pytest.raises(Invalid, match=r"say `traded_quote\[5m\]` or `volume_24h_quote`"):
        metric_named("Volume")


def test_a_metric_is_found_in_any_case_and_an_unknown_one_refused() -> None:
    assert metric_named(" Price ").name == "price"
    with pytest.raises(Invalid, match="unknown metric 'moon'") as caught:
        metric_named("moon")
    assert caught.value.allowed.split(", ") == list(METRICS)


def test_only_what_a_venue_quotes_as_a_price_passes_the_gate() -> None:
    """SEMANTICS.md 1: "for `price`, `bid`, `ask` read from a venue only"."""
    assert {name for name, metric in METRICS.items() if metric.gated} == {"price", "bid", "ask"}


def test_flows_are_what_traded_inside_one_slot() -> None:
    flows = {name for name, metric in METRICS.items() if metric.kind is Kind.FLOW}
    assert flows == {"traded_base", "traded_quote", "traded_ref", "trades"}


def test_a_reference_volume_is_of_the_kind_of_the_quote_volume_it_is_computed_from() -> None:
    """SEMANTICS.md 1: "`volume_24h_ref`, `traded_ref` | as above | reference currency"."""
    derived = {name: metric for name, metric in METRICS.items() if metric.derived_from}
    assert derived.keys() == {"volume_24h_ref", "traded_ref"}
    for metric in derived.values():
        source = METRICS[metric.derived_from or ""]
        assert (source.kind, source.unit) == (metric.kind, Unit.QUOTE)


def test_a_market_offers_what_can_be_computed_of_what_its_venue_offers() -> None:
    offered = {"price", "volume_24h_quote"}
    assert with_derived(offered) == ("price", "volume_24h_quote", "volume_24h_ref")


def test_what_is_computed_comes_after_what_it_is_computed_from() -> None:
    assert with_sources(["traded_ref", "price", "traded_quote", "price"]) == (
        "traded_quote", "traded_ref", "price",
    )  # fmt: skip


def test_a_metrics_unit_agrees_with_its_name() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.meaning
        assert name.endswith("_quote") == (metric.unit is Unit.QUOTE)
        assert name.endswith("_ref") == (metric.unit is Unit.REFERENCE)
        assert name.endswith("_base") == (metric.unit is Unit.BASE)
        assert name.endswith("_bp") == (metric.unit is Unit.BASIS_POINTS)
