"""`record`, `replay` and `simulate`: real venues onto a file, a file through the real program, and
the venue double."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from sigmawatch.app.cli import options
from sigmawatch.app.cli.output import plain, stderr, stdout
from sigmawatch.app.telemetry import LogStyle, configure
from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.market import venue_name
from sigmawatch.domain.window import SECOND_MS, parse_span

PANEL = "Record and try out"
commands = typer.Typer()
FOREIGN = {"allow_extra_args": True, "ignore_unknown_options": True}  # the simulator's own


@commands.command("record", rich_help_panel=PANEL)
def record(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines to write; new.")],
    *,
    venues: Annotated[
        list[str], typer.Option("--venue", metavar="NAME", help="Which venue; may be said again.")
    ],
    span: Annotated[
        str, typer.Option("--for", metavar="SPAN", help="How long, as 30s, 5m or 2h.")
    ] = "5m",
    size_mb: Annotated[
        int,
        typer.Option("--size", min=2, metavar="MB", help="How large it may become: then the "
                     "oldest half is left out. FILE.1 holds the half before the newest."),
    ] = 256,
    file: options.ConfigFile = None,
) -> None:  # fmt: skip
    """Record what venues answer, and tell on their streams. `replay` plays it through the program.

    A venue is listened to where its `stream = true`: each frame is kept with its time of receipt.
    Markets that a pattern names are asked for with all others, and not listened to.
    """
    config = options.read_config(file, None)
    span_ms, names = parse_span(span), sorted({venue_name(one) for one in venues})
    if target.exists():
        raise Invalid(f"{target} is there already; name a new file", field="FILE")
    configure(LogStyle.CONSOLE)
    from sigmawatch.app.cli.signals import until_signalled  # noqa: PLC0415 - as in app.cli.session
    from sigmawatch.app.wiring_replay import record as recorded  # noqa: PLC0415

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            bar = group.create_task(_seconds(span_ms // SECOND_MS))
            told = await recorded(config, names, path=target, for_s=span_ms / SECOND_MS,
                                  bytes_max=size_mb * 1_000_000)  # fmt: skip
            bar.cancel()
        stdout().print(plain(f"{target}: {told} of {', '.join(names)}"))

    asyncio.run(until_signalled(work()))


async def _seconds(total: int) -> None:
    """A bar that fills in `total` seconds; nothing where nobody watches."""
    console = stderr()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("recording", total=total)
        while True:
            await asyncio.sleep(1)
            progress.advance(bar)


@commands.command("replay", rich_help_panel=PANEL)
def replay(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE|FOLDER", help="What `record` wrote, or recorded candles."),
    ],
    *,
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0.001, metavar="FACTOR", show_default="as fast as it goes",
                     help="Recorded seconds a second."),
    ] = None,
    ends: Annotated[
        bool, typer.Option("--end", help="End with the recording, instead of serving on.")
    ] = False,
    port: options.Port = None,
    file: options.ConfigFile = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FOLDER", show_default="data/replay/NAME",
                     help="Folder of its own for the database; new."),
    ] = None,
) -> None:  # fmt: skip
    """Play a recording through the real program, in a folder of its own. Ends with Ctrl-C.

    The page and the API answer meanwhile, and afterwards. No venue is asked.
    """
    config = options.read_config(file, None, server={"port": port})
    if not source.exists():
        raise NotFound(f"{source} is not there", field="FILE|FOLDER")
    configure(LogStyle.CONSOLE, level=logging.WARNING)
    from sigmawatch.app.cli.replay_bar import ReplayBar  # noqa: PLC0415 - as in app.cli.session
    from sigmawatch.app.cli.serving import serve_replay  # noqa: PLC0415

    folder = data or config.data / "replay" / source.stem
    bar = ReplayBar(stdout(), ends=ends)
    asyncio.run(serve_replay(config, source, folder=folder, speed=speed, bar=bar))


@commands.command(
    "simulate", rich_help_panel=PANEL, add_help_option=False, context_settings=FOREIGN
)
def simulate(context: typer.Context) -> None:
    """Run the venue double: three venues on this machine. `simulate --help` lists its options."""
    from sigmawatch.app.wiring import simulate as simulated  # noqa: PLC0415 - as in app.cli.session

    raise typer.Exit(simulated(context.args))
