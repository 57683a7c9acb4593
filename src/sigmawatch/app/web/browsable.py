"""The page that a person gets around an answer: the JSON, indented, with what it names as links.

Nothing on it is code: no script, no inline style. Every text of the answer is escaped, and a link
leads only to a path of ours (SECURITY.md S18), so a name is inert whatever it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from litestar.types.asgi_types import HTTPScope

NAMED = {
    "slug": "/metrics/{}", "series_id": "/metrics/{}", "venue": "/venues/{}", "rule": "/rules/{}",
    "episode": "/episodes/{}", "watchlist": "/watchlists/{}",
}  # fmt: skip
OF_LISTS = {  # what leads from a row of a list to the one thing
    "metrics": "id", "ranking": "id", "rules": "name", "watchlists": "name", "channels": "name",
    "venues": "name", "episodes": "id", "silences": "id", "deliveries": "number",
    "users": "id", "keys": "id",
}  # fmt: skip
_PATH = re.compile(r"/(?:api|problems|docs|healthz|readyz|openapi\.json|static)[A-Za-z0-9/._:-]*")
_API = re.compile(r"(/api/[a-z0-9]+)(?:/([a-z]+))?")


def page_around(body: bytes, scope: HTTPScope, *, status: int) -> bytes:
    """HTML around the JSON `body` that the request was answered with."""
    path, query = scope["path"], scope["query_string"].decode("latin-1")
    address = escape(path + (f"?{query}" if query else ""))
    document = json.loads(body)
    told = "".join(_Writer(path, query).lines(document))
    title = document.get("title") if status >= 400 and isinstance(document, dict) else path
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(str(title))} - Sigmawatch</title>"
        '<link rel="stylesheet" href="/static/browse.css"></head><body>'
        '<nav><a href="/">Sigmawatch</a> <a href="/api/v1">API</a> <a href="/docs">Docs</a> '
        f"{_trail(path)}</nav>"
        f"<h1>{status} <code>GET {address}</code></h1><pre>{told}</pre></body></html>"
    ).encode()


def _trail(path: str) -> str:
    """A link for every part of the way here."""
    parts = [part for part in path.split("/") if part]
    whole = [
        "/" + "/".join(quote(part, safe=":-._") for part in parts[:n])
        for n in range(2, len(parts) + 1)
    ]
    names = [escape(part) for part in parts[1:]]
    return " / ".join(f'<a href="{at}">{name}</a>' for at, name in zip(whole, names, strict=True))


class _Writer:
    """Writes a document as indented JSON, a piece at a time."""

    def __init__(self, path: str, query: str) -> None:
        found = _API.match(path)
        self._api = found[1] if found else "/api/v1"
        self._of_list = OF_LISTS.get((found[2] or "") if found else "", "")
        self._path, self._query = path, query

    def lines(self, value: Any, *, depth: int = 0, key: str = "") -> Iterator[str]:
        pad, separator = "  " * (depth + 1), ""
        if isinstance(value, dict) and value:
            yield "{\n"
            for name, inner in value.items():
                yield f"{separator}{pad}<b>{escape(json.dumps(name))}</b>: "
                yield from self.lines(inner, depth=depth + 1, key=name)
                separator = ",\n"
            yield f"\n{'  ' * depth}}}"
        elif isinstance(value, list) and value:
            yield "[\n"
            for inner in value:
                yield f"{separator}{pad}"
                yield from self.lines(inner, depth=depth + 1, key=key)
                separator = ",\n"
            yield f"\n{'  ' * depth}]"
        else:
            yield self._leaf(value, key=key, depth=depth)

    def _leaf(self, value: Any, *, key: str, depth: int) -> str:
        text = escape(json.dumps(value, ensure_ascii=False))
        target = self._target(value, key=key, depth=depth)
        return text if target is None else f'<a href="{escape(target)}">{text}</a>'

    def _target(self, value: Any, *, key: str, depth: int) -> str | None:
        """Where a value leads, if anywhere."""
        if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
            return None
        if isinstance(value, str) and _PATH.fullmatch(value):
            return value
        if key in ("next_cursor", "next_before"):
            return self._next({key.removeprefix("next_"): str(value)})
        if key == self._of_list and depth == 3:
            collection = "metrics" if "ranking" in self._path else self._path.split("/")[3]
            return f"{self._api}/{collection}/{quote(str(value), safe=':-._')}"
        named = NAMED.get(key)
        return None if named is None else self._api + named.format(quote(str(value), safe=":-._"))

    def _next(self, place: Mapping[str, str]) -> str:
        return f"{self._path}?{urlencode({**dict(parse_qsl(self._query)), **place})}"
