"""Request bodies that a handler reads itself, as it declares them.

    opt={"body": {"application/json": SamplesBody, "text/plain": "BTC/USD price=67284.1"}}

A struct stands for JSON of that shape, a text is an example of what is no JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Litestar

from sigmawatch.app.web.openapi_access import handlers_of


def add_bodies(document: dict[str, Any], app: Litestar) -> None:
    """Say in `document` what the handlers of `app` read themselves."""
    handlers = handlers_of(app)
    for operations in document["paths"].values():
        for operation in operations.values():
            declared = handlers[operation["operationId"]].opt.get("body")
            if declared is not None:
                content = {name: _media(document, one) for name, one in declared.items()}
                operation["requestBody"] = {"required": True, "content": content}


def _media(document: dict[str, Any], declared: Any) -> dict[str, Any]:
    if isinstance(declared, str):
        return {"schema": {"type": "string"}, "example": declared}
    (schema,), components = msgspec.json.schema_components(
        [declared], ref_template="#/components/schemas/{name}"
    )
    document["components"]["schemas"] |= components
    return {"schema": schema}
