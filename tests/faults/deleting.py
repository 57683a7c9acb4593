"""The program with the bug of RELIABILITY.md P11's control: "Delete row before send".

python -m tests.faults.deleting ARGUMENTS. Its notifier takes a notice out of the outbox, then tries
to send it, once.
"""

from __future__ import annotations

from collections.abc import Sequence

from sigmawatch.adapters.ledgers import repositories
from sigmawatch.adapters.ledgers.outbox import Outbox
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.app.cli import main
from sigmawatch.domain.notice import Delivery

DELETE = "DELETE FROM outbox WHERE id = :id"


class Forgetful(Outbox):
    """An attempt begins with the end of its row."""

    async def begin(self, leases: Sequence[Delivery], *, now_ms: int) -> Sequence[Delivery]:
        def work(session: Session) -> None:
            for lease in leases:
                session.execute(DELETE, {"id": lease.number}).fetchall()

        await self._transaction.run(work)
        return leases


if __name__ == "__main__":
    vars(repositories)["Outbox"] = Forgetful
    main()
