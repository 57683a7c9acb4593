"""The program with the bug of RELIABILITY.md P12's control: "Parallel unordered sender".

python -m tests.faults.unordered ARGUMENTS. Its notifier takes whatever is due, whether or not
something is open before it, and sends all of it at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from sigmawatch.adapters.ledgers import repositories
from sigmawatch.adapters.ledgers.outbox import Outbox
from sigmawatch.app.cli import main
from sigmawatch.app.notifying import notifier
from sigmawatch.app.notifying.lane import Lane
from sigmawatch.domain.notice import Delivery

CLAIM = """
UPDATE outbox
SET status = 'leased', next_ms = :until_ms, fence = fence + 1, changed_ms = :now_ms,
    unsure = unsure + begun, begun = 0
WHERE id IN (
    SELECT id FROM outbox
    WHERE status IN ('pending', 'leased', 'retry_wait') AND lane = :lane AND next_ms <= :now_ms
    LIMIT :rows
)
RETURNING id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, due_ms, receipt,
          status, attempts, next_ms, fence, detail, unsure, changed_ms
"""


class Careless(Outbox):
    """Nothing is merged, nothing waits for what is before it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._sql = {
            **self._sql,
            "claim_notices": CLAIM,
            "merge_notice": "SELECT :id, :now_ms WHERE 1 = 0",
        }


class Hasty(Lane):
    """All at once."""

    async def _send_all(self, leases: Sequence[Delivery]) -> None:
        async with asyncio.TaskGroup() as group:
            for lease in random.sample(leases, len(leases)):
                group.create_task(super()._send_all([lease]))


if __name__ == "__main__":
    vars(repositories)["Outbox"] = Careless
    vars(notifier)["Lane"] = Hasty
    main()
