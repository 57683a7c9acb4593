"""What the program tells of itself holds no secret, forges no line, and is for who may read it.

SECURITY.md S23, S39, S40, S57, S64.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from pydantic import SecretStr
from tests.channels.samples import SECRET
from tests.egress.receiver import answering
from tests.egress.receiver import receiving as listening
from tests.security.callers import LOOPBACK, Known, calling
from tests.telemetry.receiver import receiving as receiving_traces
from tests.web.conftest import MOVES, World, a_world

from sigmawatch.app.telemetry import VALUE_CHARS_MAX, LogStyle, configure, families
from sigmawatch.app.telemetry.page import Page
from sigmawatch.app.telemetry_config import TelemetryConfig
from sigmawatch.domain.caller import Scope

PLANTED = "QplantedSecretQ"
HOSTILE = 'A"} 1\r\nforged_metric{x="\\\\'
ESCAPES = "A\r\n2026 level=error\x1b[31m\u2028\u202e" + "x" * 1_000_000


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:], level = before
    logging.root.setLevel(level)


def logging_to(style: LogStyle) -> io.StringIO:
    stream = io.StringIO()
    configure(style, stream=stream)
    return stream


@pytest.mark.parametrize("style", LogStyle)
@pytest.mark.parametrize(
    "value",
    [ESCAPES, [ESCAPES], {ESCAPES: {"deep": [ESCAPES]}}, {"a": {"b": {"c": {"d": ESCAPES}}}},
     ValueError(ESCAPES), ESCAPES.encode()],
    ids=["text", "list", "mapping", "deep", "error", "bytes"],
)  # fmt: skip
def test_no_value_forges_a_line_moves_the_cursor_or_floods(style: LogStyle, value: object) -> None:
    """S23: "newline, ANSI escapes, 1 MB field: one escaped, clipped line"."""
    stream = logging_to(style)
    structlog.get_logger().warning("venue_poll_failed", value=value)
    told = stream.getvalue()
    assert len(told.splitlines()) == 1
    assert not {"\x1b", "\u2028", "\u202e", "\r"} & set(told)
    assert len(told) < 5 * VALUE_CHARS_MAX


@pytest.mark.parametrize("style", LogStyle)
@pytest.mark.parametrize("ours", [True, False], ids=["ours", "a library's"])
def test_the_words_of_an_exception_forge_no_line(style: LogStyle, ours: bool) -> None:
    stream = logging_to(style)
    try:
        raise ValueError("no\x1b[31m\rline" + "x" * 1_000_000)
    except ValueError:
        if ours:
            structlog.get_logger().exception("failed")
        else:
            logging.getLogger("aiohttp").exception("failed %s", ESCAPES)
    told = stream.getvalue()
    assert "ValueError" in told
    assert not {"\x1b", "\r"} & set(told)
    assert style is LogStyle.JSON or len(told) < 20 * VALUE_CHARS_MAX


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_a_name_from_a_stranger_stays_inside_its_label(accept: str) -> None:
    """S64: "Prometheus scrape label injection through symbol: escaped"."""
    page = Page()
    page.put(families.VALUE, 42.0, HOSTILE, "price", "1m")
    page.put(families.VENUE_REJECTED, 1.0, "KRAKEN", HOSTILE)
    encode, _ = choose_encoder(accept)
    text = encode(page).decode()
    parse: Any = openmetrics if text.endswith("# EOF\n") else prometheus
    samples = [sample for metric in parse(text) for sample in metric.samples]
    assert [(one.name, set(one.labels.values())) for one in samples] == [
        ("sigmawatch_venue_readings_rejected_total", {"KRAKEN", HOSTILE}),
        ("sigmawatch_series_value", {HOSTILE, "price", "1m"}),
    ]


async def test_metrics_need_their_scope_once_there_is_a_user(still: World) -> None:
    """S57: "/metrics without auth on non-loopback: none; metrics need scope"."""
    known = Known()
    read, other = known.key("r", Scope.READ_METRICS), known.key("a", Scope.READ_ALERTS)
    async with calling(still, known) as far:
        assert (await far.get("/metrics")).status_code == 401
        assert (await far.get("/metrics", headers=other)).status_code == 403
        assert (await far.get("/metrics", headers=read)).status_code == 200
    async with calling(still, Known(guarded=False), address=LOOPBACK) as here:
        assert (await here.get("/metrics")).status_code == 200
    async with calling(still, Known(guarded=False)) as far:
        assert (await far.get("/metrics")).status_code == 401


async def test_a_secret_that_is_planted_is_in_no_metric_no_span_and_no_line(
    tmp_path: Path,
) -> None:
    """S39, S40: a channel that fails, a receiver that wants a credential, a token in a path."""
    stream = logging_to(LogStyle.JSON)
    async with listening(answering(500, PLANTED.encode())) as target:
        with receiving_traces() as traces:
            url = f"http://127.0.0.1:{target.port}/in?key={PLANTED}"
            hook = {"service": "webhook", "url": url, "secret": SECRET}
            settings: dict[str, Any] = {
                "channels": {"ops": hook},
                "egress": {"allow": [f"127.0.0.0/8:{target.port}"]},
                "telemetry": {"otlp_url": f"{traces.url}?key={PLANTED}", "values": True,
                              "otlp_authorization": f"Bearer {PLANTED}"},
            }  # fmt: skip
            told = await failing(tmp_path / "data", settings)
        spans = str(traces.requests)
    assert 'service="webhook"' in told
    assert "send" in spans
    assert "notice_sent" in stream.getvalue()
    for text in (told, spans, stream.getvalue()):
        assert PLANTED not in text
        assert SECRET not in text


async def failing(folder: Path, settings: dict[str, Any]) -> str:
    """`/metrics` of a program that told its channel of something, in vain."""
    async with a_world(folder, **settings) as world, asyncio.timeout(60):
        await world.pass_slots(2, MOVES)
        rule = {"condition": "value > 0", "target": ["*:*/*"], "channels": ["ops"]}
        made = await world.client.put("/api/v1/rules/any", json=rule)
        assert made.status_code < 300, made.text
        await world.pass_slots(1, MOVES)
        await world.client.get(f"/api/v1/subscriptions/confirm?token={PLANTED}")
        program = world.program
        delivering = asyncio.ensure_future(program.notifying.deliver_for_ever(program.changed))
        while not program.notifying.notifier.failing:
            await program.notifying.store.lanes()
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        return (await world.client.get("/metrics")).text


async def test_made_up_paths_are_one_route_however_many(world: World) -> None:
    for number in range(300):
        await world.client.get(f"/{PLANTED}/{number}")
        await world.client.get(f"/api/v1/metrics/KRAKEN:X{number}-USD:price")
    told = (await world.client.get("/metrics")).text
    routes = {line.split('route="')[1].split('"')[0] for line in told.splitlines()
              if line.startswith("sigmawatch_http_requests_total{")}  # fmt: skip
    assert routes == {"none", "/api/v1/metrics/{id}"}
    assert PLANTED not in told


def test_a_receivers_credential_is_no_part_of_what_is_printed() -> None:
    config = TelemetryConfig(otlp_authorization=SecretStr(f"Bearer {PLANTED}"))
    assert PLANTED not in repr(config) + json.dumps(config.model_dump(mode="json"))
