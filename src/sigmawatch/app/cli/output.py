"""How answers are printed: tables for people, JSON for programs; both to stdout.

What a person must do something about goes to stderr. Text from strangers is never read as mark-up,
and cannot move the cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_COLUMNS = 240  # of a pipe or a file: nothing is cut
_MAGNITUDES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def stdout() -> Console:
    """Where answers go."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_COLUMNS)


def stderr() -> Console:
    """Where problems go."""
    return Console(stderr=True, highlight=False)


def print_json(console: Console, answer: object) -> None:
    """The answer as the API gave it, indented."""
    text = msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()
    console.print(Text(text), soft_wrap=True)


def print_table(
    console: Console, columns: Mapping[str, str], *, rows: Iterable[Sequence[object]]
) -> None:
    """A table. columns: heading -> "left" or "right"."""
    console.print(table_of(columns, rows=rows, framed=console.is_terminal))


def table_of(
    columns: Mapping[str, str], *, rows: Iterable[Sequence[object]], framed: bool
) -> Table:  # fmt: skip
    """The same, to be printed. framed: as for a terminal."""
    table = Table(box=box.SIMPLE_HEAD if framed else None, pad_edge=False)
    for heading, justify in columns.items():
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    return table


def plain(value: object) -> Text:
    """Any value as text that is nothing but text; nothing for None."""
    text = "" if value is None else str(value)
    return Text("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
                        for char in text))  # fmt: skip


def number(value: float | None, *, digits: int = 6) -> str:
    """A number with `digits` significant digits; large ones with a magnitude, as 1.234M."""
    if value is None:
        return "–"
    if abs(value) >= 1e6:
        for size, letter in _MAGNITUDES:
            if abs(value) >= size:
                return f"{value / size:.4g}{letter}"
    if abs(value) < 1:
        return f"{value:.{digits}g}"
    return f"{value:,.{max(0, digits - len(str(int(abs(value)))))}f}"


def percent(ratio: float | None, *, signed: bool = False) -> str:
    """A ratio as percent."""
    return "–" if ratio is None else f"{100 * ratio:{'+' if signed else ''}.3f} %"


def demo_line(answer: Any) -> str:
    """What must stand above numbers of an invented market."""
    marked = isinstance(answer, dict) and answer.get("demo")
    return "DEMO: an invented market, not a real one" if marked else ""
