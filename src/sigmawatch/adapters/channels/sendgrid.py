"""SendGrid: a mail by HTTP, where no mail server of one's own is at hand.

twilio.com/docs/sendgrid/api-reference/mail-send/mail-send: 202 is success; 600 requests a minute
(.../how-to-use-the-sendgrid-v3-api/rate-limits). Text only: there is nothing in it to be read as
anything else, and no link in it is rewritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.mail import ADDRESS, list_headers
from sigmawatch.adapters.channels.settings import Settings, must_match, text
from sigmawatch.adapters.channels.texts import clip, visible, whole
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

_SUBJECT_CHARS, _TEXT_CHARS = 200, 50_000
_KEY = re.compile(r"[\x21-\x7e]{10,200}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendGrid(Settings):
    """One mail address."""

    SERVICE: ClassVar[str] = "sendgrid"
    PER_MINUTE: ClassVar[float] = 600.0

    token: str = text("An API key with the right *Mail Send*.", secret=True)
    sender: str = text("A verified sender, as `alerts@example.com`.")
    to: str = text("Whom: a mail address.")
    url: str = text("The address; in Europe `https://api.eu.sendgrid.com/v3/mail/send`.",
                    default="https://api.sendgrid.com/v3/mail/send")  # fmt: skip

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        yield from super(SendGrid, self).problems(egress)
        yield from must_match(_KEY, self.token, field="token", allowed="as SG.…")
        for name in ("sender", "to"):
            yield from must_match(ADDRESS, getattr(self, name), field=name,
                                  allowed="one address, as alerts@example.com")  # fmt: skip

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        off = {"enable": False}
        content: dict[str, object] = {
            "personalizations": [{"to": [{"email": self.to}]}],
            "from": {"email": self.sender, "name": "Sigmawatch"},
            "subject": clip(visible(message.title), _SUBJECT_CHARS),
            "content": [{"type": "text/plain", "value": clip(whole(message), _TEXT_CHARS)}],
            "headers": list_headers(message),
            "tracking_settings": {"click_tracking": off, "open_tracking": off},
        }
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
        return self.url, Request(body=json.dumps(content).encode(), headers=headers)

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        errors = replies.told(reply).get("errors")
        first = errors[0] if isinstance(errors, list) and errors else {}
        said = replies.word(first.get("message")) if isinstance(first, dict) else ""
        return replies.read(reply, now_ms=now_ms, said=said)
