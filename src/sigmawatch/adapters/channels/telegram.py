"""Telegram: a bot writes into one chat.

core.telegram.org/bots/api#sendmessage, #html-style; "no more than 20 messages per minute to the
same group", core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this. A 429 says in
`parameters.retry_after` how long to wait.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.settings import Settings, must_match, text
from sigmawatch.adapters.channels.texts import body, clip, visible, whole
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Answer, Sent

_TEXT_CHARS = 4_096  # after the marks are taken out
_TITLE_CHARS = 256
_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{20,100}", re.ASCII)
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{4,64}", re.ASCII)
_ITS_FORM = ("parse entities", "too long", "entity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram(Settings):
    """One chat, group or channel."""

    SERVICE: ClassVar[str] = "telegram"
    PER_MINUTE: ClassVar[float] = 20.0

    token: str = text("The bot's token, from @BotFather.", secret=True)
    chat: str = text("The chat's id, as `-1001234567890`, or `@channelname`.")
    url: str = text("Another address of the Bot API.", default="https://api.telegram.org")

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        yield from super(Telegram, self).problems(egress)
        yield from must_match(_TOKEN, self.token, field="token", allowed="as 123456:ABC-DEF…")
        yield from must_match(_CHAT, self.chat, field="chat", allowed="a number, or @name")

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        content: dict[str, object] = {
            "chat_id": self.chat, "link_preview_options": {"is_disabled": True},
        }  # fmt: skip
        if plain:
            content["text"] = clip(whole(message), _TEXT_CHARS)
        else:
            title = clip(visible(message.title), _TITLE_CHARS)
            rest = clip(body(message), _TEXT_CHARS - len(title) - 1)
            content["text"] = f"<b>{html.escape(title)}</b>\n{html.escape(rest)}"
            content["parse_mode"] = "HTML"
        return f"{self.url.rstrip('/')}/bot{self.token}/sendMessage", Request(
            body=json.dumps(content).encode(), headers={"content-type": "application/json"}
        )

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        """400 is also said of a chat that is not there, which no plain text would mend."""
        said = replies.told(reply)
        words = replies.word(said.get("description"))
        parameters = said.get("parameters")
        wait_s = parameters.get("retry_after") if isinstance(parameters, Mapping) else None
        sent = replies.read(reply, now_ms=now_ms, said=words, wait_s=wait_s)
        formal = any(sign in words.lower() for sign in _ITS_FORM)
        if sent.answer is Answer.MALFORMED and words and not formal:
            return Sent(answer=Answer.REFUSED, detail=sent.detail)
        return sent
