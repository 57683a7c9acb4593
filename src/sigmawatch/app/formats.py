"""Numbers as people read them, the same here and on the page: both read formats.json.

Significant digits, not decimals; a true minus sign; unknown is a dash, never 0 (the table's rules
are DASHBOARD's 6.5). What both sides must print for what stands in tests/web/formats.json.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import Any, TypeGuard

import msgspec

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@cache
def table() -> Any:
    """The table, as it stands in the file."""
    return msgspec.json.decode((resources.files("sigmawatch.app") / "formats.json").read_bytes())


def price(value: float | None) -> str:
    """A level: 67,284.1 · 3.2500 · 0.012319 · 0.0₅4231."""
    if not _known(value):
        return str(table()["unknown"])
    rules, size = table()["price"], abs(value)
    for least, decimals in rules["decimals"]:
        if size >= least:
            return _signed(value, f"{size:,.{decimals}f}")
    if size == 0:
        return "0"
    zeros = max(0, -math.floor(math.log10(size)) - 1)
    if zeros <= rules["zeros_max"]:
        return _signed(value, f"{size:.{zeros + rules['significant']}f}")
    digits = f"{size:.{rules['dust_digits'] - 1}e}".partition("e")[0].replace(".", "")
    return _signed(value, f"0.0{str(zeros).translate(_SUBSCRIPTS)}{digits}")


def percent(value: float | None) -> str:
    """A change, always with its sign: +2.40% · −0.88%, and ×11 for what has grown tenfold."""
    if not _known(value):
        return str(table()["unknown"])
    rules = table()["percent"]
    if value >= rules["factor_from"]:
        return f"×{1 + value / 100:,.0f}"
    shown = f"{abs(value):,.{rules['decimals']}f}%"
    return shown if round(value, rules["decimals"]) == 0 else _signed(value, shown, plus="+")


def compact(value: float | None) -> str:
    """An amount: 1.02B · 6.53k · 867."""
    if not _known(value):
        return str(table()["unknown"])
    rules, size = table()["compact"], abs(value)
    for unit, letter in rules["units"]:
        if size >= unit:
            return _signed(value, _significant(size / unit, rules["significant"]) + letter)
    return _signed(value, _significant(size, rules["significant"]))


def age(seconds: float | None) -> str:
    """A span: 12 s · 4 min · 1.3 h."""
    if not _known(seconds):
        return str(table()["unknown"])
    for below, unit, decimals, name in table()["age"]:
        if below is None or seconds < below:
            return f"{seconds / unit:.{decimals}f} {name}"
    raise AssertionError("the last line of the table has no bound")


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _signed(value: float, shown: str, *, plus: str = "") -> str:
    return f"{table()['minus'] if value < 0 else plus}{shown}"


def _significant(size: float, digits: int) -> str:
    whole = len(str(int(size))) if size >= 1 else 1
    return f"{size:,.{max(0, digits - whole)}f}"
