"""The reference page of formulas: every example in it is one, every unit and refusal is ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sigmawatch.domain.errors import ExpressionInvalid
from sigmawatch.domain.expression_words import FORMULA
from sigmawatch.domain.formula import parse_formula, print_formula
from sigmawatch.domain.formula_reader import FUNCTIONS
from sigmawatch.domain.window import MINUTE_MS, Interval

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "formulas.md").read_text("utf-8")
MINUTE = Interval(MINUTE_MS)
GRAMMAR = PAGE.index("## Grammar")
BLOCKS = re.compile(r"^ {4}(.*)$", re.MULTILINE)
EXAMPLES = list(BLOCKS.findall(PAGE[:GRAMMAR]))
REFUSALS = BLOCKS.findall(PAGE[GRAMMAR:])[-3:]
WRONG = ("BTC/USD", "mean(1h)", "KRAKEN:BTC/USD - BINANCE:BTC/USDT")
UNITS = re.findall(r"^\| `([^`]+)` \| ([^|`]+) \|$", PAGE[PAGE.index("## Units") :], re.MULTILINE)
CODES = sorted(set(re.findall(r"^\| `([A-Za-z][^`]*[A-Za-z)\]])` \|", PAGE, re.MULTILINE)))


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_is_a_formula_in_canonical_form(line: str) -> None:
    written = line.partition("#")[0].rstrip()
    assert print_formula(parse_formula(line, interval=MINUTE)) == written


@pytest.mark.parametrize("code", CODES)
def test_every_part_on_the_page_is_a_formula_itself(code: str) -> None:
    assert print_formula(parse_formula(code, interval=MINUTE)) == code


@pytest.mark.parametrize(("line", "unit"), UNITS)
def test_every_formula_comes_to_the_unit_on_the_page(line: str, unit: str) -> None:
    assert parse_formula(line, interval=MINUTE).unit == unit


@pytest.mark.parametrize(("line", "refusal"), [*zip(WRONG, REFUSALS, strict=True)])
def test_every_refusal_is_told_as_the_page_says(line: str, refusal: str) -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        parse_formula(line, interval=MINUTE)
    assert str(refused.value) == refusal


def test_the_page_knows_every_word_and_limit_of_the_language() -> None:
    assert len(EXAMPLES) == 8
    assert len(UNITS) == 5
    assert len(CODES) == 14
    assert [word for word in FUNCTIONS if word not in PAGE] == []
    assert f"{FORMULA.parts_max} parts, and nests {FORMULA.nesting_max} deep" in PAGE
