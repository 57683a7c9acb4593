"""The program with the bug that the test of slow clients must notice: it looks at nobody's
deadlines, as uvicorn alone does. python -m tests.faults.unhurried ARGUMENTS."""

from __future__ import annotations

from sigmawatch.app.cli import main
from sigmawatch.app.web.receipts import Receipts


def look(_receipts: Receipts, _now_s: float) -> None:
    """Everybody may take their time."""


if __name__ == "__main__":
    vars(Receipts)  # a class's own look is replaced, for this process alone
    setattr(Receipts, "look", look)  # noqa: B010 - mypy refuses an assignment to a method
    main()
