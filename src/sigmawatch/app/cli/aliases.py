"""`alias`: other names of markets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask

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

    async def listed(client: Client) -> Any:
        return await client.get("/aliases")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    if line := demo_line(answer):
        stdout().print(line)
    columns = {"alias": "left", "market": "left", "shown by it": "left", "by": "left"}
    print_table(stdout(), columns, rows=[
        (item["alias"], item["market"], "yes" if item["shown"] else "", item["by"])
        for item in answer["items"]
    ])  # fmt: skip


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

    answer = ask(put, file=file, data=data)
    stdout().print(plain(f"{answer['alias']} is {answer['market']}"))


@_group.command("remove")
def remove(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Take a name away."""

    async def removed(client: Client) -> None:
        await client.delete(f"/aliases/{segment(name)}")

    ask(removed, file=file, data=data)
    stdout().print(plain(f"no market is called {name} any more"))
