"""A message with strangers' words in it, and settings of every service."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from sigmawatch.domain.alert import Severity
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import NoticeKind

NOW_MS = 1_795_248_000_000  # 2026-11-21T08:00:00Z
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
HOSTILE = (
    "<!channel> @everyone <b>*x*</b> [a](http://evil) `c` & {{7*7}} {0.__class__} %n "
    "\x1b[2J\r\u202e"
)

GIVEN: Mapping[str, Mapping[str, object]] = {
    "webhook": {"url": "https://hooks.example.com/in?key=QsecretUrlQ", "secret": SECRET},
    "slack": {"url": "https://hooks.slack.com/services/T00/B00/QslackTokenQ"},
    "discord": {"url": "https://discord.com/api/webhooks/1/QdiscordTokenQ"},
    "telegram": {"token": "123456:QtelegramTokenQtelegramTokenQ", "chat": "-100123"},
    "pagerduty": {"routing_key": "Q" * 32},
    "ntfy": {"topic": "QsecretTopicQQQQ", "token": "tk_QsecretTokenQ"},
    "pushover": {"token": "Q" * 30, "user": "U" * 30},
    "twilio": {"account": "AC" + "a" * 32, "token": "QtwilioTokenQtwilio",
               "sender": "+15005550006", "to": "+491701234567"},
    "sendgrid": {"token": "SG.QsendgridTokenQ", "sender": "alerts@example.com",
                 "to": "me@example.org"},
    "smtp": {"server": "smtp.example.com", "user": "alerts", "password": "QsmtpPasswordQQQ",
             "sender": "alerts@example.com", "to": "me@example.org"},
}  # fmt: skip


def a_message(
    title: str = "KRAKEN:BTC/USD price: 301 is above 3 × 100",
    *,
    lines: tuple[str, ...] = ("The mean of the last hour is 100.",),
    facts: tuple[tuple[str, str], ...] = (("value", "301"),),
    kind: NoticeKind = NoticeKind.FIRING,
    severity: Severity = Severity.CRITICAL,
    unsubscribe: str | None = None,
    link: str | None = "https://sigmawatch.example.com/episodes/1-2-3?a=b&c=d",
) -> Message:
    return Message(
        id="1-2-1795248000000-firing-0-ops", thread="1-2-1795248000000", ordinal=0, kind=kind,
        severity=severity, title=title, lines=lines, facts=facts, decided_ms=NOW_MS - 60_000,
        link=link, unsubscribe=unsubscribe, data={"value": 301.0},
    )  # fmt: skip
