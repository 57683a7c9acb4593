"""Who does something: what handlers that change things hand on to whoever does it."""

from __future__ import annotations

from typing import Any

from litestar import Request

from sigmawatch.app.web.door.credentials import CHALLENGE
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, CallerKind, Scope


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who asks, for handlers."""
    found: Caller = request.scope["state"]["caller"]
    return found


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """Who asks, and in which request, for handlers that change something."""
    state = request.scope["state"]
    return Actor(caller=state["caller"], request_id=str(state.get("request_id", "")))


def check_personal(caller: Caller) -> None:
    """Whether somebody asks for themselves, and not a key that was made for something else. Raises
    ProblemError."""
    if caller.kind is CallerKind.ANONYMOUS:
        raise ProblemError("unauthorized", "this needs a login or an admin's key",
                           headers=CHALLENGE)  # fmt: skip
    if caller.kind is CallerKind.KEY and not caller.may(Scope.ADMIN):
        raise ProblemError("not-permitted", "this needs a login or an admin's key")
