"""The way out: every address passes, the checked one is spoken to, and nobody keeps us waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest
from tests.egress.receiver import (
    BOMB,
    BRIEF,
    LOOPBACK,
    NAME,
    Behave,
    Papers,
    answering,
    papers,
    receiving,
    resets,
    saying,
    to_loopback,
)
from tests.pace import allowed_s

from sigmawatch.adapters.egress import guard
from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress, UnsureError
from sigmawatch.adapters.egress.http import Request
from sigmawatch.adapters.egress.line import Patience
from sigmawatch.domain.errors import Invalid, Refused, Unavailable

ASK = Request(body=b"{}", headers={"content-type": "application/json"})


@pytest.fixture(scope="module")
def signed() -> Papers:
    return papers()


def resolving(*answers: Sequence[str]) -> guard.Resolve:
    """One answer after the other; the last one stays."""
    left = list(answers)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


async def never(host: str, port: int) -> Sequence[str]:
    return await asyncio.Future()


async def test_what_is_sent_arrives_under_its_own_name() -> None:
    async with receiving(answering(200, b"ok")) as receiver:
        reply = await receiver.egress().send(receiver.url("/a?b=c"), ASK)
    assert (reply.status, reply.body) == (200, b"ok")
    came = receiver.came[0]
    assert (came.line, came.body) == ("POST /a?b=c HTTP/1.1", b"{}")
    assert came.headers["host"] == f"{NAME}:{receiver.port}"
    assert "cookie" not in came.headers


async def test_a_name_that_was_public_when_it_was_saved_and_leads_inside_now_is_refused() -> None:
    """S30: "refused at send, no packet to the private address"."""
    async with receiving(answering(200)) as inside:
        opened = Opening(network=LOOPBACK, port=1)  # somewhere else
        rebound = resolving(["1.1.1.1"], ["127.0.0.1"])
        egress = Egress([opened], resolve=rebound, own=lambda address: False)
        url = "https://rebinding.example.com/"
        await egress.check(egress.destination(url))
        with pytest.raises(Refused, match="not on the public internet"):
            await egress.send(url, ASK)
        assert inside.connections_count == 0


async def test_the_look_up_and_the_connection_are_of_one_answer() -> None:
    """A resolver that changes its mind between the check and the connection is asked once."""
    async with receiving(answering(200)) as receiver:
        asked = 0

        async def resolve(host: str, port: int) -> Sequence[str]:
            nonlocal asked
            asked += 1
            return ["127.0.0.1"] if asked == 1 else ["10.0.0.1"]

        egress = Egress([Opening(network=LOOPBACK, port=receiver.port)], resolve=resolve)
        assert (await egress.send(receiver.url(), ASK)).status == 200
        assert asked == 1


@pytest.mark.parametrize(
    "addresses", [["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["1.1.1.1", "::1"],
                  ["1.1.1.1", "169.254.169.254"], ["fe80::1%eth0"]],
)  # fmt: skip
async def test_one_address_that_is_not_public_spoils_the_name(addresses: list[str]) -> None:
    """S31."""
    egress = Egress(resolve=resolving(addresses), own=lambda address: False)
    with pytest.raises(Refused):
        await egress.send("https://both.example.com/", ASK)
    with pytest.raises(Invalid):
        await egress.check(egress.destination("https://both.example.com/"))


async def test_our_own_public_address_is_refused() -> None:
    egress = Egress(resolve=resolving(["1.1.1.1"]), own=lambda address: str(address) == "1.1.1.1")
    with pytest.raises(Refused):
        await egress.send("https://me.example.com/", ASK)


async def test_the_system_knows_which_addresses_are_ours() -> None:
    assert guard._is_own(ip_address("127.5.5.5"))
    assert not guard._is_own(ip_address("1.1.1.1"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_an_order(status: int) -> None:
    """S32."""
    async with receiving(answering(200)) as inside:
        told = answering(status, headers={"Location": inside.url("/inside")})
        async with receiving(told) as receiver:
            reply = await receiver.egress().send(receiver.url(), ASK)
    assert (reply.status, receiver.connections_count, inside.connections_count) == (status, 1, 0)


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """S35."""
    async with receiving(answering(200)) as proxy, receiving(answering(204)) as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert (await receiver.egress().send(receiver.url(), ASK)).status == 204
        assert proxy.connections_count == 0


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("behave", "status"),
    [
        (saying(OK + b"Content-Length: 10000000000\r\n\r\n", endless=b"x" * 65_536), 200),
        (saying(OK + b"Content-Encoding: gzip\r\n\r\n" + BOMB), 200),
        (saying(OK + b"Transfer-Encoding: chunked\r\n\r\n", endless=b"1\r\nx\r\n"), 200),
        (saying(OK + b"Content-Length: 5\r\n\r\nab"), 200),
        (saying(b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"\r\n"), 200),
        (saying(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 3, OK + b"\r\n"), 200),
    ],
    ids=["10 GB", "gzip bomb", "endless chunks", "half a body", "continue", "early hints"],
)
async def test_the_status_counts_and_the_rest_is_cut(behave: Behave, status: int) -> None:
    """S36: "cut at 64 KB/15 s; memory flat"."""
    async with receiving(behave) as receiver:
        reply = await receiver.egress().send(receiver.url(), ASK)
    assert reply.status == status
    assert len(reply.body) <= 65_536


@pytest.mark.parametrize(
    "behave",
    [
        saying(b""),
        saying(b"HTTP/1.1 2"),
        saying(b"220 mail.example.com ESMTP\r\n"),
        saying(b"<html>no</html>\r\n\r\n"),
        saying(OK, endless=b"X-More: " + b"a" * 100 + b"\r\n"),
        saying(OK + b"X-Long: ", endless=b"a" * 65_536),
        saying(endless=b"HTTP/1.1 100 Continue\r\n\r\n"),
        saying(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        resets,
    ],
    ids=["nothing", "torn status", "SMTP", "HTML", "endless headers", "one endless header",
         "endless continue", "two lengths", "reset"],
)  # fmt: skip
async def test_no_status_is_a_failure_of_which_nobody_is_sure(behave: Behave) -> None:
    async with receiving(behave) as receiver:
        with pytest.raises(UnsureError) as raised:
            await receiver.egress().send(receiver.url("/secret-path"), ASK)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "behave",
    [saying(end=False), saying(b"HTTP/1.1", end=False)],
    ids=["silence", "half a status line"],
)
async def test_who_never_answers_is_waited_for_no_longer_than_the_limit(
    behave: Behave,
) -> None:
    async with receiving(behave) as receiver:
        began = time.monotonic()
        with pytest.raises(UnsureError, match="in time"):
            await receiver.egress(patience=replace(BRIEF, attempt_s=0.2)).send(receiver.url(), ASK)
        assert time.monotonic() - began < allowed_s(2.0)


async def test_a_body_that_drips_does_not_hold_up_a_status_that_came() -> None:
    drips = saying(OK + b"Content-Length: 1000\r\n\r\n", b"x", end=False)
    async with receiving(drips) as receiver:
        reply = await receiver.egress(patience=Patience(body_s=0.05)).send(receiver.url(), ASK)
    assert (reply.status, reply.body) == (200, b"x")


async def test_a_name_that_nobody_knows_or_tells_in_time_may_be_tried_again() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    for resolve in (unknown, never, resolving([])):
        with pytest.raises(Unavailable) as raised:
            await Egress(resolve=resolve, patience=BRIEF).send("https://gone.example.com/", ASK)
        assert not isinstance(raised.value, UnsureError)  # nothing had gone out


async def test_nobody_listening_may_be_tried_again() -> None:
    async with receiving(answering(200)) as receiver:
        pass
    with pytest.raises(Unavailable, match="out of reach") as raised:
        await receiver.egress().send(receiver.url(), ASK)
    assert not isinstance(raised.value, UnsureError)


async def test_a_second_address_is_tried_where_the_first_does_not_answer() -> None:
    async with receiving(answering(200)) as receiver:
        openings = [Opening(network=LOOPBACK, port=receiver.port)]
        egress = Egress(openings, resolve=resolving(["127.9.9.9", "127.0.0.1"]))
        assert (await egress.send(receiver.url(), ASK)).status == 200


async def test_a_certificate_by_who_we_trust_for_that_name_is_taken(signed: Papers) -> None:
    async with receiving(answering(200), tls=signed.right) as receiver:
        egress = receiver.egress(trust=signed.trust)
        assert (await egress.send(receiver.url(), ASK)).status == 200
        assert (await egress.send(receiver.url(host="127.0.0.1"), ASK)).status == 200


@pytest.mark.parametrize("which", ["wrong_name", "expired", "self_signed"])
async def test_any_other_certificate_is_refused_and_nothing_is_said(
    signed: Papers, which: str
) -> None:
    """S37: "failure, no downgrade"."""
    async with receiving(answering(200), tls=getattr(signed, which)) as receiver:
        with pytest.raises(Unavailable, match="certificate") as raised:
            await receiver.egress(trust=signed.trust).send(receiver.url(), ASK)
        assert not isinstance(raised.value, UnsureError)
        assert receiver.came == []


async def test_tls_with_who_does_not_speak_it_fails() -> None:
    async with receiving(answering(200)) as receiver:
        with pytest.raises(Unavailable, match="no TLS"):
            await receiver.egress(patience=Patience(connect_s=0.2)).send(
                replace(receiver, scheme="https").url(), ASK
            )


async def test_the_systems_own_resolver_is_asked_in_a_thread_of_its_own() -> None:
    async with receiving(answering(200)) as receiver:
        openings = [Opening(network=LOOPBACK, port=receiver.port)]
        assert (await Egress(openings).send(receiver.url(host="localhost"), ASK)).status == 200
        with pytest.raises(Refused):  # S26: localhost, without an opening
            await Egress().send("https://localhost/", ASK)


async def test_to_loopback_is_only_what_the_operator_opened() -> None:
    async with receiving(answering(200)) as receiver:
        elsewhere = Opening(network=LOOPBACK, port=receiver.port + 1)
        with pytest.raises(Invalid):
            await Egress([elsewhere], resolve=to_loopback).send(receiver.url(), ASK)
        assert receiver.connections_count == 0
