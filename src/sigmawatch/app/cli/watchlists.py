"""`watchlist`: named lists of markets, series and patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.session import ask
from sigmawatch.app.cli.telling import getting, line, table, tell

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Markets"
commands = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="Lists of markets to filter and to compare by.")
commands.add_typer(_group, name="watchlist", rich_help_panel=PANEL)

Name = Annotated[str, typer.Argument(metavar="NAME", help="How it is called, as majors.")]


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List them, and how many tracked series are on each."""

    def row(item: Any) -> Sequence[object]:
        return item["name"], item["series_count"], item["origin"], ", ".join(item["items"])

    columns = {"name": "left", "series": "right", "defined by": "left", "items": "left"}
    tell(getting("/watchlists"), table(columns, row), file=file, data=data, as_json=as_json)


@_group.command("show")
def show(
    name: Name,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what is on one: its items, and the tracked series that they mean."""

    async def shown(client: Client) -> Any:
        watchlist = await client.get(f"/watchlists/{segment(name)}")
        members = await client.get_all("/metrics", watchlist=watchlist["name"])
        return {**watchlist, "series": [item["name"] for item in members["items"]]}

    def say(answer: Any) -> None:
        line(f"{answer['name']}: {', '.join(answer['items'])}")
        for member in answer["series"]:
            line(f"  {member}")

    tell(shown, say, file=file, data=data, as_json=as_json)


@_group.command("set")
def set_(
    name: Name,
    items: Annotated[
        list[str],
        typer.Argument(
            metavar="ITEM...",
            help="As `kraken:*/USD`, `KRAKEN:BTC/USD` or `*:BTC/*:price`; "
            "`*` is any run of characters.",
        ),
    ],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Make one, or replace what is on it. New markets join by themselves."""

    async def made(client: Client) -> Any:
        return await client.put(f"/watchlists/{segment(name)}", {"items": items})

    def say(answer: Any) -> None:
        line(f"{answer['name']}: {', '.join(answer['items'])} ({answer['series_count']} series)")

    tell(made, say, file=file, data=data, as_json=as_json)


@_group.command("remove")
def remove(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Remove one. Its markets stay tracked."""

    async def removed(client: Client) -> None:
        await client.delete(f"/watchlists/{segment(name)}")

    ask(removed, file=file, data=data)
    line(f"no watchlist {name} any more")
