"""The program with the bug of RELIABILITY.md P11's control: "Delete row before send".

python -m tests.faults.deleting ARGUMENTS. Its notifier takes a notice out of the outbox, then tries
to send it, once.
"""

from __future__ import annotations

from sigmawatch.adapters.ledgers import repositories
from sigmawatch.adapters.ledgers.outbox import Outbox
from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.app.cli import main
from sigmawatch.domain.notice import Delivery


class Forgetful(Outbox):
    """An attempt begins with the end of its row."""

    async def begin(self, lease: Delivery, *, now_ms: int) -> bool:
        def work(session: Session) -> bool:
            session.execute("DELETE FROM outbox WHERE id = :id", {"id": lease.number}).fetchall()
            return True

        return await self._transaction.run(work)


if __name__ == "__main__":
    vars(repositories)["Outbox"] = Forgetful
    main()
