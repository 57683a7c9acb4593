"""A channel whose service takes one HTTP request a message. The service builds it and reads the
answer, both without any I/O; this sends it through the guard, once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from sigmawatch.adapters.channels.texts import clip, visible
from sigmawatch.adapters.egress.guard import Egress, UnsureError
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid, Refused, Unavailable
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Answer, Sent
from sigmawatch.ports.clock import Clock

HIDDEN = "•••"
DETAIL_CHARS = 160


class HttpService(Protocol):
    """What a service over HTTP knows."""

    @property
    def rate(self) -> float: ...

    @property
    def secrets(self) -> tuple[str, ...]: ...

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        """The whole address, and what is sent there."""
        ...

    def read(self, reply: Reply, *, now_ms: int) -> Sent: ...


class PostingChannel:
    """Fulfils ports.channel.Channel."""

    def __init__(self, name: str, service: HttpService, *, egress: Egress, clock: Clock) -> None:
        self.name = name
        self.per_minute = service.rate
        self._service = service
        self._egress = egress
        self._clock = clock

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        url, request = self._service.request(message, plain=plain, now_ms=self._clock.now_ms())
        try:
            reply = await self._egress.send(url, request)
        except (Invalid, Refused) as exc:
            return self._sent(Sent(answer=Answer.REFUSED, detail=str(exc)))
        except Unavailable as exc:
            unsure = isinstance(exc, UnsureError)
            return self._sent(Sent(answer=Answer.LATER, detail=str(exc), unsure=unsure))
        return self._sent(self._service.read(reply, now_ms=self._clock.now_ms()))

    def _sent(self, sent: Sent) -> Sent:
        return replace(sent, detail=told(sent.detail, hiding=self._service.secrets))


def told(detail: str, *, hiding: tuple[str, ...]) -> str:
    """A line for the operator. Who answers may say back what he was told, so our secrets are taken
    out, before anything is cut off in the middle of one."""
    for secret in hiding:
        detail = detail.replace(secret, HIDDEN)
    return clip(visible(detail), DETAIL_CHARS)
