"""`/readyz` and `probe`: can it be relied on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.web.conftest import World
from typer.testing import CliRunner

from sigmawatch.app.cli import app
from sigmawatch.app.cli.probing import Outcome, look
from sigmawatch.app.readiness import Readiness, unready
from sigmawatch.app.web.server import listen, serve_on
from sigmawatch.domain.errors import Unavailable
from sigmawatch.domain.storage import StorageState, StorageStatus
from sigmawatch.domain.venue import VenueState, VenueStatus
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, Interval

NOW_MS = 100 * HOUR_MS
MINUTE = Interval(MINUTE_MS)
OK = StorageStatus(state=StorageState.OK, since_ms=0, since_monotonic_ms=0)


def a_venue(name: str, state: VenueState = VenueState.UP, *, success_ms: int | None) -> VenueStatus:
    return VenueStatus(venue=name, state=state, since_ms=0, success_ms=success_ms)


def a_sight(**changes: Any) -> Readiness:
    slots = {MINUTE: MINUTE.slot(NOW_MS) - 1}
    seen: dict[str, Any] = {"now_ms": NOW_MS, "storage": OK, "slots": slots,
                            "venues": [a_venue("KRAKEN", success_ms=NOW_MS)]}  # fmt: skip
    return Readiness(**(seen | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"venues": []}, None),
        ({"slots": {MINUTE: MINUTE.slot(NOW_MS) - 4}}, None),
        ({"slots": {MINUTE: MINUTE.slot(NOW_MS) - 5}},
         "the newest closed slot of 1m ended 240 s ago"),
        ({"oldest_notice_ms": NOW_MS - 10 * MINUTE_MS + 1}, None),
        ({"oldest_notice_ms": NOW_MS - 12 * MINUTE_MS},
         "the oldest notice has been waiting for 12 min"),
        ({"venues": [a_venue("KRAKEN", VenueState.STARTING, success_ms=None)]},
         "no venue has answered yet"),
        ({"venues": [a_venue("KRAKEN", VenueState.DOWN, success_ms=NOW_MS - HOUR_MS),
                     a_venue("BINANCE", VenueState.UP, success_ms=NOW_MS)]}, None),
        ({"venues": [a_venue("KRAKEN", VenueState.DOWN, success_ms=NOW_MS - HOUR_MS),
                     a_venue("BINANCE", VenueState.MAINTENANCE, success_ms=None)]},
         "no venue answers: KRAKEN down, BINANCE maintenance"),
        ({"storage": StorageStatus(state=StorageState.FULL, reason="no room", since_ms=0,
                                   since_monotonic_ms=0)}, "storage full: no room"),
    ],
)  # fmt: skip
def test_every_reason_is_a_sentence_and_one_venue_is_enough(
    changes: dict[str, Any], reason: str | None
) -> None:
    assert unready(a_sight(**changes)) == (() if reason is None else (reason,))


async def test_a_tracker_whose_venues_are_all_away_is_not_ready_until_one_is_back(
    moving: World,
) -> None:
    ready = await moving.client.get("/readyz")
    assert ready.json() == {
        "status": "ok", "slot_ended_at": "2026-11-21T08:12:00.000Z", "slot_age_s": 1.0,
    }  # fmt: skip
    for venue in moving.venues.values():
        venue.error = Unavailable("gone")
    await moving.pass_slots(5)
    answer = await moving.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "no venue answers: BINANCE down, KRAKEN down"
    moving.venues["KRAKEN"].error = None
    await moving.pass_slots(1)
    assert (await moving.client.get("/readyz")).status_code == 200


async def test_slots_that_do_not_close_are_told(moving: World) -> None:
    await moving.clock.advance_to_ms(moving.clock.now_ms() + 10 * MINUTE_MS)
    detail = (await moving.client.get("/readyz")).json()["detail"]
    assert "the newest closed slot of 1m ended 601 s ago" in detail


async def test_notices_that_wait_are_told(moving: World) -> None:
    moving.program.notifying.watch.oldest_ms = moving.clock.now_ms() - HOUR_MS
    answer = await moving.client.get("/readyz")
    assert answer.json()["detail"] == "the oldest notice has been waiting for 60 min"


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    """The world's application on a real socket."""
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.ensure_future(serve_on(world.app, listener))
    try:
        yield url
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_probe_finds_ready_stale_and_not_ready(moving: World) -> None:
    async with served(moving) as url:
        found = await look(url, timeout_s=60, max_age_s=300)
        assert (found.outcome, found.slot_age_s, found.outcome.exit) == (Outcome.READY, 1.0, 0)
        stale = await look(url, timeout_s=60, max_age_s=0.5)
        assert (stale.outcome, stale.slot_age_s, stale.outcome.exit) == (Outcome.STALE, 1.0, 3)
        for venue in moving.venues.values():
            venue.error = Unavailable("gone")
        await moving.pass_slots(5)
        wrong = await look(url, timeout_s=60)
        assert wrong.outcome is Outcome.NOT_READY
        assert "no venue answers" in str(wrong)


async def test_what_is_no_tracker_is_not_ready_and_cannot_write_on_our_screen() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\x1b[31mfake")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await look(url, timeout_s=60)
    assert found.outcome is Outcome.NOT_READY
    assert "\x1b" not in str(found)


def test_nobody_there_is_one_line_and_exit_1() -> None:
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    told = CliRunner().invoke(app, ["probe", url, "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["outcome"] == "silent"
    assert len(CliRunner().invoke(app, ["probe", url]).stdout.splitlines()) == 1
