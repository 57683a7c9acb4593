"""`silence`, `episodes` and `ack`: what people say to alerts."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import demo_line, plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Alerts"
commands = typer.Typer()
_group = typer.Typer(no_args_is_help=True, help="What nobody is told of, until when.")
commands.add_typer(_group, name="silence", rich_help_panel=PANEL)

By = Annotated[
    str | None, typer.Option("--by", metavar="WHO", show_default="you", help="Who says so.")
]


@_group.command("add")
def add(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="SERIES...", help="As kraken:*, KRAKEN:BTC/USD, watchlist:majors."),
    ],
    *,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="As 2h, or 2027-01-31T18:00:00Z.")
    ],
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="NAME", help="Only this rule; else all.")
    ] = None,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why.")] = "",
    by: By = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Tell nobody of some series for a while. What still fires at the end is told then."""
    body = {"target": targets, "until": until, "rule": rule, "comment": comment, "by": _me(by)}

    async def added(client: Client) -> Any:
        return await client.post("/silences", body)

    answer = ask(added, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    text = f"silence {answer['id']}: {', '.join(answer['target'])} until {answer['until_at']}"
    stdout().print(plain(text))


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List those in force, the first to end first."""

    async def listed(client: Client) -> Any:
        return await client.get("/silences")

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    _say_demo(answer)
    columns = dict.fromkeys(("silence", "until", "of", "rule", "by", "comment"), "left")
    print_table(stdout(), columns, rows=[
        (item["id"], item["until_at"], ", ".join(item["target"]), item["rule"] or "all",
         item["by"], item["comment"])
        for item in answer["items"]
    ])  # fmt: skip


@_group.command("end")
def end(
    number: Annotated[int, typer.Argument(metavar="SILENCE", help="Its number.", min=1)],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
) -> None:
    """End one now; what still fires is told."""

    async def ended(client: Client) -> None:
        await client.delete(f"/silences/{number}")

    ask(ended, file=file, data=data)
    stdout().print(plain(f"silence {number} is over"))


@commands.command("episodes", rich_help_panel=PANEL)
def episodes(
    *,
    lasting: Annotated[bool, typer.Option("--open", help="Only those that last.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1_000, help="How many, newest first.")
    ] = 50,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List when rules were active, newest first."""

    async def listed(client: Client) -> Any:
        return await client.get("/episodes", open=lasting, limit=limit)

    answer = ask(listed, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    _say_demo(answer)
    columns = dict.fromkeys(("episode", "rule", "series", "opened", "closed", "seen by"), "left")
    print_table(stdout(), columns, rows=[
        (item["id"], item["rule"], item["series"] or item["series_id"], item["opened_at"],
         item["closed_at"] or "open", item["acknowledged_by"] or "")
        for item in answer["items"]
    ])  # fmt: skip


@commands.command("ack", rich_help_panel=PANEL)
def acknowledge(
    episode: Annotated[
        str, typer.Argument(metavar="EPISODE", help="Its id, as `episodes` shows it.")
    ],
    *,
    by: By = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Say that you have seen an episode: no more reminders of it."""

    async def acknowledged(client: Client) -> Any:
        return await client.post(f"/episodes/{segment(episode)}/acknowledge", {"by": _me(by)})

    answer = ask(acknowledged, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    stdout().print(plain(f"{answer['id']} ({answer['rule']}): seen by {answer['acknowledged_by']}"))


def _me(by: str | None) -> str:
    """Who says so; the name of the user at this machine."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def _say_demo(answer: Any) -> None:
    if line := demo_line(answer):
        stdout().print(line)
