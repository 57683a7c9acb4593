"""`export`: history as a file for other programs, page by page, so its size does not matter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.output import plain, stderr, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.domain.errors import Refused

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client
    from sigmawatch.ports.table import RecordRows, TableWriter

PANEL = "Markets"
PAGE_SLOTS = 20_000
commands = typer.Typer()


class Format(StrEnum):
    """How the file is written."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    ARROW = "arrow"


_PRINTED = frozenset({Format.CSV, Format.NDJSON})


@commands.command("export", rich_help_panel=PANEL)
def export(
    series: Annotated[
        list[str] | None,
        typer.Argument(metavar="SERIES…", show_default="everything tracked",
                       help="Ids, or names as KRAKEN:BTC-USD:price."),
    ] = None,
    *,
    since: Annotated[
        str, typer.Option("--from", metavar="MOMENT", help="RFC 3339, or back from now, as -30d.")
    ] = "-24h",
    until: Annotated[
        str | None, typer.Option("--to", metavar="MOMENT", show_default="now", help="Until when.")
    ] = None,
    written: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.CSV,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", show_default="print it (csv, ndjson)",
                     help="Which file; it appears when it is whole."),
    ] = None,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
) -> None:  # fmt: skip
    """Write the records of some series, or of all, to a file: every slot with its value and why it
    is what it is. Parquet and Arrow need `pip install 'sigmawatch[arrow]'`."""
    if out is None and written not in _PRINTED:
        raise Refused(f"{written} is not for a terminal: say where with --out FILE")

    part = None if out is None else out.with_name(f"{out.name}.part")

    async def exported(client: Client) -> int:
        from sigmawatch.app.wiring import table_writer  # noqa: PLC0415 - NumPy imports slowly

        writer = table_writer(part, kind=written)
        try:
            query = {"from": since, "to": until}
            count = await _write(client, writer, names=series or [], query=query)
        except BaseException:
            writer.abandon()
            raise
        writer.close()
        return count

    try:
        count = ask(exported, file=file, data=data, database=database)
        if out is not None and part is not None:
            part.replace(out)
            stdout().print(plain(f"{out}: {count} records"))
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


async def _write(
    client: Client, writer: TableWriter, *, names: Sequence[str], query: dict[str, str | None]
) -> int:
    """Every record of every series; how many that were."""
    if not names:
        tracked = await client.get_all("/metrics")
        names = [str(item["id"]) for item in tracked["items"]]
    count = 0
    console = stderr()
    with Progress(console=console, disable=not console.is_terminal) as progress:
        for name in progress.track(names, description="export"):
            async for rows in _pages(client, name, query=query):
                writer.write(rows)
                count += len(rows.marks)
    return count


async def _pages(
    client: Client, name: str, *, query: dict[str, str | None]
) -> AsyncIterator[RecordRows]:
    path = f"/metrics/{segment(name.replace('/', '-'))}/records"
    page = await client.get(path, **query, limit=PAGE_SLOTS)
    yield _rows(page)
    while cursor := page["next_cursor"]:
        page = await client.get(path, limit=PAGE_SLOTS, cursor=cursor)
        yield _rows(page)


def _rows(page: Any) -> RecordRows:
    import numpy as np  # noqa: PLC0415

    from sigmawatch.ports.table import RecordRows  # noqa: PLC0415

    items = page["items"]
    times = np.array([row["time"][:-1] for row in items], "M8[ms]")  # without the Z
    values = [row["value"] for row in items]
    return RecordRows(
        series_id=page["id"], name=page["name"], time_ms=times.astype(np.int64),
        value=np.array([np.nan if value is None else value for value in values], np.float64),
        marks=[" ".join(row.get("marks", ())) for row in items],
        span=[row.get("span") or "" for row in items],
    )  # fmt: skip
