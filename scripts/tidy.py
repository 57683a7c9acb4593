"""House style as numbers, measured on the syntax tree, and what no file in git may hold.

The numbers are a ratchet: what breaks a limit stands, with its exact measure, in
tests/tidy_exceptions.toml; an entry that could be lower, or is no longer needed, is a problem too.
`tidy.py` prints one line per problem and exits 1 if there is one.
"""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = ROOT / "tests" / "tidy_exceptions.toml"
SOURCES = ("src", "simulator")

LIMITS = {
    "module_lines": 400,
    "line_columns": 100,
    "function_lines": 60,
    "parameters": 5,  # without self and cls
    "positional": 2,  # parameters that may be given without their name
    "nesting": 3,  # blocks within blocks, in one function
}

# Whoever calls these decides their parameters (a command line, a request, Python, ASGI), so the two
# parameter limits do not apply to them.
FRAMEWORK_DECORATORS = frozenset(
    {"callback", "command", "delete", "get", "head", "patch", "post", "put", "route"}
)
FOREIGN_SIGNATURES = frozenset({("scope", "receive", "send")})
OWN_DUNDERS = frozenset({"__init__", "__new__"})

Function = ast.FunctionDef | ast.AsyncFunctionDef
BRANCHES = ast.If | ast.Match | ast.Try | ast.TryStar
LOOPS = ast.For | ast.AsyncFor | ast.While
BLOCKS = BRANCHES | LOOPS | ast.With | ast.AsyncWith
PARTS = ast.ExceptHandler | ast.match_case  # of a block, with a body of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number about one module or function."""

    limit: str  # a key of LIMITS
    place: str  # path, or path::qualified.name
    value: int


def measure(source: str, path: str) -> Iterator[Measure]:
    """Every number of one module."""
    lines = source.splitlines()
    yield Measure(limit="module_lines", place=path, value=len(lines))
    yield Measure(limit="line_columns", place=path, value=max(map(len, lines), default=0))
    for name, function in _functions(ast.parse(source), ""):
        place = f"{path}::{name}"
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        yield Measure(limit="function_lines", place=place, value=length)
        yield Measure(limit="nesting", place=place, value=_nesting(function.body))
        if not _called_by_others(function):
            total, positional = _parameters(function)
            yield Measure(limit="parameters", place=place, value=total)
            yield Measure(limit="positional", place=place, value=positional)


def judge(measures: list[Measure], known: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """One line for every measure over its limit and not known exactly, and for every idle entry."""
    over = {(m.limit, m.place): m.value for m in measures if m.value > LIMITS[m.limit]}
    entries = {(limit, place): v for limit, places in known.items() for place, v in places.items()}
    for (limit, place), value in over.items():
        allowed = entries.pop((limit, place), None)
        if allowed is None:
            yield f"{place}: {limit} is {value}, at most {LIMITS[limit]} allowed"
        elif value > allowed:
            yield f"{place}: {limit} grew from {allowed} to {value}; it may only shrink"
        elif value < allowed:
            yield f"{place}: {limit} is down to {value}: write that into {EXCEPTIONS.name}"
    for limit, place in entries:
        yield f"{place}: {limit} is within its limit: remove the entry from {EXCEPTIONS.name}"


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        inner = f"{prefix}{child.name}." if isinstance(child, Function | ast.ClassDef) else prefix
        if isinstance(child, Function):
            yield prefix + child.name, child
        yield from _functions(child, inner)


def _nesting(body: list[ast.stmt]) -> int:
    return max((_depth(statement) for statement in body), default=0)


def _depth(statement: ast.stmt) -> int:
    if not isinstance(statement, BLOCKS):
        return 0  # a nested function is measured by itself
    inner = [_nesting(body) for body in _bodies(statement)]
    return 1 + max(inner)


def _bodies(block: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statement lists of a block; an `elif` continues its `if` and is no deeper."""
    for _, value in ast.iter_fields(block):
        if not isinstance(value, list):
            continue
        if isinstance(block, ast.If) and value is block.orelse and _is_elif(value):
            yield from _bodies(value[0])
        elif value and isinstance(value[0], ast.stmt):
            yield value
        else:
            yield from (part.body for part in value if isinstance(part, PARTS))


def _is_elif(orelse: list[ast.stmt]) -> bool:
    return len(orelse) == 1 and isinstance(orelse[0], ast.If)


def _called_by_others(function: Function) -> bool:
    names = tuple(arg.arg for arg in function.args.args if arg.arg not in {"self", "cls"})
    dunder = function.name.startswith("__") and function.name.endswith("__")
    return (
        (dunder and function.name not in OWN_DUNDERS)
        or names in FOREIGN_SIGNATURES
        or any(_last_name(d) in FRAMEWORK_DECORATORS for d in function.decorator_list)
    )


def _last_name(decorator: ast.expr) -> str:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def _parameters(function: Function) -> tuple[int, int]:
    arguments = function.args
    positional = [arg.arg for arg in (*arguments.posonlyargs, *arguments.args)]
    if positional and positional[0] in {"self", "cls"}:
        positional = positional[1:]
    return len(positional) + len(arguments.kwonlyargs), len(positional)


# What no file in git may hold

FORBIDDEN_TEXT = {
    "a package registry's host": re.compile(
        r"pypi\.(?:org|python\.org)|pythonhosted\.|(?:npmjs|yarnpkg)\.|deb\.debian\.|crates\.io"
    ),
    "a path of some machine": re.compile(r"(?<![\w.-])(?:/root/|/home/\w|file:///)"),
    "the path of this checkout": re.compile(rf"(?<![\w.-]){re.escape(str(ROOT))}(?![\w-])"),
    "the side of an unfinished merge": re.compile(r"^(?:<{7}|>{7})(?: |$)"),
}
FORBIDDEN_NAMES = re.compile(r"(?:^|/)(?:uv\.lock|pylock[^/]*\.toml|\.env)$")
THIS = "scripts/tidy.py"  # spells the patterns


def hygiene(files: Mapping[str, bytes]) -> Iterator[str]:
    """One line for every forbidden file, and for every line of a file with forbidden text."""
    for path, content in files.items():
        if FORBIDDEN_NAMES.search(path):
            yield f"{path}: must not be in git"
        if path == THIS or b"\0" in content:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            for what, pattern in FORBIDDEN_TEXT.items():
                if pattern.search(line):
                    yield f"{path}:{number}: names {what}"


def tracked() -> dict[str, bytes]:
    """The files that git tracks here; none outside a checkout."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return {p.relative_to(ROOT).as_posix(): p.read_bytes() for p in paths if p.is_file()}


def problems() -> list[str]:
    """Everything untidy in this checkout."""
    modules = sorted(path for source in SOURCES for path in (ROOT / source).rglob("*.py"))
    measures = [
        measured
        for path in modules
        for measured in measure(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    ]
    known = tomllib.loads(EXCEPTIONS.read_text("utf-8"))
    return [*judge(measures, known), *hygiene(tracked())]


if __name__ == "__main__":
    found = problems()
    print("\n".join(found) or "tidy")
    sys.exit(bool(found))
