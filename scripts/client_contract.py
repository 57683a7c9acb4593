"""What the API's contract says, as the writers of the client need it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sigmawatch.app.streaming.payloads import Bye, Delta, EpisodeEvent, Hello, Reset, VenueEvent
from sigmawatch.app.web import contract as served
from sigmawatch.app.web.openapi import TAGS
from sigmawatch.app.web.openapi_moments import mark_moments

# Operations without a method, and why.
LEFT_OUT: Mapping[str, str] = {
    "show_stream": "Client.stream, by hand",
    "log_in": "a session is a browser's; a program has a key",
    "log_out": "a session is a browser's",
    "set_own_password": "it ends and begins sessions",
    "record_trade_volume": "for clients older than this API; `collect` does it",
    "ask_trade_volume": "for clients older than this API; `collect` does it",
}
EVENTS = (Hello, Delta, VenueEvent, EpisodeEvent, Reset, Bye)
# What changes the shape of an answer is no parameter of a typed method: the classic shapes are for
# older clients; format and fields belong to `…_as`.
SHAPING = frozenset({"format", "fields", "shape"})
SHARED = "shared"
REF = "#/components/schemas/"
JSON = "application/json"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation. answer: the schema of its JSON; None for none, a text type's name for a text.
    body: the name of the object it takes; contents: media types that it takes beside JSON."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    scope: str | None
    parameters: Sequence[Schema]
    body: str | None
    body_needed: bool
    contents: Sequence[str]
    answer: Schema | None
    text: bool

    def of(self, place: str) -> list[Schema]:
        """Its parameters there, those needed first."""
        found = [one for one in self.parameters if one["in"] == place]
        return sorted(found, key=lambda one: not one.get("required", False))

    @property
    def needed(self) -> list[Schema]:
        """What it cannot be asked without: parts of the path, then of the query."""
        return [*self.of("path"), *(one for one in self.of("query") if one.get("required"))]

    @property
    def optional(self) -> list[Schema]:
        return [one for one in self.of("query") if not one.get("required")]

    @property
    def has_table(self) -> bool:
        return any(one["name"] == "format" for one in self.parameters)

    @property
    def headers(self) -> list[str]:
        """Those that a caller may set: If-Match, Idempotency-Key."""
        return [one["name"] for one in self.of("header") if one["name"][0].isupper()]

    @property
    def constant(self) -> str:
        return self.name.upper()

    @property
    def query_name(self) -> str:
        return "".join(map(str.capitalize, self.name.split("_"))) + "Query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """operations: by tag; answered, asked: module -> names of the schemas that stand there."""

    schemas: Mapping[str, Schema]
    operations: Mapping[str, Sequence[Operation]]
    answered: Mapping[str, Sequence[str]]
    asked: Mapping[str, Sequence[str]]


def contract() -> Described:
    """What the program serves today, and what its stream tells."""
    document = msgspec.json.decode(served().content)
    schemas: dict[str, Schema] = {**_event_schemas(), **document["components"]["schemas"]}
    operations = {tag: [] for tag in TAGS}  # type: dict[str, list[Operation]]
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            one = _operation(method.upper(), path, told)
            operations[one.tag].append(one)
    return Described(
        schemas=schemas, operations=operations,
        answered=_placed(schemas, dict(_answers(operations))),
        asked=_placed(schemas, dict(_bodies(operations))),
    )  # fmt: skip


def models_of(described: Described) -> list[str]:
    """Every schema that is answered."""
    return sorted(name for names in described.answered.values() for name in names)


def name_of(reference: Schema) -> str:
    return str(reference["$ref"]).removeprefix(REF)


def choices(schema: Schema) -> list[Schema]:
    """What it may be, one of several or itself."""
    found: list[Schema] = [*schema.get("oneOf", ()), *schema.get("anyOf", ()),
                           *schema.get("allOf", ())]  # fmt: skip
    return found or [schema]


def _operation(method: str, path: str, told: Mapping[str, Any]) -> Operation:
    content = told.get("requestBody", {}).get("content", {})
    body = [one for one in choices(content.get(JSON, {}).get("schema", {})) if "$ref" in one]
    scopes = [scopes for one in told["security"] for scopes in one.values()]
    answer, text = _answer(told["responses"])
    return Operation(
        name=told["operationId"], method=method, path=path, tag=told["tags"][0],
        summary=told["summary"], description=told.get("description", ""),
        scope=scopes[0][0] if scopes else None, parameters=told.get("parameters", ()),
        body=name_of(body[0]) if body else None,
        body_needed=len(choices(content.get(JSON, {}).get("schema", {}))) == 1,
        contents=[one for one in content if one != JSON], answer=answer, text=text,
    )  # fmt: skip


def _answer(responses: Mapping[str, Any]) -> tuple[Schema | None, bool]:
    """The schema of what it answers, the first of several shapes; whether it is a text."""
    for status in sorted(one for one in responses if one < "300"):
        content = responses[status].get("content", {})
        if JSON in content:
            schema = choices(content[JSON]["schema"])[0]
            return (None if schema.get("type") == "null" else schema), False
        if content:
            return None, True
    return None, False


def _event_schemas() -> dict[str, Schema]:
    _, schemas = msgspec.json.schema_components(EVENTS, ref_template=REF + "{name}")
    mark_moments(schemas)
    return schemas


def _answers(operations: Mapping[str, Sequence[Operation]]) -> Iterator[tuple[str, list[Schema]]]:
    for tag, found in operations.items():
        read = [one.answer for one in found if one.answer and one.name not in LEFT_OUT]
        events: list[Schema] = [{"$ref": REF + event.__name__} for event in EVENTS]
        yield tag, [*read, *(events if tag == "stream" else ())]


def _bodies(operations: Mapping[str, Sequence[Operation]]) -> Iterator[tuple[str, list[Schema]]]:
    for tag, found in operations.items():
        yield tag, [{"$ref": REF + one.body} for one in found
                    if one.body and one.name not in LEFT_OUT]  # fmt: skip


def _placed(
    schemas: Mapping[str, Schema], roots: Mapping[str, Sequence[Schema]]
) -> dict[str, list[str]]:
    """Module -> the schemas that follow from a tag's roots; what follows from several is shared."""
    users: dict[str, set[str]] = {}
    for tag, found in roots.items():
        for name in _following(schemas, found):
            users.setdefault(name, set()).add(tag)
    placed: dict[str, list[str]] = {SHARED: []}
    for name, tags in sorted(users.items()):
        placed.setdefault(SHARED if len(tags) > 1 else next(iter(tags)), []).append(name)
    return {module: names for module, names in placed.items() if names}


def _following(schemas: Mapping[str, Schema], found: Sequence[Schema]) -> set[str]:
    waiting, seen = list(_names(found)), set[str]()
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += _names(schemas[name])
    return seen


def _names(node: Any) -> Iterator[str]:
    """Every schema that is named in it."""
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield name_of(node)
        parts = [part for key, part in node.items() if key not in {"examples", "example"}]
    else:
        parts = list(node) if isinstance(node, list | tuple) else []
    for part in parts:
        yield from _names(part)
