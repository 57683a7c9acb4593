"""Writes what is asked: the keywords that each operation takes, and the operations as values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scripts.client_contract import (
    LEFT_OUT,
    SHAPING,
    SHARED,
    Described,
    Operation,
    Schema,
    models_of,
)
from scripts.client_text import commented, doc, module, python_name, typed

PACKAGE = "sigmawatch.client.v1"
MODELS = f"{PACKAGE}.models"
IMPORTS = (
    "from collections.abc import Mapping, Sequence",
    "from datetime import datetime",
    "from typing import Any, Literal, NotRequired, TypedDict",
    "from sigmawatch.client.calls import Many, Name, Operation, When",
)


def operation_modules(described: Described) -> dict[str, str]:
    """operations/<tag>.py, and operations/shared.py where several tags ask alike."""
    inputs = _Inputs(described)
    found = {
        "operations/__init__.py": '"""What is asked, as values."""\n',
        "choices.py": inputs.choices(),
    }
    for tag, operations in described.operations.items():
        asked = inputs.of(tag)
        made = [one for one in operations if one.name not in LEFT_OUT or one.name == "show_stream"]
        parts = [*asked, *(inputs.query(one) for one in made if _plain(one)),
                 *(inputs.table_query(one) for one in made if one.has_table),
                 "\n".join(map(_constant, made))]  # fmt: skip
        imports = [*IMPORTS, *inputs.imports(tag)]
        found[f"operations/{tag}.py"] = module(f"What may be asked about {tag}.", imports, parts)
    if shared := inputs.of(SHARED):
        imports = [*IMPORTS, *inputs.imports(SHARED)]
        found[f"operations/{SHARED}.py"] = module("What several ask with.", imports, shared)
    return found


def input_type(schema: Schema, described: Described, *, sent: bool = False) -> str:
    """The type of what is asked: more than the API's own words are taken. sent: in a body, where
    a number is a number."""
    says = schema.get("description", "")

    def named(name: str) -> str:
        return f"Any{name}" if "enum" in described.schemas[name] else name

    written = typed(schema, reference=named, many="Sequence")
    if "RFC 3339" in says or says.startswith("a moment"):
        return re.sub(r"\bstr\b", "str | datetime" if sent else "When", written)
    if written == "str" and ("by comma" in says or "commas between" in says):
        return "Many"
    return written


def _plain(operation: Operation) -> bool:
    """Whether it takes anything in its query that may be left out."""
    return any(one["name"] not in SHAPING for one in operation.optional)


def _constant(operation: Operation) -> str:
    answer = "str" if operation.text else typed(operation.answer) if operation.answer else "None"
    given = "type(None)" if answer == "None" else answer
    return (f'{operation.constant}: Operation[{answer}] = Operation(method="{operation.method}", '
            f'path="{operation.path}", answer={given})')  # fmt: skip


class _Inputs:
    """The keywords: a TypedDict for each query, and for each object that is sent."""

    def __init__(self, described: Described) -> None:
        self._described = described
        self._enums = [name for name, one in sorted(described.schemas.items()) if "enum" in one]

    def of(self, module_name: str) -> list[str]:
        """What a module's operations send."""
        names = self._described.asked.get(module_name, ())
        return [self._asked(name) for name in names if name not in self._enums]

    def imports(self, module_name: str) -> list[str]:
        """All that may be used there."""
        found = [f"from {MODELS} import {name}" for name in models_of(self._described)]
        found += [f"from {PACKAGE}.choices import Any{name}" for name in self._enums]
        if module_name != SHARED:
            shared = self._described.asked.get(SHARED, ())
            found += [f"from {PACKAGE}.operations.{SHARED} import {name}" for name in shared]
        return found

    def choices(self) -> str:
        """v1/choices.py"""
        parts = [self._choice(name) for name in self._enums]
        says = "What may be said where one of several is meant: a member, or its text."
        imports = [f"from {MODELS} import {name}" for name in models_of(self._described)]
        return module(says, ["from typing import Literal, TypeAlias", *imports], parts)

    def _choice(self, name: str) -> str:
        literal = f"Literal{self._described.schemas[name]['enum']}"
        member = f"{name} | " if name in models_of(self._described) else ""
        return f"Any{name}: TypeAlias = {member}{literal}"

    def query(self, operation: Operation) -> str:
        lines = [f"class {operation.query_name}(TypedDict, total=False):"]
        lines += [
            doc(f"Of `{operation.name}`; what is left out is as the server has it.", indent=4)
        ]
        for one in operation.optional:
            if one["name"] not in SHAPING:
                lines += self._keyword(one["name"], one["schema"])
        return "\n".join([*lines, ""])

    def table_query(self, operation: Operation) -> str:
        base = operation.query_name
        name = base.removesuffix("Query") + "TableQuery"
        columns = "    fields: Many  # only these columns"
        return f"class {name}({base}, total=False):\n    {_AS}\n\n{columns}\n"

    def _keyword(self, name: str, schema: Schema) -> Iterator[str]:
        says = schema.get("description", "")
        if "default" in schema:
            says = f"{says}; else {schema['default']}"
        kind = input_type(schema, self._described)
        yield from commented(f"    {python_name(name)}: {kind}", says)

    def _asked(self, name: str) -> str:
        schema = self._described.schemas[name]
        lines = [f"class {name}(TypedDict):"]
        lines += [doc(self._of_what(name), indent=4)]
        needed = schema.get("required", ())
        for key, inner in schema.get("properties", {}).items():
            kind = input_type(inner, self._described, sent=True)
            kind = kind if key in needed else f"NotRequired[{kind}]"
            lines += commented(f"    {python_name(key)}: {kind}", inner.get("description", ""))
        return "\n".join([*lines, ""])

    def _of_what(self, name: str) -> str:
        asked = [one for found in self._described.operations.values() for one in found]
        sent = [f"`{one.name}`" for one in asked if one.body == name]
        return f"What {' and '.join(sent)} takes." if sent else "A part of what is sent."


_AS = '"""The same as a table."""'
