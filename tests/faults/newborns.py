"""Endless lives of the ledger that begin at once: a line "FOLDER BUG" each (nursery.serve); what
they tell goes to the output of all of them."""

from __future__ import annotations

from pathlib import Path

from tests.faults.broken_lives import BUGS
from tests.faults.ledger_life import LedgerLife, main, say
from tests.faults.nursery import serve


def _live(line: str) -> None:
    folder, bug = line.split()
    main(BUGS.get(bug, LedgerLife)(Path(folder), tell=say), "endless")


if __name__ == "__main__":
    serve(_live)
