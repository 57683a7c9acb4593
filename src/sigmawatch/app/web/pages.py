"""What a browser gets: the page, the documentation, and their assets, all from the package.

Served from memory, so no request ever names a file; nothing is fetched from another host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from sigmawatch.app.web.problems import ProblemError
from sigmawatch.app.web.site import not_modified, unchanged

_TYPES = {
    "html": "text/html",  # the framework adds the character set
    "css": "text/css",
    "js": "text/javascript",
}


@cache
def assets() -> Mapping[str, bytes]:
    """Name -> content of every packaged file."""
    folder = resources.files("sigmawatch.app.web") / "static"
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if "." in entry.name}


@cache
def build() -> str:
    """Names the page that this program brings; another one's is another name."""
    whole = hashlib.blake2b(digest_size=8)
    for name, content in sorted(assets().items()):
        whole.update(name.encode() + b"\0" + content)
    return whole.hexdigest()


@get("/", include_in_schema=False, opt={"scope": None})
async def show_page(request: Request[Any, Any, Any]) -> Response[Any]:
    """The ranking, for people."""
    return _file(request, "index.html")


@get("/docs", include_in_schema=False, opt={"scope": None})
async def show_docs(request: Request[Any, Any, Any]) -> Response[Any]:
    """The API's documentation, drawn from /openapi.json."""
    return _file(request, "docs.html")


@get("/static/{name:str}", include_in_schema=False, opt={"scope": None})
async def show_asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
    """A style sheet or a module."""
    return _file(request, name)


def _file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
    if name not in assets():
        raise ProblemError("not-found", "nothing is at this address")
    content = assets()[name]
    tag = f'"{hashlib.blake2b(content, digest_size=8).hexdigest()}"'
    if unchanged(request, tag):
        return not_modified(tag)
    media_type = _TYPES[name.rpartition(".")[2]]
    return Response(content, media_type=media_type, headers={"etag": tag})
