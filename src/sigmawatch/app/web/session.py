"""`/session`: who you are here, and logging in and out; `/setup`: the first admin.

The session's id is in a cookie that scripts cannot read and other sites' requests do not carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED, HTTP_204_NO_CONTENT
from msgspec import Meta, Struct

from sigmawatch.app.access.logins import Attempt, LoggedIn
from sigmawatch.app.access.setup import VALID_MS, FirstAdmin
from sigmawatch.app.moments import rfc3339
from sigmawatch.app.web.door.credentials import CHALLENGE, cookie_name
from sigmawatch.app.web.problems import ProblemError, fails
from sigmawatch.app.web.site import Site
from sigmawatch.app.web.users import NewPassword
from sigmawatch.domain.account import LASTS_MS, NAME_ALLOWED
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, CallerKind, Role, Scope

Password = Annotated[
    str, Meta(description="the password", examples=["correct horse battery staple"],
              max_length=1_024),
]  # fmt: skip
LOGIN_PATH = "/login/oidc"


class ShownSignIn(Struct, frozen=True, kw_only=True):
    """A provider by which people sign in."""

    name: Annotated[str, Meta(description="What it is called.", examples=["Example"])]
    address: Annotated[
        str,
        Meta(description="Where a browser goes to begin, from the root of this server.",
             examples=[LOGIN_PATH]),
    ]  # fmt: skip


class ShownSession(Struct, frozen=True, kw_only=True):
    """Who asks."""

    kind: Annotated[
        CallerKind,
        Meta(description="By what you are known: local while there is no user.",
             examples=["user"]),
    ]  # fmt: skip
    name: Annotated[str, Meta(description="As the audit log calls you.", examples=["ada"])]
    role: Annotated[Role | None, Meta(description="Of your user.", examples=["editor"])]
    scopes: Annotated[Sequence[str], Meta(description="What you may.", examples=[["read:metrics"]])]
    expires_at: Annotated[
        str | None,
        Meta(description="When this login ends at the latest.",
             examples=["2026-11-28T08:02:01.250Z"]),
    ]  # fmt: skip
    guarded: Annotated[
        bool, Meta(description="A user exists, so who asks is told apart.", examples=[True])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]
    sign_in: Annotated[
        ShownSignIn | None,
        Meta(description="The provider by which people may sign in too, where one is configured "
             "and there is a user."),
    ] = None  # fmt: skip


class LoginBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants in."""

    name: Annotated[str, Meta(description="the user's name", examples=["ada"], max_length=64)]
    password: Password

    def __repr__(self) -> str:
        return f"LoginBody(name={self.name!r})"


class OwnPasswordBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another password."""

    current: Password
    password: NewPassword

    def __repr__(self) -> str:
        return "OwnPasswordBody()"


class SetupBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first admin."""

    token: Annotated[
        str,
        Meta(description="what `run` printed, and `setup.token` in the data folder holds",
             examples=["q7w…"], max_length=100),
    ]  # fmt: skip
    name: Annotated[str, Meta(description=NAME_ALLOWED, examples=["ada"], max_length=64)]
    password: NewPassword

    def __repr__(self) -> str:
        return f"SetupBody(name={self.name!r})"


class SetupToken(Struct, frozen=True, kw_only=True):
    """What makes the first admin, once."""

    token: Annotated[str, Meta(description="For `POST /setup`.", examples=["q7w…"])]
    valid_s: Annotated[int, Meta(description="How long.", examples=[1800])]

    def __repr__(self) -> str:
        return "SetupToken()"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedEnd:
    """Query of a log-out."""

    everywhere: Annotated[
        bool, QueryParameter(description="true: every session of yours; else this one")
    ] = False


@get("/session", summary="Who you are here", tags=["access"], responses=fails(),
     opt={"scope": None})  # fmt: skip
async def show_session(
    site: NamedDependency[Site], caller: NamedDependency[Caller]
) -> Response[ShownSession]:
    """Whoever asks; without a credential too."""
    return Response(_shown(site, caller), headers={"cache-control": "no-store"})


@post("/session", summary="Log in", tags=["access"], status_code=HTTP_201_CREATED,
      responses=fails(403, 413, 415, 422, 429, 503),
      opt={"scope": None, "cost": "login"})  # fmt: skip
async def log_in(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], data: JSONBody[LoginBody],
) -> Response[ShownSession]:  # fmt: skip
    """The answer sets a cookie. After wrong passwords the next one has to wait, longer and longer,
    never for ever (429); the same is said of a name that is not there."""
    attempt = Attempt(
        name=data.name, password=data.password, address=request.scope["state"]["peer"].address,
        request_id=str(request.scope["state"]["request_id"]), instead_of=caller,
    )  # fmt: skip
    return _entered(request, site, login=await site.access.logins.log_in(attempt))


@delete("/session", summary="Log out", tags=["access"], responses=fails(403),
        dependencies={"asked": Provide(AskedEnd, sync_to_thread=False)},
        opt={"scope": None})  # fmt: skip
async def log_out(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    actor: NamedDependency[Actor], asked: NamedDependency[AskedEnd],
) -> Response[None]:  # fmt: skip
    """Here, or everywhere. What is open is cut within 5 seconds."""
    _check_logged_in(actor.caller)
    await site.access.logins.log_out(actor, everywhere=asked.everywhere)
    gone = _cookie(request, "", max_age_s=0)
    return Response(None, status_code=HTTP_204_NO_CONTENT, cookies=[gone])


@put("/session/password", summary="Change your password", tags=["access"],
     responses=fails(403, 413, 415, 422, 429, 503),
     opt={"scope": None, "cost": "login"})  # fmt: skip
async def set_own_password(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    actor: NamedDependency[Actor], data: JSONBody[OwnPasswordBody],
) -> Response[ShownSession]:  # fmt: skip
    """Every session of yours ends; the answer sets the cookie of a new one."""
    _check_logged_in(actor.caller)
    login = await site.access.logins.set_own_password(
        actor, current=data.current, new=data.password,
        address=request.scope["state"]["peer"].address,
    )  # fmt: skip
    return _entered(request, site, login=login, status=HTTP_200_OK)


@post("/setup", summary="Make the first admin", tags=["access"], status_code=HTTP_201_CREATED,
      responses=fails(403, 404, 409, 413, 415, 422, 429, 503),
      opt={"scope": None, "cost": "login"})  # fmt: skip
async def set_up(
    request: Request[Any, Any, Any], site: NamedDependency[Site], data: JSONBody[SetupBody]
) -> Response[ShownSession]:
    """Once, with the token, from this machine or over TLS; and logs in. Afterwards there is
    nothing here (404)."""
    state = request.scope["state"]
    if site.access.book.guarded:
        raise ProblemError("not-found", "it is set up already")
    if not (state["peer"].local or state["peer"].tls):
        raise ProblemError("forbidden", "set up from this machine, or over TLS")
    wanted = FirstAdmin(token=data.token, name=data.name, password=data.password)
    user = await site.access.setup.first_admin(wanted, request_id=str(state["request_id"]))
    attempt = Attempt(name=user.name, password=data.password, address=state["peer"].address,
                      request_id=str(state["request_id"]))  # fmt: skip
    return _entered(request, site, login=await site.access.logins.log_in(attempt))


@post("/setup/token", summary="Issue the set-up token anew", tags=["access"],
      status_code=HTTP_200_OK, responses=fails(403, 409),
      opt={"scope": Scope.ADMIN})  # fmt: skip
async def issue_setup_token(
    site: NamedDependency[Site], caller: NamedDependency[Caller]
) -> Response[SetupToken]:
    """By the command line on this machine alone (403)."""
    if caller.kind is not CallerKind.COMMAND_LINE:
        raise ProblemError("not-permitted", "`sigmawatch user setup-token` asks for it")
    told = SetupToken(token=site.access.setup.issue(), valid_s=VALID_MS // 1_000)
    return Response(told, headers={"cache-control": "no-store"})


def _check_logged_in(caller: Caller) -> None:
    if caller.kind is not CallerKind.USER:
        raise ProblemError("unauthorized", "nobody is logged in", headers=CHALLENGE)


def _entered(
    request: Request[Any, Any, Any], site: Site, *, login: LoggedIn, status: int = HTTP_201_CREATED
) -> Response[ShownSession]:
    cookie = session_cookie(request, login.token)
    caller = site.access.book.of_session(login.token)
    assert caller is not None
    return Response(_shown(site, caller), status_code=status, cookies=[cookie],
                    headers={"cache-control": "no-store"})  # fmt: skip


def session_cookie(request: Request[Any, Any, Any], token: str) -> Cookie:
    """What a browser is known by from now on."""
    return _cookie(request, token, max_age_s=LASTS_MS // 1_000)


def _cookie(request: Request[Any, Any, Any], value: str, *, max_age_s: int) -> Cookie:
    """SECURITY.md: "HttpOnly, SameSite=Strict; over TLS `__Host-` prefix and Secure"."""
    tls = request.scope["state"]["peer"].tls
    return Cookie(key=cookie_name(tls=tls), value=value, path="/", max_age=max_age_s, secure=tls,
                  httponly=True, samesite="strict")  # fmt: skip


def _shown(site: Site, caller: Caller) -> ShownSession:
    session = site.access.book.sessions.get(bytes.fromhex(caller.session or ""))
    return ShownSession(
        kind=caller.kind, name=caller.name, role=caller.role, scopes=sorted(caller.scopes),
        expires_at=None if session is None else rfc3339(session.made_ms + LASTS_MS),
        guarded=site.access.book.guarded, demo=site.program.demo, sign_in=_sign_in(site),
    )  # fmt: skip


def _sign_in(site: Site) -> ShownSignIn | None:
    """Not before the first user: until then a provider lets nobody in."""
    sign_ins = site.access.sign_ins
    if sign_ins is None or not site.access.book.guarded:
        return None
    return ShownSignIn(name=sign_ins.provider, address=LOGIN_PATH)
