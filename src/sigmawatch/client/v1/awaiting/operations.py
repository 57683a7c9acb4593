"""The operations on operations.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from typing import Unpack

from sigmawatch.client.base import AskingAsync
from sigmawatch.client.v1.models import (
    BackupsPage,
    Health,
    Index,
    ProblemKind,
    Ready,
    ShownBackup,
    StorageReport,
)
from sigmawatch.client.v1.operations.operations import (
    LIST_BACKUPS,
    MAKE_BACKUP,
    SHOW_HEALTH,
    SHOW_INDEX,
    SHOW_PROBLEM,
    SHOW_READINESS,
    SHOW_STORAGE,
    SHOW_TELEMETRY,
    BackupBody,
)


class OperationsOperations(AskingAsync):
    """Awaits."""

    async def show_index(self) -> Index:
        """The resources of this API.

        Also the metrics that can be tracked.

        `GET /api/v1`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_INDEX.call())

    async def list_backups(self) -> BackupsPage:
        """Backups made.

        Asked for and by plan, since the program started. With the token of the data folder
        only.

        `GET /api/v1/backups`. Needs the scope `admin`.
        """
        return await self._ask(LIST_BACKUPS.call())

    async def make_backup(
        self, *, idempotency_key: str | None = None, **body: Unpack[BackupBody]
    ) -> ShownBackup:
        """Make a backup.

        Begins one; `GET /backups` tells how far it is. 409 where the file is there already,
        or one is being made. With the token of the data folder only.

        `POST /api/v1/backups`. Needs the scope `admin`.
        """
        return await self._ask(
            MAKE_BACKUP.call(body=body, headers={"Idempotency-Key": idempotency_key})
        )

    async def show_storage(self) -> StorageReport:
        """Whether anything can be stored.

        A change is told here within two seconds.

        `GET /api/v1/storage`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_STORAGE.call())

    async def show_health(self) -> Health:
        """Is the process alive.

        Answers as long as the event loop turns.

        `GET /healthz`.
        """
        return await self._ask(SHOW_HEALTH.call())

    async def show_readiness(self) -> Ready:
        """Can it be relied on.

        A 503 problem names what is waited for: the last day to be read back, the storage,
        venues, slots, notices.

        `GET /readyz`.
        """
        return await self._ask(SHOW_READINESS.call())

    async def show_problem(self, slug: str) -> ProblemKind:
        """What a kind of problem means.

        The `type` of every problem leads here.

        `GET /problems/{slug}`.
        """
        return await self._ask(SHOW_PROBLEM.call(slug))

    async def show_telemetry(self) -> str:
        """What the program tells of itself.

        Prometheus text, or OpenMetrics where `Accept` prefers it; docs/reference/telemetry.md
        names every metric. Behind a switch the tracked values, too.

        `GET /metrics`. Needs the scope `read:metrics`.
        """
        return await self._ask(SHOW_TELEMETRY.call())
