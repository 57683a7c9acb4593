"""`POST /samples`: readings pushed in, and what becomes of them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.security.callers import Known, calling
from tests.security.test_json import BAD
from tests.web.conftest import MINUTE, START_MS, World, a_world
from tests.web.test_errors import judged
from tests.web.test_storage import condition_of

from sigmawatch.app.moments import rfc3339
from sigmawatch.domain.caller import Role, Scope
from sigmawatch.domain.storage import StorageState
from sigmawatch.domain.window import DAY_MS

SAMPLES = "/api/v1/samples"
LINES = {"Content-Type": "text/plain"}
NDJSON = {"Content-Type": "application/x-ndjson"}
Row = dict[str, Any]


async def push(world: World, *rows: Row, **query: str) -> Any:
    """The answer to rows in JSON, which is a 200."""
    answer = await world.client.post(SAMPLES, json={"samples": rows}, params=query)
    assert answer.status_code == 200, answer.text
    if answer.json()["made"]:  # new ones are on a board within a second
        await world.program.tracker.refresh()
    return answer.json()


def row(value: float, *, base: str = "BTC", ago_ms: int | None = None, **more: Any) -> Row:
    """A reading; ago_ms: of how long before START_MS it is."""
    at = {} if ago_ms is None else {"time": START_MS - ago_ms}
    return {"market": f"{base}/USD", "value": value, **at, **more}


async def records(world: World, name: str, *, minutes: int) -> dict[str, tuple[float | None, Any]]:
    """Minute -> value and marks."""
    answer = await world.get(f"/metrics/{name}/records", **{"from": f"-{minutes}m"})
    return {one["time"][11:16]: (one["value"], one.get("marks")) for one in answer["items"]}


async def test_a_pushed_reading_is_durable_tracked_and_shown(tmp_path: Path) -> None:
    """SEMANTICS.md 1: "A pushed series gets its values from POST /api/v1/samples". "Answers after
    the commit": another program on the folder has it."""
    async with a_world(tmp_path) as world:
        told = await push(world, row(67284.1), row(9.0, metric="traded_quote"))
        assert (told["taken"], told["made"], told["refused_count"]) == (
            2, ["PUSH:BTC/USD:price", "PUSH:BTC/USD:traded_quote"], 0,
        )  # fmt: skip
        shown = await world.get("/metrics/PUSH:BTC-USD:price")
        assert (shown["live_value"], shown["origin"], shown["interval"]) == (67284.1, "push", "1m")
        assert (await push(world, row(67285.0)))["made"] == []
        assert (await world.get("/metrics", venue="push"))["total"] == 2
    async with a_world(tmp_path, start_ms=START_MS + 60_000) as world:
        shown = await world.get("/metrics/PUSH:BTC-USD:price")
        assert (shown["value"], shown["value_at"][11:16]) == (67285.0, "08:00")


async def test_after_a_restart_an_amount_goes_on_from_what_is_stored(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await push(world, row(3.0, metric="trades", ago_ms=0))
    async with a_world(tmp_path, start_ms=START_MS + 2_000) as world:
        await push(world, row(4.0, metric="trades", ago_ms=-2_000))
        assert (await world.get("/metrics/PUSH:BTC-USD:trades"))["live_value"] == 7.0


@pytest.mark.parametrize("kind", ["json", "ndjson", "lines"])
async def test_a_bad_row_is_told_with_its_reason_and_costs_no_other(
    world: World, kind: str
) -> None:
    """SEMANTICS.md 1: "Rejected values are counted by reason and visible; one bad row never costs
    its neighbours"."""
    markets = ["BTC/USD", "BTCUSD", "BTC/USD", "BTC/USD", "BTC/USD", "KRAKEN:BTC/USD", "ETH/USD"]
    metrics = ["price", "price", "price", "volume", "traded_ref", "price", "price"]
    values = [1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 2.0]
    rows = [{"market": a, "metric": b, "value": c}
            for a, b, c in zip(markets, metrics, values, strict=True)]  # fmt: skip
    lines = "\n".join(f"{a} {b}={c}" for a, b, c in zip(markets, metrics, values, strict=True))
    answer = await {
        "json": lambda: world.client.post(SAMPLES, json={"samples": rows}),
        "ndjson": lambda: world.client.post(
            SAMPLES, content="\n".join(map(json.dumps, rows)), headers=NDJSON
        ),
        "lines": lambda: world.client.post(SAMPLES, content=lines, headers=LINES),
    }[kind]()
    told = answer.json()
    assert (answer.status_code, told["taken"], told["refused_count"]) == (200, 2, 5), told
    found = {one["index"]: (one["field"], one["reason"]) for one in told["refused"]}
    assert found == {
        1: ("market", "is no market that can be pushed to"), 2: ("value", "must be above zero"),
        3: ("metric", "is no metric that can be pushed"),
        4: ("metric", "is no metric that can be pushed"),
        5: ("market", "is no market that can be pushed to"),
    }  # fmt: skip
    assert all(one["allowed"] for one in told["refused"])
    assert sum(told["reasons"].values()) == 5
    assert told["made_count"] == 2, "what is refused makes no series"


@pytest.mark.parametrize(
    ("sample", "field", "reason"),
    [
        ({"market": "BTC/USD"}, "value", "is required"),
        ({"market": "BTC/USD", "value": "1"}, "value", "must be float, was str"),
        ({"market": "BTC/USD", "value": True}, "value", "must be float, was bool"),
        ({"market": "BTC/USD", "value": None}, "value", "must be float, was null"),
        ({"market": "BTC/USD", "value": 1e300}, "value", "out of range"),
        ({"market": "BTC/USD", "value": 1, "unit": "s"}, "unit", "unknown field"),
        ({"market": "BTC/USD", "value": 1, "time": "noon"}, "time", "no moment"),
        ({"market": "BTC/USD", "value": 1, "time": 1.5}, "time",
         "must be int | str | null, was float"),
        ([1], "row", "must be object, was array"),
        ({"market": "A/B/C", "value": 1}, "market", "is no market that can be pushed to"),
        ({"market": "<b>/USD%", "value": 1}, "market", "is no market that can be pushed to"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("alone", [True, False])
async def test_what_is_wrong_with_a_row_is_said_of_it(
    world: World, sample: object, field: str, reason: str, *, alone: bool
) -> None:
    rows = [sample] if alone else [sample, row(1.0)]
    answer = await world.client.post(SAMPLES, json={"samples": rows})
    if alone:
        [error] = judged(answer, 422, "invalid-value")["errors"]
        assert (error["field"], error["message"]) == (f"0.{field}", reason)
        assert error["allowed"]
    else:
        [refused] = answer.json()["refused"]
        assert (answer.status_code, refused["field"], refused["reason"]) == (200, field, reason)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("", {"Content-Type": "application/json"}, 422),
        ("{}", {"Content-Type": "application/json"}, 422),
        ('{"samples": []}', {"Content-Type": "application/json"}, 422),
        ('{"samples": 5}', {"Content-Type": "application/json"}, 422),
        ('{"samples": [], "x": 1}', {"Content-Type": "application/json"}, 422),
        ("\n\n", NDJSON, 422),
        ("# nothing\n", LINES, 422),
        (b"\xff", LINES, 422),
        ("{}", {"Content-Type": "text/csv"}, 415),
        ("a", {}, 415),
        ("x" * 1_000_001, LINES, 413),
    ],
)
async def test_a_body_of_no_readings_is_refused_whole(
    world: World, body: str | bytes, headers: dict[str, str], status: int
) -> None:
    answer = await world.client.post(SAMPLES, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", BAD)
async def test_s45_no_line_of_ndjson_is_anything_but_plain_json(world: World, name: str) -> None:
    """S45: "JSON depth 100,000, 5,000-digit number, duplicate keys, NaN, surrogates, BOM: 400"; of
    lines each is refused alone."""
    good = json.dumps(row(1.0)).encode()
    body = BAD[name].replace(b"\n", b" ")[:900_000]
    if not body.strip():
        return
    answer = await world.client.post(SAMPLES, content=body + b"\n" + good, headers=NDJSON)
    told = answer.json()
    assert (answer.status_code, told["taken"]) == (200, 1), told
    assert [one["index"] for one in told["refused"]] == [0]


async def test_the_same_key_twice_in_a_line_is_refused(world: World) -> None:
    body = '{"market": "BTC/USD", "value": 1, "value": 2}\n' + json.dumps(row(3.0))
    told = (await world.client.post(SAMPLES, content=body, headers=NDJSON)).json()
    assert (told["taken"], told["refused"][0]["reason"]) == (1, "is no JSON that we take")


@pytest.mark.parametrize("text", ["'", "';--/USD", "1 OR 1=1/USD", "{{7*7}}/USD", "\u202e/USD"])
async def test_s24_no_name_reaches_the_database_as_anything_but_a_value(
    world: World, text: str
) -> None:
    """S24: "SQL metacharacters in all parameters: 4xx or literal; no 5xx"."""
    for sample in ({"market": text, "value": 1}, {"market": "A/B", "metric": text, "value": 1},
                   {"market": "A/B", "time": text, "value": 1}):  # fmt: skip
        answer = await world.client.post(SAMPLES, json={"samples": [sample]})
        assert answer.status_code in (200, 422), answer.text


async def test_an_ask_below_the_bid_of_its_time_is_refused_with_it(world: World) -> None:
    """SEMANTICS.md 1, sanity at the edge: "ask ≥ bid"."""
    told = await push(
        world, row(2.0, metric="bid", ago_ms=0), row(1.0, metric="ask", ago_ms=0),
        row(2.0, metric="bid", ago_ms=1), row(2.0, metric="ask", ago_ms=1),
        row(1.0, base="ETH", metric="ask", ago_ms=0), row(1.0, metric="ask", ago_ms=2),
    )  # fmt: skip
    assert (told["taken"], [one["index"] for one in told["refused"]]) == (4, [0, 1])
    assert told["reasons"] == {"an ask below the bid": 2}


async def test_what_was_pushed_is_counted(world: World) -> None:
    await push(world, row(1.0), row(0.0), row(1.0, ago_ms=DAY_MS))
    told = (await world.client.get("/metrics")).text
    for outcome, count in (("taken", 2), ("late", 1), ("refused", 1)):
        assert f'sigmawatch_pushed_readings_total{{outcome="{outcome}"}} {count}.0' in told


async def test_times_are_milliseconds_or_rfc_3339_and_decide_the_slot(world: World) -> None:
    await world.clock.advance_to_ms(START_MS + 30_000)
    await push(world, row(1.0, time="2026-11-21T08:59:59.999+01:00"), row(2.0, ago_ms=0),
               row(3.0))  # fmt: skip
    found = await records(world, "PUSH:BTC-USD:price", minutes=3)
    assert found["07:59"] == (1.0, None)
    assert (await world.get("/metrics/PUSH:BTC-USD:price"))["live_value"] == 3.0


async def test_the_future_is_refused_with_what_our_clock_shows(world: World) -> None:
    told = await push(world, row(1.0, ago_ms=-2_000), row(1.0, ago_ms=-2_001))
    [refused] = told["refused"]
    assert (told["taken"], refused["index"], refused["field"]) == (1, 1, "time")
    assert "2026-11-21T08:00:00.000Z" in refused["allowed"]


async def test_what_is_older_than_slots_are_kept_is_refused(world: World) -> None:
    keep_ms = world.program.config.history.raw_days * DAY_MS
    told = await push(world, row(1.0, ago_ms=keep_ms), row(1.0, ago_ms=keep_ms + 1))
    assert (told["taken"], told["refused"][0]["reason"]) == (1, "older than slots are kept")


async def test_late_readings_revise_history(world: World) -> None:
    """SEMANTICS.md 2: "Later ones revise history, are marked `revised`"."""
    await push(world, row(1.0, ago_ms=5 * 60_000), row(2.0, ago_ms=9 * 60_000),
               row(5.0, metric="trades", ago_ms=5 * 60_000))  # fmt: skip
    told = await push(world, row(1.5, ago_ms=5 * 60_000),
                      row(6.0, metric="trades", ago_ms=5 * 60_000 - 1),
                      row(6.0, metric="trades", ago_ms=5 * 60_000 - 1))  # fmt: skip
    assert (told["taken"], told["late"]) == (3, 3)
    await world.clock.advance_to_ms(START_MS + 60_000)
    found = await records(world, "PUSH:BTC-USD:price", minutes=12)
    assert found["07:55"] == (1.5, ["revised"])
    assert found["07:51"] == (2.0, None)
    assert found["07:53"] == (None, ["not_polled"])
    found = await records(world, "PUSH:BTC-USD:trades", minutes=12)
    assert found["07:55"] == (11.0, ["revised"])


async def test_a_reading_that_comes_late_and_out_of_order_takes_no_later_ones_place(
    world: World,
) -> None:
    """SEMANTICS.md 2: "the last observation (level)", also where a feed sends a failed batch again
    after the next one."""
    await push(world, row(5.0, ago_ms=-1_000))
    await world.pass_slots(10)
    await push(world, row(4.0, ago_ms=0), row(6.0, ago_ms=-60_000), row(7.0, ago_ms=-60_001))
    assert (await push(world, row(3.0, ago_ms=-500)))["late"] == 1
    found = await records(world, "PUSH:BTC-USD:price", minutes=12)
    assert (found["08:00"], found["08:01"]) == ((5.0, None), (7.0, None))
    await push(world, row(8.0, ago_ms=-2_000))
    found = await records(world, "PUSH:BTC-USD:price", minutes=12)
    assert found["08:00"] == (8.0, ["revised"])


async def test_amounts_of_the_past_are_read_of_so_many_days_at_once(world: World) -> None:
    """What stands is read for each before it is added to."""
    await push(world, *(row(1.0, base=f"M{n}", metric="trades") for n in range(1_010)))
    told = await push(world, *(row(1.0, base=f"M{n}", metric="trades", ago_ms=2 * DAY_MS)
                               for n in range(1_010)))  # fmt: skip
    assert (told["taken"], told["late"]) == (1_000, 1_000)
    assert told["reasons"] == {"amounts of too many past days in one body": 10}


async def test_a_slot_is_revised_as_often_as_it_is_told_of(world: World) -> None:
    """Patches have the second in their names: what comes within one must not be lost."""
    for value in range(1, 8):
        await push(world, row(float(value), ago_ms=4 * DAY_MS))
    span = {"from": START_MS - 4 * DAY_MS, "to": START_MS - 4 * DAY_MS + 60_000}
    found = await world.get("/metrics/PUSH:BTC-USD:price/records", **span)
    assert [one["value"] for one in found["items"]] == [7.0]


async def test_a_price_that_jumps_counts_at_once(world: World) -> None:
    """SEMANTICS.md 1: "Gate against bad ticks, for price, bid, ask read from a venue only (never
    flows, volumes, pushed series)"."""
    for minutes in range(5, 0, -1):
        await push(world, row(1.0, ago_ms=minutes * 60_000))
    await push(world, row(1_000.0))
    await world.pass_slots(1)
    shown = await world.get("/metrics/PUSH:BTC-USD:price")
    assert (shown["value"], shown["marks"], shown["max"]) == (1_000.0, [], 1_000.0)


async def test_another_interval_is_another_series(world: World) -> None:
    told = await push(world, row(1.0), every="5m")
    assert (told["made"], told["taken"]) == (["PUSH:BTC/USD:price"], 1)
    assert (await push(world, row(1.0)))["made_count"] == 1
    assert (await world.get("/metrics", interval="5m", venue="push"))["total"] == 1
    refused = await world.client.post(SAMPLES, json={"samples": [row(1.0)]}, params={"every": "7s"})
    assert judged(refused, 422, "invalid-value")["errors"][0]["field"] == "every"


async def test_s47_no_more_series_are_made_than_the_limit_that_is_named(tmp_path: Path) -> None:
    """S47: "100,000 series through ingest: 429/422 with limit named"."""
    async with a_world(tmp_path, push={"series_max": 1_000}) as world:

        async def some(first: int) -> httpx.Response:
            lines = "\n".join(f"M{n}/USD price=1" for n in range(first, first + 5_000))
            return await world.client.post(SAMPLES, content=lines, headers=LINES)

        told = (await some(0)).json()
        assert (told["taken"], told["made_count"], told["refused_count"]) == (1_000, 1_000, 4_000)
        assert len(told["made"]) == len(told["refused"]) == 100
        for first in range(5_000, 100_000, 5_000):
            problem = judged(await some(first), 422, "invalid-value")
            assert "1,000 series are pushed already" in problem["detail"]
            assert "series_max of [push]" in problem["errors"][0]["allowed"]
        await world.program.tracker.refresh()
        assert (await world.get("/metrics", venue="push", limit=1))["total"] == 1_000
        assert (await some(0)).json()["taken"] == 1_000, "what is there goes on"


async def test_the_venue_is_the_configured_one(tmp_path: Path) -> None:
    async with a_world(tmp_path, push={"venue": "lab"}) as world:
        told = await push(world, row(1.0), {"market": "lab:eth-usd", "value": 1.0})
        assert told["made"] == ["LAB:BTC/USD:price", "LAB:ETH/USD:price"]


async def test_the_venue_of_what_is_pushed_is_one_of_the_venues(world: World) -> None:
    def told(answer: Any) -> set[str]:
        return {one["name"] for one in answer["items"]}

    assert "PUSH" not in told(await world.get("/venues"))
    assert (await world.client.get("/api/v1/venues/push")).status_code == 404
    await push(world, row(1.0), row(0.0), row(2.0, base="ETH"))
    assert "PUSH" in told(await world.get("/venues"))
    shown = await world.get("/venues/push")
    assert (shown["state"], shown["markets_count"], shown["tracked_count"]) == ("up", 2, 2)
    assert shown["success_at"] == rfc3339(START_MS)
    assert shown["rejected"] == {"must be above zero": 1}
    judged(await world.client.post("/api/v1/collect", json={"venue": "PUSH"}), 422, "unknown-venue")


async def test_s50_under_a_key_a_body_is_taken_once(world: World) -> None:
    """An amount without a time would be added again."""
    body = {"samples": [row(2.0, metric="trades")]}
    headers = {"Idempotency-Key": "k-1"}
    first = await world.client.post(SAMPLES, json=body, headers=headers)
    again = await world.client.post(SAMPLES, json=body, headers=headers)
    assert (first.json(), again.headers["idempotency-replayed"]) == (again.json(), "true")
    await world.program.tracker.refresh()
    assert (await world.get("/metrics/PUSH:BTC-USD:trades"))["live_value"] == 2.0


async def test_who_may_push_and_what_it_costs(world: World) -> None:
    """SECURITY.md: "cookies are ignored on ingest endpoints"; "token buckets per key, per address
    and per cost class"."""
    known = Known()
    key, other = known.key("ingest", Scope.WRITE_INGEST), known.key("reader", Scope.READ_METRICS)
    cookie = known.log_in(Role.ADMIN) | {"X-Sigmawatch": "1", "Sec-Fetch-Site": "same-origin"}
    async with calling(world, known, limits={"ingest_per_minute": 2}) as client:
        body = {"samples": [row(1.0)]}
        judged(await client.post(SAMPLES, json=body), 401, "unauthorized")
        judged(await client.post(SAMPLES, json=body, headers=cookie), 401, "unauthorized")
        judged(await client.post(SAMPLES, json=body, headers=other), 403, "not-permitted")
        assert [(await client.post(SAMPLES, json=body, headers=key)).status_code
                for _ in range(3)] == [200, 200, 429]  # fmt: skip


async def test_s12_another_sites_page_pushes_nothing(world: World) -> None:
    """S12: "Cross-site form POST, text/plain JSON, fetch no-cors: 403, unchanged"."""
    page = LINES | {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = await world.client.post(SAMPLES, content="BTC/USD price=1", headers=page)
    judged(answer, 403, "forbidden")
    assert (await world.get("/metrics", venue="push"))["total"] == 0


async def test_who_pushes_late_holds_up_nobody_and_rules_hear_of_it(world: World) -> None:
    """SEMANTICS.md 6: "State (rule, series) judges slot k once: when all its inputs for k are
    committed, or after 2 slots as unknown"."""
    rule = {"condition": "price > 100", "target": ["push:*/USD"]}
    made = await world.client.put("/api/v1/rules/high", json=rule)
    assert made.status_code == 201, made.text
    await push(world, row(1.0))
    await world.pass_slots(1)
    await world.program.push.close()
    after: list[Any] = []
    for value, seen in ((1.0, 0), (500.0, 1)):
        await world.pass_slots(1)  # nothing was told of it yet
        await world.program.push.close()
        await world.program.tracker.refresh()
        before = (await world.get("/episodes"))["items"]
        await push(world, row(value, time=MINUTE.open_ms(world.slot) - 10_000))
        await world.program.tracker.refresh()
        after = (await world.get("/episodes"))["items"]
        assert (len(before), len(after)) == (0, seen)
    assert after[0]["series"] == "PUSH:BTC/USD:price"


async def test_the_last_word_on_a_slot_that_is_closed_has_it_judged(world: World) -> None:
    """Nothing waits for the next slot."""
    rule = {"condition": "price > 100", "target": ["push:*/USD"]}
    await world.client.put("/api/v1/rules/high", json=rule)
    await push(world, row(1.0))
    await world.pass_slots(1)
    await world.clock.advance_to_ms(world.clock.now_ms() + 1_500)  # what was late is made up for
    await push(world, row(500.0))
    await world.pass_slots(1)
    assert (await world.get("/episodes"))["items"] == []
    await world.program.push.close()
    async with asyncio.timeout(60):
        while not (await world.get("/episodes"))["items"]:
            await world.clock.advance_to_ms(world.clock.now_ms() + 1_000)


async def test_pushed_series_rank_and_are_exported_as_any_other(world: World) -> None:
    """One through the real program: history, ranks, records as a table."""
    rows = [row(100.0 + swing * (minute % 2), base=base, ago_ms=minute * 60_000)
            for minute in range(1, 41) for base, swing in (("A", 1.0), ("B", 5.0))]  # fmt: skip
    await push(world, *rows)
    await push(world, row(100.0, base="A"), row(100.0, base="B"))
    await world.pass_slots(1)
    ranked = await world.get("/ranking", metric="price", by="sigma_rel", window="30m",
                             peers="venue:push")  # fmt: skip
    assert [(one["rank_text"], one["name"]) for one in ranked["items"]] == [
        ("1/2", "PUSH:B/USD:price"), ("2/2", "PUSH:A/USD:price"),
    ]  # fmt: skip
    table = await world.client.get(
        "/api/v1/metrics/PUSH:A-USD:price/records", params={"from": "-30m", "format": "csv"}
    )
    assert len(table.text.splitlines()) == 1 + 29, table.text


async def test_while_nothing_can_be_stored_nothing_is_promised(world: World) -> None:
    await push(world, row(1.0))
    condition_of(world).become(StorageState.FULL, "no room in the data folder")
    answer = await world.client.post(SAMPLES, json={"samples": [row(2.0)]})
    judged(answer, 503, "storage")
    condition_of(world).become(StorageState.OK)
    assert (await push(world, row(3.0)))["taken"] == 1
