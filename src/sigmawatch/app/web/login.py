"""`/login/oidc`: to the provider's page and back, for browsers; no part of the API.

What the browser keeps meanwhile is in a cookie of its own, which it sends when the provider sends
it back (SameSite=Lax); the session's, as strict as ever, is set by the answer to that.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency

from sigmawatch.app.access.signing_in import Returned, SignIns
from sigmawatch.app.web.door.credentials import cookie_name, cookie_value
from sigmawatch.app.web.problems import ProblemError
from sigmawatch.app.web.session import LOGIN_PATH, session_cookie
from sigmawatch.app.web.site import Site
from sigmawatch.domain.caller import Caller

TAKES_S = 600
_FOUND = 302


@get(LOGIN_PATH, include_in_schema=False, opt={"scope": None})
async def begin_login(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[Any]:
    """To the provider."""
    begun = await _sign_ins(site).begin()
    return _to(begun.address, _cookie(request, begun.kept, max_age_s=TAKES_S))


@get(f"{LOGIN_PATH}/callback", include_in_schema=False, opt={"scope": None, "cost": "login"})
async def end_login(
    request: Request[Any, Any, Any], site: NamedDependency[Site], caller: NamedDependency[Caller]
) -> Response[Any]:
    """From the provider: with a code, or with what went wrong there."""
    state, query = request.scope["state"], request.query_params
    if "code" not in query:
        raise ProblemError("unauthorized", "the provider did not let you sign in")
    kept = cookie_value(state["headers"].get("cookie", ""), name=_name(request))
    login = await _sign_ins(site).finish(Returned(
        state=query.get("state", ""), code=query["code"], kept=kept,
        address=state["peer"].address, request_id=str(state["request_id"]), instead_of=caller,
    ))  # fmt: skip
    return _to("/", _cookie(request, "", max_age_s=0), session_cookie(request, login.token))


def _sign_ins(site: Site) -> SignIns:
    found = site.access.sign_ins
    if found is None:
        raise ProblemError("not-found", "no provider is configured ([access.oidc])")
    return found


def _to(address: str, *cookies: Cookie) -> Response[Any]:
    headers = {"location": address, "cache-control": "no-store"}
    return Response(None, status_code=_FOUND, headers=headers, cookies=list(cookies))


def _name(request: Request[Any, Any, Any]) -> str:
    return f"{cookie_name(tls=request.scope['state']['peer'].tls)}-login"


def _cookie(request: Request[Any, Any, Any], value: str, *, max_age_s: int) -> Cookie:
    tls = request.scope["state"]["peer"].tls
    return Cookie(key=_name(request), value=value, path="/", max_age=max_age_s, secure=tls,
                  httponly=True, samesite="lax")  # fmt: skip
