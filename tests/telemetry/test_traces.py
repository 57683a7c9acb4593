"""Traces: from the collector to the message, by OTLP to a real receiver."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.telemetry.receiver import Received, receiving
from tests.web.conftest import MINUTE, MOVES, World, a_world

from sigmawatch.adapters.otlp import OtlpTraces
from sigmawatch.adapters.traces import Receiver
from sigmawatch.app.telemetry import LogStyle, configure
from sigmawatch.ports.tracing import ROOT, Span

SECRET = "Bearer planted-receiver-secret"
SETTINGS = {"service_name": "markets", "otlp_authorization": SECRET}


@pytest.fixture
def received() -> Iterator[Received]:
    with receiving() as found:
        yield found


async def a_told_slot(folder: Path, received: Received) -> World:
    """A world whose newest slot has opened an episode, which was told to the inbox; it is over."""
    settings = {"otlp_url": received.url, **SETTINGS}
    async with a_world(folder, telemetry=settings) as world, asyncio.timeout(60):
        await world.pass_slots(2, MOVES)
        rule = {"condition": "value > 0", "target": ["kraken:BTC/USD"]}
        made = await world.client.put("/api/v1/rules/any", json=rule)
        assert made.status_code < 300, made.text
        await world.pass_slots(1, MOVES)
        program = world.program
        delivering = asyncio.ensure_future(program.notifying.deliver_for_ever(program.changed))
        while await program.notifying.store.lanes():
            pass  # the clock stands still: an attempt takes no time
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
    return world


def attributes_of(span: Any) -> dict[str, str]:
    return {one.key.removeprefix("sigmawatch."): one.value.string_value for one in span.attributes}


async def test_a_slot_is_one_trace_from_the_venues_to_the_message(
    tmp_path: Path, received: Received
) -> None:
    world = await a_told_slot(tmp_path, received)
    newest = max((span for span in received.spans if span.name == ROOT),
                 key=lambda span: span.start_time_unix_nano)  # fmt: skip
    assert newest.start_time_unix_nano == MINUTE.open_ms(world.slot) * 1_000_000
    assert newest.parent_span_id == b""
    parts = [span for span in received.spans
             if span.trace_id == newest.trace_id and span.name != ROOT]  # fmt: skip
    assert {span.parent_span_id for span in parts} == {newest.span_id}
    names = Counter(span.name for span in parts)
    assert names.keys() == {"collect", "commit", "close", "judge", "send"}
    assert names["collect"] == 2
    venues = {attributes_of(span)["venue"] for span in parts if span.name == "collect"}
    assert venues == {"KRAKEN", "BINANCE"}
    services = [attributes_of(span)["service"] for span in parts if span.name == "send"]
    assert services == ["inbox"]
    assert len({span.trace_id for span in received.spans if span.name == ROOT}) == 3
    assert received.resource["service.name"] == "markets"
    assert received.headers[0]["authorization"] == SECRET


async def test_log_lines_of_a_slot_carry_its_trace(tmp_path: Path, received: Received) -> None:
    stream = io.StringIO()
    configure(LogStyle.JSON, stream=stream)
    try:
        await a_told_slot(tmp_path, received)
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    [told] = [line for line in lines if line["event"] == "notice_sent"]
    [sent] = [span for span in received.spans if span.name == "send"]
    assert told["trace_id"] == sent.trace_id.hex()
    assert SECRET not in stream.getvalue()


async def test_a_failed_piece_is_marked_by_the_type_of_its_failure(received: Received) -> None:
    traces = OtlpTraces(Receiver(url=received.url, service="x", key=b"k"))
    traces.record(Span(name="commit", moment_ms=0, began_ns=1, ended_ns=2, fault="Busy"))
    await traces.close()
    [span] = received.spans
    assert (span.status.message, span.end_time_unix_nano) == ("Busy", 2)
    assert span.trace_id.hex() == traces.trace_id(0)


async def test_other_installations_have_other_traces_and_a_restart_the_same() -> None:
    url = "http://127.0.0.1:9/v1/traces"
    first, again, other = (OtlpTraces(Receiver(url=url, service="x", key=k))
                           for k in (b"a", b"a", b"b"))  # fmt: skip
    assert first.trace_id(60_000) == again.trace_id(60_000) != other.trace_id(60_000)
    assert first.trace_id(60_000) != first.trace_id(120_000)
    for one in (first, again, other):
        await one.close()


async def test_a_receiver_that_is_away_is_told_once_without_its_address(
    received: Received,
) -> None:
    stream = io.StringIO()
    configure(LogStyle.JSON, stream=stream)
    received.status = 400
    try:
        traces = OtlpTraces(Receiver(url=received.url + "?token=planted", service="x", key=b"k"))
        for moment_ms in (0, 60_000):
            traces.record(Span(name="judge", moment_ms=moment_ms, began_ns=1, ended_ns=2))
            await asyncio.to_thread(traces._provider.force_flush)
        await traces.close()
    finally:
        structlog.reset_defaults()
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "traces_not_sent"
    assert "planted" not in line


def test_nothing_of_it_is_loaded_where_nobody_wants_traces() -> None:
    """Issue: "api optional at import; no cost where it is off"."""
    look = "import sys, sigmawatch.app.wiring; print([m for m in sys.modules if 'opentel' in m])"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, check=True, timeout=60)
    assert told.stdout == b"[]\n"


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from sigmawatch.adapters.traces import Receiver, tracer_to\n"
        "try: tracer_to(Receiver(url='http://127.0.0.1:9', service='x', key=b'k'))\n"
        "except Exception as exc: print(type(exc).__name__, exc)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert told.stdout.startswith(b"Refused traces need opentelemetry")
    assert b"pip install 'sigmawatch[otel]'" in told.stdout
