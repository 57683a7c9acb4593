"""`/rules/preview`, `/rules/{name}/course`, `/episodes/{id}/explain`: rules over what is past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta, Struct

from sigmawatch.app.alerting.explain import ExplainedNotice
from sigmawatch.app.alerting.preview import Draft
from sigmawatch.app.alerting.previewed import Preview
from sigmawatch.app.web.moments import parse_moment, rfc3339
from sigmawatch.app.web.problems import fails
from sigmawatch.app.web.rules import BODY_BYTES_MAX, Name, RuleBody, raw_of
from sigmawatch.app.web.site import Site, tagged
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.window import parse_span

EPISODES_MAX = 1_000  # told one by one
SPAN_CHARS_MAX = 12
_AT = "2026-11-21T08:02:00.000Z"
_SERIES = "KRAKEN:BTC/USD:price"
EpisodeId = Annotated[str, PathParameter(description="an episode's id", max_length=60)]


class PreviewBody(RuleBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule, and over how much of the past it is to be judged."""

    over: Annotated[
        str, Meta(description="a span as 24h or 7d", max_length=SPAN_CHARS_MAX, examples=["7d"])
    ] = "24h"


class PreviewedEpisode(Struct, frozen=True, kw_only=True):
    """When it would have been active."""

    series: Annotated[str, Meta(description="The series' name.", examples=[_SERIES])]
    opened_at: Annotated[str, Meta(description="Open of its first slot.", examples=[_AT])]
    closed_at: Annotated[
        str | None, Meta(description="Open of its last; null while it lasts.", examples=[None])
    ]
    reason: Annotated[str, Meta(description="Why it closed.", examples=[""])]
    reopened: Annotated[int, Meta(description="How often true again.", examples=[0])]


class PreviewedDay(Struct, frozen=True, kw_only=True):
    """A day of UTC."""

    day: Annotated[str, Meta(description="Its begin.", examples=["2026-11-21T00:00:00.000Z"])]
    episodes_count: Annotated[int, Meta(description="Opened on it.", examples=[2])]
    notices_count: Annotated[int, Meta(description="Told on it.", examples=[4])]


class PreviewedSeries(Struct, frozen=True, kw_only=True):
    """How often a series would have fired."""

    series: Annotated[str, Meta(description="The series' name.", examples=[_SERIES])]
    episodes_count: Annotated[int, Meta(description="Opened.", examples=[2])]


class ShownPreview(Struct, frozen=True, kw_only=True):
    """What a rule would have said."""

    condition: Annotated[
        str, Meta(description="In canonical form.", examples=["price > 3 * mean(1h)"])
    ]
    clears_when: Annotated[
        str, Meta(description="When it is over.", examples=["not price > 2.7 * mean(1h)"])
    ]
    from_at: Annotated[str, Meta(description="Open of the first slot.", examples=[_AT])]
    to_at: Annotated[str, Meta(description="End of the last slot.", examples=[_AT])]
    series_count: Annotated[int, Meta(description="Series judged.", examples=[120])]
    unknown_share: Annotated[
        float, Meta(description="How much was not known well enough, 0 to 1.", examples=[0.02])
    ]
    almost_count: Annotated[
        int, Meta(description="How often true, but not for long enough.", examples=[7])
    ]
    episodes_count: Annotated[int, Meta(description="How often it would fire.", examples=[4])]
    notices_count: Annotated[int, Meta(description="Notices in all.", examples=[8])]
    notices_a_day: Annotated[float, Meta(description="Notices a day.", examples=[1.14])]
    notices_by_kind: Annotated[
        dict[str, int], Meta(description="Of each kind.", examples=[{"firing": 4, "resolved": 4}])
    ]
    days: Annotated[Sequence[PreviewedDay], Meta(description="Every day.")]
    series: Annotated[
        Sequence[PreviewedSeries], Meta(description="Who would fire, most often first.")
    ]
    episodes: Annotated[
        Sequence[PreviewedEpisode], Meta(description=f"The newest {EPISODES_MAX:,}, oldest first.")
    ]
    took_ms: Annotated[int, Meta(description="Processor time.", examples=[350])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class ExplainedNumber(Struct, frozen=True, kw_only=True):
    """A number of the condition."""

    text: Annotated[str, Meta(description="Its words.", examples=["mean(1h)"])]
    then: Annotated[
        float | None, Meta(description="In the receipt; null: unknown.", examples=[100.0])
    ]
    now: Annotated[
        float | None, Meta(description="Computed again; null: unknown.", examples=[100.0])
    ]
    kept: Annotated[bool, Meta(description="Whether history has it at all.", examples=[True])]
    agrees: Annotated[bool, Meta(description="Whether they are the same.", examples=[True])]


class ShownExplainedNotice(Struct, frozen=True, kw_only=True):
    """A notice, and what it was decided on."""

    kind: Annotated[str, Meta(description="What it says.", examples=["firing"])]
    at: Annotated[str, Meta(description="Open of its slot.", examples=[_AT])]
    read_at: Annotated[
        str | None,
        Meta(
            description="When the reading came that decided while the slot ran, of a rule with "
            "`on: reading`; null: its close did.",
            examples=[None],
        ),
    ]
    reason: Annotated[str, Meta(description="Why.", examples=["the condition is true"])]
    withheld: Annotated[Sequence[str], Meta(description="Why it was late.", examples=[[]])]
    agrees: Annotated[bool, Meta(description="Whether history agrees.", examples=[True])]
    numbers: Annotated[Sequence[ExplainedNumber], Meta(description="The condition's.")]


class ShownExplanation(Struct, frozen=True, kw_only=True):
    """Everything that was decided of an episode."""

    episode: Annotated[str, Meta(description="Its id.", examples=["4-17-1795248000000"])]
    rule: Annotated[str, Meta(description="The rule's name.", examples=["hot"])]
    version: Annotated[int, Meta(description="That decided.", examples=[2])]
    condition: Annotated[
        str, Meta(description="Of that version.", examples=["price > 3 * mean(1h)"])
    ]
    series: Annotated[str, Meta(description="The series' name.", examples=[_SERIES])]
    opened_at: Annotated[str, Meta(description="Open of its first slot.", examples=[_AT])]
    closed_at: Annotated[
        str | None, Meta(description="Open of its last; null while it lasts.", examples=[None])
    ]
    reason: Annotated[str, Meta(description="Why it closed.", examples=[""])]
    agrees: Annotated[
        bool, Meta(description="Whether history says what the receipts do.", examples=[True])
    ]
    notices: Annotated[Sequence[ShownExplainedNotice], Meta(description="In order.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class ComparedNumbers(Struct, frozen=True, kw_only=True):
    """What a comparison came to."""

    text: Annotated[str, Meta(description="It.", examples=["price > 3 * mean(1h)"])]
    left: Annotated[float | None, Meta(description="Null: unknown.", examples=[301.0])]
    relation: Annotated[str, Meta(description="Between them.", examples=[">"])]
    right: Annotated[float | None, Meta(description="Null: unknown.", examples=[300.0])]


class ShownMoment(Struct, frozen=True, kw_only=True):
    """A state after a slot."""

    at: Annotated[str, Meta(description="Open of the slot.", examples=[_AT])]
    phase: Annotated[str, Meta(description="Where it was then.", examples=["pending"])]
    why: Annotated[str, Meta(description="Why.", examples=["the condition is true"])]
    compared: Annotated[Sequence[ComparedNumbers], Meta(description="The numbers.")]


class ShownCourse(Struct, frozen=True, kw_only=True):
    """What a rule said of a series, slot by slot."""

    rule: Annotated[str, Meta(description="The rule's name.", examples=["hot"])]
    series: Annotated[str, Meta(description="The series' name.", examples=[_SERIES])]
    items: Annotated[Sequence[ShownMoment], Meta(description="Oldest first.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedCourse:
    """Query of a course."""

    series: Annotated[str, QueryParameter(description=f"as {_SERIES}", max_length=200)]
    at: Annotated[
        str, QueryParameter(description="a moment in the last of the slots", max_length=40)
    ] = "now"
    slots: Annotated[int, QueryParameter(description="how many", ge=1, le=1_440)] = 30


@post("/rules/preview", summary="What a rule would have said", tags=["rules"],
      status_code=HTTP_200_OK, request_max_body_size=BODY_BYTES_MAX,
      responses=fails(403, 413, 415, 422),
      opt={"scope": Scope.READ_ALERTS, "cost": "query"})  # fmt: skip
async def preview_rule(site: NamedDependency[Site], data: JSONBody[PreviewBody]) -> ShownPreview:
    """Judged over stored history by the code that judges live; nothing is saved, nobody told. 422
    with everything that is wrong in the rule, with the place in its line."""
    program, raw = site.program, raw_of(data, site)
    over_ms = parse_span(str(raw.pop("over")))
    found = program.rulebook.check("preview", raw)
    draft = Draft(condition=found.text, settings=found.settings)
    preview = await program.previews.preview(draft, over_ms=over_ms)
    return _shown(site, preview)


@get("/rules/{name:str}/course", summary="What a rule said of a series", tags=["rules"],
     dependencies={"asked": Provide(AskedCourse, sync_to_thread=False)},
     responses=fails(404, 422), opt={"scope": Scope.READ_ALERTS, "cost": "query"})  # fmt: skip
async def show_course(
    site: NamedDependency[Site], caller: NamedDependency[Caller], name: Name,
    asked: NamedDependency[AskedCourse],
) -> ShownCourse:  # fmt: skip
    """Slot by slot, also where it did not fire: state, reason, numbers, from history."""
    rule = site.program.rulebook.find(name, by=caller)
    at_ms = parse_moment(asked.at, now_ms=site.now_ms, field="at")
    course = await site.program.explainer.course(rule, asked.series, at_ms=at_ms, slots=asked.slots)
    return ShownCourse(rule=rule.name, series=asked.series, demo=site.program.demo, items=[
        ShownMoment(
            at=rfc3339(one.at_ms), phase=one.phase, why=one.why,
            compared=[ComparedNumbers(text=text, left=_known(left), relation=relation,
                                      right=_known(right))
                      for text, left, relation, right in one.compared],
        ) for one in course
    ])  # fmt: skip


@get("/episodes/{name:str}/explain", summary="Why an episode was told", tags=["rules"],
     responses=fails(404), opt={"scope": Scope.READ_ALERTS, "cost": "query"})  # fmt: skip
async def explain_episode(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], name: EpisodeId,
) -> Response[ShownExplanation]:  # fmt: skip
    """Every number of every decision: as the receipt has it, and computed again from history."""
    await site.program.episodes.find(name, by=caller)
    found = await site.program.explainer.explain(name)
    episode = found.episode
    return tagged(request, ShownExplanation(
        episode=episode.id, rule=found.rule, version=episode.version, condition=found.condition,
        series=found.series, opened_at=rfc3339(episode.opened_ms),
        closed_at=None if episode.closed_ms is None else rfc3339(episode.closed_ms),
        reason=episode.reason, agrees=found.agrees, notices=[*map(_notice, found.notices)],
        demo=site.program.demo,
    ))  # fmt: skip


def _notice(one: ExplainedNotice) -> ShownExplainedNotice:
    return ShownExplainedNotice(
        kind=one.kind, at=rfc3339(one.at_ms), reason=one.reason, withheld=one.withheld,
        read_at=None if one.reading_ms is None else rfc3339(one.reading_ms),
        agrees=one.agrees, numbers=[
            ExplainedNumber(text=each.text, then=each.then, now=each.now, kept=each.kept,
                            agrees=each.agrees)
            for each in one.numbers
        ],
    )  # fmt: skip


def _known(number: float) -> float | None:
    return number if number == number else None  # noqa: PLR0124 - NaN is unknown


def _shown(site: Site, preview: Preview) -> ShownPreview:
    return ShownPreview(
        condition=preview.condition, clears_when=preview.clear,
        from_at=rfc3339(preview.from_ms), to_at=rfc3339(preview.to_ms),
        series_count=preview.series_count, unknown_share=preview.unknown_share,
        almost_count=preview.almost_count, episodes_count=len(preview.episodes),
        notices_count=len(preview.notices), notices_a_day=preview.notices_a_day,
        notices_by_kind=dict(preview.kinds), took_ms=preview.took_ms, demo=site.program.demo,
        days=[PreviewedDay(day=rfc3339(day_ms), episodes_count=opened, notices_count=told)
              for day_ms, opened, told in preview.by_day],
        series=[PreviewedSeries(series=name, episodes_count=count)
                for name, count in preview.by_series],
        episodes=[
            PreviewedEpisode(
                series=one.series, opened_at=rfc3339(one.opened_ms), reason=one.reason,
                closed_at=None if one.closed_ms is None else rfc3339(one.closed_ms),
                reopened=one.reopened_count,
            ) for one in preview.episodes[-EPISODES_MAX:]
        ],
    )  # fmt: skip
