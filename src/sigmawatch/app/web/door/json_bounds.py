"""What a JSON body may be, beyond what its fields allow: I-JSON (RFC 7493) of bounded shape.

No key twice in an object, no number of more than 64 digits, nothing deeper than 32, no array longer
than 10,000. Surrogates alone, NaN, a byte-order mark and anything after the value are refused by
the decoder (msgspec). Every step is linear in the body, and what nests too deeply ends the first.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Request

from sigmawatch.app.web.problems import ProblemError

DEPTH_MAX = 32
ITEMS_MAX = 10_000
DIGITS_MAX = 64
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_DIGITS = re.compile(rb"[0-9]{%d}" % (DIGITS_MAX + 1))


def check_json(body: bytes, *, items_max: int = ITEMS_MAX) -> None:
    """Raises ProblemError 400 for a body that is no JSON, or not within the bounds."""
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        raise ProblemError("malformed", f"nested deeper than {DEPTH_MAX}") from None
    except msgspec.DecodeError as exc:
        raise ProblemError("malformed", f"the body is not JSON: {exc}") from None
    except UnicodeDecodeError:
        raise ProblemError("malformed", "the body is not UTF-8") from None
    plain = _STRING.sub(b"", body)  # well-formed from here on, so every string ends
    if _DIGITS.search(plain):
        raise ProblemError("malformed", f"a number of more than {DIGITS_MAX} digits")
    if _members_count(value, items_max) != plain.count(b":"):
        raise ProblemError("malformed", "a key is given twice in one object")


def _members_count(value: object, items_max: int) -> int:
    """How many members all objects have. Raises ProblemError for what is too deep or too long."""
    count, level = 0, _containers([value])
    for _ in range(DEPTH_MAX):
        inner: list[object] = []
        for one in level:
            if isinstance(one, dict):
                count += len(one)
                inner += one.values()
            else:
                _check_length(one, items_max)
                inner += one
        level = _containers(inner)
        if not level:
            return count
    raise ProblemError("malformed", f"nested deeper than {DEPTH_MAX}")


def _containers(values: list[object]) -> list[dict[str, object] | list[object]]:
    return [one for one in values if isinstance(one, dict | list)]


def _check_length(items: list[object], items_max: int) -> None:
    if len(items) > items_max:
        raise ProblemError("malformed", f"an array of {len(items)}; {items_max} at most")


class BoundedRequest(Request[Any, Any, Any]):
    """A request whose JSON body is within the bounds before anything is made of it."""

    async def body(self) -> bytes:
        found = await super().body()
        if found and self.headers.get("content-type", "").startswith("application/json"):
            check_json(found)
        return found
