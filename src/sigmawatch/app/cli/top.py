"""`top`: the markets that move most, drawn anew as they change; read from the stream."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, Self

import msgspec
import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live

from sigmawatch.app.cli import options
from sigmawatch.app.cli.looking import By
from sigmawatch.app.cli.output import (
    demo_line,
    number,
    percent,
    plain,
    stdout,
    table_of,
)

if TYPE_CHECKING:
    from sigmawatch.app.config import Config

PANEL = "Markets"
commands = typer.Typer()
_SHOWN = ("rank", "venue", "pair", "latest", "change_pct", "sigma_rel", "sigma_ret", "sigma_abs",
          "surge", "rank_1h_ago", "state")  # fmt: skip


@commands.command("top", rich_help_panel=PANEL)
def top(
    *,
    metric: Annotated[
        str, typer.Option("--metric", "-m", metavar="METRIC", help="What is ranked.")
    ] = "price",
    by: By = "sigma_rel",
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="SPAN", show_default="the longest",
                     help="One of the configured windows."),
    ] = None,
    watchlist: Annotated[
        str | None, typer.Option("--watchlist", metavar="NAME", help="Only what is on it.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="Rows.")] = 20,
    times: Annotated[
        int | None,
        typer.Option("--times", min=1, metavar="N", show_default="until Ctrl-C",
                     help="End after N of them."),
    ] = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Show the markets that move most, live, as the running program tells of every change. `--json`
    prints a line for each."""
    from sigmawatch.app.cli.signals import until_signalled  # noqa: PLC0415

    place = options.elsewhere(file, data) or options.read_config(file, data)
    asked = {"metric": metric, "by": by, "window": window, "watchlist": watchlist}
    kept = {name: value for name, value in asked.items() if value is not None}
    screen = _Screen(limit=limit, as_json=as_json)
    asyncio.run(until_signalled(_watch(place, kept, screen=screen, times=times)))


async def _watch(
    place: Config | options.Elsewhere, asked: dict[str, str], *, screen: _Screen, times: int | None
) -> None:  # fmt: skip
    """Show the whole table, now and after every change. Raises Refused where no program runs."""
    from sigmawatch.app.cli.connecting import running_program  # noqa: PLC0415 - imports slowly

    count = 0
    async with running_program(place) as client, aclosing(client.watch(**asked)) as tables, screen:
        async for table in tables:
            screen.show(table)
            count += 1
            if count == times:
                return


class _Screen:
    """Where tables are shown: in place of the one before on a terminal, below it else."""

    def __init__(self, *, limit: int, as_json: bool) -> None:
        self._limit, self._as_json = limit, as_json
        self._console = stdout()
        self._live = Live(console=self._console, auto_refresh=False)

    async def __aenter__(self) -> Self:
        if self._console.is_terminal and not self._as_json:
            self._live.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, table: Any) -> None:
        rows = ranked(table["columns"], self._limit)
        if self._as_json:
            _print_line(table, rows, console=self._console)
        elif self._live.is_started:
            self._live.update(_drawn(table, rows, console=self._console), refresh=True)
        else:
            self._console.print(_drawn(table, rows, console=self._console))


def _print_line(table: Any, rows: list[dict[str, Any]], *, console: Console) -> None:
    """As an object a line, for programs."""
    told = {name: value for name, value in table.items() if name != "columns"} | {"items": rows}
    console.print(plain(msgspec.json.encode(told).decode()), soft_wrap=True)


def ranked(columns: dict[str, list[Any]], limit: int) -> list[dict[str, Any]]:
    """The first rows by rank; what has none is not among them."""
    ranks = columns["rank"]
    places = sorted((place for place, rank in enumerate(ranks) if rank), key=ranks.__getitem__)
    return [{name: columns[name][place] for name in _SHOWN} for place in places[:limit]]


def _drawn(table: Any, rows: list[dict[str, Any]], *, console: Console) -> RenderableType:
    columns = {"rank": "right", "market": "left", "value": "right", "σ relative": "right",
               "σ of returns": "right", "change": "right", "an hour ago": "right",
               "state": "left"}  # fmt: skip
    drawn = table_of(columns, rows=[
        (row["rank"], f"{row['venue']}:{row['pair']}", number(row["latest"]),
         percent(row["sigma_rel"]), percent(row["sigma_ret"]),
         "–" if row["change_pct"] is None else f"{row['change_pct']:+.2f} %",
         row["rank_1h_ago"] or "–", row["state"])
        for row in rows[: max(1, console.height - 6) if console.is_terminal else None]
    ], framed=console.is_terminal)  # fmt: skip
    demo = [plain(line)] if (line := demo_line(table)) else []
    pages = f", rows of page 1 of {table['pages']}" if table["pages"] > 1 else ""
    told = plain(f"{table['metric']} by {table['by']} over {table['window']}: {table['of']} "
                 f"ranked{pages}, {table['time'][11:19]} UTC; Ctrl-C ends")  # fmt: skip
    return Group(*demo, drawn, told)
