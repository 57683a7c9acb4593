"""The dashboard: one page for every route of its own, and the files it was built into.

`hatch_build.py` puts them into `built/` beside this file, hashed names but for index.html, packed
ones beside the plain. Served from memory, so no request ever names a file; nothing is fetched from
another host. Where nothing was built, `static/unbuilt.html` says how to. The page may be served
below any path: it names its files relative to itself, so what stands deeper is told how deep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from litestar import Request, Response, get
from msgspec import Struct

from sigmawatch.app.web.site import not_modified, unchanged

INDEX = "index.html"
STATE = "dashboard"  # where an application keeps its own
ROUTES = [
    "/", "/m/{venue:str}/{pair:str}", "/alerts", "/alerts/new", "/venues", "/inbox", "/settings",
    "/kiosk", "/about", "/sign-in", "/set-up", "/subscriptions/confirm",
    "/subscriptions/unsubscribe",
]  # fmt: skip
TYPES: Mapping[str, str] = {
    "html": "text/html",  # the framework adds the character set
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
FOREVER = "public, max-age=31536000, immutable"  # a changed file has another name
_PACKED = {"br": ".br", "gzip": ".gz"}  # the better one first


class File(Struct, frozen=True, kw_only=True):
    """One file. packed: content coding -> its bytes. tag: its strong entity tag."""

    content: bytes
    media_type: str
    tag: str
    packed: Mapping[str, bytes] = {}
    hashed: bool = False


class Dashboard:
    """What was built, by name; nothing where nothing was. build: names it, another one's is another
    name."""

    def __init__(self, built: Mapping[str, bytes]) -> None:
        whole = hashlib.blake2b(digest_size=8)
        for name, content in sorted(built.items()):
            whole.update(name.encode() + b"\0" + content)
        self.build = whole.hexdigest()
        self.files: Mapping[str, File] = {
            name: _file(name, built) for name in built
            if name != INDEX and not name.endswith(tuple(_PACKED.values()))
        }  # fmt: skip
        self._index = built.get(INDEX, contents("static")["unbuilt.html"])

    def page(self, depth: int) -> File:
        """The page for routes so many folders deep."""
        content = self._index.replace(b'"./', b'"' + (b"../" * depth or b"./"))
        return plain(INDEX, content)


@cache
def contents(folder: str) -> Mapping[str, bytes]:
    """Name -> content of every packaged file of a folder; empty where it is not there."""
    place = resources.files("sigmawatch.app.web") / folder
    if not place.is_dir():
        return {}
    return {one.name: one.read_bytes() for one in place.iterdir() if not one.name.startswith(".")}


@cache
def packaged() -> Dashboard:
    """The one that this program brings."""
    return Dashboard(contents("built"))


@get(ROUTES, include_in_schema=False, opt={"scope": None})
async def show_page(request: Request[Any, Any, Any]) -> Response[Any]:
    """The dashboard, for people; what it shows follows from the address."""
    return answer(request, page_of(request))


def page_of(request: Request[Any, Any, Any]) -> File:
    """The page as it is for the address of a request."""
    return dashboard_of(request).page(request.scope["path"].count("/") - 1)


def dashboard_of(request: Request[Any, Any, Any]) -> Dashboard:
    """The application's."""
    found: Dashboard = request.app.state[STATE]
    return found


def plain(name: str, content: bytes) -> File:
    """A file that is not packed."""
    tag = f'"{hashlib.blake2b(content, digest_size=8).hexdigest()}"'
    return File(content=content, media_type=TYPES[name.rpartition(".")[2]], tag=tag)


def _file(name: str, built: Mapping[str, bytes]) -> File:
    packed = {how: built[name + end] for how, end in _PACKED.items() if name + end in built}
    file = plain(name, built[name])
    return File(content=file.content, media_type=file.media_type, tag=file.tag, packed=packed,
                hashed="-" in name)  # fmt: skip


def answer(request: Request[Any, Any, Any], file: File) -> Response[Any]:
    """A file, packed as the client takes it."""
    how = next((one for one in file.packed if one in _taken(request)), None)
    tag = file.tag if how is None else f'{file.tag[:-1]}-{how}"'
    if unchanged(request, tag):
        return not_modified(tag)
    headers = {"etag": tag, "vary": "accept-encoding"}
    if file.hashed:
        headers["cache-control"] = FOREVER
    if how is not None:
        headers["content-encoding"] = how
    content = file.content if how is None else file.packed[how]
    return Response(content, media_type=file.media_type, headers=headers)


def _taken(request: Request[Any, Any, Any]) -> set[str]:
    given = request.headers.get("accept-encoding", "").lower().replace(" ", "").split(",")
    return {one.partition(";")[0] for one in given if not one.endswith(";q=0")}
