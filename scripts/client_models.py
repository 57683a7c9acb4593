"""Writes what is answered: a struct for each schema, a module for each tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.client_contract import SHARED, Described, Schema, choices, name_of
from scripts.client_text import commented, doc, module, python_name, typed

IMPORTS = (
    "from datetime import datetime",
    "from typing import Any, Literal",
    "from msgspec import Struct, field",
    "from sigmawatch.client.model import Framed, Open, Page",
)


def model_modules(described: Described) -> dict[str, str]:
    """models/<tag>.py, models/shared.py and models/__init__.py, which has them all."""
    found = {}
    for name, schemas in described.answered.items():
        parts = [_model(one, described.schemas) for one in _in_order(schemas, described)]
        shared = _shared(described.answered, beside=name)
        found[f"models/{name}.py"] = module(_about(name), [*IMPORTS, *shared], parts)
    return {**found, "models/__init__.py": _all(described)}


def _in_order(names: Sequence[str], described: Described) -> list[str]:
    """Rows before the pages that hold them, which name them in their very first line."""
    return sorted(names, key=lambda name: (_depth(name, described), name))


def _depth(name: str, described: Described) -> int:
    """How many pages are within it."""
    rows = _rows(described.schemas[name])
    return 1 + _depth(rows, described) if rows else 0


def _about(name: str) -> str:
    return f"What is answered about {name}." if name != SHARED else "What several answers hold."


def _shared(placed: Mapping[str, Any], *, beside: str) -> list[str]:
    names = placed.get(SHARED, ()) if beside != SHARED else ()
    return [f"from sigmawatch.client.v1.models.{SHARED} import {one}" for one in names]


def _all(described: Described) -> str:
    names = {name: where for where, found in described.answered.items() for name in found}
    imports = [
        f"from sigmawatch.client.v1.models.{where} import {name} as {name}"
        for name, where in names.items()
    ]
    return module("Everything that is answered; the fields of each say what they mean.", imports,
                  [])  # fmt: skip


def _model(name: str, schemas: Mapping[str, Schema]) -> str:
    schema = schemas[name]
    if "enum" in schema:
        return "\n".join(_enumeration(name, schema))
    rows = _rows(schema)
    base = f"Page[{rows}]" if rows else "Framed" if _has_columns(schema) else "Struct"
    lines = [f"class {name}({base}, frozen=True, kw_only=True):"]
    if schema.get("description"):
        lines += [doc(schema["description"], indent=4), ""]
    for key, inner in schema.get("properties", {}).items():
        lines += commented(f"    {_field(schema, key, inner)}", inner.get("description", ""))
    return "\n".join([*lines, ""])


def _enumeration(name: str, schema: Schema) -> Iterator[str]:
    yield f"class {name}(Open):"
    if says := schema.get("description"):
        yield doc(says, indent=4)
        yield ""
    for value in schema["enum"]:
        yield f'    {value.upper()} = "{value}"'
    yield ""


def _field(schema: Schema, key: str, inner: Schema) -> str:
    """What may be null may be left out as well: a server that is older has no such field."""
    name, kind = python_name(key), typed(inner)
    default = _default(schema, key, inner)
    if name != key:
        return f'{name}: {kind} = field({default and f"default={default}, "}name="{key}")'
    if default == "[]":
        return f"{name}: {kind} = field(default_factory=list)"
    return f"{name}: {kind} = {default}" if default else f"{name}: {kind}"


def _default(schema: Schema, key: str, inner: Schema) -> str:
    if any(one.get("type") == "null" for one in choices(inner)):
        return "None"
    if key in schema.get("required", ()):
        return ""
    return repr(inner["default"]) if "default" in inner else "[]"


def _rows(schema: Schema) -> str:
    """What its `items` are, where they are rows."""
    items = schema.get("properties", {}).get("items", {}).get("items", {})
    return name_of(items) if "$ref" in items else ""


def _has_columns(schema: Schema) -> bool:
    columns = schema.get("properties", {}).get("columns", {})
    return any("$ref" in one for one in choices(columns))
