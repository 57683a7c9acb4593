"""`/users`: who may log in, and as what. Nobody is ever removed; who is to be gone is disabled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, patch, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.moments import rfc3339
from sigmawatch.app.web.asked import AskedPage
from sigmawatch.app.web.listed import page_of
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.account import NAME_ALLOWED, PASSWORD_ALLOWED, PASSWORD_CHARS_MAX, User
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Role, Scope

Name = Annotated[str, PathParameter(description="a user's name", max_length=64)]
NewPassword = Annotated[
    str,
    Meta(description=PASSWORD_ALLOWED, examples=["correct horse battery staple"],
         max_length=PASSWORD_CHARS_MAX),
]  # fmt: skip


class ShownUser(Struct, frozen=True, kw_only=True):
    """A user."""

    name: Annotated[str, Meta(description="By which they log in.", examples=["ada"])]
    role: Annotated[Role, Meta(description="What they may.", examples=["editor"])]
    disabled: Annotated[bool, Meta(description="Nobody logs in by it.", examples=[False])]
    made_at: Annotated[str, Meta(description="Made.", examples=["2026-11-21T08:02:01.250Z"])]
    changed_at: Annotated[
        str, Meta(description="Last changed.", examples=["2026-11-21T08:02:01.250Z"])
    ]


class UsersPage(Struct, frozen=True, kw_only=True):
    """One page of users."""

    items: Annotated[Sequence[ShownUser], Meta(description="By name.")]
    next_cursor: Annotated[
        str | None, Meta(description="For the next page; null on the last.", examples=[None])
    ]


class NewUserBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to make."""

    name: Annotated[str, Meta(description=NAME_ALLOWED, examples=["ada"], max_length=64)]
    role: Annotated[Role, Meta(description=", ".join(Role), examples=["editor"])]
    password: NewPassword

    def __repr__(self) -> str:
        return f"NewUserBody(name={self.name!r})"


class UserBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another; the rest stays."""

    role: Annotated[
        Role | None, Meta(description=", ".join(Role), examples=["reader"])
    ] = None  # fmt: skip
    disabled: Annotated[
        bool | None, Meta(description="true: nobody logs in by it", examples=[False])
    ] = None


class PasswordBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password to set."""

    password: NewPassword

    def __repr__(self) -> str:
        return "PasswordBody()"


@get("/users", summary="All users", tags=["access"], responses=fails(403, 422),
     dependencies={"asked": Provide(AskedPage, sync_to_thread=False)},
     opt={"scope": Scope.ADMIN})  # fmt: skip
async def list_users(site: NamedDependency[Site], asked: NamedDependency[AskedPage]) -> UsersPage:
    """Disabled ones too."""
    page = page_of(site.access.users.all, asked, of="users", named=lambda user: user.name)
    return UsersPage(items=list(map(shown, page.items)), next_cursor=page.next_cursor)


@get("/users/{name:str}", summary="One user", tags=["access"], responses=fails(403, 404),
     opt={"scope": Scope.ADMIN})  # fmt: skip
async def show_user(site: NamedDependency[Site], name: Name) -> ShownUser:
    """Never the password, nor anything of it."""
    return shown(site.access.users.find(name))


@post("/users", summary="Make a user", tags=["access"],
      responses=fails(403, 409, 413, 415, 422, 503), opt={"scope": Scope.ADMIN})  # fmt: skip
async def add_user(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[NewUserBody]
) -> Response[ShownUser]:
    """The first one is an admin, and made with the set-up token (`POST /setup`) or by the command
    line on this machine (409)."""
    user = await site.access.users.add(data.name, data.role, password=data.password, by=actor)
    location = {"location": f"/api/v1/users/{user.name}"}
    return Response(shown(user), status_code=HTTP_201_CREATED, headers=location)


@patch("/users/{name:str}", summary="Change or disable a user", tags=["access"],
       responses=fails(403, 404, 409, 413, 415, 422, 503),
       opt={"scope": Scope.ADMIN})  # fmt: skip
async def change_user(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name,
    data: JSONBody[UserBody],
) -> ShownUser:  # fmt: skip
    """They are logged out everywhere, and their keys may what they may now. The last admin stays
    one (409)."""
    return shown(await site.access.users.change(
        name, role=data.role, disabled=data.disabled, by=actor
    ))  # fmt: skip


@put("/users/{name:str}/password", summary="Set a user's password", tags=["access"],
     responses=fails(403, 404, 413, 415, 422, 503), opt={"scope": Scope.ADMIN})  # fmt: skip
async def set_user_password(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name,
    data: JSONBody[PasswordBody],
) -> ShownUser:  # fmt: skip
    """They are logged out everywhere. One's own: `PUT /session/password`."""
    return shown(await site.access.users.set_password(name, data.password, by=actor))


def shown(user: User) -> ShownUser:
    return ShownUser(
        name=user.name, role=user.role, disabled=user.disabled, made_at=rfc3339(user.made_ms),
        changed_at=rfc3339(user.changed_ms),
    )  # fmt: skip
