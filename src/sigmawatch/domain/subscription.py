"""Subscriptions: somebody follows a rule, a pattern or a watchlist and is told at an address of
their own, once they have said that it is theirs (SEMANTICS.md 8).

Imports domain.alert, calendar, errors, notice, rule_settings, watchlist.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sigmawatch.domain.alert import Severity
from sigmawatch.domain.calendar import CalendarWindow, parse_calendar
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import SUBSCRIBER
from sigmawatch.domain.rule_settings import rule_name
from sigmawatch.domain.watchlist import parse_pattern, watchlist_name

ADDRESS_CHARS_MAX = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
MUTES_MAX = 20
ADDRESS_ALLOWED = "an address as name@example.org"
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}",
    re.ASCII,
)


class Follows(StrEnum):
    """What kind of thing is followed."""

    RULE = "rule"
    PATTERN = "pattern"
    WATCHLIST = "watchlist"


def mail_address(text: str) -> str:
    """A mail address: what RFC 5321 calls a dot-string at a domain. Raises Invalid."""
    address = text.strip()
    if len(address) > ADDRESS_CHARS_MAX or not _ADDRESS.fullmatch(address):
        raise Invalid("this is no mail address", field="address", allowed=ADDRESS_ALLOWED)
    return address


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """What somebody wants to be told. owner: whose address it is. owner_id: the user who made it,
    None where it is the installation's. target: the rule's or watchlist's name,
    or the pattern in canonical text. severity: the least that they want to hear of."""

    owner: str
    address: str
    follows: Follows
    target: str
    severity: Severity = Severity.INFO
    mute: tuple[CalendarWindow, ...] = ()
    owner_id: int | None = None

    @classmethod
    def of(
        cls, address: str, *, target: str, severity: str = Severity.INFO, mute: Sequence[str] = ()
    ) -> Following:  # fmt: skip
        """Read as people write it; target: `rule:hot`, `watchlist:majors`, `pattern:kraken:*/USD`.
        Raises Invalid."""
        kind, _, name = target.strip().partition(":")
        follows = _follows(kind)
        if severity not in list(Severity):
            raise Invalid(f"{severity[:40]!r} is no severity", field="severity",
                          allowed=", ".join(Severity))  # fmt: skip
        if len(mute) > MUTES_MAX:
            raise Invalid(f"at most {MUTES_MAX} windows", field="mute")
        checked = mail_address(address)
        return cls(
            owner=checked, address=checked, follows=follows, target=_target(follows, name),
            severity=Severity(severity), mute=tuple(map(parse_calendar, mute)),
        )  # fmt: skip

    @property
    def told(self) -> str:
        """What is followed, as `of` reads it."""
        return f"{self.follows}:{self.target}"


def _target(kind: Follows, text: str) -> str:
    match kind:
        case Follows.RULE:
            return rule_name(text)
        case Follows.WATCHLIST:
            return watchlist_name(text)
        case Follows.PATTERN:
            return str(parse_pattern(text))


def _follows(text: str) -> Follows:
    if text not in list(Follows):
        raise Invalid(f"{text[:40]!r} cannot be followed", field="target",
                      allowed="rule:NAME, watchlist:NAME or pattern:VENUE:BASE/QUOTE")  # fmt: skip
    return Follows(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A following that is kept. confirmed_ms: when who has the address said that they want it;
    until then nothing is sent but the question."""

    id: int
    following: Following
    made_ms: int
    confirmed_ms: int | None = None

    @property
    def owner_id(self) -> int | None:
        """The user whose it is; None where it is the installation's."""
        return self.following.owner_id

    @property
    def channel(self) -> str:
        """What stands in the place of a channel's name in the outbox."""
        return f"{SUBSCRIBER}{self.id}"
