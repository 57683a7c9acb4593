"""`pattern`: markets that are tracked because a pattern names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.session import ask
from sigmawatch.app.cli.telling import getting, line, table, tell
from sigmawatch.domain.errors import NotFound
from sigmawatch.domain.following import PATTERN_METRICS, is_pattern, parse_market_pattern

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Markets"
commands = typer.Typer()
_group = typer.Typer(
    help="Follow patterns: markets that a venue lists, those to come included.",
    no_args_is_help=True,
)
commands.add_typer(_group, name="pattern", rich_help_panel=PANEL)

Which = Annotated[
    str, typer.Argument(metavar="PATTERN", help="Its id, or its text as `list` prints it.")
]


@_group.command("list")
def list_(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """List them, and how many markets belong to each."""

    def row(item: Any) -> Sequence[object]:
        return (item["id"], item["pattern"], len(item["markets"]), ", ".join(item["metrics"]),
                item["interval"], item["origin"], item["chosen_at"] or "")  # fmt: skip

    columns = {"id": "left", "pattern": "left", "markets": "right", "metrics": "left",
               "every": "left", "defined by": "left", "chosen at": "left"}  # fmt: skip
    tell(getting("/patterns"), table(columns, row), file=file, data=data, as_json=as_json)


@_group.command("show")
def show(
    which: Which,
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the markets that belong to one."""

    async def shown(client: Client) -> Any:
        return await client.get(f"/patterns/{segment(await _id(client, which))}")

    def say(answer: Any) -> None:
        line(f"{answer['pattern']}: {', '.join(answer['metrics'])}")
        for name in answer["markets"]:
            line(f"  {name}")

    tell(shown, say, file=file, data=data, as_json=as_json)


@_group.command("follow")
def follow(
    pattern: Annotated[
        str,
        typer.Argument(metavar="PATTERN",
                       help="As `kraken:*/EUR`, `kraken:BTC/*` or "
                       "`kraken:*/EUR top 50 by volume_24h_quote`."),
    ],
    *,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", metavar="METRIC", show_default=", ".join(PATTERN_METRICS),
                     help="What to measure; give it again for more."),
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", metavar="SPAN", help="Interval, as 1m.")
    ] = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Track the markets that a pattern names, from now on: who is listed later joins, who is
    delisted leaves."""
    body: dict[str, Any] = {"pattern": pattern, "metrics": metrics or list(PATTERN_METRICS)}

    async def followed(client: Client) -> Any:
        return await client.post("/patterns", body | ({"every": every} if every else {}))

    def say(answer: Any) -> None:
        count = len(answer["markets"])
        text = f"following {answer['pattern']}: {count} market{'s' if count > 1 else ''}"
        line(f"{text} every {answer['interval']} (id {answer['id']})")

    tell(followed, say, file=file, data=data, as_json=as_json)


@_group.command("remove")
def remove(
    which: Which, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Follow one no longer. Markets that nothing else names are tracked no longer; what was
    recorded stays."""

    async def removed(client: Client) -> None:
        await client.delete(f"/patterns/{segment(await _id(client, which))}")

    ask(removed, file=file, data=data)
    line(f"no longer following {which}")


async def _id(client: Client, which: str) -> str:
    """Of a pattern that is followed, by its id or its text."""
    if not is_pattern(which):
        return which
    wanted = str(parse_market_pattern(which))
    found = [item for item in (await client.get("/patterns"))["items"]
             if item["pattern"] == wanted]  # fmt: skip
    if len(found) != 1:
        rule = "is followed at several intervals: say its id" if found else "is not followed"
        raise NotFound(f"{wanted} {rule}", field="pattern",
                       allowed=", ".join(item["id"] for item in found))  # fmt: skip
    return str(found[0]["id"])
