"""What is wrong with a configuration, told so that a person can mend it: all of it, at once.

A problem names its path (`track[1].metrics[0]`), the rule that was broken, the value that broke it
(never a secret), and where the value came from. Used by app.config and app.forecast.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from sigmawatch.domain.errors import Invalid

VALUE_CHARS_MAX = 60
# keys, addresses with a login, whatever a channel is made of
_HIDDEN = {"api_key", "base_url", "channels", "database", "fallback_url", "heartbeat_url", "key",
           "stream_url"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend. value: as it was written, empty where it must not be shown. position: of a
    line of the rule language, where in it."""

    path: str
    rule: str
    value: str = ""
    allowed: str = ""
    origin: str = ""
    position: int | None = None

    def __str__(self) -> str:
        text = f"{self.path}: {self.rule}"
        if self.value:
            text += f", was {self.value}"
        if self.allowed:
            text += f" (allowed: {self.allowed})"
        return f"{text} [{self.origin}]" if self.origin else text


class ConfigProblems(Invalid):
    """Everything that is wrong with the configuration, or with what `where` says."""

    def __init__(
        self, problems: Sequence[Problem], *, where: str = " in the configuration"
    ) -> None:
        assert problems
        super().__init__("\n".join(map(str, problems)), field=problems[0].path)
        self.problems = tuple(problems)
        self.where = where


def dotted(location: Iterable[int | str]) -> str:
    """`("track", 1, "metrics", 0)` as `track[1].metrics[0]`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else part
    return text


def near(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that looks most like `name`; empty where none does."""
    close = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def explain(
    error: ValidationError, model: type[BaseModel], *, layers: Mapping[str, Mapping[str, Any]]
) -> list[Problem]:
    """Problems for everything pydantic found in `model`. layers: origin -> what it said."""
    return [_problem(details, model, layers=layers) for details in error.errors(include_url=False)]


def _problem(
    details: ErrorDetails, model: type[BaseModel], *, layers: Mapping[str, Mapping[str, Any]]
) -> Problem:
    location = details["loc"]
    rule, allowed, value = _rule(details["msg"]), "", _shown(details)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, Invalid):
        rule, allowed = str(cause), cause.allowed
        value = "" if "was " in rule or value in rule else value
    if details["type"] == "extra_forbidden":
        known = _keys(_model_at(model, location))
        rule = f"unknown key{near(str(location[-1]), known)}"
        allowed, value = ", ".join(known), ""  # a mistyped key may hold a secret
    elif details["type"] == "missing":
        rule, value = "is required", ""
    return Problem(path=dotted(location), rule=rule, value=value, allowed=allowed,
                   origin=_origin(location, layers))  # fmt: skip


def _rule(message: str) -> str:
    """Pydantic's sentence, as the rule it states."""
    said = message.removeprefix("Value error, ").partition(", unable to parse")[0]
    return said.replace("Input should be", "must be")


def _shown(details: ErrorDetails) -> str:
    value = details.get("input")
    hidden = any(part in _HIDDEN for part in details["loc"]) or isinstance(value, SecretStr)
    if hidden or isinstance(value, (Mapping, list, tuple)):
        return ""
    text = repr(value)
    return text if len(text) <= VALUE_CHARS_MAX else f"{text[:VALUE_CHARS_MAX]}…"


def _model_at(model: type[BaseModel], location: Sequence[int | str]) -> type[BaseModel]:
    """The model whose key the last part of `location` is."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        inner = field and _inner(field.annotation)
        model = inner or model
    return model


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner(argument) for argument in get_args(annotation))
    return next((inner for inner in found if inner), None)


def _keys(model: type[BaseModel]) -> list[str]:
    """The keys a table may have, as they stand in the file."""
    return [
        str(field.validation_alias or name)
        for name, field in model.model_fields.items()
        if not field.exclude
    ]


def _origin(location: Sequence[int | str], layers: Mapping[str, Mapping[str, Any]]) -> str:
    """Who said it: the last layer that holds `location`; empty for a value nobody gave."""
    keys = [part for part in location if part != "[key]"]
    origin = next((name for name in reversed(list(layers)) if _holds(layers[name], keys)), "")
    if origin == "--":
        return f"--{keys[-1]}"
    if origin.endswith("_"):
        return origin + "__".join(str(key).upper() for key in keys if not isinstance(key, int))
    return origin


def _holds(layer: object, keys: Sequence[int | str]) -> bool:
    for key in keys:
        try:
            layer = layer[key]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return False
    return True
