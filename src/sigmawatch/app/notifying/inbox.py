"""The channels that are always there: the inbox in the program itself, and the console, which is
where everything goes that must not leave this machine (demo, replay, simulation).
"""

from __future__ import annotations

import msgspec
import structlog

from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import INBOX
from sigmawatch.ports.channel import Answer, Sent
from sigmawatch.ports.ledger import Ledger

CONSOLE = "console"
PER_MINUTE = 60_000.0

log = structlog.get_logger()


def _rule_of(thread: str) -> int:
    """The rule whose episode a message is about; 0 for what is about the program."""
    number = thread.partition("-")[0]
    return int(number) if number.isdecimal() else 0


class Inbox:
    """A row a message, however often it is sent. Fulfils ports.channel.Channel."""

    name = INBOX
    per_minute = PER_MINUTE

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        async with self._ledger.transaction() as transaction:
            await transaction.inbox.put(
                message.id, severity=message.severity, rule_id=_rule_of(message.thread),
                message=msgspec.json.encode(message).decode(),
            )  # fmt: skip
        return Sent(answer=Answer.ACCEPTED, detail="in the inbox")


class Console:
    """Logs messages, under the name of the channel that it stands for. Fulfils
    ports.channel.Channel."""

    per_minute = PER_MINUTE

    def __init__(self, name: str = CONSOLE) -> None:
        self.name = name

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        log.info("notice", channel=self.name, title=message.title, text=" | ".join(message.lines),
                 severity=str(message.severity), id=message.id)  # fmt: skip
        return Sent(answer=Answer.ACCEPTED, detail="on the console")
