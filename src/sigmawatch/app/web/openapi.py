"""The OpenAPI 3.1 document: the API's contract, drawn from the handlers themselves.

What the framework cannot know is added: whole examples composed of the fields' own, request bodies
closed to unknown fields, which texts are moments (app.web.openapi_moments), tags and keys
(app.web.openapi_conditions), and who may ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License, Tag
from litestar.types import ControllerRouterHandler

from sigmawatch import __version__
from sigmawatch.app.web.asked import Format
from sigmawatch.app.web.formats import MEDIA_TYPES
from sigmawatch.app.web.openapi_access import secure
from sigmawatch.app.web.openapi_bodies import add_bodies
from sigmawatch.app.web.openapi_conditions import add_conditions
from sigmawatch.app.web.openapi_moments import mark_moments
from sigmawatch.app.web.site import Contract, Site, not_modified, unchanged

TAGS = {
    "metrics": "A metric resource is one series: one metric of one market at one venue.",
    "ranking": "All series of one metric in one order.",
    "stream": "What a page shows: one table, drawings, and what changes.",
    "watchlists": "Lists of markets by name.",
    "rules": "What is alerted on, what is not told of, and when rules were active.",
    "alerts": "What is told, to whom, and what became of it.",
    "venues": "Where readings come from.",
    "collection": "Runs and long jobs.",
    "access": "Who there is, what they may, and what they did.",
    "operations": "For whoever runs the program.",
}
DESCRIPTION = (
    "Sigmawatch tracks market metrics and ranks them by volatility. Every error is an RFC 9457 "
    "problem. Times are RFC 3339 in UTC; an unknown number is null. Answers with an ETag may be "
    "asked for again with If-None-Match. Every field says what it means."
)


_TABLES = {
    MEDIA_TYPES[form].partition(";")[0]: {"schema": {"type": "string", "description": said}}
    for form, said in {
        Format.CSV: "RFC 4180, with a header line", Format.NDJSON: "an object a line",
        Format.PARQUET: "a Parquet file", Format.ARROW: "an Arrow file (Feather 2)",
    }.items()
}  # fmt: skip


GIVEN = ("site", "caller", "actor")  # what every handler may take


def _nobody() -> None:
    """These handlers are read, never called."""


def document(handlers: Sequence[ControllerRouterHandler]) -> dict[str, Any]:
    """The document of `handlers` under /api/v1 and of those beside it, as JSON values."""
    config = OpenAPIConfig(
        title="Sigmawatch", version=__version__, description=DESCRIPTION,
        use_handler_docstrings=True, license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=[Tag(name=name, description=text) for name, text in TAGS.items()],
        operation_id_creator=lambda handler, _method, _path: handler.handler_name,
    )  # fmt: skip
    nobody = {  # these handlers are read, never called
        name: Provide(lambda: None, sync_to_thread=False) for name in ("site", "caller", "actor")
    }
    app = Litestar(
        list(handlers), dependencies=nobody, openapi_config=config, logging_config=None
    )  # fmt: skip
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    for schema in found["components"]["schemas"].values():
        _unsay(schema)
    add_bodies(found, app)
    for schema in found["components"]["schemas"].values():
        _compose(schema, found["components"]["schemas"])
    for operations in found["paths"].values():
        for method, operation in operations.items():
            _complete(operation, found["components"]["schemas"])
            add_conditions(method, operation)
    mark_moments(found["components"]["schemas"])
    secure(found, app)
    return found


def contract_of(handlers: Sequence[ControllerRouterHandler]) -> Contract:
    """The document of `handlers`, ready to be sent."""
    found = document(handlers)
    content = msgspec.json.encode(found)
    tag = f'"{hashlib.blake2b(content, digest_size=8).hexdigest()}"'
    paths = {
        path: tuple(method.upper() for method in operations)
        for path, operations in sorted(found["paths"].items())
    }
    return Contract(content=content, tag=tag, paths=paths)


def _unsay(schema: dict[str, Any]) -> None:
    """The framework says of a schema what the field said that it met first, which is now this one
    and now another."""
    for said in ("description", "default"):
        schema.pop(said, None)


def _complete(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Close the request body, and name the formats."""
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        for schema in _referred(media["schema"], schemas):
            schema["additionalProperties"] = False
    for parameter in operation.get("parameters", ()):
        _one_type(parameter["schema"])
        if parameter["name"] == "format":
            operation["responses"]["200"]["content"] |= _TABLES


def _one_type(schema: dict[str, Any]) -> None:
    """A parameter that may be left out is not one that may be null."""
    choices = [one for one in schema.pop("oneOf", ()) if one != {"type": "null"}]
    schema.update(*choices)


def _referred(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The component schemas that `schema` is, or may be."""
    choices = [schema, *schema.get("oneOf", ()), *schema.get("allOf", ())]
    names = [choice["$ref"].rpartition("/")[2] for choice in choices if "$ref" in choice]
    return [schemas[name] for name in names]


def _compose(schema: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """One whole example out of the fields' own."""
    if "properties" in schema:
        schema["examples"] = [_example(schema, schemas)]


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    if "properties" in schema:
        return {name: _example(inner, schemas) for name, inner in schema["properties"].items()}
    if "examples" in schema:
        return schema["examples"][0]
    if found := _referred(schema, schemas):
        return _example(found[0], schemas)
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    return schema.get("default", schema.get("enum", [None])[0])


@get("/openapi.json", include_in_schema=False, opt={"scope": None})
async def show_document(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[Any]:
    """The contract, for programs."""
    contract = site.contract()
    if unchanged(request, contract.tag):
        return not_modified(contract.tag)
    headers = {"etag": contract.tag}
    return Response(contract.content, media_type="application/json", headers=headers)
