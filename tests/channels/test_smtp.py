"""Mail over real SMTP: aiosmtpd where a server behaves, a line by line script where it does not."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from tests.channels.samples import NOW_MS, a_message
from tests.egress.receiver import BRIEF, LOOPBACK, NAME, Papers, papers, to_loopback

from sigmawatch.adapters.channels.workshop import Workshop
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.ports.channel import Answer, Sent

A, L, R = Answer.ACCEPTED, Answer.LATER, Answer.REFUSED
PASSWORD = "QsmtpPasswordQQQ"


@pytest.fixture(scope="module")
def signed() -> Papers:
    return papers()


class Handler:
    """What aiosmtpd asks. answers: instead of its own, by the command."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.mails: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return self.answers.get("data", "250 OK queued as 42")


def _login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@asynccontextmanager
async def mail_server(handler: Handler, **settings: Any) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname=NAME, **settings), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0)


async def sent_by(
    port: int, *, trust: Papers | None = None, attempt_s: float = 0.5, **given: object
) -> Sent:
    egress = Egress(
        [Opening(network=LOOPBACK, port=port)], resolve=to_loopback,
        trust=trust.trust if trust else None, patience=replace(BRIEF, attempt_s=attempt_s),
    )  # fmt: skip
    settings = {"server": NAME, "port": port, "tls": "none", "sender": "alerts@example.com",
                "to": "me@example.org", **given}  # fmt: skip
    made = Workshop(egress, clock=VirtualClock(NOW_MS)).make("mail", "smtp", given=settings)
    return await made.channel.send(
        a_message(lines=(".a line that begins with a dot", ".", "ünïcödé"))
    )


async def test_a_mail_arrives_whole_and_250_after_it_is_success() -> None:
    handler = Handler()
    async with mail_server(handler) as port:
        sent = await sent_by(port)
    assert (sent.answer, sent.unsure) == (A, False)
    assert "queued as 42" in sent.detail
    envelope = handler.mails[0]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@example.com", ["me@example.org"])
    assert isinstance(envelope.content, bytes)
    read = message_from_bytes(envelope.content, policy=default)
    text = read.get_content().replace("\r\n", "\n")
    assert ".a line that begins with a dot\n.\nünïcödé\n" in text


async def test_the_password_is_said_over_starttls_only(signed: Papers) -> None:
    handler = Handler()
    more = {"tls_context": signed.right, "require_starttls": True, "authenticator": _login,
            "auth_required": True}  # fmt: skip
    async with mail_server(handler, **more) as port:

        async def login(password: str) -> Sent:
            return await sent_by(port, trust=signed, attempt_s=10.0, tls="starttls",
                                 user="alerts", password=password)  # fmt: skip

        right, wrong = await login(PASSWORD), await login("QwrongPasswordQ")
    assert right.answer is A
    assert wrong.answer is R
    assert "535" in wrong.detail
    assert "Qwrong" not in wrong.detail


async def test_a_server_without_tls_is_told_nothing() -> None:
    handler = Handler()
    async with mail_server(handler) as port:
        sent = await sent_by(port, tls="starttls", user="alerts", password=PASSWORD)
    assert sent.answer is R
    assert "no TLS" in sent.detail


async def test_a_wrong_certificate_ends_it(signed: Papers) -> None:
    for context in (signed.wrong_name, signed.expired, signed.self_signed):
        async with mail_server(Handler(), tls_context=context) as port:
            sent = await sent_by(port, trust=signed, tls="starttls")
        assert (sent.answer, sent.unsure) == (L, False)


@pytest.mark.parametrize(
    ("answers", "answer"),
    [
        ({"rcpt": "450 4.2.0 Greylisted, try again in 5 minutes"}, L),
        ({"rcpt": "550 5.1.1 No such user"}, R),
        ({"data": "451 4.3.0 Try later"}, L),
        ({"data": "452 4.3.1 Insufficient storage"}, L),
        ({"data": "554 5.7.1 Refused as spam"}, R),
    ],
)
async def test_what_a_server_refuses_for_now_and_for_good(
    answers: dict[str, str], answer: Answer
) -> None:
    async with mail_server(Handler(**answers)) as port:
        sent = await sent_by(port)
    assert (sent.answer, sent.unsure) == (answer, False)
    assert next(iter(answers.values()))[:3] in sent.detail


@asynccontextmanager
async def scripted(*lines: bytes | None, said: list[bytes] | None = None) -> AsyncIterator[int]:
    """A server that answers each line, and then the mail, with the next of `lines`; None: it hangs.
    After the last it hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for line in lines:
                if line is None:
                    await reader.read(-1)
                    continue
                writer.write(line)
                await writer.drain()
                heard = await _heard(reader, until_dot=line.startswith(b"354"))
                if said is not None:
                    said.append(heard)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(0.01)


async def _heard(reader: asyncio.StreamReader, *, until_dot: bool) -> bytes:
    return await reader.readuntil(b"\r\n.\r\n" if until_dot else b"\r\n")


HELLO, OK, GO = b"220 hello\r\n", b"250 ok\r\n", b"354 go\r\n"
UNTIL_DATA: Sequence[bytes] = (HELLO, OK, OK, OK, GO)


@pytest.mark.parametrize(
    ("lines", "answer", "unsure"),
    [
        ((None,), L, False),
        ((b"421 too busy\r\n",), L, False),
        ((b"554 go away\r\n",), R, False),
        ((b"HTTP/1.1 400 Bad\r\n",), L, False),
        ((b"220-a\r\n" * 20_000,), L, False),
        ((b"2" * 100_000,), L, False),
        ((HELLO,), L, False),
        ((HELLO, b"250-a\r\n250 b\r\n", OK, None), L, False),
        ((*UNTIL_DATA,), L, True),
        ((*UNTIL_DATA, None), L, True),
        ((*UNTIL_DATA, b"25"), L, True),
        ((*UNTIL_DATA, b"what\r\n"), L, True),
        ((*UNTIL_DATA, OK), A, False),
    ],
    ids=["silence", "421", "554", "HTTP", "endless greeting", "an endless line", "hang-up",
         "hang before DATA", "disconnect after DATA", "hang after DATA", "half a reply",
         "not SMTP after DATA", "taken"],
)  # fmt: skip
async def test_after_the_mails_end_nobody_is_sure_until_250(
    lines: tuple[bytes | None, ...], answer: Answer, unsure: bool
) -> None:
    async with scripted(*lines) as port:
        sent = await sent_by(port)
    assert (sent.answer, sent.unsure) == (answer, unsure)


async def test_what_is_said_before_tls_is_not_taken_for_what_comes_after_it() -> None:
    """CVE-2011-0411."""
    said: list[bytes] = []
    told = (HELLO, b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n")
    async with scripted(*told, said=said) as port:
        sent = await sent_by(port, tls="starttls", user="alerts", password=PASSWORD)
    assert sent.answer is L
    assert "before TLS" in sent.detail
    assert base64.b64encode(f"\0alerts\0{PASSWORD}".encode()) not in b"".join(said)
