"""A message as a mail: text only, by the standard library's hand, which encodes what a header may
not hold and refuses a line's end in one (RFC 5322, RFC 2047). Pure.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from sigmawatch.adapters.channels.texts import clip, visible, whole
from sigmawatch.domain.message import Message

# One address without a name, quotes or comments: what a header or a command cannot misread.
ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}",
    re.ASCII,
)
_SUBJECT_CHARS = 200


def mail(message: Message, *, sender: str, to: str, now_ms: int) -> bytes:
    """The whole mail, lines ended by CRLF, none longer than 998 bytes. Its id is the message's, and
    it answers the first mail of its thread."""
    made = EmailMessage(policy=SMTP)
    made["From"] = f"Sigmawatch <{sender}>"
    made["To"] = to
    made["Subject"] = clip(visible(message.title), _SUBJECT_CHARS)
    made["Date"] = format_datetime(dt.datetime.fromtimestamp(now_ms / 1_000, dt.UTC))
    made["Message-ID"] = _id(message.id, sender)
    made["References"] = _id(message.thread, sender)
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes, please
    for name, value in list_headers(message).items():
        made[name] = value
    made.set_content(whole(message) + "\n", cte="base64")
    return made.as_bytes()


def list_headers(message: Message) -> dict[str, str]:
    """One click ends a subscription (RFC 8058)."""
    if not message.unsubscribe:
        return {}
    return {
        "List-Unsubscribe": f"<{message.unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _id(name: str, sender: str) -> str:
    return f"<{hashlib.sha256(name.encode()).hexdigest()[:32]}@{sender.rpartition('@')[2]}>"
