"""A program of one's own: the message as JSON, signed as Standard Webhooks has it.

github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: `webhook-id` is
the same for every attempt, `webhook-timestamp` is the attempt's, the signature covers both and the
body. 410 means that nobody wants them any more.
"""

from __future__ import annotations

import binascii
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from standardwebhooks import Webhook as Signer

from sigmawatch.adapters.channels import replies
from sigmawatch.adapters.channels.settings import Settings, text
from sigmawatch.adapters.channels.texts import moment
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Sent

SECRET_BYTES = (24, 64)  # as the specification wants them


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Settings):
    """`url` is secret as a whole: who knows it may post there."""

    SERVICE: ClassVar[str] = "webhook"
    PER_MINUTE: ClassVar[float] = 600.0  # ours: it is the user's own program

    url: str = text("Where to: `https://host/path`.", secret=True)
    secret: str = text("What both sides sign with: `whsec_` and base64 of 24 to 64 bytes.",
                       secret=True)  # fmt: skip
    previous_secret: str = text("The secret before, while the other side changes over.",
                                default="", secret=True)  # fmt: skip

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        yield from super(Webhook, self).problems(egress)
        for name in ("secret", "previous_secret"):
            value = getattr(self, name)
            if value and not _sound(value):
                yield Invalid("is no signing secret", field=name,
                              allowed="`whsec_` and base64 of 24 to 64 bytes")  # fmt: skip

    def request(self, message: Message, *, plain: bool, now_ms: int) -> tuple[str, Request]:
        body = json.dumps(_payload(message), ensure_ascii=False, separators=(",", ":"),
                          allow_nan=False)  # fmt: skip
        when = dt.datetime.fromtimestamp(now_ms // 1_000, dt.UTC)
        secrets = [one for one in (self.secret, self.previous_secret) if one]
        signed = [Signer(one).sign(message.id, when, body) for one in secrets]
        return self.url, Request(
            body=body.encode(),
            headers={
                "content-type": "application/json",
                "webhook-id": message.id,
                "webhook-timestamp": str(now_ms // 1_000),
                "webhook-signature": " ".join(signed),
            },
        )

    def read(self, reply: Reply, *, now_ms: int) -> Sent:
        return replies.read(reply, now_ms=now_ms)  # its words are its own business


def _sound(secret: str) -> bool:
    try:
        raw = binascii.a2b_base64(secret.removeprefix("whsec_") + "==", strict_mode=False)
    except (binascii.Error, ValueError):
        return False
    return SECRET_BYTES[0] <= len(raw) <= SECRET_BYTES[1]


def _payload(message: Message) -> dict[str, object]:
    return {
        "type": f"notice.{message.kind}",
        "timestamp": moment(message.decided_ms),
        "data": {
            "id": message.id, "thread": message.thread, "ordinal": message.ordinal,
            "severity": message.severity, "title": message.title, "lines": message.lines,
            "facts": dict(message.facts), "link": message.link, "detail": dict(message.data),
        },
    }  # fmt: skip
