"""Twilio: a short message to one telephone.

twilio.com/docs/messaging/api/message-resource#create-a-message-resource; up to 1,600 characters,
each part of a message is paid, so it is kept to the title and the first lines. A long code sends
one message a second (help.twilio.com, "message throughput").
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.pushover import FORM, form
from sigmawatch.adapters.channels.settings import Settings, must_match, text
from sigmawatch.adapters.channels.texts import clip, visible
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

_TEXT_CHARS, _LINES = 300, 2
_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]{16,128}", re.ASCII)
_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}", re.ASCII)
_SENDER = re.compile(r"\+[1-9][0-9]{5,14}|MG[0-9a-fA-F]{32}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio(Settings):
    """One telephone."""

    SERVICE: ClassVar[str] = "twilio"
    PER_MINUTE: ClassVar[float] = 60.0

    token: str = text("The account's auth token.", secret=True)
    account: str = text("The account's SID, `AC…`.")
    sender: str = text("A number of yours, as `+15005550006`, or a messaging service, `MG…`.")
    to: str = text("Whom: a number, as `+491701234567`.")
    url: str = text("The address.", default="https://api.twilio.com")

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        yield from super(Twilio, self).problems(egress)
        yield from must_match(_TOKEN, self.token, field="token", allowed="the auth token")
        yield from must_match(_ACCOUNT, self.account, field="account", allowed="AC and 32 digits")
        yield from must_match(_SENDER, self.sender, field="sender", allowed="+15005550006, or MG…")
        yield from must_match(_NUMBER, self.to, field="to", allowed="as +491701234567")

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        lines = [visible(line) for line in (message.title, *message.lines[:_LINES])]
        sender = "MessagingServiceSid" if self.sender.startswith("MG") else "From"
        content = {"To": self.to, sender: self.sender, "Body": clip("\n".join(lines), _TEXT_CHARS)}
        login = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        url = f"{self.url.rstrip('/')}/2010-04-01/Accounts/{self.account}/Messages.json"
        headers = {**FORM, "authorization": f"Basic {login}"}
        return url, Request(body=form(content), headers=headers)

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        said = replies.word(replies.told(reply).get("message"))
        return replies.read(reply, now_ms=now_ms, said=said)
