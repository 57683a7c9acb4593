"""`init`, `check` and `migrate`: before the first run, and before the next version."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.exits import Exit, tell
from sigmawatch.app.cli.load_lines import print_load
from sigmawatch.app.cli.output import plain, print_json, stderr, stdout
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.telemetry import LogStyle, configure
from sigmawatch.domain.errors import Conflict, Refused

PANEL = "Start"
commands = typer.Typer()

TEMPLATES = {
    "sigmawatch.toml": "sigmawatch.toml", "rules.toml": "rules.toml", "env.example": ".env.example"
}  # fmt: skip


@commands.command("init", rich_help_panel=PANEL)
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write them.")] = Path(),
) -> None:
    """Write a commented sigmawatch.toml, rules.toml and .env.example. Never overwrites a file."""
    targets = {name: folder / target for name, target in TEMPLATES.items()}
    for target in targets.values():
        if target.exists():
            raise Conflict(f"{target} is there already; move it away, or name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, target in targets.items():
            template = resources.files("sigmawatch.app.cli") / "templates" / name
            target.write_bytes(template.read_bytes())
            stdout().print(plain(f"wrote {target}"))
    except OSError as exc:
        raise Refused(f"cannot write to {folder}: {exc.strerror}") from exc


@commands.command("check", rich_help_panel=PANEL)
def check(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:
    """Check the configuration and the rules file; foresee load, budgets and back-fill.

    Every problem is reported at once. Ends with 0 where all is well, 1 with warnings only, 2 with
    problems. Asks no venue.
    """
    from sigmawatch.app.cli.judging import checked  # noqa: PLC0415 - as in app.cli.session

    try:
        config = options.read_config(file, data, database=database)
    except ConfigProblems as error:
        if as_json:
            print_json(stdout(), {"problems": [asdict(p) for p in error.problems]})
            raise typer.Exit(Exit.USAGE) from error
        raise
    found = checked(config)
    if as_json:
        print_json(stdout(), asdict(found))
    else:
        source = config.source or "no file, the defaults"
        stdout().print(plain(f"configuration: {source}"))
        print_load(stdout(), found)
    if found.problems and not as_json:
        tell(ConfigProblems(found.problems), stderr())
    if found.problems or found.warnings:
        raise typer.Exit(Exit.USAGE if found.problems else Exit.FAILED)


@commands.command("migrate", rich_help_panel=PANEL)
def migrate(
    *,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
) -> None:
    """Bring the database to this version. `run` does it too; of a file a copy is made first."""
    from sigmawatch.app.wiring import build  # noqa: PLC0415 - as in app.cli.session

    config = options.read_config(file, data, database=database)
    configure(LogStyle.CONSOLE, level=logging.WARNING)

    async def opened() -> None:
        async with build(config):
            pass

    asyncio.run(opened())
    stdout().print(plain(f"the database in {config.place} is up to date"))
