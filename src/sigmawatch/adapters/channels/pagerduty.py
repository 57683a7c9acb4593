"""PagerDuty: an event for a service, by the Events API v2. An episode is one alert there.

developer.pagerduty.com/docs/events-api-v2/trigger-events: `dedup_key` is the episode, so every
further notice joins the alert, and *resolved* resolves it. Up to 120 events a minute
(developer.pagerduty.com/docs/events-api-v2-overview#response-codes--retry-logic).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.settings import Settings, must_match, text
from sigmawatch.adapters.channels.texts import clip, moment, visible
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

_SUMMARY_CHARS, _KEY_CHARS, _LINE_CHARS, _LINES_MAX = 1_024, 255, 1_000, 50
_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty(Settings):
    """One integration of one service."""

    SERVICE: ClassVar[str] = "pagerduty"
    PER_MINUTE: ClassVar[float] = 120.0

    routing_key: str = text("The integration key, 32 letters and digits.", secret=True)
    url: str = text("The address; in Europe `https://events.eu.pagerduty.com/v2/enqueue`.",
                    default="https://events.pagerduty.com/v2/enqueue")  # fmt: skip

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        yield from super(PagerDuty, self).problems(egress)
        yield from must_match(_ROUTING_KEY, self.routing_key, field="routing_key",
                              allowed="32 letters and digits")  # fmt: skip

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        content: dict[str, object] = {
            "routing_key": self.routing_key,
            "event_action": "resolve" if message.over else "trigger",
            "dedup_key": _key(message.thread),
            "payload": {
                "summary": clip(visible(message.title), _SUMMARY_CHARS),
                "source": "sigmawatch",
                "severity": message.severity.value,
                "timestamp": moment(message.decided_ms),
                "custom_details": _details(message),
            },
        }
        if message.link:
            content["links"] = [{"href": message.link, "text": "Open"}]
        return self.url, Request(
            body=json.dumps(content).encode(), headers={"content-type": "application/json"}
        )

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        said = replies.told(reply)
        errors = said.get("errors")
        words = [replies.word(said.get("message"))]
        if isinstance(errors, list):
            words += map(replies.word, errors[:3])
        return replies.read(reply, now_ms=now_ms, said="; ".join(filter(None, words)))


def _key(thread: str) -> str:
    return thread if len(thread) <= _KEY_CHARS else hashlib.sha256(thread.encode()).hexdigest()


def _details(message: Message) -> dict[str, object]:
    lines = [clip(visible(line), _LINE_CHARS) for line in message.lines[:_LINES_MAX]]
    facts = {visible(name): clip(visible(value), _LINE_CHARS) for name, value in message.facts}
    return {"text": lines, **facts}
