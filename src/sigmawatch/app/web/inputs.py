"""What a handler takes, read from its own signature, so that errors and checks name the same.

A handler's query parameters are the fields of the dataclass in its parameter `asked`; its body is
the struct in `data`. Unknown and repeated query parameters are refused with what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition
from litestar.utils.signature import ParsedSignature

from sigmawatch.app.web.problems import FieldError, ProblemError, clip

ASKED, BODY = "asked", "data"


@cache
def query_of(asked: type) -> Mapping[str, FieldDefinition]:
    """Name in the URL -> field of the dataclass `asked`."""
    fields = ParsedSignature.from_fn(asked, {}).parameters
    return {_alias(field): field for field in fields.values()}


def _alias(field: FieldDefinition) -> str:
    declared = field.kwarg_definition
    return (isinstance(declared, ParameterKwarg) and declared.name) or field.name


def asked_by(handler: BaseRouteHandler) -> Mapping[str, FieldDefinition]:
    """Name -> field of every query parameter of `handler`."""
    parameter = handler.parsed_fn_signature.parameters.get(ASKED)
    return {} if parameter is None else query_of(parameter.annotation)


def body_of(handler: BaseRouteHandler) -> Mapping[str, str]:
    """Name -> what is allowed, of every field of the body of `handler`."""
    parameter = handler.parsed_fn_signature.parameters.get(BODY)
    if parameter is None:
        return {}
    shape = next(
        one.annotation
        for one in (parameter, *parameter.inner_types)
        if one.is_subclass_of(msgspec.Struct)
    )  # it may be left out: `Body | None`
    hints = get_type_hints(shape, include_extras=True)
    return {
        field.encode_name: next(
            (meta.description or "" for meta in get_args(hints[field.name])
             if isinstance(meta, msgspec.Meta)), "")
        for field in msgspec.structs.fields(shape)
    }  # fmt: skip


def allowed(field: FieldDefinition) -> str:
    """What a query parameter may be, in words."""
    for inner in (field, *field.inner_types):
        if inner.is_subclass_of(StrEnum):
            return ", ".join(inner.annotation)
    declared = field.kwarg_definition
    if not isinstance(declared, ParameterKwarg):
        return ""
    if declared.ge is not None and declared.le is not None:
        return f"{declared.ge} to {declared.le}"
    return declared.description or ""


def _is_text(field: FieldDefinition) -> bool:
    return any(inner.annotation is str for inner in (field, *field.inner_types))


async def refuse_unknown(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """A guard: every query parameter is known, and is given once. (The framework would run a plain
    function in a thread, for each request.)"""
    handler = connection.route_handler
    assert isinstance(handler, HTTPRouteHandler)
    known = asked_by(handler)
    asked = connection.scope["query_string"].decode("latin-1")
    pairs = parse_qsl(asked, keep_blank_values=True)
    given = [name for name, _ in pairs]
    names = ", ".join(sorted(known)) or "none"
    errors = [
        FieldError(field=clip(name), message="unknown parameter", allowed=names)
        for name in dict.fromkeys(given)
        if name not in known
    ]
    if errors:
        detail = ", ".join(error.field for error in errors)
        raise ProblemError("unknown-parameter", f"unknown: {detail}", errors=errors)
    nothing = [name for name, value in pairs if value == "null" and not _is_text(known[name])]
    if nothing:  # the decoder would take it for none at all
        errors = [FieldError(field=name, message="must be a value, or left out",
                             allowed=allowed(known[name])) for name in nothing]  # fmt: skip
        raise ProblemError("invalid-value", f"{nothing[0]}: must be a value", errors=errors)
    twice = [name for name in dict.fromkeys(given) if given.count(name) > 1]
    if twice:
        errors = [FieldError(field=name, message="given more than once") for name in twice]
        raise ProblemError("invalid-value", f"given more than once: {twice[0]}", errors=errors)
