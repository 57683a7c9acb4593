"""Where messages go: one channel is one address of one service.

A channel never retries and never waits for another one: the notifier decides when, again, and how
often. It says what came of one attempt, in words that hold no secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sigmawatch.domain.message import Message
from sigmawatch.domain.sent import Answer, Sent

__all__ = [
    "ATTEMPT_MS",
    "REPLY_BYTES_MAX",
    "Answer",
    "Channel",
    "ChannelMaker",
    "Channels",
    "Made",
    "Sent",
]

ATTEMPT_MS = 15_000  # in all
REPLY_BYTES_MAX = 65_536


class Channel(Protocol):
    """One address. per_minute: how many messages it takes; more are put together."""

    @property
    def name(self) -> str: ...

    @property
    def per_minute(self) -> float: ...

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        """One attempt, within ATTEMPT_MS. plain: without any formatting of the service's own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A channel, and what of its address anybody may see: the host and the end of the secret."""

    channel: Channel
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a service needs to know of a channel. default: empty where there is none."""

    name: str
    meaning: str
    required: bool
    secret: bool
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service by which channels can be made while we run. per_minute: messages that it takes."""

    name: str
    per_minute: float
    settings: tuple[Setting, ...]


class ChannelMaker(Protocol):
    """Makes channels of what somebody wrote about them."""

    def services(self) -> Sequence[Service]:
        """Of which anybody may make one."""
        ...

    def make(
        self, name: str, service: str, *, given: Mapping[str, object], trusted: bool = False
    ) -> Made:
        """trusted: the operator wrote it, in the configuration file. Raises Invalid, ManyInvalid:
        by field, without quoting a value."""
        ...

    async def check(self, service: str, *, given: Mapping[str, object]) -> None:
        """Whether it could be sent to now; nothing is sent. Raises as `make`, and Unavailable where
        its name cannot be looked up."""
        ...


class Channels(Protocol):
    """The channels there are, those of the configuration and those made while we run."""

    def find(self, name: str) -> Channel:
        """As it is now: ask anew for every message. Raises NotFound where there is none of that
        name, Refused where it is disabled or cannot be used, with why."""
        ...

    def service(self, name: str) -> str:
        """By which service it is sent to; `gone` where there is none of that name."""
        ...

    def mailing(self, address: str) -> Channel:
        """A channel to one mail address, by the way that the configuration names for subscribers.
        Raises NotFound where it names none, Refused as `find`."""
        ...

    async def disable(self, name: str, *, reason: str) -> None:
        """Send nothing there until somebody enables it: GONE. Durable before it returns."""
        ...


class Signal(Protocol):
    """An address that is told, by being asked, that we are alive."""

    async def give(self) -> None:
        """One sign, within ATTEMPT_MS. Raises Unavailable, Refused."""
        ...
