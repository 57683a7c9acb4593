"""Counts every request and its time, by the template of its route and never by its path."""

from __future__ import annotations

from dataclasses import dataclass

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.telemetry import families
from sigmawatch.app.telemetry.telemetry import Telemetry

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
NO_ROUTE, NO_ANSWER, OTHER = "none", "none", "other"
STREAM = b"text/event-stream"


class Counted:
    """Wraps the whole application, what the gate refuses included."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        request = _Request(scope, send, method=method, telemetry=self._telemetry,
                           began_s=self._telemetry.perf_s())  # fmt: skip
        try:
            await self._app(scope, receive, request)
        finally:
            request.end()


@dataclass(slots=True)
class _Request:
    """`send` that sees how a request is answered; told once."""

    scope: HTTPScope
    send: Send
    method: str
    telemetry: Telemetry
    began_s: float
    status: str = NO_ANSWER
    told: bool = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = str(message["status"])
            if any(value.startswith(STREAM) for _, value in message["headers"]):
                self.end()  # how long somebody listens is no measure of ours
        await self.send(message)

    def end(self) -> None:
        if self.told:
            return
        self.told = True
        route = self.scope.get("path_template") or NO_ROUTE
        took_s = self.telemetry.perf_s() - self.began_s
        self.telemetry.count(families.HTTP_REQUESTS, self.method, route, self.status)
        self.telemetry.took(families.HTTP_DURATION, self.method, route, seconds=took_s)
