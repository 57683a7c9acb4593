"""`/rules`: what is alerted on. A rule is changed by who has read it: If-Match says which."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, PathParameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from sigmawatch.app.alerting.definition import spelled
from sigmawatch.app.alerting.rulebook import tag
from sigmawatch.app.problems import Problem
from sigmawatch.app.web.asked import Cursor, Limit
from sigmawatch.app.web.matching import expected
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.app.web.problems import clip, fails, made
from sigmawatch.app.web.site import Site, not_modified, tagged, unchanged
from sigmawatch.domain.alert import Rule, Severity
from sigmawatch.domain.alert_policy import NoData
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, Scope
from sigmawatch.domain.rule import default_clear, print_condition
from sigmawatch.domain.rule_reader import read_condition
from sigmawatch.domain.rule_settings import NAME_ALLOWED, NOTE_CHARS_MAX, On
from sigmawatch.domain.rule_target import ITEMS_MAX, TARGET_ALLOWED

BODY_BYTES_MAX = 65_536
PROBLEMS_MAX = 100
Name = Annotated[str, PathParameter(description="a rule's name", max_length=64)]

_Condition = Annotated[
    str, Meta(description="when it fires: docs/reference/rules.md", max_length=2_000,
              examples=["price > 3 * mean(1h)"])
]  # fmt: skip
_Target = Annotated[
    Sequence[Annotated[str, Meta(max_length=200)]],
    Meta(description=f"of which series: 1 to {ITEMS_MAX} of {TARGET_ALLOWED}", min_length=1,
         max_length=ITEMS_MAX, examples=[["KRAKEN:*/USD"]]),
]  # fmt: skip
_Clear = Annotated[
    Annotated[str, Meta(max_length=2_000)] | None,
    Meta(description="when it is over; null for the condition moved by a tenth", examples=[None]),
]
_Severity = Annotated[Severity, Meta(description="how much it matters", examples=["warning"])]
_Channels = Annotated[
    Sequence[Annotated[str, Meta(max_length=64)]],
    Meta(description="who is told; none for the routes of its severity", examples=[["phone"]]),
]
_Mute = Annotated[
    Sequence[Annotated[str, Meta(max_length=200)]],
    Meta(description="when nobody is told", examples=[["mon,tue 22:00-07:00 Europe/Berlin"]]),
]
_Valid = Annotated[
    Annotated[str, Meta(max_length=40)] | None,
    Meta(description="from then on it is not judged; null for ever", examples=[None]),
]


def _span(says: str, example: str) -> Any:
    return Meta(description=f"{says}: a span as 5m, 0s for none", max_length=12, examples=[example])


class RuleBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule is to be; what is left out has its default."""

    condition: _Condition
    target: _Target
    clear: _Clear | UnsetType = UNSET
    clear_for: Annotated[str, _span("how long that must hold", "0s")] | UnsetType = UNSET
    cooldown: Annotated[str, _span("nothing is told for so long after", "15m")] | UnsetType = UNSET
    reminder: Annotated[str, _span("how often it is said again", "0s")] | UnsetType = UNSET
    no_data: (
        Annotated[NoData, Meta(description="what missing data does", examples=["keep"])] | UnsetType
    ) = UNSET
    no_data_for: Annotated[str, _span("after how long", "5m")] | UnsetType = UNSET
    severity: _Severity | UnsetType = UNSET
    channels: _Channels | UnsetType = UNSET
    mute: _Mute | UnsetType = UNSET
    max_triggers: Annotated[
        int | None, Meta(description="episodes a series may open; null: any", examples=[None])
    ] = None
    valid_until: _Valid | UnsetType = UNSET
    notify_resolved: Annotated[
        bool, Meta(description="whether the end is told", examples=[True])
    ] = True
    on: Annotated[On, Meta(description="when it is judged", examples=["slot"])] = On.SLOT
    note: Annotated[
        str, Meta(description="words for every notice", max_length=NOTE_CHARS_MAX, examples=[""])
    ] = ""
    enabled: Annotated[bool, Meta(description="whether it is judged", examples=[True])] = True


class RuleProblem(Struct, frozen=True, kw_only=True):
    """What does not work, or not for now."""

    path: Annotated[str, Meta(description="The key.", examples=["target"])]
    message: Annotated[
        str, Meta(description="Why.", examples=["nothing is tracked yet that X:*/* names"])
    ]
    position: Annotated[
        int | None, Meta(description="Where in the condition's line.", examples=[None])
    ] = None


class ShownRule(Struct, frozen=True, kw_only=True):
    """A version of a rule, and how it stands."""

    name: Annotated[str, Meta(description="Its name.", examples=["hot"])]
    version: Annotated[int, Meta(description="1 is the first.", examples=[2])]
    condition: Annotated[
        str, Meta(description="In canonical form.", examples=["price > 3 * mean(1h)"])
    ]
    target: Annotated[Sequence[str], Meta(description="Of what.", examples=[["KRAKEN:*/USD"]])]
    clear: Annotated[
        str | None, Meta(description="Its own; null for the default.", examples=[None])
    ]
    clears_when: Annotated[
        str, Meta(description="When it is over.", examples=["not price > 2.7 * mean(1h)"])
    ]
    clear_for: Annotated[str, Meta(description="How long that must hold.", examples=["0s"])]
    cooldown: Annotated[str, Meta(description="Silence after the end.", examples=["15m"])]
    reminder: Annotated[str, Meta(description="How often said again.", examples=["0s"])]
    no_data: Annotated[NoData, Meta(description="What missing data does.", examples=["keep"])]
    no_data_for: Annotated[str, Meta(description="After how long.", examples=["5m"])]
    severity: Annotated[Severity, Meta(description="How much it matters.", examples=["warning"])]
    channels: Annotated[Sequence[str], Meta(description="Who is told.", examples=[["phone"]])]
    mute: Annotated[
        Sequence[str],
        Meta(description="When nobody is.", examples=[["mon,tue 22:00-07:00 Europe/Berlin"]]),
    ]
    max_triggers: Annotated[int | None, Meta(description="Episodes at most.", examples=[None])]
    valid_until: Annotated[str | None, Meta(description="Its end.", examples=[None])]
    notify_resolved: Annotated[bool, Meta(description="Is the end told.", examples=[True])]
    on: Annotated[On, Meta(description="When it is judged.", examples=["slot"])]
    note: Annotated[str, Meta(description="Words for every notice.", examples=[""])]
    enabled: Annotated[bool, Meta(description="Whether it is judged.", examples=[True])]
    origin: Annotated[
        str,
        Meta(description="file: managed by the rules file; shipped; or api.", examples=["api"]),
    ]
    created_at: Annotated[str, Meta(description="Made.", examples=["2026-11-21T08:02:01.250Z"])]
    changed_at: Annotated[
        str, Meta(description="This version was.", examples=["2026-11-21T08:02:01.250Z"])
    ]
    problems: Annotated[Sequence[RuleProblem], Meta(description="What does not work in it.")]
    etag: Annotated[str, Meta(description="For If-Match, to change it.", examples=['"1.2.1.api"'])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class RulesPage(Struct, frozen=True, kw_only=True):
    """Rules, and what is wrong with the file that defines some."""

    items: Annotated[Sequence[ShownRule], Meta(description="This page, by name.")]
    total: Annotated[int, Meta(description="How many there are.", examples=[3])]
    next_cursor: Annotated[
        str | None,
        Meta(description="`cursor` for the next ones; null at the end.", examples=[None]),
    ]
    file: Annotated[
        str | None, Meta(description="The file that defines rules.", examples=["rules.toml"])
    ]
    file_problems: Annotated[
        Sequence[RuleProblem],
        Meta(description=f"What is wrong in it, {PROBLEMS_MAX} of it at most."),
    ]
    file_problems_count: Annotated[int, Meta(description="How much is.", examples=[0])]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class RuleVersions(Struct, frozen=True, kw_only=True):
    """What a rule was and is."""

    items: Annotated[Sequence[ShownRule], Meta(description="Versions, the newest first.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


class CheckRuleBody(RuleBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule to be checked."""

    name: Annotated[str, Meta(description=NAME_ALLOWED, max_length=64, examples=["hot"])] = "new"


class CheckedRule(Struct, frozen=True, kw_only=True):
    """What a rule would be."""

    condition: Annotated[
        str, Meta(description="In canonical form.", examples=["price > 3 * mean(1h)"])
    ]
    clears_when: Annotated[
        str, Meta(description="When it is over.", examples=["not price > 2.7 * mean(1h)"])
    ]
    series_count: Annotated[int, Meta(description="Tracked series it is about.", examples=[12])]
    warnings: Annotated[Sequence[RuleProblem], Meta(description="What does not work for now.")]
    demo: Annotated[bool, Meta(description="An invented market.", examples=[False])]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRules:
    """Query of `/rules`."""

    limit: Limit = 100
    cursor: Cursor = None


@get("/rules", summary="All rules", tags=["rules"], responses=fails(422),
     dependencies={"asked": Provide(AskedRules, sync_to_thread=False)},
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_rules(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], asked: NamedDependency[AskedRules],
) -> Response[RulesPage]:  # fmt: skip
    """With what is wrong in the file that defines some, if anything is."""
    book = site.program.rulebook
    rules, problems = book.visible(caller), book.file_problems
    first = bisect_right(rules, asked.cursor or "", key=lambda rule: rule.name)
    page = rules[first : first + asked.limit]
    return tagged(request, RulesPage(
        items=[_shown(site, one, problems=_known(site, one)) for one in page], total=len(rules),
        next_cursor=page[-1].name if first + asked.limit < len(rules) else None,
        file=book.file.name if book.file else None,
        file_problems=_told(problems[:PROBLEMS_MAX]), file_problems_count=len(problems),
        demo=site.program.demo,
    ))  # fmt: skip


@get("/rules/{name:str}", summary="One rule", tags=["rules"], responses=fails(404),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def show_rule(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], name: Name,
) -> Response[ShownRule]:  # fmt: skip
    """Its ETag names the version; a change sends it back as If-Match. `problems` says what of it
    cannot be judged."""
    rule = site.program.rulebook.find(name, by=caller)
    if unchanged(request, _etag(rule)):
        return not_modified(_etag(rule))
    problems = [*site.program.rulebook.problems(rule), *_known(site, rule)]
    shown = _shown(site, rule, problems=problems)
    return Response(shown, headers={"etag": _etag(rule)})


@get("/rules/{name:str}/versions", summary="What a rule was", tags=["rules"], responses=fails(404),
     opt={"scope": Scope.READ_ALERTS})  # fmt: skip
async def list_rule_versions(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    caller: NamedDependency[Caller], name: Name,
) -> Response[RuleVersions]:  # fmt: skip
    """Versions never change, so what was decided by one can be explained."""
    book = site.program.rulebook
    found = await book.versions(book.find(name, by=caller))
    items = [_shown(site, one, problems=()) for one in reversed(found)]
    return tagged(request, RuleVersions(items=items, demo=site.program.demo))


@post("/rules/check", summary="Check a rule without saving it", tags=["rules"],
      status_code=HTTP_200_OK, request_max_body_size=BODY_BYTES_MAX,
      responses=fails(403, 413, 415, 422),
      opt={"scope": Scope.READ_ALERTS, "cost": "query"})  # fmt: skip
async def check_rule(site: NamedDependency[Site], data: JSONBody[CheckRuleBody]) -> CheckedRule:
    """422 with everything that is wrong at once, with the place in a condition's line."""
    book = site.program.rulebook
    raw = raw_of(data, site)
    found = book.check(str(raw.pop("name")), raw)
    kinds = book.scope.kinds(found.settings.target, read_condition(found.text).metric)
    return CheckedRule(
        condition=found.text, clears_when=_clears(found.text, found.settings.clear),
        series_count=sum(kinds.values()), warnings=_told(found.warnings), demo=site.program.demo,
    )  # fmt: skip


@put("/rules/{name:str}", summary="Make or change a rule", tags=["rules"],
     request_max_body_size=BODY_BYTES_MAX,
     responses=fails(403, 404, 409, 412, 413, 415, 422, 428) | made(ShownRule),
     opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def put_rule(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    actor: NamedDependency[Actor], name: Name, data: JSONBody[RuleBody],
) -> Response[ShownRule]:  # fmt: skip
    """201 where it is new. One that stands is changed with If-Match: 428 without, 412 where it was
    changed meanwhile. What the rules file defines is changed there (409)."""
    book = site.program.rulebook
    mine = book.visible(actor.caller)
    known = any(rule.name == name.strip().lower() for rule in mine)
    asked = expected(request, known=known)
    put = await book.put(name, raw_of(data, site), expected=asked, by=actor)
    problems = [*put.warnings, *_known(site, put.rule)]
    return Response(
        _shown(site, put.rule, problems=problems),
        status_code=HTTP_201_CREATED if put.new else HTTP_200_OK,
        headers={"location": f"/api/v1/rules/{put.rule.name}", "etag": _etag(put.rule)},
    )


@post("/rules/{name:str}/enable", summary="Judge a rule", tags=["rules"], status_code=HTTP_200_OK,
      responses=fails(403, 404, 409), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def enable_rule(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name
) -> ShownRule:
    """From the next slot on; its version stays."""
    rule = await site.program.rulebook.enable(name, enabled=True, by=actor)
    return _shown(site, rule, problems=_known(site, rule))


@post("/rules/{name:str}/disable", summary="Judge a rule no more", tags=["rules"],
      status_code=HTTP_200_OK, responses=fails(403, 404, 409),
      opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def disable_rule(
    site: NamedDependency[Site], actor: NamedDependency[Actor], name: Name
) -> ShownRule:
    """What is open under it closes with that reason; the rule and its versions stay."""
    rule = await site.program.rulebook.enable(name, enabled=False, by=actor)
    return _shown(site, rule, problems=_known(site, rule))


@delete("/rules/{name:str}", summary="Remove a rule", tags=["rules"],
        responses=fails(403, 404, 409, 412, 428), opt={"scope": Scope.WRITE_RULES})  # fmt: skip
async def remove_rule(
    request: Request[Any, Any, Any], site: NamedDependency[Site],
    actor: NamedDependency[Actor], name: Name,
) -> None:  # fmt: skip
    """With If-Match, as a change. What is open under it closes; its episodes stay."""
    rule = site.program.rulebook.find(name, by=actor.caller)
    asked = expected(request, known=True)
    await site.program.rulebook.remove(rule.name, expected=asked, by=actor)


def _etag(rule: Rule) -> str:
    return f'"{tag(rule)}"'


def raw_of(body: Struct, site: Site) -> dict[str, Any]:
    """What of a body was said, as a rule's table has it; markets by their public names."""
    raw = {name: list(value) if isinstance(value, tuple) else value
           for name, value in asdict(body).items() if value is not UNSET}  # fmt: skip
    if isinstance(raw.get("target"), list):
        raw["target"] = [site.program.names.meant(str(item)) for item in raw["target"]]
    return raw


def _known(site: Site, rule: Rule) -> Sequence[Problem]:
    """What is known to be wrong without looking anew: why it is not judged, and the file's word."""
    error = site.program.alerting.errors.get(rule.id)
    return () if error is None else (Problem(path="condition", rule=error),)


def _told(problems: Iterable[Problem]) -> list[RuleProblem]:
    return [
        RuleProblem(
            path=one.path, message=clip(one.rule) if len(one.rule) > 500 else one.rule,
            position=one.position,
        )
        for one in dict.fromkeys(problems)
    ]  # fmt: skip


def _clears(text: str, clear: str | None) -> str:
    return clear or print_condition(default_clear(read_condition(text)))


def _shown(site: Site, rule: Rule, *, problems: Iterable[Problem]) -> ShownRule:
    told = spelled(rule)
    return ShownRule(
        **told, name=rule.name, version=rule.version,
        clears_when=_clears(rule.text, told["clear"]), origin=rule.origin,
        created_at=rfc3339(rule.created_ms), changed_at=rfc3339(rule.made_ms),
        problems=_told(problems), etag=_etag(rule), demo=site.program.demo,
    )  # fmt: skip
