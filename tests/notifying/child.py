"""A program that delivers until nothing is left: python -m tests.notifying.child FOLDER LOG WAY.

Its channels append a line for every message that reaches them to LOG; `ops` refuses now and then
after it has taken one. WAY: "ours", or "early", which is the bug that the test must notice: what is
recorded as delivered before it is sent. Its time runs 100 times as fast, so that leases end soon.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import structlog
from tests.notifying.world import ACCEPTED, LATER, settings_of

from sigmawatch.adapters.clock import ScaledClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.adapters.zones import IanaZones
from sigmawatch.app.config import Config
from sigmawatch.app.notifying.service import Notifying, NotifyPorts
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import FANOUT, NoticeStatus, Outcome
from sigmawatch.ports.channel import Channel, Sent

SPEED = 100.0
PER_MINUTE = 1e6


class Logged:
    """A channel that writes down what reaches it. Fulfils ports.channel.Channel."""

    per_minute = PER_MINUTE

    def __init__(self, name: str, log: int) -> None:
        self.name = name
        self._log = log
        self._count = 0

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        os.write(self._log, f"{self.name} {message.id}\n".encode())
        self._count += 1
        await asyncio.sleep(0)
        return LATER if self.name == "ops" and self._count % 10 == 0 else ACCEPTED


class LoggedChannels:
    """Fulfils ports.channel.Channels."""

    def __init__(self, log: int) -> None:
        self._by_name = {name: Logged(name, log) for name in ("ops", "chat")}

    def find(self, name: str) -> Channel:
        return self._by_name[name]

    def service(self, name: str) -> str:
        return "double"

    def mailing(self, address: str) -> Channel:
        raise NotImplementedError

    async def disable(self, name: str, *, reason: str) -> None:
        raise NotImplementedError


async def main(folder: Path, log: int, *, way: str) -> None:
    now_ms = round(time.time() * 1_000)
    clock = ScaledClock(now_ms + round((time.time() - 1.7e9) * 1_000 * (SPEED - 1)), SPEED)
    ledger = await SqliteLedger.open(folder, clock=clock)
    async with ledger.transaction() as transaction:
        await transaction.rules.put("hot", text="price > 1", origin="api", enabled=True,
                                    settings=settings_of("ops", "chat"))  # fmt: skip
    config = Config(data=folder)
    notifying = Notifying(
        config,
        NotifyPorts(delivery=ledger.delivery, zones=IanaZones(), key=b"k" * 32,
                    channels=LoggedChannels(log)),
        ledger=ledger, clock=clock, watchlists=Watchlists(config, ledger=ledger),
    )  # fmt: skip
    os.write(1, b"started\n")
    work = notifying.notifier.run_for_ever() if way == "ours" else early(ledger, clock, log=log)
    running = asyncio.create_task(work)
    while await ledger.delivery.lanes():  # noqa: ASYNC110 - what it waits for is in the database
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait([running])
    await ledger.close()
    os.write(1, b"done\n")


async def early(ledger: SqliteLedger, clock: ScaledClock, *, log: int) -> None:
    while True:
        for lane in await ledger.delivery.lanes():
            async with ledger.transaction() as transaction:
                leases = await transaction.outbox.claim(lane, now_ms=clock.now_ms(), rows_max=20)
                delivered = Outcome(status=NoticeStatus.DELIVERED)
                ended = [(lease, delivered) for lease in leases]
                await transaction.outbox.settle(ended, now_ms=clock.now_ms())
            for lease in leases:
                await asyncio.sleep(0.001)
                if lane != FANOUT:
                    os.write(log, f"{lane} {lease.notice.id}\n".encode())
        await asyncio.sleep(0)


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(40),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handle = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    asyncio.run(main(Path(sys.argv[1]), handle, way=sys.argv[3]))
