"""The directory: which channel a name in the outbox means right now.

A channel of the configuration or made while we run, the inbox, the address of a subscription; in a
program that must not send anything (demo, replay, simulation) the console stands for all of them
but the inbox.
"""

from __future__ import annotations

from sigmawatch.app.notifying.inbox import CONSOLE, Console
from sigmawatch.app.notifying.subscriptions import Subscriptions
from sigmawatch.domain.errors import NotFound, Refused
from sigmawatch.domain.notice import INBOX, SUBSCRIBER
from sigmawatch.ports.channel import Channel, Channels

NOBODY = "nobody@example.invalid"  # RFC 2606: to ask how much mail is taken, not to send any


class Directory:
    """Finds channels. channels: of the services; None for a program that sends nothing."""

    def __init__(
        self, channels: Channels | None, *, inbox: Channel, subscriptions: Subscriptions
    ) -> None:
        self._channels = channels
        self._inbox = inbox
        self._subscriptions = subscriptions

    def find(self, name: str) -> Channel:
        """Raises NotFound, Refused with why nothing can be sent there."""
        if name == INBOX:
            return self._inbox
        if self._channels is None or name == CONSOLE:
            return Console(name)
        if name.startswith(SUBSCRIBER):
            return self._channels.mailing(self._subscriptions.standing(name).following.address)
        return self._channels.find(name)

    def service(self, name: str) -> str:
        """What kind of channel a name means: a service, `inbox`, `console`, `subscriber`; `gone`
        where there is none."""
        if name == INBOX:
            return INBOX
        if self._channels is None or name == CONSOLE:
            return CONSOLE
        return "subscriber" if name.startswith(SUBSCRIBER) else self._channels.service(name)

    def per_minute(self, lane: str) -> float | None:
        """How many messages a lane takes; None where it takes none, and each is to be told why."""
        try:
            if lane == SUBSCRIBER:
                return (
                    Console.per_minute
                    if self._channels is None
                    else (self._channels.mailing(NOBODY).per_minute)
                )
            return self.find(lane).per_minute
        except (NotFound, Refused):
            return None

    def muted(self, name: str, *, now_ms: int) -> bool:
        """Whether a subscriber does not want to hear of anything now."""
        if not name.startswith(SUBSCRIBER):
            return False
        try:
            return self._subscriptions.muted(self._subscriptions.standing(name), now_ms=now_ms)
        except NotFound:
            return False

    async def disable(self, name: str, *, reason: str) -> None:
        """Send nothing there any more: it says that there is nobody."""
        if name.startswith(SUBSCRIBER):
            await self._subscriptions.end(self._subscriptions.standing(name).id)
        elif self._channels is not None and name != INBOX:
            await self._channels.disable(name, reason=reason)
