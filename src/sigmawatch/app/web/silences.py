"""`/silences`: what nobody is told of, until when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Meta, Struct

from sigmawatch.app.web.moments import parse_moment, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule_settings import rule_name
from sigmawatch.domain.rule_target import ITEMS_MAX, TARGET_ALLOWED, parse_target
from sigmawatch.domain.silence import BY_CHARS_MAX, COMMENT_CHARS_MAX, Silence
from sigmawatch.domain.window import parse_span

Number = Annotated[int, PathParameter(description="a silence's number", ge=1)]


class ShownSilence(Struct, frozen=True, kw_only=True):
    """What is not told of, until when."""

    id: Annotated[int, Meta(description="Its number.", examples=[3])]
    target: Annotated[Sequence[str], Meta(description="Of what.", examples=[["KRAKEN:*/*"]])]
    rule: Annotated[str | None, Meta(description="Of one rule; null: of all.", examples=[None])]
    from_at: Annotated[str, Meta(description="Its begin.", examples=["2026-11-21T08:00:00.000Z"])]
    until_at: Annotated[str, Meta(description="Its end.", examples=["2026-11-21T10:00:00.000Z"])]
    by: Annotated[str, Meta(description="Who wants it.", examples=["ann"])]
    comment: Annotated[str, Meta(description="Why.", examples=["maintenance at Kraken"])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class SilencesPage(Struct, frozen=True, kw_only=True):
    """Those in force."""

    items: Annotated[Sequence[ShownSilence], Meta(description="The first to end first.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class SilenceBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A silence to make."""

    target: Annotated[
        Sequence[Annotated[str, Meta(max_length=200)]],
        Meta(description=f"of what: {TARGET_ALLOWED}", min_length=1, max_length=ITEMS_MAX,
             examples=[["KRAKEN:*/*"]]),
    ]  # fmt: skip
    until: Annotated[
        str,
        Meta(description="its end: a span from now as 2h, or RFC 3339", max_length=40,
             examples=["2h"]),
    ]  # fmt: skip
    rule: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(description="only this rule; null for all", examples=[None]),
    ] = None
    by: Annotated[
        str, Meta(description="who wants it", max_length=BY_CHARS_MAX, examples=["ann"])
    ] = ""
    comment: Annotated[
        str,
        Meta(description="why", max_length=COMMENT_CHARS_MAX, examples=["maintenance at Kraken"]),
    ] = ""


@get("/silences", summary="Silences in force", tags=["rules"], responses=fails(),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_silences(
    request: Request[Any, Any, Any], site: NamedDependency[Site], caller: NamedDependency[Caller]
) -> Response[SilencesPage]:
    """What still fires when one ends is told then, once."""
    items = [_shown(site, one) for one in site.program.silencing.visible(caller)]
    return tagged(request, SilencesPage(items=items, demo=site.program.demo))


@post("/silences", summary="Silence some series", tags=["rules"],
      responses=fails(403, 413, 415, 422), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def add_silence(
    site: NamedDependency[Site], actor: NamedDependency[Actor], data: JSONBody[SilenceBody]
) -> Response[ShownSilence]:
    """From now on; it ends by itself."""
    now_ms = site.now_ms
    rule = data.rule
    if rule is not None:
        rule = site.program.rulebook.find(rule_name(rule), by=actor.caller).name
    target = parse_target(data.target)
    for name in target.watchlists:
        site.program.watchlists.find(name, by=actor.caller)
    silence = await site.program.silencing.add(Silence(
        target=target, rule=rule, from_ms=now_ms, until_ms=_until(data.until, now_ms=now_ms),
        by=data.by, comment=data.comment,
    ), by=actor)  # fmt: skip
    location = f"/api/v1/silences/{silence.id}"
    return Response(
        _shown(site, silence), status_code=HTTP_201_CREATED, headers={"location": location}
    )


@get("/silences/{number:int}", summary="One silence", tags=["rules"], responses=fails(404),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def show_silence(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], number: Number,
) -> Response[ShownSilence]:  # fmt: skip
    """While it is in force."""
    return tagged(request, _shown(site, site.program.silencing.find(number, by=caller)))


@delete("/silences/{number:int}", summary="End a silence", tags=["rules"],
        responses=fails(403, 404), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def end_silence(
    site: NamedDependency[Site], actor: NamedDependency[Actor], number: Number
) -> None:
    """Now; what still fires is told."""
    await site.program.silencing.end(number, by=actor)


def _until(text: str, *, now_ms: int) -> int:
    try:
        return now_ms + parse_span(text)
    except Invalid:
        return parse_moment(text, now_ms=now_ms, field="until")


def _shown(site: Site, silence: Silence) -> ShownSilence:
    return ShownSilence(
        id=silence.id, target=silence.target.items, rule=silence.rule,
        from_at=rfc3339(silence.from_ms), until_at=rfc3339(silence.until_ms), by=silence.by,
        comment=silence.comment, demo=site.program.demo,
    )  # fmt: skip
