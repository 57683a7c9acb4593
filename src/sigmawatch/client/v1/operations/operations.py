"""What may be asked about operations.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import TypedDict

from sigmawatch.client.calls import Operation
from sigmawatch.client.v1.models import (
    BackupsPage,
    Health,
    Index,
    ProblemKind,
    Ready,
    ShownBackup,
    StorageReport,
)


class BackupBody(TypedDict):
    """What `make_backup` takes."""

    target: str  # A folder, or a new file in one, of the machine that the program runs on.


SHOW_INDEX: Operation[Index] = Operation(method="GET", path="/api/v1", answer=Index)
LIST_BACKUPS: Operation[BackupsPage] = Operation(
    method="GET", path="/api/v1/backups", answer=BackupsPage
)
MAKE_BACKUP: Operation[ShownBackup] = Operation(
    method="POST", path="/api/v1/backups", answer=ShownBackup
)
SHOW_STORAGE: Operation[StorageReport] = Operation(
    method="GET", path="/api/v1/storage", answer=StorageReport
)
SHOW_HEALTH: Operation[Health] = Operation(method="GET", path="/healthz", answer=Health)
SHOW_READINESS: Operation[Ready] = Operation(method="GET", path="/readyz", answer=Ready)
SHOW_PROBLEM: Operation[ProblemKind] = Operation(
    method="GET", path="/problems/{slug}", answer=ProblemKind
)
SHOW_TELEMETRY: Operation[str] = Operation(method="GET", path="/metrics", answer=str)
