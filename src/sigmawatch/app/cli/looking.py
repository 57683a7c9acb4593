"""`rank` and `show`: what the numbers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import (
    demo_line,
    number,
    percent,
    plain,
    print_json,
    print_table,
    stdout,
)
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Markets"
commands = typer.Typer()

Window = Annotated[str, typer.Option("--window", metavar="SPAN", help="Over how long, up to 24h.")]
By = Annotated[
    str,
    typer.Option(
        "--by", metavar="KEY",
        help="sigma_rel: what moved most for its size. sigma_ret: trading volatility. sigma_abs: "
        "only within one pair. Also change_pct, excess_change, surge, value.",
    ),
]  # fmt: skip
Peers = Annotated[
    str | None,
    typer.Option("--peers", metavar="PEERS", show_default="everything tracked",
                 help="Compare within, as venue:kraken, quote:USD or watchlist:majors."),
]  # fmt: skip


@commands.command("rank", rich_help_panel=PANEL)
def rank(
    *,
    metric: Annotated[
        str, typer.Option("--metric", "-m", metavar="METRIC", help="What is ranked.")
    ] = "price",
    by: By = "sigma_rel",
    window: Window = "24h",
    peers: Peers = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="Rows.")] = 20,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Rank the tracked markets, the largest first."""

    async def ranked(client: Client) -> Any:
        return await client.get(
            "/ranking", metric=metric, by=by, window=window, peers=peers, limit=limit
        )

    answer = ask(ranked, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
    else:
        _print_ranking(stdout(), answer)


_EXTRA = {
    "sigma_abs": "σ absolute",
    "surge": "surge",
    "excess_change": "excess",
}  # shown where ranked by


def _print_ranking(console: Console, answer: Any) -> None:
    if line := demo_line(answer):
        console.print(line)
    key = _EXTRA.get(answer["by"])
    columns = {"rank": "right", "market": "left", "value": "right", "σ relative": "right",
               "σ of returns": "right", "change": "right", **({key: "right"} if key else {}),
               "coverage": "right", "state": "left"}  # fmt: skip
    rows = [
        (_place(item), item["market"], number(item["value"]), percent(item["sigma_rel"]),
         percent(item["sigma_ret"]), _change(item["change_pct"]),
         *((number(item[answer["by"]]),) if key else ()), percent(item["coverage"]), item["state"])
        for item in answer["items"]
    ]  # fmt: skip
    print_table(console, columns, rows=rows)
    console.print(plain(
        f"{answer['metric']} by {answer['by']} over {answer['window']}: {answer['of']} ranked, "
        f"{answer['excluded']} excluded"
        + (", in mixed units" if answer["mixed_units"] else "")
    ))  # fmt: skip


def _place(item: Any) -> str:
    """The rank; where there is none, why."""
    if item["rank_text"]:
        return str(item["rank_text"])
    return f"({item['provisional_rank']})" if item["provisional"] else str(item["rank_reason"])


def _change(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f} %"


@commands.command("show", rich_help_panel=PANEL)
def show(
    series: Annotated[
        str, typer.Argument(metavar="SERIES", help="An id, or KRAKEN:BTC-USD:price.")
    ],
    *,
    by: By = "sigma_rel",
    window: Window = "24h",
    peers: Peers = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Show everything that is known of one series."""

    async def shown(client: Client) -> Any:
        # A name may hold the separator of addresses; the API reads a dash as one, too.
        name = segment(series.replace("/", "-"))
        told = await client.get(f"/metrics/{name}", by=by, window=window, peers=peers)
        if "composite(" in (told["formula"] or ""):
            composition = await client.get(f"/metrics/{name}/composition")
            told["composites"] = composition["composites"]
        return told

    answer = ask(shown, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    console = stdout()
    if line := demo_line(answer):
        console.print(line)
    print_table(console, {"": "left", " ": "left"}, rows=[
        (name, ", ".join(map(str, value)) if isinstance(value, list) else value)
        for name, value in answer.items()
        if name != "composites" and value not in (None, [], {})
    ])  # fmt: skip
    for one in answer.get("composites", []):
        _print_composite(console, one)


def _print_composite(console: Console, one: Any) -> None:
    """Who has a part in it and who has none, why not."""
    said = f"{one['text']}: {one['taken_count']} of {one['members_count']}"
    if one["provisional"]:
        said += ", provisional"
    if one["reason"]:
        said += f", unknown: {one['reason']}"
    console.print(plain(said))
    columns = {"member": "left", "value": "right", "from the median": "right", "part": "left"}
    print_table(console, columns, rows=[
        (member["name"], number(member["value"]), _change(member["apart_pct"]),
         member["reason"] or "taken")
        for member in one["members"]
    ])  # fmt: skip
