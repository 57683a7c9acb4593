"""What the declared types of a query or a body refused, as a problem with every field named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response
from litestar.exceptions import ValidationException
from litestar.handlers import BaseRouteHandler

from sigmawatch.app.web import inputs, problems
from sigmawatch.app.web.problems import FieldError, ProblemError, clip

_UNKNOWN = re.compile(r"unknown field `(.*)`", re.DOTALL)
_ABSENT = re.compile(r"[Mm]issing required query parameter '(\w+)'")
_MISSING = re.compile(r"missing required field `(.*)`", re.DOTALL)


def answer(request: Request[Any, Any, Any], exc: ValidationException) -> Response[bytes]:
    """The answer to a request whose parameters or body do not have their declared types."""
    items = exc.extra if isinstance(exc.extra, list) else []
    if absent := _ABSENT.search(exc.detail):
        items = [{"key": absent[1], "message": "is required"}]
    errors = [_error(request, item) for item in items]
    detail = "; ".join(f"{error.field}: {error.message}" for error in errors)
    unknown = any(error.message == "unknown field" for error in errors)
    slug = "unknown-field" if unknown else "invalid-value"
    return problems.answer(request, ProblemError(slug, detail, errors=errors))


def _error(request: Request[Any, Any, Any], item: Mapping[str, Any]) -> FieldError:
    key, message = str(item.get("key", "")), str(item.get("message", "is invalid"))
    handler = request.route_handler
    if item.get("source") == "body" or key == inputs.BODY:
        return _of_body(handler, key, message=message)
    for name, field in inputs.asked_by(handler).items():
        if key in (name, field.name):
            return FieldError(field=name, message=_said(message), allowed=inputs.allowed(field),
                              value=clip(request.query_params.get(name, "")) or None)  # fmt: skip
    return FieldError(field=clip(key), message=_said(message))


def _of_body(handler: BaseRouteHandler, key: str, *, message: str) -> FieldError:
    fields = inputs.body_of(handler)
    if found := _UNKNOWN.search(message):
        names = ", ".join(sorted(fields))
        return FieldError(field=clip(found[1]), message="unknown field", allowed=names)
    if found := _MISSING.search(message):
        key, message = found[1], "is required"
    if key == inputs.BODY:
        return FieldError(field="body", message=_said(message), allowed="a JSON object with "
                          + (", ".join(sorted(fields)) or "no field"))  # fmt: skip
    return FieldError(field=clip(key), message=_said(message), allowed=fields.get(key) or None)


def _said(message: str) -> str:
    """msgspec's words as ours; its word for an absent body is the argument's name."""
    if message == f"'{inputs.BODY}'":
        return "is required"
    if message.startswith("Invalid enum value"):
        return "is none of the allowed values"
    return message.replace("Expected", "must be").replace("`", "").replace(", got", ", was")
