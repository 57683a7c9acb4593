"""`top`: the markets that move most, drawn anew as they change; read from the stream."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, Annotated, Any, Protocol, Self

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
from sigmawatch.app.cli.pressing import keys_pressed

if TYPE_CHECKING:
    from sigmawatch.app.config import Config

PANEL = "Markets"
commands = typer.Typer()
_SHOWN = ("rank", "venue", "pair", "latest", "change_pct", "sigma_rel", "sigma_ret", "sigma_abs",
          "surge", "rank_1h_ago", "state")  # fmt: skip
_RIGHT, _LEFT, _PAGE_DOWN, _PAGE_UP = "\x1b[C", "\x1b[D", "\x1b[6~", "\x1b[5~"
_TURNS = {"n": 1, " ": 1, _RIGHT: 1, _PAGE_DOWN: 1, "p": -1, _LEFT: -1, _PAGE_UP: -1}
_ENDS = ("q", "Q")


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
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1_000, help="Rows a page.")
    ] = 20,
    page: Annotated[
        int, typer.Option("--page", min=1, metavar="N", help="Which page; the first has rank 1.")
    ] = 1,
    times: Annotated[
        int | None,
        typer.Option("--times", min=1, metavar="N", show_default="until Ctrl-C",
                     help="End after N of them."),
    ] = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Show the markets that move most, live, as the running program tells of every change. On a
    terminal `n` and `p` (or the arrows) turn pages and `q` ends; a page is as long as it has room.
    `--json` prints a line for each change: the `items` of one page, its `page`, and of how many
    `pages`."""
    from sigmawatch.app.cli.signals import until_signalled  # noqa: PLC0415

    place = options.elsewhere(file, data) or options.read_config(file, data)
    asked = {"metric": metric, "by": by, "window": window, "watchlist": watchlist}
    kept = {name: value for name, value in asked.items() if value is not None}
    screen = _Screen(limit=limit, page=page, as_json=as_json)
    asyncio.run(until_signalled(_watch(place, kept, screen=screen, times=times)))


async def _watch(
    place: Config | options.Elsewhere, asked: dict[str, str], *, screen: _Screen, times: int | None
) -> None:  # fmt: skip
    """Show a page, now and after every change. Raises Refused where no program runs."""
    from sigmawatch.app.cli.connecting import running_program  # noqa: PLC0415 - imports slowly

    count = 0
    async with running_program(place) as client, aclosing(client.watch(**asked)) as tables, screen:
        whole = Whole(client, asked)
        async for table in tables:
            screen.show(await whole.of(table))
            count += 1
            if count == times:
                return


class Snapshots(Protocol):
    """What is asked of the program beside its stream."""

    async def get(self, path: str, **query: object) -> Any: ...


class Whole:
    """The table with all of its rows: the stream tells of the first so many by id, and who moves
    most may be any. The others are read as each slot closes, which is when ranks move."""

    def __init__(self, client: Snapshots, asked: Mapping[str, str]) -> None:
        self._client, self._asked = client, asked
        self._slot: Any = None
        self._others: Sequence[Mapping[str, list[Any]]] = ()

    async def of(self, table: Any) -> Any:
        """`table`, the stream's newest, with the columns of all pages."""
        if table["pages"] == 1:
            return table
        slot = table["epoch"], table["slot"]
        if slot != self._slot:
            self._others = [
                (await self._client.get("/snapshot", **self._asked, page=page))["columns"]
                for page in range(2, table["pages"] + 1)
            ]
            self._slot = slot
        return {**table, "columns": {
            name: [*column, *(value for other in self._others for value in other[name])]
            for name, column in table["columns"].items()
        }}  # fmt: skip


class _Screen:
    """Where tables are shown: in place of the one before on a terminal, below it else."""

    def __init__(self, *, limit: int, page: int, as_json: bool) -> None:
        self._limit, self._page = limit, page
        self._as_json = as_json
        self._console = stdout()
        self._live = Live(console=self._console, auto_refresh=False)
        self._turned = ExitStack()
        self._hint = ""
        self._table: Any = None

    async def __aenter__(self) -> Self:
        if self._console.is_terminal and not self._as_json:
            self._live.start()
            self._turned.callback(self._live.stop)
            if self._turned.enter_context(keys_pressed(self._press)):
                self._hint = "; n and p turn pages, q ends"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._turned.close()

    def show(self, table: Any) -> None:
        """A table that is newer than the one before."""
        self._table = table
        rows = ranked(table["columns"])
        drawn = self._live.is_started
        size = min(self._limit, max(1, self._console.height - 6)) if drawn else self._limit
        pages = max(1, -(-len(rows) // size))
        if drawn:
            self._page = min(self._page, pages)
        begin = (self._page - 1) * size
        rows, told = rows[begin : begin + size], {"page": self._page, "pages": pages}
        if self._as_json:
            _print_line({**table, **told}, rows, console=self._console)
            return
        whole = _drawn({**table, **told}, rows, framed=self._console.is_terminal, hint=self._hint)
        if drawn:
            self._live.update(whole, refresh=True)
        else:
            self._console.print(whole)

    def _press(self, key: str) -> None:
        if key in _ENDS:
            signal.raise_signal(signal.SIGINT)  # as Ctrl-C does
        elif self._table is not None and (step := _TURNS.get(key)):
            self._page = max(1, self._page + step)
            self.show(self._table)


def _print_line(table: Any, rows: list[dict[str, Any]], *, console: Console) -> None:
    """As an object a line, for programs."""
    told = {name: value for name, value in table.items() if name != "columns"} | {"items": rows}
    console.print(plain(msgspec.json.encode(told).decode()), soft_wrap=True)


def ranked(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows by rank; what has none is not among them."""
    ranks = columns["rank"]
    places = sorted((place for place, rank in enumerate(ranks) if rank), key=ranks.__getitem__)
    return [{name: columns[name][place] for name in _SHOWN} for place in places]


def _drawn(
    table: Any, rows: Sequence[dict[str, Any]], *, framed: bool, hint: str
) -> RenderableType:  # fmt: skip
    columns = {"rank": "right", "market": "left", "value": "right", "σ relative": "right",
               "σ of returns": "right", "change": "right", "an hour ago": "right",
               "state": "left"}  # fmt: skip
    drawn = table_of(columns, rows=[
        (row["rank"], f"{row['venue']}:{row['pair']}", number(row["latest"]),
         percent(row["sigma_rel"]), percent(row["sigma_ret"]),
         "–" if row["change_pct"] is None else f"{row['change_pct']:+.2f} %",
         row["rank_1h_ago"] or "–", row["state"])
        for row in rows
    ], framed=framed)  # fmt: skip
    demo = [plain(line)] if (line := demo_line(table)) else []
    told = plain(f"{table['metric']} by {table['by']} over {table['window']}: {table['of']} "
                 f"ranked, page {table['page']} of {table['pages']}, {table['time'][11:19]} UTC"
                 f"{hint or '; Ctrl-C ends'}")  # fmt: skip
    return Group(*demo, told, drawn)
