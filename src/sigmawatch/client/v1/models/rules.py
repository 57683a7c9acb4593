"""What is answered about rules.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from sigmawatch.client.model import Open, Page
from sigmawatch.client.v1.models.shared import Severity


class CheckedRule(Struct, frozen=True, kw_only=True):
    condition: str  # In canonical form.
    clears_when: str  # When it is over.
    series_count: int  # Tracked series it is about.
    warnings: list[RuleProblem]  # What does not work for now.
    demo: bool  # An invented market.


class ComparedNumbers(Struct, frozen=True, kw_only=True):
    text: str  # It.
    left: float | None = None  # Null: unknown.
    relation: str  # Between them.
    right: float | None = None  # Null: unknown.


class ExplainedNumber(Struct, frozen=True, kw_only=True):
    text: str  # Its words.
    then: float | None = None  # In the receipt; null: unknown.
    now: float | None = None  # Computed again; null: unknown.
    kept: bool  # Whether history has it at all.
    agrees: bool  # Whether they are the same.


class NoData(Open):
    KEEP = "keep"
    ALERT = "alert"
    OK = "ok"


class On(Open):
    SLOT = "slot"
    READING = "reading"


class PreviewedDay(Struct, frozen=True, kw_only=True):
    day: datetime  # Its begin.
    episodes_count: int  # Opened on it.
    notices_count: int  # Told on it.


class PreviewedEpisode(Struct, frozen=True, kw_only=True):
    series: str  # The series' name.
    opened_at: datetime  # Open of its first slot.
    closed_at: datetime | None = None  # Open of its last; null while it lasts.
    reason: str  # Why it closed.
    reopened: int  # How often true again.


class PreviewedSeries(Struct, frozen=True, kw_only=True):
    series: str  # The series' name.
    episodes_count: int  # Opened.


class RuleProblem(Struct, frozen=True, kw_only=True):
    path: str  # The key.
    message: str  # Why.
    position: int | None = None  # Where in the condition's line.


class ShownEpisode(Struct, frozen=True, kw_only=True):
    id: str  # Its id.
    rule: str  # The rule's name.
    version: int  # Of the rule.
    severity: Severity  # How much it matters.
    series_id: int  # The series' id.
    series: str | None = None  # Its name; null where it is tracked no more.
    opened_at: datetime  # Open of its first slot.
    closed_at: datetime | None = None  # Open of its last; null while it lasts.
    reason: str  # Why it closed.
    reopened: int  # How often true again in its cooldown.
    acknowledged_by: str | None = None  # Who has seen it.
    acknowledged_at: datetime | None = None  # When.
    demo: bool  # An invented market.


class ShownExplainedNotice(Struct, frozen=True, kw_only=True):
    kind: str  # What it says.
    at: datetime  # Open of its slot.
    # When the reading came that decided while the slot ran, of a rule with `on: reading`; null: its
    # close did.
    read_at: datetime | None = None
    reason: str  # Why.
    withheld: list[str]  # Why it was late.
    agrees: bool  # Whether history agrees.
    numbers: list[ExplainedNumber]  # The condition's.


class ShownExplanation(Struct, frozen=True, kw_only=True):
    episode: str  # Its id.
    rule: str  # The rule's name.
    version: int  # That decided.
    condition: str  # Of that version.
    series: str  # The series' name.
    opened_at: datetime  # Open of its first slot.
    closed_at: datetime | None = None  # Open of its last; null while it lasts.
    reason: str  # Why it closed.
    agrees: bool  # Whether history says what the receipts do.
    notices: list[ShownExplainedNotice]  # In order.
    demo: bool  # An invented market.


class ShownMoment(Struct, frozen=True, kw_only=True):
    at: datetime  # Open of the slot.
    phase: str  # Where it was then.
    why: str  # Why.
    compared: list[ComparedNumbers]  # The numbers.


class ShownPreview(Struct, frozen=True, kw_only=True):
    condition: str  # In canonical form.
    clears_when: str  # When it is over.
    from_at: datetime  # Open of the first slot.
    to_at: datetime  # End of the last slot.
    series_count: int  # Series judged.
    unknown_share: float  # How much was not known well enough, 0 to 1.
    almost_count: int  # How often true, but not for long enough.
    episodes_count: int  # How often it would fire.
    notices_count: int  # Notices in all.
    notices_a_day: float  # Notices a day.
    notices_by_kind: dict[str, int]  # Of each kind.
    days: list[PreviewedDay]  # Every day.
    series: list[PreviewedSeries]  # Who would fire, most often first.
    episodes: list[PreviewedEpisode]  # The newest 1,000, oldest first.
    took_ms: int  # Processor time.
    demo: bool  # An invented market.


class ShownRule(Struct, frozen=True, kw_only=True):
    name: str  # Its name.
    version: int  # 1 is the first.
    condition: str  # In canonical form.
    target: list[str]  # Of what.
    clear: str | None = None  # Its own; null for the default.
    clears_when: str  # When it is over.
    clear_for: str  # How long that must hold.
    cooldown: str  # Silence after the end.
    reminder: str  # How often said again.
    no_data: NoData  # What missing data does.
    no_data_for: str  # After how long.
    severity: Severity  # How much it matters.
    channels: list[str]  # Who is told.
    mute: list[str]  # When nobody is.
    max_triggers: int | None = None  # Episodes at most.
    valid_until: datetime | None = None  # Its end.
    notify_resolved: bool  # Is the end told.
    on: On  # When it is judged.
    note: str  # Words for every notice.
    enabled: bool  # Whether it is judged.
    origin: str  # file: managed by the rules file; shipped; or api.
    created_at: datetime  # Made.
    changed_at: datetime  # This version was.
    problems: list[RuleProblem]  # What does not work in it.
    etag: str  # For If-Match, to change it.
    demo: bool  # An invented market.


class ShownSilence(Struct, frozen=True, kw_only=True):
    id: int  # Its number.
    target: list[str]  # Of what.
    rule: str | None = None  # Of one rule; null: of all.
    from_at: datetime  # Its begin.
    until_at: datetime  # Its end.
    by: str  # Who wants it.
    comment: str  # Why.
    demo: bool  # An invented market.


class EpisodesPage(Page[ShownEpisode], frozen=True, kw_only=True):
    items: list[ShownEpisode]  # This page.
    next_cursor: str | None = None  # `cursor` for older ones; null at the end.
    demo: bool  # An invented market.


class RuleVersions(Page[ShownRule], frozen=True, kw_only=True):
    items: list[ShownRule]  # Versions, the newest first.
    demo: bool  # An invented market.


class RulesPage(Page[ShownRule], frozen=True, kw_only=True):
    items: list[ShownRule]  # This page, by name.
    total: int  # How many there are.
    next_cursor: str | None = None  # `cursor` for the next ones; null at the end.
    file: str | None = None  # The file that defines rules.
    file_problems: list[RuleProblem]  # What is wrong in it, 100 of it at most.
    file_problems_count: int  # How much is.
    demo: bool  # An invented market.


class ShownCourse(Page[ShownMoment], frozen=True, kw_only=True):
    rule: str  # The rule's name.
    series: str  # The series' name.
    items: list[ShownMoment]  # Oldest first.
    demo: bool  # An invented market.


class SilencesPage(Page[ShownSilence], frozen=True, kw_only=True):
    items: list[ShownSilence]  # The first to end first.
    demo: bool  # An invented market.
