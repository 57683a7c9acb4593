"""How a command asks: the API of docs/reference/api.md, over any way of speaking HTTP.

What the API refuses arrives as the domain error it stands for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlencode

import msgspec

from sigmawatch.app.problems import ConfigProblems, Problem
from sigmawatch.domain.errors import Conflict, Invalid, NotFound, Refused, Unavailable

API = "/api/v1"
PAGE_ROWS = 1_000

Json = Any


@dataclass(frozen=True, slots=True)
class Question:
    """One request; target is a path with its query. if_match: the entity tag of what is changed."""

    method: str
    target: str
    body: bytes = b""
    if_match: str = ""


Speak = Callable[[Question], Awaitable[tuple[int, bytes]]]  # the answer's status and body


class Client(Protocol):
    """What a command asks with. Paths are below /api/v1; answers are decoded JSON."""

    async def get(self, path: str, **query: object) -> Json:
        """Read; a query value of None is left out."""
        ...

    async def get_all(self, path: str, **query: object) -> Json:
        """Read every page; `items` holds them all."""
        ...

    async def post(self, path: str, body: Mapping[str, object]) -> Json:
        """Make or start something."""
        ...

    async def put(self, path: str, body: Mapping[str, object], *, if_match: str = "") -> Json:
        """Make something, or replace it."""
        ...

    async def patch(self, path: str, body: Mapping[str, object]) -> Json:
        """Change something."""
        ...

    async def delete(self, path: str, *, if_match: str = "") -> None:
        """Take something away."""
        ...


class ApiClient:
    """A client over any way of speaking HTTP."""

    def __init__(self, speak: Speak) -> None:
        self._speak = speak

    async def get(self, path: str, **query: object) -> Json:
        asked = {name: _worded(value) for name, value in query.items() if value is not None}
        target = f"{path}?{urlencode(asked)}" if asked else path
        return await self._ask(Question("GET", API + target))

    async def get_all(self, path: str, **query: object) -> Json:
        answer = page = await self.get(path, **query, limit=PAGE_ROWS)
        while cursor := page["next_cursor"]:
            page = await self.get(path, **query, limit=PAGE_ROWS, cursor=cursor)
            answer["items"] += page["items"]
        return {**answer, "next_cursor": None}

    async def post(self, path: str, body: Mapping[str, object]) -> Json:
        return await self._ask(Question("POST", API + path, msgspec.json.encode(body)))

    async def put(self, path: str, body: Mapping[str, object], *, if_match: str = "") -> Json:
        return await self._ask(Question("PUT", API + path, msgspec.json.encode(body), if_match))

    async def patch(self, path: str, body: Mapping[str, object]) -> Json:
        return await self._ask(Question("PATCH", API + path, msgspec.json.encode(body)))

    async def delete(self, path: str, *, if_match: str = "") -> None:
        await self._ask(Question("DELETE", API + path, if_match=if_match))

    async def _ask(self, question: Question) -> Json:
        status, answer = await self._speak(question)
        if status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(status, answer)
        return msgspec.json.decode(answer) if answer else None


def _worded(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe=":")


class _FieldError(msgspec.Struct):
    field: str = ""
    message: str = ""
    allowed: str | None = None
    position: int | None = None


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""
    errors: list[_FieldError] = []


def _refusal(status: int, answer: bytes) -> Exception:
    """The domain error that a problem document stands for."""
    try:
        problem = msgspec.json.decode(answer, type=_Problem)
    except msgspec.DecodeError:
        return Unavailable(f"the program answered {status} in a way we cannot read")
    error = problem.errors[0] if problem.errors else _FieldError()
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and _several(problem.errors):
        return ConfigProblems([
            Problem(path=one.field, rule=one.message, allowed=one.allowed or "",
                    position=one.position)
            for one in problem.errors
        ], where="")  # fmt: skip
    message, field, allowed = problem.detail or problem.title, error.field, error.allowed or ""
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(message, field=field, allowed=allowed)
    if status == HTTPStatus.CONFLICT:
        return Conflict(message, field=field, allowed=allowed)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Invalid(message, field=field, allowed=allowed)
    return Unavailable(message) if status == HTTPStatus.SERVICE_UNAVAILABLE else Refused(message)


def _several(errors: Sequence[_FieldError]) -> bool:
    """Whether one sentence would not say it."""
    return len(errors) > 1 or any(one.position is not None for one in errors)


def in_process(app: Any, *, token: str = "") -> Speak:
    """Speak to an ASGI application without a socket, with its token where it has one."""

    async def speak(question: Question) -> tuple[int, bytes]:
        path, _, query = question.target.partition("?")
        body = question.body
        headers = [(b"host", b"localhost"), (b"content-length", str(len(body)).encode())]
        if body:
            headers.append((b"content-type", b"application/json"))
        if question.if_match:
            headers.append((b"if-match", question.if_match.encode()))
        if token:
            headers.append((b"authorization", b"Bearer " + token.encode()))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "method": question.method,
            "scheme": "http", "path": unquote(path), "raw_path": path.encode(), "root_path": "",
            "query_string": query.encode(), "headers": headers, "state": {},
            "client": ("127.0.0.1", 0), "server": ("localhost", 80),
        }  # fmt: skip
        asked, status, answer = False, 0, bytearray()

        async def receive() -> dict[str, object]:
            nonlocal asked
            if asked:
                await asyncio.Future()  # the client stays until it has its answer
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.extend(message.get("body", b""))

        await app(scope, receive, send)
        return status, bytes(answer)

    return speak
