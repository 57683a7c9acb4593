"""A sign of life, over the guard."""

from __future__ import annotations

import pytest
from tests.egress.receiver import answering, receiving

from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.signal import UrlSignal
from sigmawatch.domain.errors import Refused, Unavailable

SECRET = "/0b7c-secret"


async def test_a_sign_of_life_is_one_get() -> None:
    async with receiving(answering(200)) as receiver:
        await UrlSignal(receiver.url(SECRET), receiver.egress()).give()
        assert [came.line for came in receiver.came] == [f"GET {SECRET} HTTP/1.1"]


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_only_2xx_is_an_answer_and_the_address_is_in_no_error(status: int) -> None:
    async with receiving(answering(status)) as receiver:
        with pytest.raises(Unavailable) as raised:
            await UrlSignal(receiver.url(SECRET), receiver.egress()).give()
    assert SECRET not in str(raised.value)


async def test_an_address_inside_is_not_asked_and_not_named() -> None:
    """SECURITY.md S26."""
    async with receiving(answering(200)) as receiver:
        with pytest.raises(Refused) as raised:
            await UrlSignal(f"https://127.0.0.1:{receiver.port}{SECRET}", Egress()).give()
        assert receiver.connections_count == 0
    assert SECRET not in str(raised.value)


def test_without_an_address_there_is_no_signal() -> None:
    assert UrlSignal.of("", []) is None
    assert UrlSignal.of("https://hc-ping.com/x", []) is not None
