"""Messages as plain text, and the cutting of texts to what a service takes. Pure."""

from __future__ import annotations

import datetime as dt

from sigmawatch.domain.message import Message

_CUT = "…"


def clip(text: str, chars_max: int) -> str:
    """The beginning of a text, marked where something is missing."""
    return text if len(text) <= chars_max else text[: chars_max - 1] + _CUT


def clip_bytes(text: str, bytes_max: int) -> str:
    """As `clip`, counted in UTF-8."""
    if len(text.encode()) <= bytes_max:
        return text
    room = bytes_max - len(_CUT.encode())
    return text.encode()[:room].decode(errors="ignore") + _CUT


def visible(text: str) -> str:
    """One line of what can be seen: what would move a cursor, turn the direction of writing or end
    a line is replaced."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def body(message: Message, *, link: bool = True) -> str:
    """Everything but the title, a line each."""
    lines = [*message.lines, *(f"{name}: {value}" for name, value in message.facts)]
    if link and message.link:
        lines.append(message.link)
    return "\n".join(visible(line) for line in lines)


def whole(message: Message, *, link: bool = True) -> str:
    """The title and everything else."""
    rest = body(message, link=link)
    return visible(message.title) + (f"\n{rest}" if rest else "")


def moment(ts_ms: int) -> str:
    """RFC 3339, UTC."""
    when = dt.datetime.fromtimestamp(ts_ms / 1_000, dt.UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
