"""`alias`: other names of markets."""

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

commands = typer.Typer()
_group = typer.Typer(help="Give markets other names.", no_args_is_help=True)
commands.add_typer(_group, name="alias", rich_help_panel="Markets")

Name = Annotated[str, typer.Argument(metavar="ALIAS", help="As my-btc.")]


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List them, and which markets they find."""

    def row(item: Any) -> Sequence[object]:
        return item["alias"], item["market"], "yes" if item["shown"] else "", item["by"]

    columns = {"alias": "left", "market": "left", "shown by it": "left", "by": "left"}
    tell(getting("/aliases"), table(columns, row), file=file, data=data, as_json=as_json)


@_group.command("set")
def set_(
    name: Name,
    market: Annotated[str, typer.Argument(metavar="MARKET", help="As KRAKEN:BTC/EUR.")],
    *,
    shown: Annotated[
        bool, typer.Option("--shown", help="Show the market by it: a rename.")
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
) -> None:
    """Have a name find a tracked market, in commands, addresses, rules and lists. The market's own
    name finds it as before."""

    async def put(client: Client) -> Any:
        return await client.put(f"/aliases/{segment(name)}", {"market": market, "shown": shown})

    def say(answer: Any) -> None:
        line(f"{answer['alias']} is {answer['market']}")

    tell(put, say, file=file, data=data)


@_group.command("remove")
def remove(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Take a name away."""

    async def removed(client: Client) -> None:
        await client.delete(f"/aliases/{segment(name)}")

    ask(removed, file=file, data=data)
    line(f"no market is called {name} any more")
