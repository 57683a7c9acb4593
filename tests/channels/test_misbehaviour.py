"""RELIABILITY.md P24: every service meets twenty ways to misbehave, and says of each what may be
done next (SEMANTICS.md 8): success is 2xx alone, what may pass later is tried again, what will not
is not, and who may have got it already is known as such."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from tests.channels.samples import GIVEN, NOW_MS, a_message
from tests.egress.receiver import (
    BOMB,
    BRIEF,
    Behave,
    Papers,
    Receiver,
    answering,
    papers,
    receiving,
    resets,
    saying,
)
from tests.pace import allowed_s

from sigmawatch.adapters.channels.settings import read_settings
from sigmawatch.adapters.channels.workshop import SERVICES, Workshop, kind_of
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.ports.channel import Answer, Sent

OK, BAD = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 400 Bad\r\n"
DATE = format_datetime(datetime.fromtimestamp(NOW_MS / 1_000 + 90, UTC), usegmt=True)
A, L, R, M, G = (Answer.ACCEPTED, Answer.LATER, Answer.REFUSED, Answer.MALFORMED, Answer.GONE)
HTTP = sorted(set(SERVICES) - {"smtp"})
HTML = b"<html><h1>Bad gateway</h1>" + b"x" * 5_000

# name -> (what it does, what follows, how long it asks us to wait, whether nobody is sure)
BEHAVIOURS: Mapping[str, tuple[Behave, Answer, int | None, bool]] = {
    "200": (answering(200, b"ok"), A, None, False),
    "204": (answering(204), A, None, False),
    "202 after 100": (saying(b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 202 A\r\n\r\n"), A, None, False),
    "301": (answering(301, headers={"Location": "http://127.0.0.1/"}), R, None, False),
    "400": (answering(400, b"{}"), M, None, False),
    "401": (answering(401, HTML), R, None, False),
    "404": (answering(404), R, None, False),
    "408": (answering(408), L, None, False),
    "410": (answering(410), G, None, False),
    "413": (answering(413), M, None, False),
    "425": (answering(425), L, None, False),
    "429": (answering(429), L, None, False),
    "429 with seconds": (answering(429, headers={"Retry-After": "7"}), L, 7_000, False),
    "429 with a date": (answering(429, headers={"Retry-After": DATE}), L, 90_000, False),
    "429 with nonsense": (answering(429, headers={"Retry-After": "-1, soon"}), L, None, False),
    "500": (answering(500, HTML), L, None, False),
    "503 with seconds": (answering(503, headers={"Retry-After": "0.5"}), L, 500, False),
    "silence": (saying(end=False), L, None, True),
    "hang-up": (saying(), L, None, True),
    "reset": (resets, L, None, True),
    "half a status": (saying(b"HTTP/1.1 20"), L, None, True),
    "another protocol": (saying(b"220 mail ESMTP\r\n"), L, None, True),
    "endless headers": (saying(OK, endless=b"A: b\r\n" * 99), L, None, True),
    "endless 1xx": (saying(endless=b"HTTP/1.1 102 P\r\n\r\n" * 99), L, None, True),
    "endless body": (saying(OK + b"\r\n", endless=b"x" * 9_999), A, None, False),
    "gzip bomb": (saying(BAD + b"Content-Encoding: gzip\r\n\r\n" + BOMB), M, None, False),
    "half a body": (saying(OK + b"Content-Length: 9\r\n\r\nab"), A, None, False),
    "a body that stops": (saying(OK + b"Content-Length: 9\r\n\r\nab", end=False), A, None, False),
    "broken JSON": (answering(400, b'{"a":' * 5_000), M, None, False),
}  # fmt: skip


async def sent_to(service: str, receiver: Receiver, *, trust: Papers | None = None) -> Sent:
    egress = receiver.egress(
        patience=replace(BRIEF, attempt_s=0.3), trust=trust.trust if trust else None
    )
    given = {**GIVEN[service], "url": receiver.url("/in")}
    made = Workshop(egress, clock=VirtualClock(NOW_MS)).make("x", service, given=given)
    return await made.channel.send(a_message())


@pytest.mark.parametrize("name", BEHAVIOURS)
async def test_what_comes_is_told_for_what_it_is(name: str) -> None:
    behave, answer, wait_ms, unsure = BEHAVIOURS[name]
    async with receiving(behave) as receiver:
        for service in HTTP:
            began = time.monotonic()
            sent = await sent_to(service, receiver)
            assert (sent.answer, sent.wait_ms, sent.unsure) == (answer, wait_ms, unsure), service
            assert time.monotonic() - began < allowed_s(3.0)
            assert len(sent.detail) <= 160
            assert sent.detail.isprintable()


async def test_a_wrong_certificate_is_a_failure_before_anything_was_said() -> None:
    signed = papers()
    for context in (signed.wrong_name, signed.expired, signed.self_signed):
        async with receiving(answering(200), tls=context) as receiver:
            sent = await sent_to("slack", receiver, trust=signed)
            assert (sent.answer, sent.unsure) == (L, False)
            assert "certificate" in sent.detail
            assert receiver.came == []


@pytest.mark.parametrize(
    ("service", "status", "body", "answer", "wait_ms", "word"),
    [
        ("slack", 404, b"no_service", R, None, "no_service"),
        ("slack", 410, b"channel_is_archived", G, None, "archived"),
        ("slack", 400, b"invalid_payload", M, None, "invalid_payload"),
        ("discord", 429, b'{"message": "slow", "retry_after": 1.337, "global": false}', L, 1_337,
         "slow"),
        ("discord", 404, b'{"message": "Unknown Webhook", "code": 10015}', R, None, "Unknown"),
        ("telegram", 429, b'{"description":"Too Many","parameters":{"retry_after":23}}', L, 23_000,
         "Too Many"),
        ("telegram", 400, b'{"ok":false,"description":"Bad Request: can\'t parse entities: x"}', M,
         None, "parse"),
        ("telegram", 400, b'{"ok":false,"description":"Bad Request: chat not found"}', R, None,
         "chat not found"),
        ("telegram", 403, b'{"ok":false,"description":"Forbidden: bot was blocked by the user"}', R,
         None, "blocked"),
        ("pagerduty", 400, b'{"status":"invalid event","errors":["bad key"]}', M, None, "bad key"),
        ("ntfy", 429, b'{"code":42901,"http":429,"error":"limit reached"}', L, None, "limit"),
        ("pushover", 400, b'{"user":"invalid","errors":["user identifier is invalid"],"status":0}',
         M, None, "identifier"),
        ("twilio", 400, b'{"code": 21211, "message": "The \'To\' number is not valid"}', M, None,
         "number"),
        ("sendgrid", 403, b'{"errors":[{"message":"The from address does not match"}]}', R, None,
         "from address"),
        ("webhook", 400, b'{"message":"something of theirs"}', M, None, "HTTP 400"),
    ],
)  # fmt: skip
async def test_each_service_is_understood_in_its_own_words(
    service: str, status: int, body: bytes, answer: Answer, wait_ms: int | None, word: str
) -> None:
    async with receiving(answering(status, body)) as receiver:
        sent = await sent_to(service, receiver)
    assert (sent.answer, sent.wait_ms) == (answer, wait_ms)
    assert word in sent.detail
    assert "theirs" not in sent.detail


@pytest.mark.parametrize("service", HTTP)
async def test_who_says_our_secrets_back_is_not_quoted(service: str) -> None:
    """S40: the address itself may be the secret, and an answer may hold it."""
    async with receiving(answering(200)) as receiver:
        given = {**GIVEN[service], "url": receiver.url("/services/QsecretPathQ?key=QsecretUrlQ")}
        made = read_settings(kind_of(service), given, egress=receiver.egress())
        said = " ".join(["a" * 100, *made.secrets, *made.secrets])
        names = ("message", "error", "description")
        receiver.behave = answering(
            401, json.dumps(dict.fromkeys(names, said) | {"errors": [said]}).encode()
        )
        workshop = Workshop(receiver.egress(), clock=VirtualClock(NOW_MS))
        sent = await workshop.make("x", service, given=given).channel.send(a_message())
    assert sent.answer is R
    for secret in made.secrets:
        assert secret[:8] not in sent.detail


async def test_nobody_there_and_nothing_allowed_are_told_apart() -> None:
    async with receiving(answering(200)) as receiver:
        pass
    assert (await sent_to("slack", receiver)).answer is L
    egress = receiver.egress()

    async def inside(host: str, port: int) -> list[str]:
        return ["10.0.0.1"]

    egress._resolve = inside
    workshop = Workshop(egress, clock=VirtualClock(NOW_MS))
    made = workshop.make("x", "slack", given={"url": "https://rebound.example.com/a"})
    sent = await made.channel.send(a_message())
    assert sent.answer is R  # "DEAD with reason at send"
    assert "not on the public internet" in sent.detail
