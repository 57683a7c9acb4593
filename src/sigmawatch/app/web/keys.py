"""`/keys`: for programs that ask instead of people. A key is told once, when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.access.keys import MadeKey, Wanted, parse_networks
from sigmawatch.app.moments import moment_or_none, rfc3339
from sigmawatch.app.web.acting import check_personal
from sigmawatch.app.web.asked import AskedPage
from sigmawatch.app.web.listed import page_of
from sigmawatch.app.web.moments import parse_moment
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.api_key import NAME_CHARS_MAX, NETWORKS_MAX, ApiKey
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope, parse_scopes
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.window import parse_span

KeyId = Annotated[str, PathParameter(description="a key's public id", max_length=40)]


class ShownKey(Struct, frozen=True, kw_only=True):
    """A key, without the key."""

    id: Annotated[str, Meta(description="Its public id.", examples=["3k9x0q2m7p1a"])]
    name: Annotated[str, Meta(description="What it is for.", examples=["grafana"])]
    user: Annotated[
        str | None, Meta(description="Whose; null: the installation's.", examples=["ada"])
    ]
    scopes: Annotated[Sequence[str], Meta(description="What it may.", examples=[["read:metrics"]])]
    networks: Annotated[
        Sequence[str], Meta(description="From where; empty: anywhere.", examples=[["10.0.0.0/8"]])
    ]
    state: Annotated[
        str, Meta(description="good, ending (rotated), revoked or expired.", examples=["good"])
    ]
    exposed: Annotated[
        bool, Meta(description="It was sent in an address: rotate it.", examples=[False])
    ]
    made_at: Annotated[str, Meta(description="Made.", examples=["2026-11-21T08:02:01.250Z"])]
    expires_at: Annotated[
        str | None, Meta(description="Its end; null: none.", examples=["2027-02-19T08:02:01.250Z"])
    ]
    revoked_at: Annotated[
        str | None, Meta(description="From when on it is not good.", examples=[None])
    ]
    used_at: Annotated[
        str | None,
        Meta(description="Last used, within a minute.", examples=["2026-11-22T10:00:00.000Z"]),
    ]


class KeysPage(Struct, frozen=True, kw_only=True):
    """One page of keys."""

    items: Annotated[Sequence[ShownKey], Meta(description="The newest first.")]
    next_cursor: Annotated[
        str | None, Meta(description="For the next page; null on the last.", examples=[None])
    ]


class ToldKey(Struct, frozen=True, kw_only=True):
    """A new key. It is not told again."""

    key: Annotated[
        str,
        Meta(description="To be sent as `Authorization: Bearer`.",
             examples=["sw_3k9x0q2m7p1a_…_…"]),
    ]  # fmt: skip
    about: Annotated[ShownKey, Meta(description="What is kept of it.")]

    def __repr__(self) -> str:
        return f"ToldKey({self.about.id})"


class NewKeyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to make."""

    name: Annotated[
        str, Meta(description="what it is for", examples=["grafana"], max_length=NAME_CHARS_MAX)
    ]
    scopes: Annotated[
        Sequence[Annotated[str, Meta(max_length=40)]],
        Meta(description=", ".join(Scope), examples=[["read:metrics"]], min_length=1,
             max_length=len(Scope)),
    ]  # fmt: skip
    expires: Annotated[
        Annotated[str, Meta(max_length=40)] | None,
        Meta(description="a span from now as 90d, or RFC 3339; null: no end", examples=["90d"]),
    ] = None
    networks: Annotated[
        Sequence[Annotated[str, Meta(max_length=60)]],
        Meta(description="addresses and networks from which it is good; none: anywhere",
             examples=[["10.0.0.0/8"]], max_length=NETWORKS_MAX),
    ] = ()  # fmt: skip
    user: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(description="whose it is to be, by an admin; null: yours", examples=[None]),
    ] = None


class RotationBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a key is to be replaced."""

    overlap: Annotated[
        str,
        Meta(description="how long the old one is still good: 0s to 30d", max_length=40,
             examples=["1d"]),
    ] = "1d"  # fmt: skip


@get("/keys", summary="Your keys", tags=["access"], responses=fails(403, 422),
     dependencies={"asked": Provide(AskedPage, sync_to_thread=False)},
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def list_keys(
    site: NamedDependency[Site], caller: NamedDependency[Caller],
    asked: NamedDependency[AskedPage],
) -> KeysPage:  # fmt: skip
    """An admin sees everybody's. Revoked and expired ones too."""
    check_personal(caller)
    page = page_of(site.access.keys.visible(caller), asked, of="keys", named=lambda key: key.id)
    return KeysPage(items=[_shown(site, key) for key in page.items], next_cursor=page.next_cursor)


@get("/keys/{key_id:str}", summary="One key", tags=["access"], responses=fails(403, 404),
     opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def show_key(
    site: NamedDependency[Site],
    caller: NamedDependency[Caller], key_id: KeyId,
) -> ShownKey:  # fmt: skip
    """By its public id. Another user's is not there (404)."""
    check_personal(caller)
    return _shown(site, site.access.keys.find(key_id, by=caller))


@post("/keys", summary="Make a key", tags=["access"],
      responses=fails(403, 413, 415, 422, 503), opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def add_key(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[NewKeyBody]
) -> Response[ToldKey]:
    """It is told in this answer and never again. It may no more than you, and no more than its
    user, whatever becomes of them."""
    check_personal(actor.caller)
    user = None if data.user is None else site.access.users.find(data.user)
    wanted = Wanted(
        name=data.name, scopes=parse_scopes(data.scopes), networks=parse_networks(data.networks),
        user=user, expires_ms=_end(site, data.expires),
    )  # fmt: skip
    return _told(site, await site.access.keys.make(wanted, by=actor))


@post("/keys/{key_id:str}/rotate", summary="Replace a key", tags=["access"],
      responses=fails(403, 404, 409, 413, 415, 422, 503),
      opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def rotate_key(
    site: NamedDependency[Site], actor: NamedDependency[Actor], key_id: KeyId,
    data: JSONBody[RotationBody],
) -> Response[ToldKey]:  # fmt: skip
    """A new key that may the same; the old one is good for `overlap` more."""
    check_personal(actor.caller)
    overlap_ms = _overlap(data.overlap)
    return _told(site, await site.access.keys.rotate(key_id, overlap_ms=overlap_ms, by=actor))


@delete("/keys/{key_id:str}", summary="Revoke a key", tags=["access"],
        responses=fails(403, 404, 503), opt={"scope": Scope.READ_METRICS})  # fmt: skip
async def revoke_key(
    site: NamedDependency[Site], actor: NamedDependency[Actor], key_id: KeyId
) -> None:
    """At once; what it holds open is cut within 5 seconds. It stays in the list."""
    check_personal(actor.caller)
    await site.access.keys.revoke(key_id, by=actor)


def _end(site: Site, text: str | None) -> int | None:
    if text is None:
        return None
    now_ms = site.access.book.time.now_ms()
    try:
        return now_ms + parse_span(text)
    except Invalid:
        return parse_moment(text, now_ms=now_ms, field="expires")


def _overlap(text: str) -> int:
    try:
        return parse_span(text)
    except Invalid as wrong:
        raise Invalid(str(wrong), field="overlap", allowed="0s to 30d") from None


def _told(site: Site, made: MadeKey) -> Response[ToldKey]:
    told = ToldKey(key=made.token, about=_shown(site, made.key))
    headers = {"location": f"/api/v1/keys/{made.key.id}", "cache-control": "no-store"}
    return Response(told, status_code=HTTP_201_CREATED, headers=headers)


def _shown(site: Site, key: ApiKey) -> ShownKey:
    now_ms = site.access.book.time.now_ms()
    user = site.access.book.users.get(key.user_id or 0)
    return ShownKey(
        id=key.id, name=key.name, user=user.name if user else None, scopes=sorted(key.scopes),
        networks=key.networks, state=_state(key, now_ms), exposed=key.exposed_ms is not None,
        made_at=rfc3339(key.made_ms), expires_at=moment_or_none(key.expires_ms),
        revoked_at=moment_or_none(key.revoked_ms), used_at=moment_or_none(key.used_ms),
    )  # fmt: skip


def _state(key: ApiKey, now_ms: int) -> str:
    if key.revoked_ms is not None:
        return "ending" if key.holds(now_ms) else "revoked"
    return "good" if key.holds(now_ms) else "expired"
