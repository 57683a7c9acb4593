"""A mail server: one mail by SMTP submission (RFC 5321, RFC 6409), over TLS.

Only 250 after the mail's end is success (SEMANTICS.md 8): from then on, until it comes, nobody is
sure. 4xx (greylisting among them) may pass later, 5xx will not. A password is only said over TLS.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from sigmawatch.adapters.channels.mail import ADDRESS, mail
from sigmawatch.adapters.channels.posting import told
from sigmawatch.adapters.channels.settings import Settings, must_match, text
from sigmawatch.adapters.egress.destination import Destination
from sigmawatch.adapters.egress.guard import Egress, UnsureError
from sigmawatch.adapters.egress.line import Line
from sigmawatch.domain.errors import BadAnswer, Invalid, Refused, Unavailable
from sigmawatch.domain.message import Message
from sigmawatch.ports.channel import Answer, Sent
from sigmawatch.ports.clock import Clock

_REPLY = re.compile(rb"([2-5][0-9]{2})([ -])(.*)")
_TLS_FROM_THE_START = 465


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp(Settings):
    """One mail address, by one server."""

    SERVICE: ClassVar[str] = "smtp"
    PER_MINUTE: ClassVar[float] = 60.0  # ours: every server has its own

    password: str = text("Of the login.", default="", secret=True)
    server: str = text("The server's name, as `smtp.example.com`.")
    port: int = field(default=587, metadata={"help": "587 for submission, 465 for TLS."})
    tls: str = text("`starttls`, `tls` (from the first byte), or `none`, for a relay that the "
                    "operator opened. Default: `tls` on port 465, else `starttls`.",
                    default="")  # fmt: skip
    user: str = text("The login, where the server wants one.", default="")
    sender: str = text("From whom: a mail address.")
    to: str = text("Whom: a mail address.")

    @property
    def host(self) -> str:
        return self.server

    @property
    def way(self) -> str:
        """`starttls`, `tls` or `none`."""
        return self.tls or ("tls" if self.port == _TLS_FROM_THE_START else "starttls")

    def destination(self, egress: Egress) -> Destination:
        """Raises Invalid."""
        return egress.mail_host(self.server, self.port, tls=self.way != "none")

    def problems(self, egress: Egress) -> Iterator[Invalid]:
        if self.way not in {"starttls", "tls", "none"}:
            yield Invalid("is not a way to encrypt", field="tls", allowed="starttls, tls, none")
        try:
            self.destination(egress)
        except Invalid as problem:
            yield Invalid(str(problem), field="server", allowed=problem.allowed)
        for name in ("sender", "to"):
            yield from must_match(ADDRESS, getattr(self, name), field=name,
                                  allowed="one address, as alerts@example.com")  # fmt: skip
        if bool(self.user) != bool(self.password):
            yield Invalid("belong together", field="user", allowed="user and password, or neither")
        if self.password and self.way == "none":
            yield Invalid("a password is only said over TLS", field="tls", allowed="starttls, tls")


class NotNowError(Unavailable):
    """The server says that it does not take the mail for now."""


class SmtpChannel:
    """Fulfils ports.channel.Channel."""

    def __init__(self, name: str, settings: Smtp, *, egress: Egress, clock: Clock) -> None:
        self.name = name
        self.per_minute = settings.rate
        self._settings = settings
        self._egress = egress
        self._clock = clock

    async def send(self, message: Message, *, plain: bool = False) -> Sent:
        """A mail is plain text in any case."""
        settings = self._settings
        content = mail(message, sender=settings.sender, to=settings.to,
                       now_ms=self._clock.now_ms())  # fmt: skip
        try:
            destination = settings.destination(self._egress)
            encrypted = settings.way == "tls"
            async with self._egress.connect(destination, encrypted=encrypted) as line:
                said = await self._converse(line, content)
        except (Invalid, Refused) as exc:
            return self._sent(Sent(answer=Answer.REFUSED, detail=str(exc)))
        except Unavailable as exc:
            unsure = isinstance(exc, UnsureError)
            return self._sent(Sent(answer=Answer.LATER, detail=str(exc), unsure=unsure))
        return self._sent(Sent(answer=Answer.ACCEPTED, detail=said))

    async def _converse(self, line: Line, content: bytes) -> str:
        """Raises Refused for 5xx, NotNowError for 4xx."""
        settings, name = self._settings, self._settings.sender.rpartition("@")[2]
        await _expect(line, 220)
        offered = await _say(line, f"EHLO {name}")
        if settings.way == "starttls":
            if "STARTTLS" not in offered.upper().split():
                raise Refused(f"{line.host} offers no TLS, and nothing is sent without")
            await _say(line, "STARTTLS", expected=220)
            await self._egress.encrypt(line)
            await _say(line, f"EHLO {name}")
        if settings.user:
            login = f"\0{settings.user}\0{settings.password}".encode()
            await _say(line, f"AUTH PLAIN {base64.b64encode(login).decode()}", expected=235)
        await _say(line, f"MAIL FROM:<{settings.sender}>")
        await _say(line, f"RCPT TO:<{settings.to}>")
        await _say(line, "DATA", expected=354)
        said = await _deliver(line, content)
        await line.write(b"QUIT\r\n")
        return said

    def _sent(self, sent: Sent) -> Sent:
        return replace(sent, detail=told(sent.detail, hiding=self._settings.secrets))


async def _deliver(line: Line, content: bytes) -> str:
    """What is said when the mail is taken."""
    await line.write(re.sub(rb"(?m)^\.", b"..", content))
    line.committed = True
    await line.write(b".\r\n")
    try:
        return await _expect(line, 250)
    except (Refused, NotNowError):
        line.committed = False  # it was said that it was not taken
        raise


async def _say(line: Line, command: str, *, expected: int = 250) -> str:
    await line.write(command.encode() + b"\r\n")
    return await _expect(line, expected)


async def _expect(line: Line, expected: int) -> str:
    """The words of a reply. Raises Refused where it is 5xx, NotNowError where it is anything else
    than what was expected."""
    words: list[str] = []
    while True:
        found = _REPLY.fullmatch(await line.read_line())
        if found is None:
            raise BadAnswer(f"{line.host} does not speak SMTP")
        words.append(found[3].decode("ascii", "replace"))
        if found[2] == b" ":
            break
    code, said = int(found[1]), " ".join(words)
    if code == expected:
        return said if len(words) > 1 else f"{code} {said}"
    if code >= 500:
        raise Refused(f"{line.host} refuses it: {code} {said}")
    raise NotNowError(f"{line.host} does not take it now: {code} {said}")
