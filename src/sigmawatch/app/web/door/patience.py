"""How long a question may take: a query that is not answered within `query_s` is given up.

What was begun for it in the compute thread ends there by itself (its steps are short); nobody waits
for it any more. Once an answer has begun, the connection's own deadlines count. The command line is
waited for: who sits at this machine decides for themselves.
"""

from __future__ import annotations

import asyncio

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from sigmawatch.app.web.door.guard import Cost
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.domain.caller import COMMAND_LINE


class Patience:
    """Makes a middleware of it."""

    def __init__(self, query_s: float) -> None:
        self._query_s = query_s

    def __call__(self, app: ASGIApp) -> ASGIApp:
        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["route_handler"].opt.get("cost") != Cost.QUERY:
                await app(scope, receive, send)
                return
            asking = scope["state"].get("asking")
            patient = asking is not None and asking.caller is COMMAND_LINE
            limit = asyncio.timeout(None if patient else self._query_s)

            async def begun(message: Message) -> None:
                limit.reschedule(None)
                await send(message)

            try:
                async with limit:
                    await app(scope, receive, begun)
            except TimeoutError:
                if not limit.expired():
                    raise
                detail = f"not answered within {self._query_s:g} s"
                raise ProblemError("too-slow", detail) from None

        return answered
