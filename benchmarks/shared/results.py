"""What the last whole run measured, as small JSON files, and numbers as a reader wants them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "results"


@dataclass(frozen=True, slots=True)
class Results:
    """One benchmark's file: {"machine": {…}, "rows": […]}."""

    name: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.json"

    def save(self, content: Mapping[str, Any]) -> None:
        FOLDER.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def load(self) -> dict[str, Any]:
        """Raises FileNotFoundError where it was never measured."""
        content: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
        return content


def duration(ms: float) -> str:
    """Three digits and the unit that fits: "9.31 ms", "840 ms", "6.20 s"."""
    if ms < 0.9995:
        return f"{_digits(1_000 * ms)} µs"
    return f"{_digits(ms)} ms" if ms < 999.5 else f"{_digits(ms / 1_000)} s"


def size(count: float) -> str:
    """Bytes: "1.32 bytes", "36.6 kB", "3.41 MB", "86 MB", "1.30 GB"."""
    for below, unit, name in ((1e3, 1.0, "bytes"), (0.9995e6, 1e3, "kB"), (9.995e6, 1e6, "MB")):
        if count < below:
            return f"{_digits(count / unit)} {name}"
    return f"{count / 1e6:,.0f} MB" if count < 0.9995e9 else f"{_digits(count / 1e9)} GB"


def ratio(number: float) -> str:
    """How many times as long: "0.6 ×", "24 ×", "3,100 ×"; two digits are as many as hold."""
    if number < 9.95:
        return f"{number:.1f} ×"
    places = len(str(round(number))) - 2
    return f"{round(number, -places):,.0f} ×"


def _digits(number: float) -> str:
    if number >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"


def whole(said: str) -> str:
    """A number that was chosen rather than measured: "5 ms" for "5.00 ms"."""
    number, _, unit = said.partition(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """A table; the first so many columns are words, the others numbers, which stand right."""
    sides = ["---"] * words + ["---:"] * (len(header) - words)
    lines = [_line(header), _line(sides)]
    return "\n".join([*lines, *map(_line, rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
