"""The reference page of the rule language: every example in it is a rule, every refusal is ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.domain.rule_trees import EXAMPLES

from sigmawatch.domain.errors import ExpressionInvalid
from sigmawatch.domain.expression import RankKey
from sigmawatch.domain.metric import METRICS
from sigmawatch.domain.rule import default_clear, parse_condition, print_condition
from sigmawatch.domain.rule_reader import FUNCTIONS, NAMES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "rules.md").read_text("utf-8")
GRAMMAR = PAGE.index("## Grammar")
BLOCKS = re.compile(r"^ {4}(.*)$", re.MULTILINE)
RULES = list(BLOCKS.findall(PAGE[:GRAMMAR]))
REFUSALS = [line for line in BLOCKS.findall(PAGE[GRAMMAR:]) if ": " in line]
CLEARS = re.findall(r"^\| `([^`]+)` \| `(not [^`]+)` \|$", PAGE, re.MULTILINE)
WRONG = ("price > mean(1x)", "medan(1h) > 3", "price > age", "price > mean(3m)")


@pytest.mark.parametrize("line", RULES)
def test_every_example_is_a_rule_in_canonical_form(line: str) -> None:
    written = line.partition("#")[0].rstrip()
    assert print_condition(parse_condition(line)) == written


def test_the_page_begins_with_the_examples_of_the_semantics() -> None:
    assert tuple(line.partition("#")[0].rstrip() for line in RULES[: len(EXAMPLES)]) == EXAMPLES


@pytest.mark.parametrize(("line", "refusal"), [*zip(WRONG, REFUSALS, strict=True)])
def test_every_refusal_is_told_as_the_page_says(line: str, refusal: str) -> None:
    with pytest.raises(ExpressionInvalid) as refused:
        parse_condition(line)
    assert str(refused.value) == refusal


@pytest.mark.parametrize(("line", "clear"), CLEARS)
def test_every_rule_clears_as_the_page_says(line: str, clear: str) -> None:
    assert print_condition(default_clear(parse_condition(line))) == clear


def test_the_page_knows_every_word_of_the_language() -> None:
    assert len(CLEARS) == 3
    missing = [word for word in (*FUNCTIONS, *NAMES, *METRICS, *RankKey) if word not in PAGE]
    assert missing == []


@pytest.mark.parametrize("code", sorted(set(re.findall(r"`([a-z_]+[\[(][^ `][^`]*[\])])`", PAGE))))
def test_every_function_on_the_page_can_be_read(code: str) -> None:
    line = code if code.startswith(("crosses", "confirmed")) else f"{code} != 0"
    parse_condition(line)
