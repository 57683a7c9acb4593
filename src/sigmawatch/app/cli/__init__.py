"""The command line: `sigmawatch --help`.

One small file per group of commands. A command asks the tracker that SIGMAWATCH_URL names; without,
one that finds its data folder in use asks the program that runs there, else it opens the database
itself (app.cli.connecting); what is printed is the same.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from sigmawatch import __version__
from sigmawatch.app.cli import (
    aliases,
    audit,
    backing_up,
    channels,
    checking,
    collecting,
    deliveries,
    explaining,
    exporting,
    importing,
    keys,
    looking,
    markets,
    patterns,
    pausing,
    probing,
    publishing,
    pushing,
    replaying,
    rules,
    run,
    setting_up,
    silences,
    top,
    users,
    venues,
    watchlists,
)
from sigmawatch.app.cli.exits import MEANING, first_of, tell
from sigmawatch.app.cli.output import stderr, stdout
from sigmawatch.domain.errors import SigmawatchError

_EPILOG = "Exit codes: " + " · ".join(f"{code:d} {text}" for code, text in MEANING.items())

app = typer.Typer(
    help="Sigmawatch tracks market metrics and ranks them by their volatility.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _group in (
    run, setting_up, markets, patterns, pausing, aliases, venues,
    watchlists, rules, silences, explaining, channels, deliveries,
    looking, top, exporting, publishing, importing, pushing, collecting, replaying, backing_up,
    checking, probing, users, keys, audit,
):  # fmt: skip
    app.add_typer(_group.commands)


def _print_version(wanted: bool) -> None:
    if wanted:
        stdout().print(Text(f"sigmawatch {__version__}"))
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True,
                     help="Print the version and end."),
    ] = False,
) -> None:  # fmt: skip
    pass


def main() -> None:
    """The entry point: runs a command, and ends the process with its code."""
    try:
        app()
    except* SigmawatchError as group:  # a task group wraps what ends it
        sys.exit(tell(first_of(group), stderr()))
