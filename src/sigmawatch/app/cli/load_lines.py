"""What a load forecast says to a person: of `check`, and of `add --dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sigmawatch.app.cli.output import plain, print_json, print_table, stdout

if TYPE_CHECKING:
    from rich.console import Console

    from sigmawatch.app.forecast import Forecast

COLUMNS = ("markets", "series", "calls/min", "of the budget", "flows of", "back-fill")


def print_load(console: Console, found: Forecast) -> None:
    """What every venue will be asked, then memory, disk and warnings."""
    print_table(console, {"venue": "left"} | dict.fromkeys(COLUMNS, "right"), rows=[
        (one.venue, f"{one.markets_count:,}", f"{one.series_count:,}",
         f"{one.requests_per_minute:.4g}",
         f"{one.used_ratio:.1%} of {budget_of(one.budget_per_minute, one.budget_unit)}",
         flows_of(one.flow_markets_max, one.flow_markets_count),
         f"about {duration(one.backfill_s)}")
        for one in found.venues
    ])  # fmt: skip
    console.print(
        f"memory about {found.memory_bytes / 1e6:,.0f} MB, "
        f"disk about {found.disk_bytes_per_day / 1e6:,.1f} MB a day"
    )
    for warning in found.warnings:
        console.print(plain(f"warning: {warning}"))


def print_forecast(told: dict[str, Any], *, as_json: bool) -> None:
    """What tracking more would cost, as `/metrics/forecast` tells it."""
    if as_json:
        print_json(stdout(), told)
        return
    count = told["markets_count"]
    budget = budget_of(told["budget_per_minute"], told["budget_unit"])
    calls, before = told["requests_per_minute"], told["requests_per_minute_before"]
    used, used_before = told["budget_pct"], told["budget_pct_before"]
    memory_mb, disk_mb = told["memory_bytes"] / 1e6, told["disk_bytes_per_day"] / 1e6
    took, markets = duration(told["backfill_s"]), "market" if count == 1 else "markets"
    lines = [
        f"{count:,} {markets} of {told['venue']}: {told['new_count']:,} new series",
        f"calls a minute {calls:g} (now {before:g}), {used:g}% of {budget} (now {used_before:g}%)",
        f"back-fill {told['backfill_requests']:,} calls, about {took}",
        f"memory {memory_mb:,.1f} MB, disk {disk_mb:,.1f} MB a day",
        *(f"warning: {problem}" for problem in told["problems"]),
    ]
    for line in lines:
        stdout().print(plain(line), soft_wrap=True)


def budget_of(per_minute: float, unit: str) -> str:
    """ "6,000 weight"."""
    return f"{per_minute:,g} {unit}"


def flows_of(paid: int, wanted: int) -> str:
    """For how many markets the budget pays for traded volumes."""
    return f"{paid:,}/{wanted:,}" if wanted else ""


def duration(seconds: float) -> str:
    """As a person says it: "4 s", "23 min", "1.8 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"
