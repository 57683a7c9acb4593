"""`/subscriptions`: who is told by mail of a rule, a pattern or a watchlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.web.moments import moment_or_none, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.subscription import ADDRESS_CHARS_MAX, Following, Follows, Subscription

TARGET = "rule:NAME, watchlist:NAME or pattern:VENUE:BASE/QUOTE"
Number = Annotated[int, PathParameter(description="a subscription's number", ge=1)]


class ShownSubscription(Struct, frozen=True, kw_only=True):
    """Who follows what."""

    number: Annotated[int, Meta(description="Its number.", examples=[7])]
    address: Annotated[str, Meta(description="Where to.", examples=["ada@example.org"])]
    target: Annotated[str, Meta(description=TARGET, examples=["pattern:KRAKEN:*/USD"])]
    severity: Annotated[Severity, Meta(description="The least told.", examples=["warning"])]
    mute: Annotated[
        Sequence[str],
        Meta(description="When nothing is told.", examples=[["22:00-07:00 Europe/Berlin"]]),
    ]
    made_at: Annotated[str, Meta(description="Made.", examples=["2026-11-21T08:02:01.250Z"])]
    confirmed_at: Annotated[
        str | None, Meta(description="Null until the address said yes.", examples=[None])
    ]


class SubscriptionsPage(Struct, frozen=True, kw_only=True):
    """Every subscription."""

    items: Annotated[Sequence[ShownSubscription], Meta(description="By number.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class SubscriptionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subscription to make."""

    address: Annotated[
        str,
        Meta(description="a mail address", examples=["ada@example.org"],
             max_length=ADDRESS_CHARS_MAX),
    ]  # fmt: skip
    target: Annotated[
        str, Meta(description=TARGET, examples=["pattern:KRAKEN:*/USD"], max_length=200)
    ]
    severity: Annotated[
        Severity, Meta(description="the least to be told", examples=["warning"])
    ] = Severity.INFO  # fmt: skip
    mute: Annotated[
        Sequence[Annotated[str, Meta(max_length=100)]],
        Meta(description="when nothing is to be told", examples=[["22:00-07:00 Europe/Berlin"]],
             max_length=20),
    ] = ()  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLink:
    """Query of a link in a mail."""

    token: Annotated[str, QueryParameter(description="what the link holds", max_length=100)]


# RFC 8058, 3.2: "multipart/form-data" or "application/x-www-form-urlencoded"
_ONE_CLICK = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_LINK = {"asked": Provide(AskedLink, sync_to_thread=False)}


@get("/subscriptions", summary="Who is told by mail", tags=["alerts"], responses=fails(),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_subscriptions(
    request: Request[Any, Any, Any], site: NamedDependency[Site], caller: NamedDependency[Caller]
) -> Response[SubscriptionsPage]:
    """Confirmed or not; those that ended are not there."""
    items = [_shown(one) for one in site.program.notifying.subscriptions.visible(caller)]
    return tagged(request, SubscriptionsPage(items=items, demo=site.program.demo))


@post("/subscriptions", summary="Follow a rule, a pattern or a watchlist", tags=["alerts"],
      responses=fails(403, 409, 413, 415, 422), opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def add_subscription(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[SubscriptionBody]
) -> ShownSubscription:
    """The address is asked first, by mail; until it says yes nothing is sent to it."""
    following = Following.of(
        data.address, target=data.target, severity=data.severity, mute=data.mute
    )
    match following.follows:
        case Follows.RULE:
            if any(rule.name == following.target for rule in site.program.rulebook.all):
                site.program.rulebook.find(following.target, by=actor.caller)
        case Follows.WATCHLIST:
            if following.target in site.program.watchlists.by_name():
                site.program.watchlists.find(following.target, by=actor.caller)
    return _shown(await site.program.notifying.subscribe(following, by=actor))


@post("/subscriptions/confirm", summary="Say yes, by the link in the mail", tags=["alerts"],
      status_code=HTTP_200_OK, responses=fails(403, 404, 422), dependencies=_LINK,
      opt={"scope": None})  # fmt: skip
async def confirm_subscription(
    site: NamedDependency[Site], asked: NamedDependency[AskedLink]
) -> ShownSubscription:
    """Once, within a week."""
    return _shown(await site.program.notifying.subscriptions.confirm(asked.token))


@post("/subscriptions/unsubscribe", summary="Unsubscribe, by the link in every mail",
      tags=["alerts"], status_code=HTTP_200_OK, responses=fails(403, 404, 422),
      dependencies=_LINK, opt={"scope": None, "media_types": _ONE_CLICK})  # fmt: skip
async def unsubscribe(
    site: NamedDependency[Site], asked: NamedDependency[AskedLink]
) -> None:  # fmt: skip
    """Whatever the body says."""
    await site.program.notifying.subscriptions.unsubscribe(asked.token)


@post("/subscriptions/unsubscribe", status_code=HTTP_200_OK, include_in_schema=False,
      dependencies=_LINK, opt={"scope": None, "media_types": _ONE_CLICK})  # fmt: skip
async def unsubscribe_by_mail(
    site: NamedDependency[Site], asked: NamedDependency[AskedLink]
) -> None:  # fmt: skip
    """What a mail program's own button asks for (RFC 8058, 3.1), where people find the page."""
    await site.program.notifying.subscriptions.unsubscribe(asked.token)


@delete("/subscriptions/{number:int}", summary="End a subscription", tags=["alerts"],
        responses=fails(403, 404), opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def end_subscription(
    site: NamedDependency[Site], actor: NamedDependency[Actor], number: Number
) -> None:
    """Nothing more is sent by it, not even what waits."""
    await site.program.notifying.subscriptions.end(number, by=actor)


def _shown(one: Subscription) -> ShownSubscription:
    following = one.following
    return ShownSubscription(
        number=one.id, address=following.address, target=following.told,
        severity=following.severity, mute=tuple(map(str, following.mute)),
        made_at=rfc3339(one.made_ms), confirmed_at=moment_or_none(one.confirmed_ms),
    )  # fmt: skip
