"""`doctor` and `salvage`: what is wrong with a database, in plain words, and what can be saved."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.backing_up import PANEL, Bar
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import plain, print_json, stderr, stdout
from sigmawatch.app.telemetry import LogStyle, configure
from sigmawatch.domain.errors import Refused

if TYPE_CHECKING:
    from sigmawatch.ports.doctor import Examined
    from sigmawatch.ports.ledger import Damage

NAMED_MAX = 20  # of what is damaged; --json names all
ROOM_MIN_BYTES = 1_000_000_000
commands = typer.Typer()


@commands.command("doctor", rich_help_panel=PANEL)
def doctor(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Read the whole database and say what is not as it was written, and what to do.

    Changes nothing; a program that runs goes on meanwhile. Ends with 3 where something is damaged
    or missing, with 6 where the database cannot be read at all.
    """
    from sigmawatch.app.wiring import examine  # noqa: PLC0415 - as in app.cli.session

    config = options.read_config(file, data, database=database)
    configure(LogStyle.CONSOLE, level=logging.CRITICAL)  # what is found is told below
    with Bar(stderr(), config.place) as bar:
        found = asyncio.run(examine(config, told=bar.show))
    if as_json:
        print_json(stdout(), _as_json(found))
    else:
        for line in lines(found):
            stdout().print(plain(line), soft_wrap=True)
    raise typer.Exit(verdict(found))


@commands.command("salvage", rich_help_panel=PANEL)
def salvage(
    target: Annotated[Path, typer.Argument(metavar="TARGET", help="A new data folder.")],
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    as_json: options.AsJson = False,
) -> None:
    """Copy everything that can be read and verifies into a new data folder.

    The damaged one is never written to. Stop the program first. Ends with 3 where something had to
    be left behind.
    """
    from sigmawatch.app.wiring import salvage as saved  # noqa: PLC0415 - as in app.cli.session

    config = options.read_config(file, data)
    if config.database.get_secret_value():
        raise Refused("a PostgreSQL database is saved with `backup`, which names what is damaged, "
                      "and `restore`")  # fmt: skip
    configure(LogStyle.CONSOLE, level=logging.CRITICAL)
    with Bar(stderr(), str(target)) as bar:
        made = asyncio.run(saved(config.data, target, told=bar.show))
    if as_json:
        print_json(stdout(), {
            "path": made.place, "saved": dict(made.saved), "lost": dict(made.lost),
            "unreadable": made.unreadable,
        })  # fmt: skip
    else:
        stdout().print(plain(f"{made.place}: {sum(made.saved.values()):,} rows saved and verified"))
        for table, count in sorted(made.lost.items()):
            stdout().print(plain(f"left behind: {count:,} of {table}"))
        for table in made.unreadable:
            stdout().print(plain(f"some pages of {table} could not be read"))
        stdout().print(plain(f"start with --data {target}; keep the old folder until all is well"))
    raise typer.Exit(Exit.PARTIAL if made.lost or made.unreadable else Exit.OK)


def verdict(found: Examined) -> Exit:
    """How the command ends."""
    if found.schema == 0 and found.structure:
        return Exit.STORAGE
    return Exit.OK if found.sound else Exit.PARTIAL


def lines(found: Examined) -> Iterator[str]:
    """What a person reads."""
    size = f", {found.size_bytes / 1e6:,.1f} MB" if found.size_bytes is not None else ""
    yield f"database       {found.place} ({found.database}{size})"
    yield f"schema         {found.schema} of {found.schema_known} that this program knows"
    if found.free_bytes is not None:
        free = f"{found.free_bytes / 1e9:,.1f} GB free"
        yield f"disk           {found.file_system or 'unknown'}, {free}"
    yield f"structure      {'; '.join(found.structure) or 'as it should be'}"
    yield f"content        {found.items_count:,} frames, patches and sealed bodies read"
    missing = found.missing_commits
    yield f"commits        {f'{missing:,} are missing' if missing else 'none missing'}"
    yield f"damage         {f'{len(found.damage):,} found' if found.damage else 'none'}"
    for one in found.damage[:NAMED_MAX]:
        yield f"  {told_of(one, found)}"
    if len(found.damage) > NAMED_MAX:
        yield f"  … and {len(found.damage) - NAMED_MAX:,} more: --json names all"
    yield from advice(found)


def told_of(one: Damage, found: Examined) -> str:
    """What is damaged, of which series, and of which time."""
    who = ""
    if one.series_id is not None:
        who = f" of {found.names.get(f'series {one.series_id}', f'series {one.series_id}')}"
    elif one.block_id is not None:
        who = f" of {found.names.get(f'block {one.block_id}', f'block {one.block_id}')}"
    from sigmawatch.app.web.moments import rfc3339  # noqa: PLC0415 - as in app.cli.session

    times = [rfc3339(ms) for ms in (one.from_ms, one.until_ms) if ms is not None]
    when = f", {' to '.join(times)}" if times else ""
    return f"{one.what}{who}{when}: {one.reason}"


def advice(found: Examined) -> Iterator[str]:
    """What to do, most urgent first."""
    heading = "to do"
    for line in _advice(found):
        yield f"{heading:<15}{line}"
        heading = ""


def _advice(found: Examined) -> Iterator[str]:
    if found.schema < found.schema_known and not found.structure:
        yield "start the program once: it brings the schema up to date; then ask again"
    elif found.sound:
        yield "nothing"
    else:
        yield "make a copy of the data folder before anything else"
        yield "check the disk and the memory of this machine: bits do not flip alone"
    if found.structure:
        yield "stop the program; `sigmawatch salvage NEWFOLDER` saves what verifies"
    elif found.damage:
        yield "go on: what is damaged is marked so, and all else is served; the last day is"
        yield "filled in again from the venues at the next start"
    if found.missing_commits:
        yield "what was committed last before a crash is gone; back-fill brings what venues"
        yield "still tell, a backup may hold more"
    if found.free_bytes is not None and found.free_bytes < ROOM_MIN_BYTES:
        yield "make room: less than 1 GB is free"


def _as_json(found: Examined) -> dict[str, Any]:
    return {
        "place": found.place, "database": found.database, "schema": found.schema,
        "schema_known": found.schema_known, "file_system": found.file_system,
        "size_bytes": found.size_bytes, "free_bytes": found.free_bytes,
        "structure": found.structure, "items_count": found.items_count, "sound": found.sound,
        "missing_commits": found.missing_commits,
        "damage": [
            {
                "what": one.what, "reason": one.reason,
                "series": None if one.series_id is None
                else found.names.get(f"series {one.series_id}"),
                "block": None if one.block_id is None
                else found.names.get(f"block {one.block_id}"),
                "from_ms": one.from_ms, "until_ms": one.until_ms,
            }
            for one in found.damage
        ],
    }  # fmt: skip
