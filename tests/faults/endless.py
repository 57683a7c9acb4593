"""The program with the bug that the stop test must notice: it waits for clients and disks as long
as they take. python -m tests.faults.endless ARGUMENTS."""

from __future__ import annotations

from sigmawatch.app.cli import main, signals
from sigmawatch.app.web import server

if __name__ == "__main__":
    vars(signals)["GRACE_S"] = 3_600.0
    vars(server)["GRACE_S"] = None
    main()
