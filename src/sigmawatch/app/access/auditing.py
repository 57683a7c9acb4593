"""The audit log of one program: read by pages, and verified from its first row to its last.

What changes rows of its own notes that in the same transaction (ports.access.AuditRepository);
`note` is for what is more than one, or none: what is tracked, imported, backed up.
"""

from __future__ import annotations

from collections.abc import Sequence

from sigmawatch.app.access.ground import Ground
from sigmawatch.domain.audit import Deed, Row, Verified, Verifier

BATCH_ROWS = 1_000


class Auditing:
    """Nothing here changes what stands."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def note(self, deed: Deed) -> None:
        """It was done. Raises StorageUnavailable."""
        async with self._ground.ledger.transaction() as transaction:
            await transaction.audit.append(deed)

    async def page(self, *, before: int | None, limit: int) -> Sequence[Row]:
        """Rows with numbers below `before`, newest first."""
        return await self._ground.store.audit(before=before, limit=limit)

    async def verify(self) -> Verified:
        """What was written when it began: how many rows are counted before they are read."""
        count = await self._ground.store.audit_count()
        verifier = Verifier()
        while True:
            rows = await self._ground.store.audit_after(verifier.through, limit=BATCH_ROWS)
            if not verifier.feed(rows) or len(rows) < BATCH_ROWS:
                return verifier.ended(written=count)
