"""`explain`: the numbers behind an episode, as they were and as history has them now."""

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


@commands.command("explain", rich_help_panel="Alerts")
def explain(
    episode: Annotated[
        str, typer.Argument(metavar="EPISODE", help="Its id, which every notice names.")
    ],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Say why an episode was told: every number of every decision, computed again from history.

    `rules course` shows a rule and a series slot by slot, also where it did not fire.
    """

    async def explained(client: Client) -> Any:
        return await client.get(f"/episodes/{segment(episode)}/explain")

    answer = ask(explained, file=file, data=data)
    if as_json:
        print_json(stdout(), answer)
        return
    console = stdout()
    until = f"{answer['closed_at']}, {answer['reason']}" if answer["closed_at"] else "now"
    lines = [
        demo_line(answer),
        f"{answer['rule']}, version {answer['version']}: {answer['condition']}",
        f"{answer['series']}, {answer['opened_at']} to {until}",
        "history agrees with every number" if answer["agrees"] else
        "history differs: what came late was not known then",
    ]  # fmt: skip
    for line in filter(None, lines):
        console.print(plain(line), soft_wrap=True)
    columns = {"notice": "left", "slot": "left", "number": "left", "then": "right", "now": "right",
               "": "left"}  # fmt: skip
    print_table(console, columns, rows=[
        (one["kind"], one["at"], each["text"], _number(each["then"]), _now(each),
         "" if each["agrees"] else "differs")
        for one in answer["notices"]
        for each in one["numbers"] or [_NOTHING]
    ])  # fmt: skip


_NOTHING: dict[str, Any] = {"text": "", "then": None, "now": None, "kept": True, "agrees": True}


def _now(number: Any) -> str:
    if not number["text"]:
        return ""
    return _number(number["now"]) if number["kept"] else "not kept"


def _number(value: float | None) -> str:
    return "unknown" if value is None else repr(value)
