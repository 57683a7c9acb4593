"""The gate: what every request passes before any handler, and every answer on its way out.

Refused here, before routing: what is no proper request, foreign host names (DNS rebinding), unsafe
methods from other sites' pages (CSRF), wrong credentials, and what an address asks beyond its
budget. What an operation needs of its caller is looked at behind the router (`door.guard`), which
finds in the request's state: `caller` (a Caller), `may_go_on` (whether it still is one), `peer`,
`asking`, `headers`, `draws`. Every answer leaves with the security headers of SECURITY.md and a
request id.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote_to_bytes

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.types.asgi_types import HTTPResponseStartEvent, HTTPScope

from sigmawatch.app.access_config import AccessConfig, AccessMode
from sigmawatch.app.web.door.buckets import Draw, headers_of
from sigmawatch.app.web.door.cors import Cors, Headers
from sigmawatch.app.web.door.credentials import CHALLENGE, Access, Asking, Credentials
from sigmawatch.app.web.door.csrf import SAFE_METHODS, check_page
from sigmawatch.app.web.door.framing import check_frame
from sigmawatch.app.web.door.framing import headers_of as headers_in
from sigmawatch.app.web.door.guard import Budgets
from sigmawatch.app.web.door.hosts import Hosts
from sigmawatch.app.web.door.peers import Peer, Peers
from sigmawatch.app.web.problems import KINDS, MEDIA_TYPE, ProblemError, encode
from sigmawatch.domain.caller import CallerKind

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; "
    "trusted-types sigmawatch"  # of the page: lets its own worker's address through, nothing else
)
ALWAYS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": _CSP,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }.items()
)
_CACHE = b"cache-control"
_REVALIDATE, _NEVER = (_CACHE, b"private, no-cache"), (_CACHE, b"no-store")
_IDS_AT_ONCE = 512
_STRICT = (b"strict-transport-security", b"max-age=31536000")


Terms = tuple[bool, bool, tuple[tuple[bytes, bytes], ...]]  # known, by TLS, told other sites


class Door:
    """Who is let in, by the configuration and who exists. token: of the command line. hosts: by
    which we are called, beside loopback's names and the configured ones."""

    def __init__(
        self, config: AccessConfig, access: Access, *, budgets: Budgets, token: str = "",
        hosts: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self.cors = Cors(config.cors_origins)
        self._hosts = Hosts((*config.hosts, *hosts))
        self._peers = Peers(config.networks)
        self._budgets = budgets
        self._access = access
        open_read = config.mode is AccessMode.OPEN_READ
        self._credentials = Credentials(access, token=token, open_read=open_read)

    def check(self, scope: HTTPScope) -> Mapping[str, str]:
        """What follows from a request's own words: its headers by name. Makes a path of its target.
        Raises ProblemError where it is none that we answer."""
        headers = scope["state"]["headers"] = headers_in(scope)
        check_frame(scope, headers)
        self._hosts.check(headers.get("host", ""))
        _keep_slashes(scope)
        return headers

    def admit(self, scope: HTTPScope, headers: Mapping[str, str]) -> None:
        """Say in the request's state who asks. Raises ProblemError where nobody is to be asked."""
        state = scope["state"]
        peer = state["peer"] = self._peers.of(scope, headers)
        asking = state["asking"] = self._credentials.of(scope, headers, peer=peer)
        state["caller"] = asking.caller
        state["may_go_on"] = partial(self._access.holds, asking.caller)
        if asking.wrong:
            self._budgets.spend_wrong(peer)
            raise ProblemError("unauthorized", "the credential is not one of this server's",
                               headers=CHALLENGE)  # fmt: skip
        if asking.caller.kind is CallerKind.ANONYMOUS:
            state["draws"].append(self._budgets.spend_unknown(peer))
        if scope["method"] not in SAFE_METHODS:
            self._check_page(headers, asking, peer=peer)

    def _check_page(self, headers: Mapping[str, str], asking: Asking, *, peer: Peer) -> None:
        own = f"{'https' if peer.tls else 'http'}://{headers['host'].lower()}"
        brought = asking.caller.kind in {CallerKind.KEY, CallerKind.COMMAND_LINE}
        listed = brought and self.cors.allows(headers.get("origin"))
        check_page(headers, own=own, by_cookie=asking.by_cookie, listed=listed)


class Gate:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self.door = door
        self._ids = _request_ids()

    def enter(self, scope: HTTPScope, headers: Mapping[str, str] | None = None) -> bool:
        """Ask at the door, and say in the request's state what was said there; whether who asks is
        let in. headers: what `Door.check` has said of a request in the same words."""
        state = scope["state"]
        state["request_id"], state["refusal"] = next(self._ids), None
        draws: list[Draw] = []
        state["draws"] = draws
        try:
            if headers is None:
                headers = self.door.check(scope)
            else:
                state["headers"] = headers
            self.door.admit(scope, headers)
        except ProblemError as refusal:
            state["refusal"] = refusal
        return state["refusal"] is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        if "refusal" not in state:  # else it was asked already, to answer at once
            self.enter(scope)
        only_head = state["only_head"] = scope["method"] == "HEAD"
        outward = _Outward(scope, send, gate=self, only_head=only_head)
        if (refusal := state["refusal"]) is not None:
            await _refuse(outward, refusal, request_id=state["request_id"])
            return
        preflight = self.door.cors.preflight(scope, state["headers"])
        if preflight is not None:
            await outward({"type": "http.response.start", "status": 204, "headers": preflight})
            await outward({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if only_head:
            scope["method"] = "GET"
        await self._app(scope, receive, outward)

    def terms(self, scope: HTTPScope) -> Terms:
        """What the headers that we add follow from, beside the answer itself."""
        state = scope["state"]
        asking: Asking | None = state.get("asking")
        peer: Peer | None = state.get("peer")
        cors = self.door.cors.headers(state.get("headers", {}).get("origin"))
        known = asking is not None and asking.caller.user_id is not None
        return known, peer is not None and peer.tls, tuple(cors)


def lasting(start: HTTPResponseStartEvent, terms: Terms) -> Headers:
    """What we add to an answer, but for what is of the moment."""
    known, tls, cors = terms
    names = {name.lower() for name, _ in start["headers"]}
    added = [*ALWAYS]
    if _CACHE not in names:
        added.append(_NEVER if known and b"etag" not in names else _REVALIDATE)
    added += cors
    if tls:
        added.append(_STRICT)
    if start["status"] == 413 and b"connection" not in names:
        added.append((b"connection", b"close"))  # the rest of the body is not waited for
    return added


def of_the_moment(scope: HTTPScope) -> Headers:
    """What we add of this very request: its id, and what is left of the budgets it drew on."""
    state = scope["state"]
    return [(b"x-request-id", state["request_id"].encode()), *headers_of(state["draws"])]


@dataclass(slots=True)
class _Outward:
    """`send` that adds our headers, and keeps the body of an answer to HEAD."""

    scope: HTTPScope
    send: Send
    gate: Gate = field(kw_only=True)
    only_head: bool = field(kw_only=True)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = message["headers"]
            if allow := self.scope["state"].get("allow"):  # the framework knows of one handler
                kept = [*(one for one in kept if one[0].lower() != b"allow"), (b"allow", allow)]
            told = {name.lower() for name, _ in kept}
            moment = [one for one in of_the_moment(self.scope) if one[0] not in told]
            message["headers"] = [*kept, *lasting(message, self.gate.terms(self.scope)), *moment]
        elif self.only_head and message["type"] == "http.response.body":
            message["body"] = b""
        await self.send(message)


def _request_ids() -> Iterator[str]:
    """16 random hexadecimal digits each; the system is asked for many at once."""
    while True:
        digits = secrets.token_hex(_IDS_AT_ONCE * 8)
        for begin in range(0, len(digits), 16):
            yield digits[begin : begin + 16]


def _keep_slashes(scope: HTTPScope) -> None:
    """An encoded slash is part of a market's name (`BTC%2FUSD`), never a separator of the path."""
    raw = scope.get("raw_path") or b""
    if b"%2f" in raw.lower():
        kept = re.sub(rb"%2[fF]", b"-", raw)
        scope["path"] = unquote_to_bytes(kept).decode(errors="replace")


async def _refuse(send: Send, refusal: ProblemError, *, request_id: str) -> None:
    body = encode(refusal, request_id=request_id)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **refusal.headers}
    await send({
        "type": "http.response.start", "status": KINDS[refusal.slug].status,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body, "more_body": False})
