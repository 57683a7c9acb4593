"""Records as CSV: one row a record, every series named on each of its rows.

Cells are numbers, words of ours and series names; a name begins with a venue's letter, so no cell
can begin a formula, and what a spreadsheet would take for one is quoted all the same.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sigmawatch.app.web.records import Records

CSV = "text/csv; header=present"
COLUMNS = ("id", "name", "time", "value", "marks", "span")
OF_STEPS = ("open", "high", "low", "close", "n")


def csv_of(pages: Sequence[Records]) -> bytes:
    """RFC 4180, UTF-8. A missing value is an empty cell; records by step have more columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    more = OF_STEPS if any(page.agg for page in pages) else ()
    writer.writerow(COLUMNS + more)
    for page in pages:
        name = _inert(page.name)
        writer.writerows(
            (page.id, name, row.time, _cell(row.value), " ".join(row.marks), row.span or "",
             *(_cell(getattr(row, column)) for column in more))
            for row in page.items
        )  # fmt: skip
    return text.getvalue().encode()


def _cell(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else repr(value)


def _inert(text: str) -> str:
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
