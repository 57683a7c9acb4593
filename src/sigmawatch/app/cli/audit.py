"""`audit`: who did what, and whether that is still what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import plain, print_json, print_table, stderr, stdout
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Access"
commands = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="Who did what.")
commands.add_typer(_group, name="audit", rich_help_panel=PANEL)


@_group.command("list")
def list_(
    *,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1_000, help="How many of the newest.")
    ] = 50,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List what was done, the newest first."""

    async def listed(client: Client) -> Any:
        return await client.get("/audit", limit=limit)

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    columns = {"row": "right", "at": "left", "who": "left", "what": "left", "about": "left"}
    print_table(stdout(), columns, rows=(
        (one["number"], one["at"], one["who"], one["what"], one["about"])
        for one in answer["items"]
    ))  # fmt: skip


@_group.command("verify")
def verify(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Read the log from its first row: each seals the one before. Ends with 3 where one is not as
    it was written, and names it.

    The hash of the newest row, noted elsewhere, also tells whether all of them were written anew.
    """

    async def verified(client: Client) -> Any:
        return await client.get("/audit/verification")

    found = ask(verified, file=file, data=data)
    if as_json:
        print_json(stdout(), found)
    else:
        newest = f", the newest {found['newest_hash']}" if found["rows"] else ""
        stdout().print(plain(f"{found['rows']} rows are as they were written{newest}"),
                       soft_wrap=True)  # fmt: skip
    if not found["sound"]:
        stderr().print(plain(found["reason"]), style="red")
        raise typer.Exit(Exit.PARTIAL)
