"""What a rule says beside its condition (SEMANTICS.md 6): a value, and its JSON.

    settings = RuleSettings(target=parse_target(["kraken:*/USD"]), cooldown_ms=0)
    RuleSettings.decode(settings.encode()) == settings
    settings.policy(Interval(60_000), for_ms=condition.for_ms)

The JSON object is what a stored version keeps in its `settings`: every setting is in it, so that
what was decided is explained by it even where a default has changed since. Imports domain.alert,
alert_policy, calendar, errors, rule_target, window.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from sigmawatch.domain.alert import Severity
from sigmawatch.domain.alert_policy import NoData, Policy
from sigmawatch.domain.calendar import CalendarWindow, parse_calendar
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.rule_target import Target, parse_target
from sigmawatch.domain.window import MINUTE_MS, Interval

NOTE_CHARS_MAX = 500
CHANNELS_MAX = 20
MUTES_MAX = 20
CHANNEL_ALLOWED = "1 to 32 small letters, digits, - and _, a letter or digit first"
NAME_ALLOWED = "1 to 64 small letters, digits, - and _, a letter or digit first"
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


def rule_name(text: str) -> str:
    """A rule's name, in small letters. Raises Invalid where it could not be one."""
    return _named(text, _NAME, what="a rule", field="name", allowed=NAME_ALLOWED)


def channel_name(text: str) -> str:
    """A channel's name, in small letters. Raises Invalid where it could not be one."""
    return _named(text, _CHANNEL, what="a channel", field="channels", allowed=CHANNEL_ALLOWED)


def _named(text: str, pattern: re.Pattern[str], *, what: str, field: str, allowed: str) -> str:
    folded = text.strip().lower()
    if not pattern.fullmatch(folded):
        raise Invalid(f"{text[:64]!r} is no name of {what}", field=field, allowed=allowed)
    return folded


class On(StrEnum):
    """When a rule is judged."""

    SLOT = "slot"  # once, when it has closed
    READING = "reading"  # at each new reading, too


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSettings:
    """A rule without its condition. The defaults are those of SEMANTICS.md 6.

    clear: the condition of clearing in canonical form, None for what follows from the rule's.
    channels: empty for the routes of its severity. valid_until_ms: slots that open then or later
    are not judged. note: the owner's own words, one line, in every notice.
    """

    target: Target
    clear: str | None = None
    clear_for_ms: int = 0
    cooldown_ms: int = 15 * MINUTE_MS
    reminder_ms: int = 0
    no_data: NoData = NoData.KEEP
    no_data_for_ms: int = 5 * MINUTE_MS
    severity: Severity = Severity.WARNING
    channels: tuple[str, ...] = ()
    mute: tuple[CalendarWindow, ...] = ()
    max_triggers: int | None = None
    valid_until_ms: int | None = None
    notify_resolved: bool = True
    on: On = On.SLOT
    note: str = ""

    def __post_init__(self) -> None:
        self.policy(Interval(MINUTE_MS))  # its spans and counts are what a policy may have
        assert all(name == channel_name(name) for name in self.channels)
        for name, items, items_max in (("channels", self.channels, CHANNELS_MAX),
                                       ("mute", self.mute, MUTES_MAX)):  # fmt: skip
            if len(items) > items_max:
                raise Invalid(f"{name} has {len(items)} items, at most {items_max}", field=name)
        if len(self.note) > NOTE_CHARS_MAX or not self.note.isprintable():
            raise Invalid(
                f"a note is one line of at most {NOTE_CHARS_MAX} characters", field="note"
            )

    def policy(self, interval: Interval, *, for_ms: int = 0) -> Policy:
        """How the states over series of `interval` live; for_ms: what the condition says."""
        return Policy(
            interval=interval, for_ms=for_ms, clear_for_ms=self.clear_for_ms,
            cooldown_ms=self.cooldown_ms, reminder_ms=self.reminder_ms, no_data=self.no_data,
            no_data_for_ms=self.no_data_for_ms, max_triggers=self.max_triggers,
            valid_until_ms=self.valid_until_ms, notify_resolved=self.notify_resolved,
        )  # fmt: skip

    def encode(self) -> str:
        """A JSON object in canonical form: equal settings, equal text."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        told |= {"target": self.target.items, "mute": [str(window) for window in self.mute]}
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def decode(cls, text: str) -> RuleSettings:
        """What `encode` wrote, of this version or an older one: what it does not tell of has its
        default. Raises Invalid for anything else."""
        try:
            told: dict[str, Any] = json.loads(text)
            return cls(**told | {
                "target": parse_target(told["target"]),
                "no_data": NoData(told.get("no_data", NoData.KEEP)),
                "severity": Severity(told.get("severity", Severity.WARNING)),
                "channels": tuple(told.get("channels", ())),
                "mute": tuple(parse_calendar(window) for window in told.get("mute", ())),
                "on": On(told.get("on", On.SLOT)),
            })  # fmt: skip
        except Invalid:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            raise Invalid(f"these are no settings of a rule: {exc}", field="settings") from exc
