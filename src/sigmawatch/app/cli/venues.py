"""`venues`: which are asked, which stands for which, and keeping away from one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Markets"
commands = typer.Typer()
Name = Annotated[str, typer.Argument(metavar="VENUE", help="As okx.")]

_group = typer.Typer(no_args_is_help=True, help="Venues, and who stands for whom.")
commands.add_typer(_group, name="venues", rich_help_panel=PANEL)


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List those that are asked, and those that could be."""

    async def listed(client: Client) -> Any:
        return await client.get("/venues")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    if line := demo_line(answer):
        stdout().print(line)
    columns = {"venue": "left", "state": "left", "why": "left", "markets": "right",
               "series": "right"}  # fmt: skip
    rows = [
        (item["name"], item["state"], item["detail"], item["markets_count"], item["tracked_count"])
        for item in answer["items"]
    ]
    print_table(stdout(), columns, rows=rows)
    if answer["available"]:
        stdout().print(plain(f"can be switched on: {', '.join(answer['available'])}"))


@_group.command("enable")
def enable(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Switch one on: its markets can be tracked."""

    async def enabled(client: Client) -> Any:
        return await client.post("/venues", {"venue": name})

    answer = ask(enabled, file=file, data=data)
    stdout().print(plain(f"{answer['name']} is on"))


@_group.command("disable")
def disable(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Switch one off, once nothing is tracked there."""

    async def disabled(client: Client) -> None:
        await client.delete(f"/venues/{segment(name)}")

    ask(disabled, file=file, data=data)
    stdout().print(plain(f"{name.upper()} is off"))


@_group.command("fail-overs")
def fail_overs(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List what has backups: where it is shown from, since when, and why."""

    async def listed(client: Client) -> Any:
        return await client.get("/fail-overs")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    if line := demo_line(answer):
        stdout().print(line)
    columns = {"market": "left", "of": "left", "shown": "left", "since": "left", "why": "left"}
    print_table(stdout(), columns, rows=[
        (item["name"], ", ".join(item["markets"]), item["source"], item["since"], item["why"])
        for item in answer["items"]
    ])  # fmt: skip


@_group.command("fail-over")
def fail_over(
    venue: Annotated[str, typer.Argument(metavar="VENUE", help="As kraken.")],
    *,
    back: Annotated[bool, typer.Option("--back", help="Let it come back.")] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
) -> None:
    """Show what has this venue first from its backups, from the next slot on, until --back."""
    path = f"/venues/{segment(venue)}/fail-over"

    async def asked(client: Client) -> None:
        if back:
            await client.delete(path)
        else:
            await client.post(path, {})

    ask(asked, file=file, data=data)
    said = "may come back" if back else "is kept away from"
    stdout().print(plain(f"{venue} {said}; `sigmawatch venues fail-overs` says what is shown"))
