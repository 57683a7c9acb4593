"""Pushover: a push to one user's or group's devices.

pushover.net/api: a message of up to 1,024 characters, a title of 250, a link of 512; at most two
requests at once, 10,000 messages a month. Priority 1 passes quiet hours. Plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from yarl import URL

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.settings import Settings, must_match, text
from sigmawatch.adapters.channels.texts import body, clip, visible
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

_MESSAGE_CHARS, _TITLE_CHARS, _LINK_CHARS = 1_024, 250, 512
_KEY = re.compile(r"[A-Za-z0-9]{30}", re.ASCII)
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushover(Settings):
    """One user or group."""

    SERVICE: ClassVar[str] = "pushover"
    PER_MINUTE: ClassVar[float] = 30.0  # ours: nothing is said beyond the month's number

    token: str = text("The application's token.", secret=True)
    user: str = text("The key of the user or group.", secret=True)
    url: str = text("The address.", default="https://api.pushover.net/1/messages.json")

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        yield from super(Pushover, self).problems(egress)
        for name in ("token", "user"):
            yield from must_match(_KEY, getattr(self, name), field=name,
                                  allowed="30 letters and digits")  # fmt: skip

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        urgent = message.severity is Severity.CRITICAL and not message.over
        content = {
            "token": self.token, "user": self.user,
            "title": clip(visible(message.title), _TITLE_CHARS),
            "message": clip(body(message, link=False), _MESSAGE_CHARS) or visible(message.title),
            "priority": "1" if urgent else "0",
            "timestamp": str(message.decided_ms // 1_000),
        }  # fmt: skip
        if message.link and len(message.link) <= _LINK_CHARS:
            content |= {"url": message.link, "url_title": "Open"}
        return self.url, Request(body=form(content), headers=FORM)

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        errors = replies.told(reply).get("errors")
        words = map(replies.word, errors[:3]) if isinstance(errors, list) else ()
        return replies.read(reply, now_ms=now_ms, said="; ".join(filter(None, words)))


def form(content: dict[str, str]) -> bytes:
    """As an HTML form is sent."""
    return URL.build(query=content).raw_query_string.encode()
