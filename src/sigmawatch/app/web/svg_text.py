"""Text from strangers inside an SVG document (SECURITY.md S18)."""

from __future__ import annotations

import re
from html import escape

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Without what XML cannot hold or what turns the direction of writing."""
    return _UNPRINTABLE.sub("\ufffd", text)


def inert(text: str) -> str:
    """As it may stand between tags."""
    return escape(printable(text))
