"""`backup` and `restore`: a copy of everything, made while the program runs, and back from it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from sigmawatch.app.cli import options
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import plain, print_json, stderr, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.app.telemetry import LogStyle, configure
from sigmawatch.domain.errors import Refused

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client
    from sigmawatch.ports.backup import Copied

PANEL = "Database"
LOOK_EVERY_S = 0.2
NAMED_MAX = 5  # of what is damaged
commands = typer.Typer()


@commands.command("backup", rich_help_panel=PANEL)
def backup(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="A folder, or a new file in one.")
    ],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Copy the database to a file and verify it; a program that runs goes on meanwhile.

    The configuration is not in it. Ends with 3 where the database itself holds damage: it is named,
    and everything else is in the file.
    """

    async def backed_up(client: Client) -> Any:
        begun = await client.post("/backups", {"target": str(target.absolute())})
        with Bar(stderr(), begun["path"]) as bar:
            while True:
                items = (await client.get("/backups"))["items"]
                found = next(item for item in items if item["id"] == begun["id"])
                bar.show(found["done"], found["total"])
                if found["finished_at"] is not None:
                    return found
                await asyncio.sleep(LOOK_EVERY_S)

    made = ask(backed_up, file=file, data=data, database=database)
    if as_json:
        print_json(stdout(), made)
    if made["problem"] is not None:
        raise Refused(made["problem"])
    if not as_json:
        _tell(made["path"], made)
    raise typer.Exit(Exit.PARTIAL if made["damaged"] else Exit.OK)


@commands.command("restore", rich_help_panel=PANEL)
def restore(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A file that `backup` made.")],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Make an empty data folder, or an empty PostgreSQL database, what the backup holds.

    A backup of either kind restores to either. Nothing that waited to be sent is sent from it.
    """
    from sigmawatch.app.wiring import restore as restored  # noqa: PLC0415 - as in app.cli.session

    config = options.read_config(file, data, database=database)
    configure(LogStyle.CONSOLE, level=logging.WARNING)
    with Bar(stderr(), config.place) as bar:
        copied = asyncio.run(restored(config, source, told=bar.show))
    made = _shown(copied, config.place)
    if as_json:
        print_json(stdout(), made)
    else:
        _tell(config.place, made)
    raise typer.Exit(Exit.PARTIAL if copied.damaged else Exit.OK)


def _shown(copied: Copied, place: str) -> dict[str, Any]:
    return {
        "path": place, "size_bytes": copied.size_bytes, "items_count": copied.items_count,
        "damaged": copied.damaged,
    }  # fmt: skip


def _tell(place: str, made: dict[str, Any]) -> None:
    stdout().print(plain(f"{place}: {made['size_bytes'] / 1e6:,.1f} MB, "
                         f"{made['items_count']:,} frames and sealed bodies verified"))  # fmt: skip
    damaged = made["damaged"]
    if damaged:
        named = ", ".join(damaged[:NAMED_MAX]) + (", …" if len(damaged) > NAMED_MAX else "")
        stderr().print(
            plain(f"{len(damaged)} of them are damaged, in the database as here: {named}")
        )


class Bar:
    """How far it is, on a terminal."""

    def __init__(self, console: Console, place: str) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TimeRemainingColumn(), console=console, disable=not console.is_terminal,
            transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task(plain(place).plain, total=None)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, done: int, total: int) -> None:
        """done of total; what is copied is verified then."""
        whole = total > 0 and done >= total
        self._progress.update(self._task, completed=done, total=total or None)
        if whole:
            self._progress.update(self._task, description="verifying", total=None)
