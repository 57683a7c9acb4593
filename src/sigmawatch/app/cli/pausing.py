"""`pause` and `resume`: markets and venues that nothing is asked of for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.session import ask
from sigmawatch.app.cli.telling import line

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Markets"
commands = typer.Typer()

Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", help="A market, as KRAKEN:SOL/EUR; or a venue, as kraken."),
]


@commands.command("pause", rich_help_panel=PANEL)
def pause(
    names: Names, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Read nothing of a market or a venue until it is resumed. Its slots stay empty and say so, its
    rules are not judged, its history stays."""

    async def paused(client: Client) -> None:
        venues = await _venues(client)
        for name in names:
            await client.post(_path(name, "pause", venues=venues), {})

    ask(paused, file=file, data=data)
    for name in names:
        line(f"paused {name}")


@commands.command("resume", rich_help_panel=PANEL)
def resume(
    names: Names, *, file: options.ConfigFile = None, data: options.Data = None
) -> None:  # fmt: skip
    """Read a market or a venue again."""

    async def resumed(client: Client) -> list[Any]:
        venues = await _venues(client)
        return [await client.post(_path(name, "resume", venues=venues), {}) for name in names]

    for name, answer in zip(names, ask(resumed, file=file, data=data), strict=True):
        still = " (its venue is paused)" if answer.get("paused") else ""
        line(f"resumed {name}{still}")


async def _venues(client: Client) -> frozenset[str]:
    return frozenset(item["name"] for item in (await client.get("/venues"))["items"])


def _path(name: str, what: str, *, venues: frozenset[str]) -> str:
    """Of a venue, or else of a market."""
    kind = "venues" if name.strip().upper() in venues else "markets"
    return f"/{kind}/{segment(name.replace('/', '-'))}/{what}"
