"""The API as a command asks it: by the Python client, in JSON, since a command prints with `--json`
what it was told, also what a newer program tells.

What the API refuses arrives as the domain error it stands for.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from sigmawatch.app.cli.client import Json
from sigmawatch.app.problems import ConfigProblems
from sigmawatch.app.problems import Problem as ConfigProblem
from sigmawatch.client import (
    AsyncClient,
    ClientError,
    FieldProblem,
    Problem,
    Retry,
    Unreachable,
)
from sigmawatch.client.calls import Reply, Request
from sigmawatch.client.transport import AsyncTransport, OpenedAsync
from sigmawatch.domain.errors import Conflict, Invalid, NotFound, Refused, Unavailable

API = "/api/v1"
HERE = "http://localhost"
_ROW = re.compile(r"[0-9]+\.")  # a field of a row
PAGE_ROWS = 1_000


class ApiClient:
    """A client over any way of speaking HTTP, which asks once: who types may ask again."""

    def __init__(self, transport: AsyncTransport, *, url: str = HERE, key: str = "") -> None:
        self._client = AsyncClient(url, key, retry=Retry(attempts_max=1), transport=transport)

    async def get(self, path: str, **query: object) -> Json:
        return await self._ask("GET", path, query=query)

    async def get_all(self, path: str, **query: object) -> Json:
        answer = page = await self.get(path, **query, limit=PAGE_ROWS)
        while cursor := page["next_cursor"]:
            page = await self.get(path, **query, limit=PAGE_ROWS, cursor=cursor)
            answer["items"] += page["items"]
        return {**answer, "next_cursor": None}

    async def post(self, path: str, body: Mapping[str, object]) -> Json:
        return await self._ask("POST", path, body=body)

    async def push(self, content: bytes, media_type: str, **query: str | None) -> Json:
        raw: Any = self._client.push_samples_raw
        try:
            return msgspec.to_builtins(await raw(content, media_type, **query))
        except Problem as exc:
            if exc.errors and all(_ROW.match(one.field) for one in exc.errors):
                return _none_taken(exc, content)
            raise _refusal(exc) from exc
        except ClientError as exc:
            raise Unavailable(str(exc)) from exc

    async def put(self, path: str, body: Mapping[str, object], *, if_match: str = "") -> Json:
        return await self._ask("PUT", path, body=body, headers={"If-Match": if_match or None})

    async def patch(self, path: str, body: Mapping[str, object]) -> Json:
        return await self._ask("PATCH", path, body=body)

    async def delete(self, path: str, *, if_match: str = "") -> None:
        await self._ask("DELETE", path, headers={"If-Match": if_match or None})

    async def watch(self, **query: str) -> AsyncGenerator[Json, None]:
        """The whole table of the stream, now and after every change; a lost connection is made
        anew."""
        try:
            async with aclosing(self._client.watch(**query)) as tables:  # type: ignore[arg-type]
                async for table in tables:
                    yield msgspec.to_builtins(table)
        except Problem as exc:
            raise _refusal(exc) from exc
        except ClientError as exc:
            raise Unavailable(str(exc)) from exc

    async def close(self) -> None:
        """Let go of every connection."""
        await self._client.close()

    async def _ask(self, method: str, path: str, **asked: Any) -> Json:
        try:
            return await self._client.ask(method, API + path, **asked)
        except Problem as exc:
            raise _refusal(exc) from exc
        except ClientError as exc:
            raise Unavailable(str(exc)) from exc


def _none_taken(problem: Problem, content: bytes) -> Json:
    """What 422 says of readings none of which was taken, as 200 would have."""
    rows = [one.field.partition(".") for one in problem.errors]
    refused = [
        {"index": int(index), "field": field, "reason": one.message, "allowed": one.allowed}
        for (index, _, field), one in zip(rows, problem.errors, strict=True)
    ]
    return {
        "taken": 0, "late": 0, "made": [], "made_count": 0, "refused": refused,
        "refused_count": max(len(refused), len(content.splitlines())),
        "reasons": dict(Counter(one.message for one in problem.errors)), "demo": False,
    }  # fmt: skip


def _refusal(problem: Problem) -> Exception:
    """The domain error that a problem document stands for."""
    status = problem.status
    if not problem.told:
        return Unavailable(f"the program answered {status} in a way we cannot read")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and _several(problem.errors):
        return ConfigProblems(list(map(_told, problem.errors)), where="")
    error = problem.errors[0] if problem.errors else FieldProblem()
    about = {"field": error.field, "allowed": error.allowed or ""}
    message = problem.detail or problem.title
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(message, **about)
    if status == HTTPStatus.CONFLICT:
        return Conflict(message, **about)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Invalid(message, **about)
    return Unavailable(message) if status == HTTPStatus.SERVICE_UNAVAILABLE else Refused(message)


def _several(errors: tuple[FieldProblem, ...]) -> bool:
    """Whether one sentence would not say it."""
    return len(errors) > 1 or any(one.position is not None for one in errors)


def _told(error: FieldProblem) -> ConfigProblem:
    return ConfigProblem(path=error.field, rule=error.message, allowed=error.allowed or "",
                         position=error.position)  # fmt: skip


class _InProcess:
    """Speaks to an ASGI application without a socket."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def send(self, request: Request) -> Reply:
        asked, status, body = False, 0, bytearray()
        headers: dict[str, str] = {}

        async def receive() -> dict[str, object]:
            nonlocal asked
            if asked:
                await asyncio.Future()  # the client stays until it has its answer
            asked = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            headers.update(
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            )
            body.extend(message.get("body", b""))

        await self._app(_scope(request), receive, send)
        return Reply(status=status, headers=headers, body=bytes(body))

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[OpenedAsync]:
        raise Unreachable("a program of one's own is asked, not listened to", sent=False)
        yield

    async def wait(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)

    async def close(self) -> None:
        pass


def in_process(app: Any) -> AsyncTransport:
    """Speak to an ASGI application without a socket."""
    return _InProcess(app)


def _scope(request: Request) -> dict[str, object]:
    parts = urlsplit(request.url)
    headers = {"host": parts.netloc, "content-length": str(len(request.body)), **request.headers}
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
        "method": request.method, "scheme": "http", "path": unquote(parts.path),
        "raw_path": parts.path.encode(), "root_path": "", "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "state": {}, "client": ("127.0.0.1", 0), "server": ("localhost", 80),
    }  # fmt: skip
