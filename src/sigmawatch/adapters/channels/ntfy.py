"""ntfy: a topic of ntfy.sh or of a server of one's own.

docs.ntfy.sh/publish/#publish-as-json; a message of up to 4,096 bytes, a title of up to 1,024; 60
requests at once, then one in five seconds (docs.ntfy.sh/publish/#limitations). Plain text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.settings import Settings, must_match, text
from sigmawatch.adapters.channels.texts import body, clip_bytes, visible
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

_MESSAGE_BYTES, _TITLE_BYTES = 4_096, 1_000
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]*", re.ASCII)
_PRIORITY = {Severity.INFO: 3, Severity.WARNING: 4, Severity.CRITICAL: 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ntfy(Settings):
    """One topic. On ntfy.sh who knows its name may read and write it, so it is a secret."""

    SERVICE: ClassVar[str] = "ntfy"
    PER_MINUTE: ClassVar[float] = 12.0

    topic: str = text("The topic's name: of letters, digits, `_` and `-`.", secret=True)
    token: str = text("An access token, where the topic wants one.", default="", secret=True)
    url: str = text("The server.", default="https://ntfy.sh")

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        yield from super(Ntfy, self).problems(egress)
        yield from must_match(_TOPIC, self.topic, field="topic",
                              allowed="1 to 64 of a-z, 0-9, _ and -")  # fmt: skip
        yield from must_match(_TOKEN, self.token, field="token", allowed="as tk_…")

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        content: dict[str, object] = {
            "topic": self.topic,
            "title": clip_bytes(visible(message.title), _TITLE_BYTES),
            "message": clip_bytes(body(message, link=False), _MESSAGE_BYTES)
            or visible(message.title),
            "priority": 3 if message.over else _PRIORITY[message.severity],
        }
        if message.link:
            content["click"] = message.link
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return self.url, Request(body=json.dumps(content).encode(), headers=headers)

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        said = replies.word(replies.told(reply).get("error"))
        return replies.read(reply, now_ms=now_ms, said=said)
