"""`/deliveries` and `/inbox`: what was told, is on its way, or could not be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED
from msgspec import Meta, Struct

from sigmawatch.app.web.asked import Limit
from sigmawatch.app.web.moments import moment_or_none, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.errors import Conflict, NotFound
from sigmawatch.domain.notice import Delivery, NoticeKind, NoticeStatus
from sigmawatch.ports.delivery import Received

Number = Annotated[int, PathParameter(description="a delivery's number", ge=1)]
Before = Annotated[int | None, QueryParameter(description="numbers below this one", ge=1)]
_ALERT = "1-7-1795248060000"


class ShownDelivery(Struct, frozen=True, kw_only=True):
    """A notice to one channel, and how far it is."""

    number: Annotated[int, Meta(description="Its number; later ones are higher.", examples=[1048])]
    id: Annotated[
        str,
        Meta(description="The same in every attempt.", examples=[f"{_ALERT}-firing-0-ops"]),
    ]
    episode: Annotated[str, Meta(description="What it is about.", examples=[_ALERT])]
    kind: Annotated[NoticeKind, Meta(description="What it says.", examples=["firing"])]
    channel: Annotated[
        str,
        Meta(description="Where to; * before that was found, @7 for subscription 7.",
             examples=["ops"]),
    ]  # fmt: skip
    status: Annotated[NoticeStatus, Meta(description="How far.", examples=["retry_wait"])]
    detail: Annotated[str, Meta(description="What it came to last.", examples=["503"])]
    attempts: Annotated[int, Meta(description="Begun so far.", examples=[2])]
    unsure: Annotated[
        int, Meta(description="Attempts that may have arrived all the same.", examples=[0])
    ]
    decided_at: Annotated[str, Meta(description="Slot.", examples=["2026-11-21T08:01:00.000Z"])]
    changed_at: Annotated[
        str | None, Meta(description="Became so.", examples=["2026-11-21T08:02:01.250Z"])
    ]
    next_at: Annotated[
        str | None,
        Meta(description="Next attempt; null at the end.", examples=["2026-11-21T08:02:13.500Z"]),
    ]


class Deliveries(Struct, frozen=True, kw_only=True):
    """Deliveries, newest first."""

    items: Annotated[Sequence[ShownDelivery], Meta(description="This page.")]
    next_before: Annotated[
        int | None, Meta(description="`before` for older ones; null at the end.", examples=[None])
    ]
    counts: Annotated[
        dict[str, int], Meta(description="All there are, by status.", examples=[{"delivered": 12}])
    ]
    unsure: Annotated[
        int, Meta(description="Attempts that may have arrived all the same.", examples=[0])
    ]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class InboxMessage(Struct, frozen=True, kw_only=True):
    """What was told in the program itself."""

    number: Annotated[int, Meta(description="Its number; later ones are higher.", examples=[12])]
    severity: Annotated[Severity, Meta(description="How much it matters.", examples=["warning"])]
    kind: Annotated[str, Meta(description="What it says.", examples=["firing"])]
    episode: Annotated[str, Meta(description="What it is about.", examples=[_ALERT])]
    title: Annotated[
        str,
        Meta(description="One line.", examples=["Firing: hot · KRAKEN:BTC/USD price 301 USD"]),
    ]
    lines: Annotated[
        Sequence[str], Meta(description="The text.", examples=[["price > 3 * mean(1h)"]])
    ]
    came_at: Annotated[str, Meta(description="Arrival.", examples=["2026-11-21T08:02:01.250Z"])]
    read_at: Annotated[str | None, Meta(description="Null while unread.", examples=[None])]


class InboxPage(Struct, frozen=True, kw_only=True):
    """Messages, newest first."""

    items: Annotated[Sequence[InboxMessage], Meta(description="This page.")]
    next_before: Annotated[
        int | None, Meta(description="`before` for older ones; null at the end.", examples=[None])
    ]
    unread: Annotated[int, Meta(description="How many are unread.", examples=[1])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class ReadBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was read."""

    through: Annotated[
        int, Meta(description="everything up to this number", examples=[12], ge=0, le=2**53)
    ]


class ReadAnswer(Struct, frozen=True, kw_only=True):
    """What became read."""

    read: Annotated[int, Meta(description="How many were unread before.", examples=[1])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedDeliveries:
    """Query of `/deliveries`."""

    status: Annotated[NoticeStatus | None, QueryParameter(description="only these")] = None
    before: Before = None
    limit: Limit = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedInbox:
    """Query of `/inbox`."""

    unread: Annotated[bool, QueryParameter(description="only what is unread")] = False
    before: Before = None
    limit: Limit = 100


@get("/deliveries", summary="What was sent, and what is on its way", tags=["alerts"],
     responses=fails(422),
     dependencies={"asked": Provide(AskedDeliveries, sync_to_thread=False)},
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_deliveries(
    site: NamedDependency[Site], caller: NamedDependency[Caller],
    asked: NamedDependency[AskedDeliveries],
) -> Deliveries:  # fmt: skip
    """`status=dead` and `status=expired` are the dead letters: `/deliveries/{number}/resend`."""
    store = site.program.notifying.store
    found = await store.deliveries(
        status=asked.status, before=asked.before, limit=asked.limit + 1, viewer=caller.viewer
    )  # fmt: skip
    counts, unsure = await store.counts()
    page = found[: asked.limit]
    return Deliveries(
        items=tuple(map(_shown, page)), unsure=unsure, demo=site.program.demo,
        next_before=page[-1].number if len(found) > asked.limit else None,
        counts={str(status): count for status, count in counts.items()},
    )  # fmt: skip


@get("/deliveries/{number:int}", summary="One delivery", tags=["alerts"], responses=fails(404),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def show_delivery(
    site: NamedDependency[Site], caller: NamedDependency[Caller], number: Number
) -> ShownDelivery:
    """How far it is, and what it came to last."""
    return _shown(await _found(site, number, caller=caller))


@post("/deliveries/{number:int}/resend", summary="Send a dead letter again", tags=["alerts"],
      status_code=HTTP_202_ACCEPTED, responses=fails(403, 404, 409),
      opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def resend_delivery(
    site: NamedDependency[Site], actor: NamedDependency[Actor], number: Number
) -> ShownDelivery:
    """Under the same id, with 24 hours to succeed. 409 for what is not dead or expired."""
    found = await _found(site, number, caller=actor.caller)
    await site.program.episodes.check_theirs(found.notice.rule_id, by=actor)
    if not await site.program.notifying.send_again(number, by=actor):
        raise Conflict(f"delivery {number} is {found.status}; only dead and expired ones can be "
                       "sent again", field="number")  # fmt: skip
    return _shown(await _found(site, number, caller=actor.caller))


@get("/inbox", summary="What was told in the program itself", tags=["alerts"],
     responses=fails(422),
     dependencies={"asked": Provide(AskedInbox, sync_to_thread=False)},
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_inbox(
    site: NamedDependency[Site], caller: NamedDependency[Caller],
    asked: NamedDependency[AskedInbox],
) -> InboxPage:  # fmt: skip
    """Every notice of a rule without channels, and all that the program says of itself."""
    found, unread = await site.program.notifying.store.inbox(
        unread=asked.unread,
        before=asked.before,
        limit=asked.limit + 1,
        owner="*" if caller.viewer is None else str(caller.viewer or ""),
    )
    page = found[: asked.limit]
    return InboxPage(
        items=tuple(map(_message, page)), unread=unread, demo=site.program.demo,
        next_before=page[-1].number if len(found) > asked.limit else None,
    )  # fmt: skip


@post("/inbox/read", summary="Mark messages as read", tags=["alerts"], status_code=HTTP_200_OK,
      responses=fails(403, 413, 415, 422), opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def read_inbox(
    site: NamedDependency[Site], caller: NamedDependency[Caller], data: JSONBody[ReadBody]
) -> ReadAnswer:
    """Everything up to a number: what came since the page was shown stays unread."""
    return ReadAnswer(read=await site.program.notifying.mark_read(data.through, by=caller))


async def _found(site: Site, number: int, *, caller: Caller) -> Delivery:
    found = await site.program.notifying.store.delivery(number)
    if found is None or not await site.program.episodes.exists_for(found.notice.rule_id, caller):
        raise NotFound(f"there is no delivery {number}", field="number")
    return found


def _shown(one: Delivery) -> ShownDelivery:
    notice = one.notice
    return ShownDelivery(
        number=one.number, id=notice.id, episode=notice.episode, kind=notice.kind,
        channel=notice.channel, status=one.status, detail=one.detail, attempts=one.attempts,
        unsure=one.unsure_count, decided_at=rfc3339(notice.decided_ms),
        changed_at=moment_or_none(one.changed_ms),
        next_at=rfc3339(one.next_ms) if one.status.open else None,
    )  # fmt: skip


def _message(one: Received) -> InboxMessage:
    told: dict[str, Any] = msgspec.json.decode(one.message)
    return InboxMessage(
        number=one.number, severity=one.severity, kind=told["kind"], episode=told["thread"],
        title=told["title"], lines=told["lines"], came_at=rfc3339(one.came_ms),
        read_at=moment_or_none(one.read_ms),
    )  # fmt: skip
