"""What may be asked about rules.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from sigmawatch.client.calls import Many, Operation, When
from sigmawatch.client.v1.choices import AnyNoData, AnyOn, AnySeverity
from sigmawatch.client.v1.models import (
    CheckedRule,
    EpisodesPage,
    RulesPage,
    RuleVersions,
    ShownCourse,
    ShownEpisode,
    ShownExplanation,
    ShownPreview,
    ShownRule,
    ShownSilence,
    SilencesPage,
)


class AcknowledgeBody(TypedDict):
    """What `acknowledge_episode` takes."""

    by: str  # who


class CheckRuleBody(TypedDict):
    """What `check_rule` takes."""

    condition: str  # when it fires: docs/reference/rules.md
    # of which series: 1 to 1000 of kraken:*/USD, KRAKEN:BTC/USD, *:BTC/*:price or watchlist:majors
    target: Sequence[str]
    clear: NotRequired[str | None]  # when it is over; null for the condition moved by a tenth
    clear_for: NotRequired[str]  # how long that must hold: a span as 5m, 0s for none
    cooldown: NotRequired[str]  # nothing is told for so long after: a span as 5m, 0s for none
    reminder: NotRequired[str]  # how often it is said again: a span as 5m, 0s for none
    no_data: NotRequired[AnyNoData]  # what missing data does
    no_data_for: NotRequired[str]  # after how long: a span as 5m, 0s for none
    severity: NotRequired[AnySeverity]  # how much it matters
    channels: NotRequired[Sequence[str]]  # who is told; none for the routes of its severity
    mute: NotRequired[Sequence[str]]  # when nobody is told
    max_triggers: NotRequired[int | None]  # episodes a series may open; null: any
    valid_until: NotRequired[str | None]  # from then on it is not judged; null for ever
    notify_resolved: NotRequired[bool]  # whether the end is told
    on: NotRequired[AnyOn]  # when it is judged
    note: NotRequired[str]  # words for every notice
    enabled: NotRequired[bool]  # whether it is judged
    name: NotRequired[str]  # 1 to 64 small letters, digits, - and _, a letter or digit first


class PreviewBody(TypedDict):
    """What `preview_rule` takes."""

    condition: str  # when it fires: docs/reference/rules.md
    # of which series: 1 to 1000 of kraken:*/USD, KRAKEN:BTC/USD, *:BTC/*:price or watchlist:majors
    target: Sequence[str]
    clear: NotRequired[str | None]  # when it is over; null for the condition moved by a tenth
    clear_for: NotRequired[str]  # how long that must hold: a span as 5m, 0s for none
    cooldown: NotRequired[str]  # nothing is told for so long after: a span as 5m, 0s for none
    reminder: NotRequired[str]  # how often it is said again: a span as 5m, 0s for none
    no_data: NotRequired[AnyNoData]  # what missing data does
    no_data_for: NotRequired[str]  # after how long: a span as 5m, 0s for none
    severity: NotRequired[AnySeverity]  # how much it matters
    channels: NotRequired[Sequence[str]]  # who is told; none for the routes of its severity
    mute: NotRequired[Sequence[str]]  # when nobody is told
    max_triggers: NotRequired[int | None]  # episodes a series may open; null: any
    valid_until: NotRequired[str | None]  # from then on it is not judged; null for ever
    notify_resolved: NotRequired[bool]  # whether the end is told
    on: NotRequired[AnyOn]  # when it is judged
    note: NotRequired[str]  # words for every notice
    enabled: NotRequired[bool]  # whether it is judged
    over: NotRequired[str]  # a span as 24h or 7d


class RuleBody(TypedDict):
    """What `put_rule` takes."""

    condition: str  # when it fires: docs/reference/rules.md
    # of which series: 1 to 1000 of kraken:*/USD, KRAKEN:BTC/USD, *:BTC/*:price or watchlist:majors
    target: Sequence[str]
    clear: NotRequired[str | None]  # when it is over; null for the condition moved by a tenth
    clear_for: NotRequired[str]  # how long that must hold: a span as 5m, 0s for none
    cooldown: NotRequired[str]  # nothing is told for so long after: a span as 5m, 0s for none
    reminder: NotRequired[str]  # how often it is said again: a span as 5m, 0s for none
    no_data: NotRequired[AnyNoData]  # what missing data does
    no_data_for: NotRequired[str]  # after how long: a span as 5m, 0s for none
    severity: NotRequired[AnySeverity]  # how much it matters
    channels: NotRequired[Sequence[str]]  # who is told; none for the routes of its severity
    mute: NotRequired[Sequence[str]]  # when nobody is told
    max_triggers: NotRequired[int | None]  # episodes a series may open; null: any
    valid_until: NotRequired[str | None]  # from then on it is not judged; null for ever
    notify_resolved: NotRequired[bool]  # whether the end is told
    on: NotRequired[AnyOn]  # when it is judged
    note: NotRequired[str]  # words for every notice
    enabled: NotRequired[bool]  # whether it is judged


class SilenceBody(TypedDict):
    """What `add_silence` takes."""

    target: Sequence[
        str
    ]  # of what: kraken:*/USD, KRAKEN:BTC/USD, *:BTC/*:price or watchlist:majors
    until: str | datetime  # its end: a span from now as 2h, or RFC 3339
    rule: NotRequired[str | None]  # only this rule; null for all
    by: NotRequired[str]  # who wants it
    comment: NotRequired[str]  # why


class ListRulesQuery(TypedDict, total=False):
    """Of `list_rules`; what is left out is as the server has it."""

    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before


class ShowCourseQuery(TypedDict, total=False):
    """Of `show_course`; what is left out is as the server has it."""

    at: When  # a moment in the last of the slots; else now
    slots: int  # how many; else 30


class ListEpisodesQuery(TypedDict, total=False):
    """Of `list_episodes`; what is left out is as the server has it."""

    open: bool  # only those that last; else False
    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before


class ListEpisodesTableQuery(ListEpisodesQuery, total=False):
    """The same as a table."""

    fields: Many  # only these columns


LIST_RULES: Operation[RulesPage] = Operation(method="GET", path="/api/v1/rules", answer=RulesPage)
SHOW_RULE: Operation[ShownRule] = Operation(
    method="GET", path="/api/v1/rules/{name}", answer=ShownRule
)
PUT_RULE: Operation[ShownRule] = Operation(
    method="PUT", path="/api/v1/rules/{name}", answer=ShownRule
)
REMOVE_RULE: Operation[None] = Operation(
    method="DELETE", path="/api/v1/rules/{name}", answer=type(None)
)
LIST_RULE_VERSIONS: Operation[RuleVersions] = Operation(
    method="GET", path="/api/v1/rules/{name}/versions", answer=RuleVersions
)
CHECK_RULE: Operation[CheckedRule] = Operation(
    method="POST", path="/api/v1/rules/check", answer=CheckedRule
)
ENABLE_RULE: Operation[ShownRule] = Operation(
    method="POST", path="/api/v1/rules/{name}/enable", answer=ShownRule
)
DISABLE_RULE: Operation[ShownRule] = Operation(
    method="POST", path="/api/v1/rules/{name}/disable", answer=ShownRule
)
PREVIEW_RULE: Operation[ShownPreview] = Operation(
    method="POST", path="/api/v1/rules/preview", answer=ShownPreview
)
SHOW_COURSE: Operation[ShownCourse] = Operation(
    method="GET", path="/api/v1/rules/{name}/course", answer=ShownCourse
)
EXPLAIN_EPISODE: Operation[ShownExplanation] = Operation(
    method="GET", path="/api/v1/episodes/{name}/explain", answer=ShownExplanation
)
LIST_SILENCES: Operation[SilencesPage] = Operation(
    method="GET", path="/api/v1/silences", answer=SilencesPage
)
ADD_SILENCE: Operation[ShownSilence] = Operation(
    method="POST", path="/api/v1/silences", answer=ShownSilence
)
SHOW_SILENCE: Operation[ShownSilence] = Operation(
    method="GET", path="/api/v1/silences/{number}", answer=ShownSilence
)
END_SILENCE: Operation[None] = Operation(
    method="DELETE", path="/api/v1/silences/{number}", answer=type(None)
)
LIST_EPISODES: Operation[EpisodesPage] = Operation(
    method="GET", path="/api/v1/episodes", answer=EpisodesPage
)
SHOW_EPISODE: Operation[ShownEpisode] = Operation(
    method="GET", path="/api/v1/episodes/{name}", answer=ShownEpisode
)
ACKNOWLEDGE_EPISODE: Operation[ShownEpisode] = Operation(
    method="POST", path="/api/v1/episodes/{name}/acknowledge", answer=ShownEpisode
)
