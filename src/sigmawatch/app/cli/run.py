"""`run`: everything in one process, until a signal ends it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.output import stdout
from sigmawatch.app.telemetry import LogStyle, configure

PANEL = "Start"
commands = typer.Typer()


@commands.command("run", rich_help_panel=PANEL)
def run(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Show the demo market; no venue is asked.")
    ] = False,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="ADDRESS", show_default="127.0.0.1",
                     help="Address of the page and the API; beyond this machine as [access] says."),
    ] = None,
    port: options.Port = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    log: Annotated[
        LogStyle, typer.Option("--log", help="How log lines on stderr look.")
    ] = LogStyle.CONSOLE,
) -> None:  # fmt: skip
    """Collect, compute, and serve the page and the API. Ends with Ctrl-C.

    Without any configuration it tracks twenty liquid pairs on Kraken, Coinbase and Binance. Where
    no venue answers on a fresh folder, it shows the demo market until one does.
    """
    server = {"host": host, "port": port}
    config = options.read_config(file, data, database=database, server=server)
    configure(log)
    from sigmawatch.app.cli.lines import Lines  # noqa: PLC0415 - as in app.cli.session
    from sigmawatch.app.cli.serving import serve  # noqa: PLC0415

    asyncio.run(serve(config, demo=demo, lines=Lines(stdout(), as_events=log is LogStyle.JSON)))
