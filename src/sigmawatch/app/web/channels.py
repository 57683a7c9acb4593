"""`/channels`: where notices go. What was written about one is never read back: host and the last
four characters of its secret are all that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.channels import Entry
from sigmawatch.app.web.matching import expected
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site, not_modified, tagged, unchanged
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.sent import Answer
from sigmawatch.ports.channel import Service

Name = Annotated[str, PathParameter(description="a channel's name", max_length=64)]


class ShownChannel(Struct, frozen=True, kw_only=True):
    """A channel, without anything that could be used."""

    name: Annotated[str, Meta(description="Its name.", examples=["ops"])]
    service: Annotated[str, Meta(description="Whose.", examples=["slack"])]
    origin: Annotated[
        str, Meta(description="file: managed by the configuration; or api.", examples=["api"])
    ]
    address: Annotated[
        str, Meta(description="Host and end of the secret.", examples=["hooks.slack.com …kenQ"])
    ]
    state: Annotated[
        str, Meta(description="ready, disabled (410), or unusable.", examples=["ready"])
    ]
    reason: Annotated[str | None, Meta(description="Why it is not ready.", examples=["HTTP 410"])]
    per_minute: Annotated[
        float | None, Meta(description="Messages a minute; more come together.", examples=[60.0])
    ]
    etag: Annotated[
        str, Meta(description="For If-Match, to remove it.", examples=['"7f3a9c.1795248061000.0"'])
    ]


class ChannelsPage(Struct, frozen=True, kw_only=True):
    """Every channel."""

    items: Annotated[Sequence[ShownChannel], Meta(description="By name.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class NewChannelBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel to make."""

    name: Annotated[str, Meta(description="How it is to be called.", examples=["ops"],
                              min_length=1, max_length=64)]  # fmt: skip
    service: Annotated[str, Meta(description="Whose it is.", examples=["ntfy"], max_length=32)]
    settings: Annotated[
        dict[str, str | int | float],
        Meta(description="What that service needs; never shown again.",
             examples=[{"topic": "sigmawatch-7f3a9c"}], max_length=20),
    ]  # fmt: skip


class ChannelBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel is to be from now on: all of it, for nothing of before is read back."""

    service: Annotated[str, Meta(description="Whose it is.", examples=["ntfy"], max_length=32)]
    settings: Annotated[
        dict[str, str | int | float],
        Meta(description="What that service needs; never shown again.",
             examples=[{"topic": "sigmawatch-7f3a9c"}], max_length=20),
    ]  # fmt: skip


class ServiceSetting(Struct, frozen=True, kw_only=True):
    """What a service needs to know of a channel."""

    name: Annotated[str, Meta(description="Its name.", examples=["topic"])]
    meaning: Annotated[str, Meta(description="In words.", examples=["Whom to publish to."])]
    required: Annotated[bool, Meta(description="It has no default.", examples=[True])]
    secret: Annotated[bool, Meta(description="Nobody is shown it again.", examples=[False])]
    default: Annotated[str, Meta(description="Where it is left out.", examples=[""])]


class ShownService(Struct, frozen=True, kw_only=True):
    """A service, and what a channel of it needs."""

    name: Annotated[str, Meta(description="Its name.", examples=["ntfy"])]
    per_minute: Annotated[float, Meta(description="Messages it takes.", examples=[60.0])]
    settings: Annotated[Sequence[ServiceSetting], Meta(description="What it needs.")]


class ServicesPage(Struct, frozen=True, kw_only=True):
    """Every service by which a channel can be made over the API."""

    items: Annotated[Sequence[ShownService], Meta(description="Each once.")]


class Tested(Struct, frozen=True, kw_only=True):
    """What came of a test message."""

    name: Annotated[str, Meta(description="The channel.", examples=["ops"])]
    delivered: Annotated[bool, Meta(description="Whether it was taken.", examples=[True])]
    answer: Annotated[Answer, Meta(description="What followed.", examples=["accepted"])]
    detail: Annotated[str, Meta(description="In words.", examples=["HTTP 200"])]
    took_ms: Annotated[int, Meta(description="How long it took.", examples=[180])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class Rekeyed(Struct, frozen=True, kw_only=True):
    """What a change of keys did."""

    count: Annotated[int, Meta(description="Channels sealed anew.", examples=[3])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@get("/channels", summary="All channels", tags=["alerts"], responses=fails(),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_channels(
    request: Request[Any, Any, Any], site: NamedDependency[Site], caller: NamedDependency[Caller]
) -> Response[ChannelsPage]:
    """Where notices can go, beside the inbox, which is always there."""
    items = [_shown(site, one) for one in site.program.channels.visible(caller)]
    return tagged(request, ChannelsPage(items=items, demo=site.program.demo))


@get("/channels/{name:str}", summary="One channel", tags=["alerts"], responses=fails(404),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def show_channel(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], name: Name,
) -> Response[ShownChannel]:  # fmt: skip
    """Its settings are write-only. Its ETag is what a removal sends back as If-Match."""
    shown = _shown(site, site.program.channels.entry(name, by=caller))
    if unchanged(request, shown.etag):
        return not_modified(shown.etag)
    return Response(shown, headers={"etag": shown.etag})


@post("/channels", summary="Make a channel", tags=["alerts"],
      responses=fails(403, 409, 413, 415, 422, 503),
      opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def add_channel(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[NewChannelBody]
) -> Response[ShownChannel]:
    """Its settings are encrypted before they are stored. An address that leads to this machine or
    its network is refused (422)."""
    made = await site.program.channels.add(data.name, data.service, given=data.settings, by=actor)
    shown = _shown(site, made)
    headers = {"location": f"/api/v1/channels/{made.name}", "etag": shown.etag}
    return Response(shown, status_code=HTTP_201_CREATED, headers=headers)


@put("/channels/{name:str}", summary="Change a channel", tags=["alerts"],
     responses=fails(403, 404, 409, 412, 413, 415, 422, 428, 503),
     opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def change_channel(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    actor: NamedDependency[Actor], name: Name, data: JSONBody[ChannelBody],
) -> Response[ShownChannel]:  # fmt: skip
    """With If-Match: 428 without, 412 where somebody was faster. Every setting is given anew. One
    that was disabled is sent to again. What the configuration defines is changed there (409)."""
    entry = site.program.channels.entry(name, by=actor.caller)
    asked = expected(request, known=True)
    changed = await site.program.channels.change(
        entry.name, data.service, given=data.settings, expected=asked, by=actor
    )
    shown = _shown(site, changed)
    return Response(shown, headers={"etag": shown.etag})


@get("/services", summary="What channels can be made of", tags=["alerts"], responses=fails(),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_services(
    request: Request[Any, Any, Any], site: NamedDependency[Site]
) -> Response[ServicesPage]:
    """And the settings that each needs. Apprise is for the configuration file only."""
    items = [_service(one) for one in site.program.channels.services()]
    return tagged(request, ServicesPage(items=items))


@delete("/channels/{name:str}", summary="Remove a channel", tags=["alerts"],
        responses=fails(403, 404, 409, 412, 428), opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def remove_channel(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    actor: NamedDependency[Actor], name: Name,
) -> None:  # fmt: skip
    """With If-Match: 428 without, 412 where somebody was faster. What the configuration defines is
    removed there (409)."""
    entry = site.program.channels.entry(name, by=actor.caller)
    asked = expected(request, known=True)
    await site.program.channels.remove(entry.name, expected=asked, by=actor)


@post("/channels/{name:str}/test", summary="Send a test message", tags=["alerts"],
      status_code=HTTP_200_OK, responses=fails(403, 404, 409),
      opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def try_channel(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name
) -> Tested:
    """Sends a real message, once, and says what came; within 15 seconds."""
    began_ms = site.program.clock.monotonic_ms()
    sent = await site.program.channels.test(name, by=actor)
    took_ms = site.program.clock.monotonic_ms() - began_ms
    return Tested(
        name=site.program.channels.entry(name).name, delivered=sent.answer is Answer.ACCEPTED,
        answer=sent.answer, detail=sent.detail, took_ms=took_ms,
        demo=site.program.demo,
    )  # fmt: skip


@post("/channels/{name:str}/enable", summary="Send to a disabled channel again",
      tags=["alerts"], status_code=HTTP_200_OK, responses=fails(403, 404),
      opt={"scope": Scope.WRITE_CHANNELS})  # fmt: skip
async def enable_channel(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name
) -> ShownChannel:
    """A channel is disabled where its service answers 410: there is nobody any more."""
    return _shown(site, await site.program.channels.enable(name, by=actor))


@post("/channels/rekey", summary="Change the key of the secrets", tags=["alerts"],
      status_code=HTTP_200_OK, responses=fails(403, 503), opt={"scope": Scope.ADMIN})  # fmt: skip
async def rekey_channels(site: NamedDependency[Site], actor: NamedDependency[Actor]) -> Rekeyed:
    """Seals every stored secret under a new key and lets the older ones go."""
    return Rekeyed(count=await site.program.channels.rekey(by=actor), demo=site.program.demo)


def _service(one: Service) -> ShownService:
    settings = [
        ServiceSetting(name=o.name, meaning=o.meaning, required=o.required, secret=o.secret,
                       default=o.default)
        for o in one.settings
    ]  # fmt: skip
    return ShownService(name=one.name, per_minute=one.per_minute, settings=settings)


def _shown(site: Site, entry: Entry) -> ShownChannel:
    disabled = site.program.channels.why_disabled(entry.name)
    state = "unusable" if entry.fault else "disabled" if disabled else "ready"
    return ShownChannel(
        name=entry.name, service=entry.service, origin=entry.origin, address=entry.shown,
        state=state, reason=entry.fault or disabled or None,
        per_minute=entry.channel.per_minute if entry.channel else None,
        etag=f'"{site.program.channels.tag(entry)}"',
    )  # fmt: skip
