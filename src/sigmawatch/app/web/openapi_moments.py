"""Which texts are moments: what the OpenAPI document says of them (`format: date-time`), so that a
client has them as moments. No handler says so of a field; its name or its example does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_NAMES = ("_at", "until")


def mark_moments(schemas: Mapping[str, Any]) -> None:
    """Mark those of what is answered; what is asked may be a span, too."""
    answered = (one for one in schemas.values() if one.get("additionalProperties") is not False)
    for schema in answered:
        for name, inner in schema.get("properties", {}).items():
            if name.endswith(_NAMES) or _MOMENT.match(_example(inner)):
                _mark(inner["items"] if inner.get("type") == "array" else inner)


def _mark(schema: dict[str, Any]) -> None:
    for one in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        if one.get("type") == "string":
            one["format"] = "date-time"


def _example(schema: Mapping[str, Any]) -> str:
    found = schema.get("examples", [None])[0]
    return str(found[0] if isinstance(found, list) and found else found)
