"""The workshop: makes a channel of the settings that somebody wrote, whichever service it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from types import MappingProxyType

from sigmawatch.adapters.apprise.channel import Apprise, AppriseChannel
from sigmawatch.adapters.channels.discord import Discord
from sigmawatch.adapters.channels.ntfy import Ntfy
from sigmawatch.adapters.channels.pagerduty import PagerDuty
from sigmawatch.adapters.channels.posting import PostingChannel
from sigmawatch.adapters.channels.pushover import Pushover
from sigmawatch.adapters.channels.sendgrid import SendGrid
from sigmawatch.adapters.channels.settings import Settings, read_settings
from sigmawatch.adapters.channels.slack import Slack
from sigmawatch.adapters.channels.smtp import Smtp, SmtpChannel
from sigmawatch.adapters.channels.telegram import Telegram
from sigmawatch.adapters.channels.twilio import Twilio
from sigmawatch.adapters.channels.webhook import Webhook
from sigmawatch.adapters.egress.addresses import Network
from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.domain.errors import Invalid
from sigmawatch.ports import channel as ports
from sigmawatch.ports.channel import Made
from sigmawatch.ports.clock import Clock

Service = (
    Webhook | Smtp | Slack | Discord | Telegram | PagerDuty | Ntfy | Pushover | Twilio | SendGrid
)
_KINDS: tuple[type[Service], ...] = (
    Webhook, Smtp, Slack, Discord, Telegram, PagerDuty, Ntfy, Pushover, Twilio, SendGrid,
)  # fmt: skip
SERVICES: Mapping[str, type[Service]] = MappingProxyType({one.SERVICE: one for one in _KINDS})


class Workshop:
    """Fulfils ports.channel.ChannelMaker."""

    def __init__(self, egress: Egress, *, clock: Clock) -> None:
        self._egress = egress
        self._clock = clock

    def services(self) -> Sequence[ports.Service]:
        return [
            ports.Service(name=name, per_minute=kind.PER_MINUTE, settings=settings_of(kind))
            for name, kind in SERVICES.items()
        ]

    def make(
        self, name: str, service: str, *, given: Mapping[str, object], trusted: bool = False
    ) -> Made:
        if trusted and service == Apprise.SERVICE:
            told = read_settings(Apprise, given, egress=self._egress)
            return Made(channel=AppriseChannel(name, told), shown=told.shown)
        settings = read_settings(kind_of(service), given, egress=self._egress)
        channel: PostingChannel | SmtpChannel
        if isinstance(settings, Smtp):
            channel = SmtpChannel(name, settings, egress=self._egress, clock=self._clock)
        else:
            channel = PostingChannel(name, settings, egress=self._egress, clock=self._clock)
        return Made(channel=channel, shown=settings.shown)

    @classmethod
    def of(cls, openings: Iterable[tuple[Network, int]], *, clock: Clock) -> Workshop:
        """openings: ranges and ports that the operator opened."""
        opened = [Opening(network=network, port=port) for network, port in openings]
        return cls(Egress(opened), clock=clock)

    async def check(self, service: str, *, given: Mapping[str, object]) -> None:
        settings = read_settings(kind_of(service), given, egress=self._egress)
        if isinstance(settings, Smtp):
            await self._egress.check(settings.destination(self._egress), field="server")
        else:
            await self._egress.check(self._egress.destination(settings.url))


def kind_of(service: str) -> type[Service]:
    """Raises Invalid."""
    found = SERVICES.get(service)
    if service == Apprise.SERVICE:
        raise Invalid("apprise is for channels of the configuration file only", field="service",
                      allowed=", ".join(SERVICES))  # fmt: skip
    if found is None:
        close = difflib.get_close_matches(service.lower(), list(SERVICES), n=1, cutoff=0.6)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise Invalid(f"there is no such service{hint}", field="service",
                      allowed=", ".join(SERVICES))  # fmt: skip
    return found


def settings_of(kind: type[Settings]) -> tuple[ports.Setting, ...]:
    """What a service needs to know, the rate last."""
    own = sorted(fields(kind), key=lambda one: one.name == "per_minute")
    return tuple(
        ports.Setting(
            name=one.name, meaning=one.metadata["help"], required=one.default is MISSING,
            secret=bool(one.metadata.get("secret")),
            default=str(one.default) if one.default not in (MISSING, "", 0.0) else "",
        )
        for one in own
    )  # fmt: skip


def secret_names(kind: type[Settings]) -> tuple[str, ...]:
    """The settings of a service that are secrets."""
    return tuple(one.name for one in fields(kind) if one.metadata.get("secret"))
