"""docs/reference/security-tests.md names a test, or says why not, for every row of SECURITY.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/security-tests.md"
ROW = re.compile(r"^\| (S[0-9]{2}) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> list[tuple[str, str]]:
    return [(row, held) for row, _, held in ROW.findall(PAGE.read_text("utf-8"))]


def test_every_row_is_there_once_in_order() -> None:
    assert [row for row, _ in rows()] == [f"S{number:02}" for number in range(1, 65)]


def test_every_named_test_exists() -> None:
    named = {place for _, held in rows() for place in NAMED.findall(held)}
    assert len(named) > 90
    for file, name in sorted(named):
        tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
        functions = {
            node.name for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }  # fmt: skip
        assert name in functions, f"{file} has no {name}"


def test_a_row_without_a_test_says_why_in_a_line() -> None:
    without = {row: held for row, held in rows() if not NAMED.search(held)}
    assert len(without) <= 2
    assert all(len(held) > 40 for held in without.values())


def test_a_test_that_is_called_by_a_row_is_named_there() -> None:
    """tests/security/ calls its tests `test_s42_…`: each stands in its row."""
    held = dict(rows())
    for path in Path(__file__).parent.glob("test_*.py"):
        for name in re.findall(r"def (test_s[0-9]{2}_\w+)\(", path.read_text("utf-8")):
            assert name in held[name[5:8].upper()], name
