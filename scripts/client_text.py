"""Python text: types, names, comments, doc strings."""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Callable, Iterator, Sequence

from scripts.client_contract import Schema, choices, name_of

MADE = "Written by `make docs` from the API's contract (scripts/client.py)."
COLUMNS = 100
_PLAIN = {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def module(says: str, imports: Sequence[str], parts: Sequence[str]) -> str:
    """A module; what it imports and does not use is removed by the formatter."""
    head = [f'"""{says}', "", MADE, '"""', "", "from __future__ import annotations", "", *imports]
    return "\n".join([*head, "", "", "\n\n".join(parts), ""])


def typed(schema: Schema, *, reference: Callable[[str], str] = str, many: str = "list") -> str:
    """The type of what is read. reference: of a schema's name; many: what a sequence is."""
    found = choices(schema)
    if found != [schema]:
        parts = [typed(one, reference=reference, many=many) for one in found]
        return " | ".join(dict.fromkeys(sorted(parts, key=lambda part: part == "None")))
    if "$ref" in schema:
        return reference(name_of(schema))
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            parts = [typed(one, reference=reference, many=many) for one in schema["prefixItems"]]
            return f"tuple[{', '.join(parts)}]"
        case "array":
            return f"{many}[{typed(schema.get('items', {}), reference=reference, many=many)}]"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            inner = typed(schema["additionalProperties"], reference=reference, many=many)
            return f"dict[str, {inner}]"
        case "object":
            return "dict[str, Any]"
        case "string":
            return "datetime" if schema.get("format") == "date-time" else "str"
        case str() as plain:
            return _PLAIN[plain]
    return "Any"


def python_name(name: str) -> str:
    """`from` cannot be a name of ours."""
    return f"{name}_" if keyword.iskeyword(name) else name


def commented(line: str, says: str) -> Iterator[str]:
    """A line of a class with its comment, beside it where there is room."""
    says = " ".join(says.split())
    if len(line) + len(says) + 3 <= COLUMNS or not says:
        yield f"{line}  # {says}".rstrip(" #")
        return
    indent = line[: len(line) - len(line.lstrip())] + "# "
    yield from textwrap.wrap(
        says, COLUMNS, initial_indent=indent, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
    yield line


def doc(text: str, *, indent: int) -> str:
    """A doc string of paragraphs."""
    pad, width = " " * indent, COLUMNS - indent - 6
    paragraphs = [textwrap.fill(" ".join(one.split()), width) for one in text.split("\n\n") if one]
    body = "\n\n".join(paragraphs).replace("\\", "\\\\")
    lines = body.split("\n")
    end = '"""' if len(lines) == 1 else f'\n{pad}"""'
    return (
        f'{pad}"""' + "\n".join([lines[0], *(pad + one if one else "" for one in lines[1:])]) + end
    )
