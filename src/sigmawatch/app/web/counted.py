"""Counts every request and its time, by the template of its route and never by its path.

It stands before every answer, so what is counted into is looked up once for each route.
"""

from __future__ import annotations

from dataclasses import dataclass

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.telemetry import families
from sigmawatch.app.telemetry.tally import Count, Spread
from sigmawatch.app.telemetry.telemetry import Telemetry

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
NO_ROUTE, NO_ANSWER, OTHER = "none", "none", "other"
STREAM = "/stream"


class Counted:
    """Wraps the whole application, what the gate refuses included."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self.perf_s = telemetry.perf_s
        self._telemetry = telemetry
        self._known: dict[tuple[str, str, int], tuple[Count, Spread]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        method = scope["method"]  # the gate makes a GET of a HEAD
        request = _Request(self, scope, send, method, self.perf_s())
        try:
            await self._app(scope, receive, request)
        finally:
            if not request.told:
                self.tell(request)

    def tell(self, request: _Request) -> None:
        """A request is over, or a stream begins: how long somebody listens is no measure of
        ours."""
        request.told = True
        took_s = self.perf_s() - request.began_s
        route = request.scope.get("path_template") or NO_ROUTE
        self.count(request.method, route, status=request.status, took_s=took_s)

    def count(self, method: str, route: str, *, status: int, took_s: float) -> None:
        """One answer. route: its template. status: 0 where there was none."""
        key = method, route, status
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._look_up(key)
        counter, histogram = known
        counter.add()
        histogram.observe(took_s)

    def _look_up(self, key: tuple[str, str, int]) -> tuple[Count, Spread]:
        method, route, status = key
        method = method if method in METHODS else OTHER
        told = str(status) if status else NO_ANSWER
        return (
            self._telemetry.counter(families.HTTP_REQUESTS, method, route, told),
            self._telemetry.histogram(families.HTTP_DURATION, method, route),
        )


@dataclass(slots=True)
class _Request:
    """`send` that sees how a request is answered. status: 0 while it is not."""

    counted: Counted
    scope: HTTPScope
    send: Send
    method: str
    began_s: float
    status: int = 0
    told: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.scope.get("path_template", "").endswith(STREAM):
                self.counted.tell(self)
        await self.send(message)
