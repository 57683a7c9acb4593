"""Numbers as people read them; the page is held to the same answers (tests/ui/test_build.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sigmawatch.app import formats

CASES: dict[str, list[tuple[float | None, str]]] = json.loads(
    (Path(__file__).parent.parent / "web" / "formats.json").read_text("utf-8")
)
TOLD = [(kind, value, shown) for kind, cases in CASES.items() for value, shown in cases]


@pytest.mark.parametrize(("kind", "value", "shown"), TOLD)
def test_a_number_reads_as_the_table_says(kind: str, value: Any, shown: str) -> None:
    assert getattr(formats, kind)(value) == shown


def test_what_is_no_number_is_unknown_and_never_zero() -> None:
    assert formats.price(float("nan")) == formats.compact(float("inf")) == "–"
