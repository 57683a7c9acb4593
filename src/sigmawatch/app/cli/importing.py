"""`import`: records of the past from files, streamed, in the shapes that `export` writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, TextColumn

from sigmawatch.app.cli import options
from sigmawatch.app.cli.client import segment
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import plain, print_json, print_table, stderr, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.domain.errors import Invalid, NotFound
from sigmawatch.domain.frame import mark_named
from sigmawatch.domain.reading import number
from sigmawatch.domain.window import parse_span

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client
    from sigmawatch.ports.table import FileRow

PANEL = "Markets"
ROWS_AT_ONCE = 5_000  # of one series, in one request
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
commands = typer.Typer()

Told = dict[str, Any]  # a record as the API takes it


@dataclass(kw_only=True)
class Tally:
    """What became of the rows of all files. refused: reason -> count."""

    rows: int = 0
    taken: int = 0
    known: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@commands.command("import", rich_help_panel=PANEL)
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="CSV, NDJSON, Parquet or Arrow, by their endings."),
    ],
    *,
    series: Annotated[
        str,
        typer.Option("--series", metavar="SERIES", show_default="the column name",
                     help="Whose records they are, where a file does not say it."),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be taken.")
    ] = False,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Read records from files into what is tracked: what `export` writes, or a CSV of `time,value`.

    Only what fills a gap is taken; what stands is never replaced, so importing again changes
    nothing. Rows are the oldest first. Ends with 0 where every row was taken or known, 3 where some
    were refused, 4 where all were: each reason is counted.
    """
    tally = Tally()

    async def imported(client: Client) -> None:
        from sigmawatch.app.wiring import table_rows  # noqa: PLC0415 - NumPy imports slowly

        console = stderr()
        with Progress(TextColumn("{task.description}: {task.completed:,} rows"), console=console,
                      disable=not console.is_terminal) as progress:  # fmt: skip
            for path in files:
                task = progress.add_task(plain(path.name).plain, total=None)
                for name, batch in batches(table_rows(path, series=series)):
                    ask_for = {"records": _understood(batch, tally), "dry_run": dry_run}
                    await _send(client, name, ask_for=ask_for, tally=tally)
                    progress.update(task, advance=len(batch))

    ask(imported, file=file, data=data, database=database)
    _print(tally, as_json=as_json, dry_run=dry_run)
    refused = sum(tally.refused.values())
    if refused:
        raise typer.Exit(Exit.PARTIAL if tally.taken + tally.known else Exit.NONE)


def batches(rows: Iterable[FileRow]) -> Iterator[tuple[str, list[FileRow]]]:
    """Rows of one series that lie together, up to ROWS_AT_ONCE of them."""
    for name, group in groupby(rows, key=lambda row: row.series):
        while batch := list(islice(group, ROWS_AT_ONCE)):
            yield name, batch


def _understood(batch: list[FileRow], tally: Tally) -> list[Told]:
    tally.rows += len(batch)
    records: list[Told] = []
    for row in batch:
        try:
            records.append(record_of(row))
        except Invalid as exc:
            tally.refused[f"{exc.field}: not understood"] += 1
    return records


async def _send(client: Client, name: str, *, ask_for: Told, tally: Tally) -> None:
    if not ask_for["records"]:
        return
    try:
        path = f"/metrics/{segment(name.replace('/', '-'))}/records"
        answer = await client.post(path, ask_for)
    except NotFound:
        tally.refused[f"{name} is not tracked"] += len(ask_for["records"])
        return
    tally.taken += answer["taken"]
    tally.known += answer["known"]
    tally.refused.update(answer["refused"])


def record_of(row: FileRow) -> Told:
    """A row, judged. Raises Invalid naming the column that is wrong."""
    missing = row.value is None or row.value == ""
    try:
        value = None if missing else number(row.value)
    except Invalid as exc:
        raise Invalid(str(exc), field="value") from exc
    try:
        mark_named(row.marks.split())
    except Invalid as exc:
        raise Invalid(str(exc), field="marks") from exc
    try:
        if row.span:
            parse_span(row.span)
    except Invalid as exc:
        raise Invalid(str(exc), field="span") from exc
    return {"time_ms": moment_ms(row.time), "value": value, "marks": row.marks, "span": row.span}


def moment_ms(raw: object) -> int:
    """Milliseconds since the epoch, of such a number or an RFC 3339 moment with its zone. Raises
    Invalid."""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    text = str(raw)
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as exc:
        raise Invalid(f"no moment: {text[:40]!r}", field="time") from exc
    if at.tzinfo is None:
        raise Invalid(f"a moment without a zone: {text[:40]!r}", field="time")
    whole, rest = divmod(at - _EPOCH, timedelta(milliseconds=1))
    if rest:
        raise Invalid(f"finer than a millisecond: {text[:40]!r}", field="time")
    return whole


def _print(tally: Tally, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        told = {"rows": tally.rows, "taken": tally.taken, "known": tally.known,
                "refused": dict(tally.refused), "dry_run": dry_run}  # fmt: skip
        print_json(stdout(), told)
        return
    would = "would be taken" if dry_run else "taken"
    stdout().print(plain(f"{tally.rows:,} rows: {tally.taken:,} slots {would}, "
                         f"{tally.known:,} known already"))  # fmt: skip
    if tally.refused:
        print_table(stdout(), {"refused": "right", "why": "left"},
                    rows=[(count, why) for why, count in tally.refused.most_common()])  # fmt: skip
