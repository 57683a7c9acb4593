"""Kept answers, given in the very turn of the loop in which they are asked for: without a task, and
without the framework.

So is given what is asked in words that were read before (`heads`), and kept (`kept`). What follows
from the words alone is looked at once for each head: whether it is a proper request, and by which
name it calls us. Who asks, what they may and what it draws on is asked at the door every time, and
by the same functions as before a handler. Everything else is nobody's answer here: the application
is asked, and finds in the request's state what the door has said already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import structlog
from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.web.counted import Counted
from sigmawatch.app.web.gate import Gate, lasting, of_the_moment
from sigmawatch.app.web.heads import Head
from sigmawatch.app.web.kept import Answer, Kept, Key, key_of
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.app.web.turns import BODILESS, head_of

log = structlog.get_logger()


@runtime_checkable
class Prompt(Protocol):
    """An application that may answer without being awaited."""

    def at_once(self, scope: Any, head: Head) -> bytes | None:
        """The whole answer as it leaves; None where the application must be called, with this very
        scope. head: what h11 read, of which `scope` is."""
        ...


def at_once_of(app: Any) -> Callable[[Any, Head], bytes | None]:
    """How `app` answers at once; not at all, where it is no Prompt. What goes wrong meanwhile goes
    wrong again where it is answered with 500: here it would end the connection."""
    if not isinstance(app, Prompt):
        return _never

    def tried(scope: Any, head: Head) -> bytes | None:
        try:
            return app.at_once(scope, head)
        except Exception:
            log.exception("at_once_failed")
            scope["state"].pop("refusal", None)  # nobody has been let in
            return None

    return tried


def _never(_scope: Any, _head: Head) -> bytes | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What follows from a head alone. to: who looked at it. key: None where it is refused, or is
    written in a way that nobody uses."""

    to: AtOnce
    headers: Mapping[str, str]
    path: str
    key: Key | None


class AtOnce:
    """The short way through one application's layers."""

    def __init__(self, counted: Counted, *, gate: Gate, kept: Kept) -> None:
        self._counted, self._gate, self._kept = counted, gate, kept

    def __call__(self, scope: HTTPScope, head: Head) -> bytes | None:
        """As Prompt.at_once."""
        said = head.said
        if not isinstance(said, _Said) or said.to is not self:
            said = head.said = self._look(head)
        if said.key is None or (answer := self._kept.find(said.key)) is None:
            return None
        began_s = self._counted.perf_s()
        scope["path"] = said.path
        if not self._gate.enter(scope, said.headers):
            return None
        leaving = self._head(answer, scope)
        if leaving is None or not self._kept.may_have(scope, answer):
            return None
        moment = [b"%b: %b\r\n" % one for one in of_the_moment(scope)]
        status = answer.start["status"]
        body = b"" if status in BODILESS else answer.body
        whole = b"".join((leaving, *moment, b"\r\n", body))
        took_s = self._counted.perf_s() - began_s
        self._counted.count("GET", answer.template, status=status, took_s=took_s)
        return whole

    def _look(self, head: Head) -> _Said:
        scope: Any = {**head.scope, "headers": list(head.headers), "state": {}}
        try:
            headers = self._gate.door.check(scope)
        except ProblemError:
            return _Said(to=self, headers={}, path="", key=None)
        plain = head.scope["path"].startswith("/")
        key = key_of(scope, headers) if plain else None
        return _Said(to=self, headers=headers, path=scope["path"], key=key)

    def _head(self, answer: Answer, scope: HTTPScope) -> bytes | None:
        """All of the answer's head that is not of the moment; None where h11 must write it. It
        differs only by what the door says of who asks, which is said in few ways."""
        terms, start = self._gate.terms(scope), answer.start
        if terms not in answer.heads:
            headers = [*start["headers"], *lasting(start, terms)]
            answer.heads[terms] = head_of(start["status"], headers)
        return answer.heads[terms]
