"""The long tail through Apprise: in a process of its own, from the configuration file only."""

from __future__ import annotations

import json
import time

import pytest
from tests.channels.samples import NOW_MS, a_message
from tests.egress.receiver import answering, receiving, saying
from tests.pace import allowed_s

from sigmawatch.adapters.apprise.channel import Apprise, AppriseChannel
from sigmawatch.adapters.channels.workshop import Workshop
from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.domain.errors import Invalid
from sigmawatch.ports.channel import Answer


def channel(address: str, *, attempt_s: float = 15.0) -> AppriseChannel:
    return AppriseChannel("tail", Apprise(address=address), attempt_s=attempt_s)


async def test_a_message_goes_out_through_a_real_apprise() -> None:
    async with receiving(answering(200)) as receiver:
        sent = await channel(f"json://127.0.0.1:{receiver.port}/QsecretQ").send(a_message())
    assert sent.answer is Answer.ACCEPTED, sent.detail
    told = json.loads(receiver.came[0].body)
    assert told["title"].startswith("KRAKEN:BTC/USD price")
    assert "The mean of the last hour is 100." in told["message"]


async def test_what_it_cannot_send_may_be_tried_again_and_names_no_address() -> None:
    async with receiving(answering(500)) as receiver:
        sent = await channel(f"json://127.0.0.1:{receiver.port}/QsecretQ").send(a_message())
    assert sent.answer is Answer.LATER
    nobody = await channel("no-such-service://QsecretQ").send(a_message())
    assert nobody.answer is Answer.REFUSED
    assert "Qsecret" not in sent.detail + nobody.detail


async def test_a_plug_in_that_hangs_is_ended() -> None:
    async with receiving(saying(end=False)) as receiver:
        began = time.monotonic()
        hanging = channel(f"json://127.0.0.1:{receiver.port}/", attempt_s=1.0)
        sent = await hanging.send(a_message())
    assert (sent.answer, sent.unsure) == (Answer.LATER, True)
    assert time.monotonic() - began < allowed_s(5.0)


def test_only_the_operator_may_use_it() -> None:
    workshop = Workshop(Egress(), clock=VirtualClock(NOW_MS))
    given = {"address": "json://127.0.0.1/QsecretQ"}
    with pytest.raises(Invalid, match="configuration file only"):
        workshop.make("tail", "apprise", given=given)
    made = workshop.make("tail", "apprise", given=given, trusted=True)
    assert "Qsecret" not in made.shown
