"""What an operation needs and costs, said at its handler and checked in one place.

    opt={"scope": Scope.READ_METRICS, "cost": "query"}

`scope`: what a caller must hold; None for what anybody may ask. `cost`: whose budget it draws on;
without it, reading is `cheap` and changing a `write`. `media_types`: of its body, where it is not
JSON; `streamed`: those of them that are taken while they come (each further piece draws, too, by
`draw_again` of the request's state). A handler that does not say its scope is answered to nobody
(and fails a test).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types.asgi_types import HTTPScope

from sigmawatch.app.access_config import LimitsConfig
from sigmawatch.app.web.door.buckets import Buckets, Draw, Quota
from sigmawatch.app.web.door.credentials import CHALLENGE, Access, Asking
from sigmawatch.app.web.door.csrf import SAFE_METHODS
from sigmawatch.app.web.door.framing import check_body
from sigmawatch.app.web.door.peers import Peer
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.domain.caller import Caller, CallerKind, Scope

JSON = frozenset({"application/json"})
_TYPED = re.compile(r":\w+}")  # `{name:str}` of a handler, `{name}` of a request


class Cost(StrEnum):
    """Classes of cost: each caller has a budget of each."""

    CHEAP = "cheap"  # from memory
    QUERY = "query"  # from history, or computed for whoever asks; given up after `query_s`
    WRITE = "write"  # one transaction
    INGEST = "ingest"  # a body of readings; cookies do not count here
    LOGIN = "login"  # a password is tried; by address, whoever asks


class Budgets:
    """The quotas of `[limits]` over one set of buckets. now_ms: monotonic."""

    def __init__(self, limits: LimitsConfig, *, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._buckets = Buckets()
        self._of_cost = {
            cost: Quota(name=cost, burst=getattr(limits, f"{cost}_per_minute")) for cost in Cost
        }
        self._address = Quota(name="anonymous", burst=limits.anonymous_per_minute)
        self._total = Quota(name="anonymous-total", burst=limits.anonymous_total_per_minute)
        self._wrong = Quota(name="wrong", burst=limits.wrong_per_minute)

    def spend(self, cost: Cost, caller: Caller, *, peer: Peer) -> Draw | None:
        """For one operation. None: who asks is not counted. Raises ProblemError 429."""
        if caller.kind in {CallerKind.LOCAL, CallerKind.COMMAND_LINE}:
            return None
        whose = caller.key_id or caller.user_id or peer.group
        return self._drawn(peer.group if cost is Cost.LOGIN else whose, self._of_cost[cost])

    def spend_unknown(self, peer: Peer) -> Draw:
        """For a request without a credential. Raises ProblemError 429."""
        drawn = self._drawn(peer.group, self._address)
        self._drawn("", self._total)
        return drawn

    def spend_wrong(self, peer: Peer) -> None:
        """For a wrong credential. Raises ProblemError 429. A right one is never held up by others
        of its address: it is looked at first."""
        self._drawn(peer.group, self._wrong)

    def _drawn(self, whose: object, quota: Quota) -> Draw:
        drawn = self._buckets.draw((type(whose), whose), quota, now_ms=self._now_ms())
        if drawn.wait_ms:
            raise ProblemError(
                "too-many-requests", f"{quota.burst} {quota.name} a {quota.window_s} s are allowed",
                headers=_told(drawn),
            )  # fmt: skip
        return drawn


def _told(drawn: Draw) -> dict[str, str]:
    wait_s = -(-int(drawn.wait_ms) // 1_000) or 1
    return {"retry-after": str(wait_s), "ratelimit-policy": drawn.quota.policy,
            "ratelimit": drawn.limit}  # fmt: skip


class Guard:
    """Checks every operation before its handler."""

    def __init__(self, budgets: Budgets, *, access: Access) -> None:
        self._budgets = budgets
        self._access = access

    async def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
    ) -> None:
        """Raises ProblemError."""
        scope: Any = connection.scope
        if scope.get("method") == "OPTIONS":  # answered by the framework: what an address takes
            scope["state"]["allow"] = _taken(connection)
            return
        self.admit(scope, handler)

    def admit(self, scope: HTTPScope, handler: BaseRouteHandler) -> None:
        """As if `handler` were asked. Raises ProblemError; then nothing was drawn on."""
        state, method = scope["state"], str(scope.get("method", "GET"))
        asking: Asking = state["asking"]
        cost = cost_of(handler, method)
        caller = Caller.anonymous() if asking.by_cookie and cost is Cost.INGEST else asking.caller
        state["caller"] = caller
        needed: Scope | None = handler.opt["scope"]
        if needed is not None and not caller.may(needed):
            self._refuse(caller, needed, operation=f"{method} {handler.handler_name}")
        if method not in SAFE_METHODS:
            check_body(state["headers"], media_types=handler.opt.get("media_types", JSON),
                       streamed=handler.opt.get("streamed", ()))  # fmt: skip
        if (drawn := self._budgets.spend(cost, caller, peer=state["peer"])) is not None:
            state["draws"].append(drawn)
        if cost is Cost.INGEST:
            state["draw_again"] = partial(self._budgets.spend, cost, caller, peer=state["peer"])

    def _refuse(self, caller: Caller, needed: Scope, *, operation: str) -> None:
        if caller.kind is CallerKind.ANONYMOUS:
            raise ProblemError("unauthorized", "this needs a key or a login", headers=CHALLENGE)
        self._access.denied(caller, operation)
        raise ProblemError("not-permitted", f"this needs the scope {needed}")


def _taken(connection: ASGIConnection[Any, Any, Any, Any]) -> bytes:
    """The methods that the address of a request takes."""
    template, known = connection.scope.get("path_template"), connection.app.route_handler_method_map
    methods = {str(method) for path, handlers in known.items()
               if _TYPED.sub("}", path) == template for method in handlers}  # fmt: skip
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()))).encode()


def cost_of(handler: BaseRouteHandler, method: str) -> Cost:
    """Whose budget a request draws on."""
    given = handler.opt.get("cost")
    if given is not None:
        return Cost(given)
    return Cost.CHEAP if method in SAFE_METHODS else Cost.WRITE
