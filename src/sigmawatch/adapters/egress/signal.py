"""A sign of life: an address that is asked, and whose answer is looked at for its status alone."""

from __future__ import annotations

from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Request
from sigmawatch.domain.errors import Invalid, Refused, Unavailable


class UrlSignal:
    """Fulfils ports.channel.Signal. The address is a secret as a whole and is never named."""

    def __init__(self, url: str, *, egress: Egress) -> None:
        self._url = url
        self._egress = egress

    async def give(self) -> None:
        try:
            reply = await self._egress.send(self._url, Request(method="GET"))
        except Invalid as exc:
            raise Refused(f"the address of the heartbeat {exc}") from None
        if not 200 <= reply.status < 300:
            raise Unavailable(f"the address of the heartbeat answered {reply.status}")
