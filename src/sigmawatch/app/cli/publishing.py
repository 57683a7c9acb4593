"""`publish`: the newest answers and a page as plain files, for a file server or a CDN."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from sigmawatch.app.archive_place import parse_place
from sigmawatch.app.cli import options
from sigmawatch.app.cli.output import plain, print_json, stdout
from sigmawatch.app.cli.session import ask

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client
    from sigmawatch.app.publishing import Published

PANEL = "Markets"
commands = typer.Typer()


@commands.command("publish", rich_help_panel=PANEL)
def publish(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="A folder, or s3://bucket/prefix?endpoint=….")
    ],
    *,
    with_database: Annotated[
        bool,
        typer.Option("--with-database",
                     help="Also a backup of the database; it holds what is private."),
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Write the newest metrics, rankings and tables as JSON, and a page, each file at once.

    To have it done with every slot, say `url` in `[publish]` of the configuration.
    """
    place = parse_place(target)
    config = options.read_config(file, data, database=database)

    async def published(client: Client) -> Published:
        from sigmawatch.app.publishing import Publisher  # noqa: PLC0415 - as in app.cli.session
        from sigmawatch.app.wiring import publication  # noqa: PLC0415

        publisher = Publisher(client, publication(config, place))
        done = await publisher.publish()
        if with_database:
            await publisher.put_database()
        return done

    done = ask(published, file=file, data=data, database=database)
    if as_json:
        print_json(stdout(), asdict(done))
    else:
        text = f"{target}: {done.files_count} files, {done.size_bytes / 1e6:,.2f} MB"
        stdout().print(plain(text))
