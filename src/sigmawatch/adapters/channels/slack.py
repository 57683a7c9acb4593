"""Slack, and what speaks as it does (Mattermost): an incoming webhook.

docs.slack.dev/messaging/sending-messages-using-incoming-webhooks; one message a second
(docs.slack.dev/apis/web-api/rate-limits). `&`, `<` and `>` are escaped, so nothing that a stranger
named can address anybody or lead anywhere (docs.slack.dev/messaging/formatting-message-text).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.settings import Settings, text
from sigmawatch.adapters.channels.texts import body, clip, visible, whole
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

_HEADER_CHARS, _SECTION_CHARS, _TEXT_CHARS = 150, 3_000, 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack(Settings):
    """One channel of a workspace."""

    SERVICE: ClassVar[str] = "slack"
    PER_MINUTE: ClassVar[float] = 60.0

    url: str = text("The webhook: `https://hooks.slack.com/services/…`.", secret=True)

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        content: dict[str, object] = {"text": escaped(whole(message), _TEXT_CHARS)}
        if not plain:
            content["blocks"] = _blocks(message)
        return self.url, Request(
            body=json.dumps(content).encode(), headers={"content-type": "application/json"}
        )

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        """The body of a failure is a word as `no_service`."""
        said = reply.body[:80].decode("ascii", "replace").strip()
        return replies.read(reply, now_ms=now_ms, said=said if said.isidentifier() else "")


def _blocks(message: Message) -> list[dict[str, object]]:
    title = {"type": "plain_text", "text": clip(visible(message.title), _HEADER_CHARS),
             "emoji": False}  # fmt: skip
    blocks: list[dict[str, object]] = [{"type": "header", "text": title}]
    if said := body(message, link=False):
        section = {"type": "mrkdwn", "text": escaped(said, _SECTION_CHARS), "verbatim": True}
        blocks.append({"type": "section", "text": section})
    if message.link:
        link = {"type": "mrkdwn", "text": f"<{escaped(message.link, 2_000)}|Open>"}
        blocks.append({"type": "section", "text": link})
    return blocks


def escaped(text: str, chars_max: int) -> str:
    """As Slack wants it, never cut inside an entity."""
    out: list[str] = []
    room = chars_max - 1
    for each in text:
        part = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(each, each)
        room -= len(part)
        if room < 0:
            return "".join(out) + "…"
        out.append(part)
    return "".join(out)
