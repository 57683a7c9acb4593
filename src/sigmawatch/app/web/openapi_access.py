"""What the OpenAPI document says of access: each operation's scope, as its handler declares it.

    "security": [{"key": ["read:metrics"]}, {"session": ["read:metrics"]}]

An empty list: anybody may ask. Scopes of a security scheme that is no OAuth are roles that it needs
(OpenAPI 3.1, Security Requirement Object).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from sigmawatch.app.web.door.credentials import cookie_name
from sigmawatch.app.web.door.guard import Cost, cost_of

SCHEMES: Mapping[str, Mapping[str, str]] = {
    "key": {"type": "http", "scheme": "bearer", "bearerFormat": "sw_<id>_<secret>_<check>",
            "description": "A key, made by `sigmawatch key add` or POST /api/v1/keys."},
    "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(tls=False),
                "description": "A page's session, by POST /api/v1/session; its name begins with "
                "`__Host-` over TLS. Unsafe methods need the header `X-Sigmawatch: 1` too."},
}  # fmt: skip


def secure(document: dict[str, Any], app: Litestar) -> None:
    """Say of every operation of `document` what the handlers of `app` need of whoever asks."""
    document["components"]["securitySchemes"] = {name: dict(one) for name, one in SCHEMES.items()}
    handlers = handlers_of(app)
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["security"] = _security(handlers[operation["operationId"]])


def handlers_of(app: Litestar) -> Mapping[str, HTTPRouteHandler]:
    """Every handler of ours by its name, which is its operation's id; not the framework's own,
    which answers OPTIONS with what an address takes."""
    return {
        handler.handler_name: handler
        for route in app.routes if isinstance(route, HTTPRoute)
        for handler in route.route_handlers if handler.http_methods != {"OPTIONS"}
    }  # fmt: skip


def _security(handler: HTTPRouteHandler) -> list[dict[str, list[str]]]:
    scope = handler.opt["scope"]
    if scope is None:
        return []
    method = next(iter(handler.http_methods))
    names = ["key"] if cost_of(handler, method) is Cost.INGEST else ["key", "session"]
    return [{name: [str(scope)]} for name in names]
