"""`venues`: which are asked, which stands for which, and keeping away from one."""

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

    def row(item: Any) -> Sequence[object]:
        return (item["name"], item["state"], item["detail"], item["markets_count"],
                item["tracked_count"])  # fmt: skip

    def say(answer: Any) -> None:
        table(columns, row)(answer)
        if answer["available"]:
            line(f"can be switched on: {', '.join(answer['available'])}")

    columns = {"venue": "left", "state": "left", "why": "left", "markets": "right",
               "series": "right"}  # fmt: skip
    tell(getting("/venues"), say, file=file, data=data, as_json=as_json)


@_group.command("enable")
def enable(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Switch one on: its markets can be tracked."""

    async def enabled(client: Client) -> Any:
        return await client.post("/venues", {"venue": name})

    def say(answer: Any) -> None:
        line(f"{answer['name']} is on")

    tell(enabled, say, file=file, data=data)


@_group.command("disable")
def disable(
    name: Name, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Switch one off, once nothing is tracked there."""

    async def disabled(client: Client) -> None:
        await client.delete(f"/venues/{segment(name)}")

    ask(disabled, file=file, data=data)
    line(f"{name.upper()} is off")


@_group.command("fail-overs")
def fail_overs(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List what has backups: where it is shown from, since when, and why."""

    def row(item: Any) -> Sequence[object]:
        shown = item["source"] or "waiting"
        return item["name"], ", ".join(item["markets"]), shown, item["since"] or "", item["why"]

    columns = {"market": "left", "of": "left", "shown": "left", "since": "left", "why": "left"}
    tell(getting("/fail-overs"), table(columns, row), file=file, data=data, as_json=as_json)


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
    line(f"{venue} {said}; `sigmawatch venues fail-overs` says what is shown")
