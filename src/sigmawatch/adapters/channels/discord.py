"""Discord: a webhook of one channel.

discord.com/developers/docs/resources/webhook#execute-webhook; limits of an embed:
.../resources/message#embed-limits. A webhook takes about 30 messages a minute and says with 429 how
long to wait (.../topics/rate-limits). Nobody is ever mentioned: `allowed_mentions` is empty.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.settings import Settings, text
from sigmawatch.adapters.channels.texts import clip, moment, visible, whole
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.alert import Severity
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

_CONTENT_CHARS, _TITLE_CHARS, _TEXT_CHARS = 2_000, 256, 3_000
_FIELDS_MAX, _NAME_CHARS, _VALUE_CHARS = 10, 60, 200  # 6,000 characters in all
_MARKDOWN = re.compile(r"([\\*_~`|>#\[\]()<@:-])")
_COLOURS = {Severity.INFO: 0x3B82F6, Severity.WARNING: 0xF59E0B, Severity.CRITICAL: 0xDC2626}
_OVER = 0x16A34A


@dataclass(frozen=True, slots=True, kw_only=True)
class Discord(Settings):
    """One channel of a server."""

    SERVICE: ClassVar[str] = "discord"
    PER_MINUTE: ClassVar[float] = 30.0

    url: str = text("The webhook: `https://discord.com/api/webhooks/…`.", secret=True)

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        content: dict[str, object] = {"allowed_mentions": {"parse": []}}
        if plain:
            content["content"] = escaped(whole(message), _CONTENT_CHARS)
        else:
            content["embeds"] = [_embed(message)]
        return self.url, Request(
            body=json.dumps(content).encode(), headers={"content-type": "application/json"}
        )

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        said = replies.told(reply)
        return replies.read(reply, now_ms=now_ms, said=replies.word(said.get("message")),
                            wait_s=said.get("retry_after"))  # fmt: skip


def _embed(message: Message) -> dict[str, object]:
    lines = "\n".join(visible(line) for line in message.lines)
    embed: dict[str, object] = {
        "title": escaped(visible(message.title), _TITLE_CHARS),
        "description": escaped(lines, _TEXT_CHARS),
        "color": _OVER if message.over else _COLOURS[message.severity],
        "timestamp": moment(message.decided_ms),
        "fields": [
            {"name": escaped(visible(name), _NAME_CHARS) or "–",
             "value": escaped(visible(value), _VALUE_CHARS) or "–", "inline": True}
            for name, value in message.facts[:_FIELDS_MAX]
        ],
    }  # fmt: skip
    if message.link:
        embed["url"] = message.link
    return embed


def escaped(text: str, chars_max: int) -> str:
    """Text in which Markdown says nothing, cut before it is escaped so that it fits."""
    while len(out := _MARKDOWN.sub(r"\\\1", text)) > chars_max:
        text = clip(text, max(1, len(text) - (len(out) - chars_max + 1) // 2 - 1))
    return out
