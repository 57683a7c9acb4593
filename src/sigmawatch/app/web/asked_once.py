"""`Idempotency-Key`: a POST that is sent again under the same key is done once, and answered alike.

As draft-ietf-httpapi-idempotency-key-header-07: the key is the caller's own; another question under
it is a 422, the same one while it is worked on a 409. What succeeded is kept for 24 hours; what was
refused did nothing and may be sent again. Where the program ended between the work and its answer,
the answer is a 409 that says so.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPScope
from msgspec import Struct

from sigmawatch.app.once import Once, asking
from sigmawatch.app.web.door.guard import Budgets, Cost
from sigmawatch.app.web.problems import FieldError, ProblemError, answer
from sigmawatch.domain.errors import SigmawatchError, StorageUnavailable
from sigmawatch.ports.once import Asked

if TYPE_CHECKING:
    from sigmawatch.domain.caller import Caller

BODY_BYTES_MAX = 1_000_000
_NAME = b"idempotency-key"
_KEY = re.compile(r'"?([!#-\[\]-~]{1,255}?)"?', re.ASCII)


class Reply(Struct, frozen=True, kw_only=True):
    """An answer as it is kept. body: in base 64."""

    status: int
    headers: list[tuple[str, str]]
    body: str


class AskedOnce:
    """Wraps the application behind the gate, which has said who asks. budgets: what an answer of
    the past draws on, as no handler is asked."""

    def __init__(self, app: ASGIApp, once: Once, *, budgets: Budgets) -> None:
        self._app, self._once, self._budgets = app, once, budgets
        self._under_way: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = _given(scope)
        if scope["type"] != ScopeType.HTTP or given is None:
            await self._app(scope, receive, send)
            return
        try:
            await self._asked(scope, receive, send, key=_key(given))
        except SigmawatchError as exc:
            refusal = answer(Request(scope), exc)
            headers = [("content-type", refusal.media_type or ""), *refusal.headers.items()]
            await _send(send, refusal.status_code or 500, headers=headers, body=refusal.content)

    async def _asked(self, scope: HTTPScope, receive: Receive, send: Send, *, key: str) -> None:
        body = await _read(receive)
        asked = Asked(owner=_owner(scope), key=key, digest=_digest(scope, body))
        name = (asked.owner, asked.key)
        if name in self._under_way:
            raise ProblemError("conflict", "a request under that key is being worked on",
                               headers={"retry-after": "1"})  # fmt: skip
        self._under_way.add(name)
        try:
            if (reply := await self._known(asked)) is None:
                reply = await self._answered(scope, asked, body=body)
            else:
                self._charge(scope["state"])
            body = base64.b64decode(reply.body)
            await _send(send, reply.status, headers=reply.headers, body=body)
        finally:
            self._under_way.discard(name)

    def _charge(self, state: dict[str, Any]) -> None:
        drawn = self._budgets.spend(Cost.CHEAP, state["caller"], peer=state["peer"])
        if drawn is not None:
            state["draws"].append(drawn)

    async def _known(self, asked: Asked) -> Reply | None:
        """What was answered before. Raises ProblemError where that is not known, or the question
        was another one."""
        found = await self._once.find(asked)
        if found is None:
            return None
        if found.digest != asked.digest:
            raise _about_key("another request was sent under that key", "a key of its own")
        opened = self._once.opened(asked, found)
        if opened is None:
            raise ProblemError("conflict", "it was carried out, but what was answered is not known "
                               "any more; read what it changed")  # fmt: skip
        reply = msgspec.json.decode(opened, type=Reply)
        return msgspec.structs.replace(
            reply, headers=[*reply.headers, ("idempotency-replayed", "true")]
        )

    async def _answered(self, scope: HTTPScope, asked: Asked, *, body: bytes) -> Reply:
        """Have it done, and keep the answer where something was."""
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        with asking(asked):
            await self._app(scope, _once_received(body), collect)
        reply = _reply(sent)
        with suppress(StorageUnavailable):  # it was done, and is answered all the same
            if reply.status < 300:
                await self._once.keep(asked, _kept(reply))
            elif reply.status < 500:
                await self._once.forget(asked)
        return reply


def _given(scope: Scope) -> bytes | None:
    if scope["type"] != ScopeType.HTTP or scope["method"] != "POST":
        return None
    return next((value for name, value in scope["headers"] if name.lower() == _NAME), None)


def _key(given: bytes) -> str:
    found = _KEY.fullmatch(given.decode("latin-1").strip())
    if found is None:
        raise _about_key("that is no key", "1 to 255 visible characters, as a UUID")
    return found[1]


def _about_key(detail: str, allowed: str) -> ProblemError:
    error = FieldError(field="Idempotency-Key", message=detail, allowed=allowed)
    return ProblemError("invalid-value", detail, errors=[error])


def _owner(scope: HTTPScope) -> str:
    caller: Caller = scope["state"]["caller"]
    return f"{caller.kind} {caller.user_id} {caller.key_id}"


def _digest(scope: HTTPScope, body: bytes) -> bytes:
    told = hashlib.blake2b(digest_size=16)
    types = [value for name, value in scope["headers"] if name.lower() == b"content-type"]
    for part in (scope["path"].encode(), scope["query_string"], *types, body):
        told.update(len(part).to_bytes(8) + part)
    return told.digest()


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            raise ProblemError("malformed", "the request ended before its body")
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > BODY_BYTES_MAX:
            raise ProblemError(
                "too-large", f"under a key a body has {BODY_BYTES_MAX} bytes at most"
            )
        if not message.get("more_body", False):
            return b"".join(parts)


def _once_received(body: bytes) -> Receive:
    waiting = [body]

    async def receive() -> Any:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return {"type": "http.disconnect"}

    return receive


def _reply(sent: list[Message]) -> Reply:
    start: Any = sent[0]
    assert start["type"] == "http.response.start"
    body = b"".join(message.get("body", b"") for message in sent[1:])  # type: ignore[misc]
    return Reply(
        status=start["status"], body=base64.b64encode(body).decode(),
        headers=[(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in start["headers"]],
    )  # fmt: skip


def _kept(reply: Reply) -> str:
    """Nobody is signed in by an answer of the past."""
    headers = [(name, value) for name, value in reply.headers if name != "set-cookie"]
    return msgspec.json.encode(msgspec.structs.replace(reply, headers=headers)).decode()


async def _send(
    send: Send, status: int, *, headers: Iterable[tuple[str, str]], body: bytes
) -> None:
    told = [(name, text) for name, text in headers if name != "content-length"]
    told.append(("content-length", str(len(body))))
    await send({
        "type": "http.response.start", "status": status,
        "headers": [(name.encode("latin-1"), text.encode("latin-1")) for name, text in told],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body, "more_body": False})
