"""The command line: `sigmawatch --help`.

One small file per group of commands. A command that finds its data folder in use asks the program
that runs there, else it opens the database itself (app.cli.client); it prints the same from both.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.text import Text

from sigmawatch import __version__
from sigmawatch.app.cli import collecting, looking, markets, replaying, run, setting_up
from sigmawatch.app.cli.exits import MEANING, first_of, tell
from sigmawatch.app.cli.output import stderr, stdout
from sigmawatch.domain.errors import SigmawatchError

_EPILOG = "Exit codes: " + " · ".join(f"{code:d} {text}" for code, text in MEANING.items())

# Its arguments are the simulator's own.
_FOREIGN: dict[str, dict[str, Any]] = {
    "simulate": {
        "add_help_option": False,
        "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
    }
}

app = typer.Typer(
    help="Sigmawatch tracks market metrics and ranks them by their volatility.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Start": {"run": run.run, "init": setting_up.init, "check": setting_up.check,
              "migrate": setting_up.migrate},
    "Markets": {"add": markets.add, "remove": markets.remove, "list": markets.list_,
                "show": looking.show, "rank": looking.rank},
    "Collect": {"collect": collecting.collect, "backfill": collecting.backfill},
    "Record and try out": {"record": replaying.record, "replay": replaying.replay,
                           "simulate": replaying.simulate},
}  # fmt: skip
for _panel, _group in _COMMANDS.items():
    for _name, _command in _group.items():
        app.command(_name, rich_help_panel=_panel, **_FOREIGN.get(_name, {}))(_command)


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
