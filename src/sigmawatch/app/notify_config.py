"""How the program tells people: the tables `[routes]` and `[notify]` of the configuration."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr

from sigmawatch.app.config_table import Table
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.notice import INBOX
from sigmawatch.domain.rule_settings import channel_name


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Invalid("is no time zone", allowed="an IANA name, as Europe/Berlin") from None
    return name


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise Invalid("must be an address without a login", allowed="https://host")
    return text.rstrip("/")


_Name = Annotated[str, AfterValidator(channel_name)]
_Names = Annotated[tuple[_Name, ...], AfterValidator(_each_once)]


class Routes(Table):
    """Who is told of rules that name no channels, by severity. `inbox` is always there."""

    info: _Names = Field(default=(INBOX,), description="Channels for what is good to know.")
    warning: _Names = Field(default=(INBOX,), description="Channels for what needs a look.")
    critical: _Names = Field(default=(INBOX,), description="Channels for what needs a hand, now.")

    def to(self, severity: Severity) -> tuple[str, ...]:
        """The channels of a severity; the inbox where none is named."""
        named: tuple[str, ...] = getattr(self, severity.value)
        return named or (INBOX,)


class NotifyConfig(Table):
    """How notices are sent."""

    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="Time zone of the times in notices, beside UTC: an IANA name."
    )
    public_url: Annotated[str, AfterValidator(_address)] | None = Field(
        default=None,
        description="Where the page can be reached by who gets a notice; links lead there. "
        "Subscriptions by mail need it.",
    )
    fallback: _Name | None = Field(
        default=None,
        description="The channel that is told too where a critical notice fails for a minute.",
    )
    mail: _Name | None = Field(
        default=None, description="The channel by which subscribers get their mail."
    )
    inbox_days: int = Field(
        default=90, ge=2, le=3_650,
        description="How long what came into the inbox is kept, read or not: 2 to 3650 days.",
    )  # fmt: skip
    heartbeat_url: SecretStr = Field(
        default=SecretStr(""),
        description="An address that is asked once a minute while slots are judged, so that "
        "somebody else notices when we are gone. Better set in the environment.",
    )
