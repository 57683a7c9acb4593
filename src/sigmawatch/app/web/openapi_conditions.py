"""What the OpenAPI document says that no handler names: app.web.presented gives every answer an
entity tag, app.web.asked_once takes an Idempotency-Key with every POST, and what stands in an
address may be none of what is allowed."""

from __future__ import annotations

from typing import Any

_TAG = {"schema": {"type": "string"}, "description": "For If-None-Match"}
_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "sent again under the same key, it is done once and answered alike",
    "schema": {"type": "string", "pattern": r'^"?[!#-\[\]-~]{1,255}"?$'},
    "example": "8e03978e-40d5-43dd-bc93-6894a57f9324",
}  # fmt: skip
_MATCH = {
    "name": "If-Match", "in": "header", "required": False,
    "description": "the ETag of what was read; needed where something stands",
    "schema": {"type": "string"}, "example": '"4.1.1.api"',
}  # fmt: skip
_ABOUT_KEY = {"409": "Conflict", "422": "Invalid value"}


def add_conditions(method: str, operation: dict[str, Any]) -> None:
    """Tell of one operation what may be asked under a condition."""
    responses = operation["responses"]
    if method == "get" and "application/json" in responses.get("200", {}).get("content", {}):
        responses["200"].setdefault("headers", {})["etag"] = _TAG
        responses["304"] = {"description": "Unchanged since that entity tag"}
    if method == "post":
        operation["parameters"] = [*operation.get("parameters", ()), _KEY]
        for status, title in _ABOUT_KEY.items():
            responses.setdefault(status, {**responses["400"], "description": title})
    if any(one["in"] in {"path", "query"} for one in operation.get("parameters", ())):
        responses.setdefault("422", {**responses["400"], "description": "Invalid value"})
    if "428" in responses:
        operation["parameters"] = [*operation.get("parameters", ()), _MATCH]
