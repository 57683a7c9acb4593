"""The page's types of the API, written from our OpenAPI document: web/src/data/contract.ts.

One interface a schema, in the order of the document. What the document leaves open is `unknown`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sigmawatch.app.web import contract

Schema = Mapping[str, Any]

HEAD = """\
// Written by `make docs` from the OpenAPI document. Do not edit.
"""
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean",
         "null": "null"}  # fmt: skip


def types_page() -> str:
    """The module's text."""
    schemas = json.loads(contract().content)["components"]["schemas"]
    return HEAD + "".join(_declared(name, schema) for name, schema in schemas.items())


def _declared(name: str, schema: Schema) -> str:
    if "properties" not in schema:
        return f"\nexport type {name} = {_type(schema)};\n"
    required = schema.get("required", ())
    lines = [
        f"  {json.dumps(field) if not field.isidentifier() else field}"
        f"{'' if field in required else '?'}: {_type(told)};"
        for field, told in schema["properties"].items()
    ]
    return "\n".join(["", f"export interface {name} {{", *lines, "}", ""])


def _type(schema: Schema) -> str:
    match schema:
        case {"$ref": ref}:
            return str(ref).rpartition("/")[2]
        case {"oneOf": several} | {"anyOf": several}:
            return " | ".join(dict.fromkeys(map(_type, several)))
        case {"allOf": [one]}:
            return _type(one)
        case {"enum": values}:
            return " | ".join(map(json.dumps, values))
        case {"const": value}:
            return json.dumps(value)
        case {"type": "array", "prefixItems": items}:
            return f"[{', '.join(map(_type, items))}]"
        case {"type": "array"}:
            inner = _type(schema.get("items", {}))
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        case {"type": "object"}:
            values = schema.get("additionalProperties")
            told = _type(values) if isinstance(values, dict) else "unknown"
            return f"{{ [name: string]: {told} }}"
        case {"type": [*several]}:
            return " | ".join(_type({**schema, "type": one}) for one in several)
    return PLAIN.get(schema.get("type", ""), "unknown")
