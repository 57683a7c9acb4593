"""The reference page of the metrics, written from the families themselves."""

from collections.abc import Iterator

from sigmawatch.app.telemetry.families import ALL, EVENTS, VALUES, Family, Kind

PAGE = """\
# Metrics

<!-- written by `make docs` from src/sigmawatch/app/telemetry/families.py -->

`/metrics` tells them in the text format of Prometheus, or as OpenMetrics where `Accept` prefers it;
what it takes to read it, and what to do with them: [monitoring](../how-to/monitoring.md). A program
counts from its start: what only grows begins at 0 again, as Prometheus expects. What cannot be read
at the moment is left out. Beside these there are `process_…` (processor time, memory, open files).

Labels come from small sets: venues that are configured, kinds, states, reasons, services, routes by
their template as in `/openapi.json`. No path, address, name of a rule or of a channel is ever in
one. `interval` is how long a slot is (`1m`), `venue` as everywhere (`KRAKEN`).
"""

SWITCHED = """\
## Tracked values

Told only with `values = true` in [`[telemetry]`](configuration.md#telemetry), of `values_max`
series at most, those tracked longest. `series` is the market's public name (`KRAKEN:BTC/USD`),
escaped.
"""


def telemetry_page() -> str:
    """docs/reference/telemetry.md"""
    counted = [one for one in EVENTS if one not in VALUES]
    looked = [one for one in ALL if one not in EVENTS and one not in VALUES]
    lines = [PAGE, "## Counted as it happens", "", *_table(counted), ""]
    lines += ["## Looked at when asked", "", *_table(looked), ""]
    lines += [SWITCHED, *_table(VALUES), ""]
    lines += ["## Buckets", "", *_edges(), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(families: tuple[Family, ...] | list[Family]) -> Iterator[str]:
    yield from ("| metric | type | labels | |", "|---|---|---|---|")
    for one in families:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        yield f"| `{one.name}` | {one.kind} | {labels} | {one.help} |"


def _edges() -> Iterator[str]:
    """Histograms by their bounds."""
    found: dict[tuple[float, ...], list[str]] = {}
    for one in ALL:
        if one.kind is Kind.HISTOGRAM:
            found.setdefault(one.edges, []).append(f"`{one.name}`")
    yield from ("| bounds, s | of |", "|---|---|")
    for edges, names in found.items():
        yield f"| {', '.join(f'{edge:g}' for edge in edges)} | {', '.join(names)} |"
