"""`push`: readings from files or from another program, as they come."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import msgspec
import typer

from sigmawatch.app.cli import options
from sigmawatch.app.cli.exits import Exit
from sigmawatch.app.cli.output import plain, print_json, print_table, stdout
from sigmawatch.app.cli.session import ask
from sigmawatch.domain.errors import Invalid

if TYPE_CHECKING:
    from sigmawatch.app.cli.client import Client

PANEL = "Markets"
BODY_BYTES = 900_000  # of the 1 MB that a body may have
REFUSED_SHOWN = 20
STDIN = Path("-")
commands = typer.Typer()


class Format(StrEnum):
    """What readings are written in."""

    AUTO = "auto"
    JSON = "json"
    NDJSON = "ndjson"
    LINES = "lines"


class Precision(StrEnum):
    """What times in line protocol count."""

    NS = "ns"
    US = "us"
    MS = "ms"
    S = "s"


_TYPES = {Format.NDJSON: "application/x-ndjson", Format.LINES: "text/plain"}


@dataclass(kw_only=True)
class Tally:
    """What became of everything. refused: file, line, field, reason, of the first ones."""

    taken: int = 0
    late: int = 0
    made: list[str] = field(default_factory=list)
    made_count: int = 0
    refused_count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Whole lines of a file. first: the number of the first one, from 1."""

    form: Format
    content: bytes
    first: int


@commands.command("push", rich_help_panel=PANEL)
def push(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="JSON, NDJSON or InfluxDB line protocol; - is what "
                       "another program writes."),
    ],
    *,
    form: Annotated[
        Format,
        typer.Option("--format", metavar="FORMAT", show_default="by what it begins with",
                     help="json, ndjson or lines."),
    ] = Format.AUTO,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="SPAN", show_default="the configured interval",
                     help="How long a slot of these series is, as 1m."),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option("--precision", metavar="UNIT",
                     help="What times in line protocol count: ns, us, ms or s."),
    ] = Precision.NS,
    file: options.ConfigFile = None,
    data: options.Data = None,
    database: options.Database = None,
    as_json: options.AsJson = False,
) -> None:  # fmt: skip
    """Push readings in, of series that no venue tells; new ones are tracked from then on.

    What another program writes is pushed as it comes. Ends with 0 where every reading was taken, 3
    where some were refused, 4 where all were: each reason is counted, the first rows are named.
    """
    tally = Tally()

    async def pushed(client: Client) -> None:
        with ExitStack() as stack:
            for path in files:
                parts = read_parts(stack.enter_context(_opened(path)), form)
                while part := await asyncio.to_thread(next, parts, None):
                    asked = {"every": every, "precision": str(precision)}
                    told = await client.push(part.content, _TYPES[part.form], **asked)
                    note(tally, told, part=part, name=path.name)

    ask(pushed, file=file, data=data, database=database)
    _print(tally, as_json=as_json)
    if tally.refused_count:
        raise typer.Exit(Exit.PARTIAL if tally.taken else Exit.NONE)


def _opened(path: Path) -> IO[bytes]:
    try:
        return sys.stdin.buffer if path == STDIN else path.open("rb", buffering=0)
    except OSError as exc:
        reason = (exc.strerror or "cannot be read").lower()
        raise Invalid(f"{path}: {reason}", field="FILE") from None


def read_parts(stream: IO[bytes], form: Format) -> Iterator[Part]:
    """What a stream holds, in bodies, each as soon as there is something. Raises Invalid for JSON
    that is none."""
    rest, first = b"", 1
    while chunk := _some(stream):
        rest += chunk
        if form is Format.AUTO and (begun := rest.lstrip()):
            form = _recognised(begun)
        if form in _TYPES:
            content, newline, rest = rest.rpartition(b"\n")
            if newline:
                yield Part(form=form, content=content, first=first)
                first += content.count(b"\n") + 1
    if form is Format.JSON:
        yield from _of_json(rest)
    elif rest.strip():
        yield Part(form=form, content=rest, first=first)


def _some(stream: IO[bytes]) -> bytes:
    """What is there, of what is to come at least something; nothing at the end."""
    read = getattr(stream, "read1", stream.read)  # what another program writes is not waited for
    chunk: bytes = read(BODY_BYTES - 100_000)  # and the line it begins in
    return chunk


def _recognised(begun: bytes) -> Format:
    """A line that is a JSON object of its own, without `samples`, is one of many."""
    if begun[:1] not in b"{[":
        return Format.LINES
    try:
        value = msgspec.json.decode(begun.partition(b"\n")[0])
    except msgspec.DecodeError:
        return Format.JSON
    return Format.NDJSON if isinstance(value, dict) and "samples" not in value else Format.JSON


def _of_json(body: bytes) -> Iterator[Part]:
    """An array of readings, or an object with one as `samples`, as lines."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as exc:
        raise Invalid(f"not JSON: {exc}", field="FILE") from exc
    rows = value.get("samples") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise Invalid("no readings", field="FILE", allowed='[…], or {"samples": […]}')
    lines, size, first = list[bytes](), 0, 1
    for number, row in enumerate(rows, 1):
        line = msgspec.json.encode(row)
        if lines and size + len(line) > BODY_BYTES:
            yield Part(form=Format.NDJSON, content=b"\n".join(lines), first=first)
            lines, size, first = [], 0, number
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield Part(form=Format.NDJSON, content=b"\n".join(lines), first=first)


def note(tally: Tally, told: dict[str, object], *, part: Part, name: str) -> None:
    """What became of a part, as the API tells it."""
    answer = msgspec.convert(told, _Told)
    tally.taken += answer.taken
    tally.late += answer.late
    tally.made += answer.made
    tally.made_count += answer.made_count
    tally.refused_count += answer.refused_count
    tally.reasons.update(answer.reasons)
    for one in answer.refused[: REFUSED_SHOWN - len(tally.refused)]:
        tally.refused.append({
            "file": name, "line": part.first + one.index, "field": one.field,
            "reason": one.reason, "allowed": one.allowed,
        })  # fmt: skip


class _Refused(msgspec.Struct):
    index: int
    field: str
    reason: str
    allowed: str | None = None


class _Told(msgspec.Struct):
    taken: int
    late: int
    made: list[str]
    made_count: int
    refused_count: int
    reasons: dict[str, int]
    refused: list[_Refused]


def _print(tally: Tally, *, as_json: bool) -> None:
    if as_json:
        print_json(stdout(), msgspec.to_builtins(tally))
        return
    late = f", {tally.late:,} of them of slots long over" if tally.late else ""
    stdout().print(plain(f"{tally.taken:,} readings taken{late}"))
    if tally.made_count:
        more = tally.made_count - len(tally.made)
        shown = ", ".join(tally.made) + (f" and {more:,} more" if more else "")
        stdout().print(plain(f"tracked from now on: {shown}"))
    if tally.refused_count:
        stdout().print(plain(f"{tally.refused_count:,} refused"))
        columns = {"file": "left", "line": "right", "field": "left", "why": "left"}
        rows = [tuple(str(one[part]) for part in ("file", "line", "field", "reason"))
                for one in tally.refused]  # fmt: skip
        print_table(stdout(), columns, rows=rows)
