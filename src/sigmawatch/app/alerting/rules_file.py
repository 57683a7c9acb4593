"""The file that defines rules: `rules.toml`, a table `[rules.NAME]` for each.

A file with something wrong in it stops nothing: what cannot be read of it is told, rule by rule,
and nothing else of the file is held up by it. Where one cannot tell what the file means (it is no
TOML, or has other tables) or it is gone, everything stays as it was.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from sigmawatch.app.alerting.definition import Definition, read_definition
from sigmawatch.app.alerting.scope import Scope
from sigmawatch.app.problems import ConfigProblems, Problem
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule_settings import rule_name

RULES_MAX = 10_000
FILE_BYTES_MAX = 20_000_000
FILE_NAME = "rules.toml"

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What a file says. definitions: None where one cannot tell, so that nothing may be removed.
    problems: by the rule's name, "" for the file. named: every rule that is in it, sound or not."""

    definitions: Mapping[str, Definition] | None
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()


def signature(path: Path) -> Signature | None:
    """What changes when the file does; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def read_rules_file(path: Path, *, scope: Scope) -> FileContent:
    """Everything that the file says. Raises nothing: what is wrong is in it."""
    try:
        tables = _tables(path)
    except Invalid as exc:
        problem = Problem(path=path.name, rule=str(exc), allowed=exc.allowed)
        return FileContent(definitions=None, problems={"": (problem,)})
    definitions: dict[str, Definition] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    for name, table in tables.items():
        try:
            definitions[name] = read_definition(name, table, scope=scope, at=f"rules.{name}.")
        except ConfigProblems as exc:
            problems[name] = tuple(exc.problems)
    named = frozenset((*definitions, *problems))
    return FileContent(definitions=definitions, problems=problems, named=named)


def _tables(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The file's rules as they are written. Raises Invalid where one cannot tell what it means."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise Invalid(f"is larger than {FILE_BYTES_MAX // 1_000_000} MB")
        read = tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise Invalid(f"cannot be read: {(exc.strerror or 'unreadable').lower()}; the rules that "
                      "it defined stand; to remove them, leave an empty file") from exc  # fmt: skip
    except ValueError as exc:  # TOML's own, or bytes that are not UTF-8
        raise Invalid(f"is not TOML: {exc}") from exc
    foreign = sorted(read.keys() - {"rules"})
    tables = read.get("rules", {})
    if (
        foreign
        or not isinstance(tables, dict)
        or not all(isinstance(table, dict) for table in tables.values())
    ):
        said = f"has {foreign[0]!r} at its top" if foreign else "has rules that are no tables"
        raise Invalid(said, allowed="tables [rules.NAME]")
    if len(tables) > RULES_MAX:
        raise Invalid(f"defines {len(tables):,} rules, at most {RULES_MAX:,}")
    named = {rule_name(name): table for name, table in tables.items()}
    if len(named) < len(tables):
        raise Invalid("names a rule twice: large and small letters are the same")
    return named


def write_rules(rules: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """The text of a file that defines these, each by its keys."""
    blocks = []
    for name, table in rules:
        lines = [f"{key} = {_value(value)}" for key, value in table.items() if value is not None]
        blocks.append("\n".join([f"[rules.{name}]", *lines]) + "\n")
    return "\n".join(blocks)


def _value(value: Any) -> str:
    """TOML of a text, number, bool or list of texts: there JSON is TOML, but for DEL."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
