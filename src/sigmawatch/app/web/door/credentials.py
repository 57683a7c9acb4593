"""Who asks: the command line's token, a key, a session's cookie, or nobody.

`Authorization: Bearer` carries the token that lies in the data folder, or a key (`sw_…`); pages
carry a cookie. Anything in `Authorization` that is not ours is 401, whatever it is and however
wrong, and counts for its address (SECURITY.md S01, S02, S04). A key in an address is 400, and is
told to whoever keeps keys as seen by others (S03). A cookie that is over is nobody's.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_plus

from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.web.door.peers import Peer
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.domain.caller import COMMAND_LINE, LOCAL, Caller, Scope

CHALLENGE = {"www-authenticate": "Bearer"}
_KEY = re.compile(r"\bsw_[A-Za-z0-9]{4,}_[A-Za-z0-9_-]{16,}")
_KEY_BYTES_MIN = 24


class Access(Protocol):
    """Who is who, as it is kept in memory: nothing here waits for anything."""

    @property
    def guarded(self) -> bool:
        """Whether a user exists: from then on nobody is believed without a credential."""
        ...

    def of_key(self, text: str, *, address: str) -> Caller | None:
        """Whose key `text` is, from that address; None for none that is good now."""
        ...

    def of_session(self, token: str) -> Caller | None:
        """Who is logged in by that cookie; None for nobody."""
        ...

    def holds(self, caller: Caller) -> bool:
        """Whether what a caller came by is still good: for who is answered for long."""
        ...

    def expose(self, text: str) -> None:
        """That key was sent where others read it."""
        ...

    def denied(self, caller: Caller, operation: str) -> None:
        """A caller asked for what is not theirs to ask for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A caller, and whether a cookie alone says so. wrong: a credential that is not ours."""

    caller: Caller
    by_cookie: bool = False
    wrong: bool = False


def cookie_name(*, tls: bool) -> str:
    """How the session's cookie is called; browsers take a `__Host-` one only over TLS, and for
    this very host (RFC 6265bis, 4.1.3.2)."""
    return "__Host-sigmawatch" if tls else "sigmawatch"


class Credentials:
    """Recognises callers. token: the command line's. open_read: anybody may read metrics."""

    def __init__(self, access: Access, *, token: str, open_read: bool) -> None:
        self._access = access
        self._token = token.encode()
        self._nobody = Asking(caller=Caller.anonymous([Scope.READ_METRICS] if open_read else []))
        self._local = Asking(caller=LOCAL)

    def of(self, scope: HTTPScope, headers: Mapping[str, str], *, peer: Peer) -> Asking:
        """Who asks. Raises ProblemError 400 for a key in the address."""
        if len(scope["query_string"]) >= _KEY_BYTES_MIN:
            self._check_query(scope["query_string"])
        if (given := headers.get("authorization")) is not None:
            return self._by_header(given, peer)
        name = cookie_name(tls=peer.tls)
        if "cookie" in headers and (token := cookie_value(headers["cookie"], name=name)):
            caller = self._access.of_session(token)
            return self.nobody(peer) if caller is None else Asking(caller=caller, by_cookie=True)
        return self.nobody(peer)

    def nobody(self, peer: Peer) -> Asking:
        """Who asks without any credential."""
        return self._local if peer.local and not self._access.guarded else self._nobody

    def _by_header(self, given: str, peer: Peer) -> Asking:
        scheme, _, text = given.partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            return Asking(caller=self._nobody.caller, wrong=True)
        if self._token and secrets.compare_digest(text.encode(), self._token):
            return Asking(caller=COMMAND_LINE)
        caller = self._access.of_key(text, address=peer.address)
        return Asking(caller=caller or self._nobody.caller, wrong=caller is None)

    def _check_query(self, query: bytes) -> None:
        found = _KEY.search(unquote_plus(query.decode("latin-1")))
        if found is None:
            return
        self._access.expose(found[0])
        raise ProblemError(
            "malformed", "a key in an address is kept in logs and histories: this one is marked as "
            "exposed; rotate it, and send keys as Authorization: Bearer",
        )  # fmt: skip


def cookie_value(text: str, *, name: str) -> str:
    """The value of a cookie in a Cookie header; empty where it is not there."""
    pairs = (one.strip().partition("=") for one in text.split(";"))
    return next((value for key, _, value in pairs if key == name), "")


class Nobody:
    """The access of an installation that keeps none."""

    guarded = False

    def of_key(self, text: str, *, address: str) -> Caller | None:
        return None

    def of_session(self, token: str) -> Caller | None:
        return None

    def holds(self, caller: Caller) -> bool:
        return True

    def expose(self, text: str) -> None:
        return None

    def denied(self, caller: Caller, operation: str) -> None:
        return None
