"""Writes the methods: one for each operation, for each page walk and each table; to block, and to
await."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scripts.client_contract import LEFT_OUT, Described, Operation, Schema, models_of, name_of
from scripts.client_operations import MODELS, PACKAGE, input_type
from scripts.client_text import doc, module, python_name, typed

IMPORTS = (
    "from collections.abc import AsyncIterator, Iterator, Mapping, Sequence",
    "from datetime import datetime",
    "from typing import Any, Literal, Unpack",
    "from sigmawatch.client.base import Asking, AskingAsync",
    "from sigmawatch.client.calls import Many, Name, When",
    "from sigmawatch.client.model import Table",
)
_HEADERS = {"If-Match": "if_match", "Idempotency-Key": "idempotency_key"}
_TABLE_FORMATS = 'Literal["csv", "ndjson", "parquet", "arrow"]'


def method_modules(described: Described) -> dict[str, str]:
    """blocking/<tag>.py and awaiting/<tag>.py, and all of each as one class."""
    return {
        **_Side(described, folder="blocking", base="Asking", says="Blocks.").modules(),
        **_Side(described, folder="awaiting", base="AskingAsync", says="Awaits.").modules(),
    }


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two."""

    described: Described
    folder: str
    base: str
    says: str

    def modules(self) -> dict[str, str]:
        found = {}
        classes = {tag: f"{tag.capitalize()}Operations" for tag in self.described.operations}
        for tag, name in classes.items():
            head = f'class {name}({self.base}):\n    """{self.says}"""\n\n'
            methods = "\n\n".join(self._methods(tag))
            found[f"{self.folder}/{tag}.py"] = module(
                f"The operations on {tag}.", self._imports(tag), [head + methods]
            )
        imports = [
            f"from {PACKAGE}.{self.folder}.{tag} import {name}" for tag, name in classes.items()
        ]
        bases = ", ".join(classes.values())
        whole = f'class Operations({bases}):\n    """{self.says}"""\n'
        found[f"{self.folder}/__init__.py"] = module("Every operation.", imports, [whole])
        return found

    @property
    def _awaits(self) -> bool:
        return self.folder == "awaiting"

    def _imports(self, tag: str) -> list[str]:
        asked = f"{PACKAGE}.operations.{tag}"
        names = [name for one in self.described.operations[tag] for name in (
            one.constant, one.query_name, one.query_name.removesuffix("Query") + "TableQuery",
            *([one.body] if one.body else ()),
        )]  # fmt: skip
        enums = [name for name, one in self.described.schemas.items() if "enum" in one]
        return [
            *IMPORTS,
            *(f"from {MODELS} import {name}" for name in models_of(self.described)),
            *(f"from {PACKAGE}.choices import Any{name}" for name in enums),
            *(f"from {asked} import {name}" for name in names),
        ]

    def _methods(self, tag: str) -> Iterator[str]:
        for operation in self.described.operations[tag]:
            if operation.name in LEFT_OUT:
                continue
            yield self._method(operation)
            if rows := _walked(operation, self.described):
                yield self._walk(operation, rows)
            if operation.has_table:
                yield self._table(operation)
            if operation.contents:
                yield self._raw(operation)

    def _method(self, operation: Operation) -> str:
        answer = "str" if operation.text else "None"
        if operation.answer:
            answer = typed(operation.answer)
        asked = f"self._ask({self._call(operation)})"
        return "\n".join([
            self._head(operation.name, self._parameters(operation), answer=answer),
            doc(_says(operation), indent=8),
            f"        return {'await ' * self._awaits}{asked}",
            "",
        ])  # fmt: skip

    def _walk(self, operation: Operation, rows: str) -> str:
        kind = "AsyncIterator" if self._awaits else "Iterator"
        name = "iter_" + operation.name.partition("_")[2]
        says = f"Every row of `{operation.name}`, page by page; `limit` is a page's."
        return "\n".join([
            f"    def {name}({', '.join(self._parameters(operation))}) -> {kind}[{rows}]:",
            doc(says, indent=8),
            f"        return self._each({self._call(operation)})",
            "",
        ])  # fmt: skip

    def _table(self, operation: Operation) -> str:
        parameters = [f"self, format: {_TABLE_FORMATS}", *self._parameters(operation)[1:]]
        parameters[-1] = parameters[-1].replace("Query]", "TableQuery]")
        says = f"`{operation.name}` as a table; parquet and arrow are of servers with that extra."
        call = self._call(operation, table=True)
        return "\n".join([
            self._head(f"{operation.name}_as", parameters, answer="Table"),
            doc(says, indent=8),
            f"        return {'await ' * self._awaits}self._ask({call})",
            "",
        ])  # fmt: skip

    def _raw(self, operation: Operation) -> str:
        """What is sent as it is."""
        kinds = ", ".join(f'"{one}"' for one in operation.contents)
        parameters = [f"self, content: bytes, media_type: Literal[{kinds}]", *_needed(operation)]
        parameters += [f"*, {', '.join(_named(operation))}"] if operation.headers else []
        parameters += [f"**query: Unpack[{operation.query_name}]"] if operation.optional else []
        answer = typed(operation.answer or {"type": "null"})
        given = [*_needed(operation), "query=query" if operation.optional else ""]
        given += ["content=(content, media_type)", _headers(operation)]
        call = f"{operation.constant}.call({', '.join(filter(None, given))})"
        says = f"`{operation.name}` of what is written already."
        return "\n".join([
            self._head(f"{operation.name}_raw", parameters, answer=answer),
            doc(says, indent=8),
            f"        return {'await ' * self._awaits}self._ask({call})",
            "",
        ])  # fmt: skip

    def _head(self, name: str, parameters: list[str], *, answer: str) -> str:
        begin = "    async def" if self._awaits else "    def"
        return f"{begin} {name}({', '.join(parameters)}) -> {answer}:"

    def _parameters(self, operation: Operation) -> list[str]:
        found = ["self"]
        found += [f"{python_name(one['name'])}: {self._kind(one)}" for one in operation.needed]
        named = _named(operation)
        if operation.body:  # whose keywords are the method's, so those of the query are beside them
            named += [f"{python_name(one['name'])}: {self._kind(one)} | None = None"
                      for one in operation.optional]  # fmt: skip
        found += ["*", *named] if named else []
        if operation.body:
            found.append(f"**body: Unpack[{operation.body}]")
        elif operation.optional:
            found.append(f"**query: Unpack[{operation.query_name}]")
        return found

    def _kind(self, parameter: Schema) -> str:
        if parameter["name"] == "id":
            return "Name"
        return input_type(parameter["schema"], self.described)

    def _call(self, operation: Operation, *, table: bool = False) -> str:
        asked = [one for one in operation.needed if one["in"] == "query"]
        asked += operation.optional if operation.body else []
        query = [f'"{one["name"]}": {python_name(one["name"])}' for one in asked]
        query += ['"format": format'] if table else []
        query += ["**query"] if query and operation.optional and not operation.body else []
        given = _needed(operation)
        if query:
            given.append(f"query={{{', '.join(query)}}}")
        elif operation.optional:
            given.append("query=query")
        if operation.body:
            given.append("body=body" if operation.body_needed else "body=body or None")
        constant = f"{operation.constant}.written()" if table else operation.constant
        return f"{constant}.call({', '.join(filter(None, [*given, _headers(operation)]))})"


def _needed(operation: Operation) -> list[str]:
    return [python_name(one["name"]) for one in operation.of("path")]


def _named(operation: Operation) -> list[str]:
    return [f"{_HEADERS[name]}: str | None = None" for name in operation.headers]


def _headers(operation: Operation) -> str:
    named = [f'"{name}": {_HEADERS[name]}' for name in operation.headers]
    return f"headers={{{', '.join(named)}}}" if named else ""


def _says(operation: Operation) -> str:
    needs = f" Needs the scope `{operation.scope}`." if operation.scope else ""
    asks = f"`{operation.method} {operation.path}`.{needs}"
    return "\n\n".join(filter(None, [f"{operation.summary}.", operation.description, asks]))


def _walked(operation: Operation, described: Described) -> str:
    """What the rows are of a list that has pages."""
    if operation.answer is None or "$ref" not in operation.answer:
        return ""
    properties = described.schemas[name_of(operation.answer)].get("properties", {})
    if not {"next_cursor", "next_before"} & properties.keys() or "items" not in properties:
        return ""
    return name_of(properties["items"]["items"])
