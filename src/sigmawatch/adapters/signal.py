"""A sign of life to an address of the operator's: one GET through the egress guard.

Fulfils ports.channel.Signal. The address is a credential, and is in no error.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from sigmawatch.adapters.egress.addresses import Network
from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Request
from sigmawatch.domain.errors import Invalid, Refused, Unavailable


class UrlSignal:
    """Asks an address."""

    def __init__(self, url: str, egress: Egress) -> None:
        self._url = url
        self._egress = egress

    @classmethod
    def of(cls, url: str, openings: Iterable[tuple[Network, int]]) -> UrlSignal | None:
        """openings: ranges and ports that the operator opened. None for no address."""
        opened = [Opening(network=network, port=port) for network, port in openings]
        return cls(url, Egress(opened)) if url else None

    async def give(self) -> None:
        """Raises Unavailable, Refused."""
        try:
            reply = await self._egress.send(self._url, Request(method="GET"))
        except Invalid:
            raise Refused("heartbeat_url is no address that may be asked") from None
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            raise Unavailable(f"the heartbeat's address answered {reply.status}")
