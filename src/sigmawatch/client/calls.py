"""Questions as values: an operation of the contract, and one call of it.

    SHOW_METRIC = Operation(method="GET", path="/api/v1/metrics/{id}", answer=MetricRow)
    SHOW_METRIC.call("KRAKEN:BTC-USD:price", query={"window": "6h"}).request(ground)

Nothing here reads or sends.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import msgspec

from sigmawatch import __version__
from sigmawatch.client.errors import Problem, Unreadable
from sigmawatch.client.model import Table

Answer_co = TypeVar("Answer_co", covariant=True)

Name = str | int  # an id, or a name
Many = str | Sequence[str | int]  # several, or one text with commas between
When = str | int | datetime  # RFC 3339, milliseconds since the epoch, a span back (`-6h`), `now`

DEFAULT_URL = "http://127.0.0.1:8000"
_HTTP = ("http", "https")
_KEY = "Idempotency-Key"
_KEYED_BYTES_MAX = 1_000_000  # under an Idempotency-Key (docs/reference/api.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, with its whole address."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    def having(self, **headers: str) -> Request:
        """The same with more headers, `If_None_Match` for If-None-Match."""
        added = {name.replace("_", "-"): value for name, value in headers.items() if value}
        return replace(self, headers={**self.headers, **added})

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again though it may have been carried out: it reads, or what
        carries it out knows it again."""
        return self.method == "GET" or _KEY in self.headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Whom we ask, and who we say we are. url: without a slash at its end, below a path where the
    server is; the key is never shown."""

    url: str
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        proper = parts.scheme in _HTTP and parts.hostname and "@" not in parts.netloc
        if not proper or parts.query or parts.fragment or " " in self.url:
            raise ValueError(f"url: an address as {DEFAULT_URL}, without a user or a query")
        if not (self.key.isascii() and self.key.isprintable()):
            raise ValueError("key: a key is letters, digits and underscores")

    @classmethod
    def of(cls, url: str | None, key: str | None) -> Ground:
        """What is given, else SIGMAWATCH_URL and SIGMAWATCH_KEY, else this machine's server.
        Raises ValueError for what is no address, or no key."""
        url = url or os.environ.get("SIGMAWATCH_URL") or DEFAULT_URL
        key = os.environ.get("SIGMAWATCH_KEY", "") if key is None else key
        return cls(url=url.rstrip("/"), key=key.strip())

    def headers(self) -> dict[str, str]:
        said = {"Accept": "application/json", "User-Agent": f"sigmawatch-python/{__version__}"}
        return {**said, "Authorization": f"Bearer {self.key}"} if self.key else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Answer_co]):
    """One operation with what it was given. target: its path; content: a body that is no JSON, and
    its media type."""

    operation: Operation[Answer_co]
    target: str
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    content: tuple[bytes, str] | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)

    def on(self, **query: object) -> Call[Answer_co]:
        """The same with more of a query."""
        return replace(self, query={**self.query, **query})

    def request(self, ground: Ground) -> Request:
        asked = urlencode(dict(worded(self.query)))
        headers = ground.headers()
        if self.operation.answer in (Table, str):
            headers["Accept"] = "*/*"
        headers |= {name: value for name, value in self.headers.items() if value is not None}
        body, media_type = self._content()
        if media_type:
            headers["Content-Type"] = media_type
        url = ground.url + self.target + (f"?{asked}" if asked else "")
        return Request(method=self.operation.method, url=url, headers=headers, body=body)

    def _content(self) -> tuple[bytes, str]:
        if self.content is not None:
            return self.content
        if self.body is None:
            return b"", ""
        return msgspec.json.encode(_plain(self.body)), "application/json"

    def read(self, reply: Reply) -> Answer_co:
        """The answer. Raises Problem for a refusal, Unreadable for what is not as promised."""
        if not 200 <= reply.status < 300:
            raise Problem(reply.status, reply.body, headers=reply.headers)
        try:
            answer: Answer_co = _read(reply, self.operation.answer)
            return answer
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            what = f"{self.operation.method} {self.target}"
            raise Unreadable(
                f"{what}: not what the API of {__version__} answers ({exc}); is the server older?"
            ) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Answer_co]):
    """One operation of the contract. path: with `{name}` for each part that is asked for."""

    method: str
    path: str
    answer: type[Answer_co]

    def written(self) -> Operation[Table]:
        """The same, answered in another format than JSON."""
        return Operation(method=self.method, path=self.path, answer=Table)

    def call(
        self, *parts: object, query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None, content: tuple[bytes, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Call[Answer_co]:  # fmt: skip
        """Call it. parts: of the path, in order."""
        return Call(operation=self, target=_filled(self.path, parts), query=query or {}, body=body,
                    content=content, headers=headers or {})  # fmt: skip


def keyed(request: Request, key: str) -> Request:
    """A POST under the caller's own key, else under `key`, so that it may be sent again; under none
    where either is empty, and where it is too long to be known again."""
    if request.method != "POST":
        return request
    own = request.headers.get(_KEY)
    if own is None and len(request.body) > _KEYED_BYTES_MAX:
        key = ""
    headers = {name: value for name, value in request.headers.items() if name != _KEY}
    if chosen := key if own is None else own:
        headers[_KEY] = chosen
    return replace(request, headers=headers)


def segment(name: object) -> str:
    """A name as one segment of a path."""
    return quote(str(name), safe=":")


def worded(query: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """What is asked, as an address says it: None is left out, `from_` is `from`."""
    for name, value in query.items():
        if value is not None:
            yield name.rstrip("_"), _word(value)


def _filled(path: str, parts: Sequence[object]) -> str:
    literal = path.split("{")
    filled = [literal[0]]
    for part, rest in zip(parts, literal[1:], strict=True):
        filled += [segment(part), rest.partition("}")[2]]
    return "".join(filled)


def _word(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return moment(value)
        case list() | tuple() | set() | frozenset():
            return ",".join(map(_word, value))
        case StrEnum():
            return value.value
    return str(value)


def moment(when: datetime) -> str:
    """RFC 3339 in UTC. Raises ValueError for a moment without a time zone."""
    if when.tzinfo is None:
        raise ValueError(f"{when!r} has no time zone; datetime.now(UTC) has")
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(body: Mapping[str, object]) -> dict[str, object]:
    return {
        name.rstrip("_"): moment(value) if isinstance(value, datetime) else value
        for name, value in body.items()
    }


def _read(reply: Reply, answer: type[Any]) -> Any:
    if answer is type(None):
        return None
    if answer is str:
        return reply.body.decode()
    if answer is Table:
        media_type = reply.headers.get("content-type", "")
        return Table(content=reply.body, media_type=media_type, next_cursor=_next(reply))
    return msgspec.json.decode(reply.body, type=answer) if reply.body else None


def _next(reply: Reply) -> str | None:
    """The cursor that the Link header leads on with (RFC 8288)."""
    address, _, rest = reply.headers.get("link", "").lstrip("<").partition(">")
    if 'rel="next"' not in rest:
        return None
    query = parse_qs(urlsplit(address).query)
    return next((query[name][0] for name in ("cursor", "before") if name in query), None)
