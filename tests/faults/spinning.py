"""The program with the bug that the read-only test must notice: it tries again without a pause.
python -m tests.faults.spinning ARGUMENTS."""

from __future__ import annotations

from sigmawatch.adapters.ledgers import sqlite, watch
from sigmawatch.adapters.ledgers.reserve import Reserve
from sigmawatch.adapters.ledgers.watch import Watch
from sigmawatch.app.cli import main


class Blind(Reserve):
    """Never sees that trying is no use."""

    def read_only(self) -> bool:
        return False


class Spinning(Watch):
    """Tries at once."""

    def _pause(self) -> float:
        return 0.0


if __name__ == "__main__":
    vars(sqlite)["Reserve"] = Blind
    vars(sqlite)["Watch"] = Spinning
    vars(watch)["LOOK_S"] = 0.0
    main()
