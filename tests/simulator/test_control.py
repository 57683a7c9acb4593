"""The control endpoint steers the clock, the faults and the counters, and tells the truth."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from tests.simulator.asking import MINUTE_MS, NOON_MS, kraken

from sigmawatch_simulator import BadRequest, Config, Fault, Simulator, VirtualClock
from sigmawatch_simulator.venues.stage import VENUES

Make = Callable[..., Simulator]


async def call(
    client: aiohttp.ClientSession, simulator: Simulator, method: str, *, path: str, **how: Any
) -> tuple[int, Any]:
    async with client.request(method, simulator.control_url + path, **how) as response:
        is_json = response.content_type == "application/json"
        return response.status, await response.json() if is_json else await response.text()


async def test_the_index_names_every_port(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    status, body = await call(client, running, "GET", path="/")
    assert status == 200
    assert {v: e["base_url"] for v, e in body["venues"].items()} == {
        venue: running.base_url(venue) for venue in VENUES
    }
    ports = {running.base_url(v) for v in running.stages} | {running.control_url}
    assert len(ports) == len(VENUES) + 1
    assert all(url.startswith("http://127.0.0.1:") for url in ports)


async def test_the_clock_is_stepped_set_and_skewed(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    wish = {"advance_ms": 5 * MINUTE_MS, "skew_ms": 1_000}
    _, body = await call(client, running, "POST", path="/clock", json=wish)
    assert body == {"now_ms": NOON_MS + 5 * MINUTE_MS + 1_000, "speed": 0.0, "skew_ms": 1_000}
    await call(client, running, "POST", path="/clock", json={"set_ms": NOON_MS})
    assert running.clock.now_ms() == NOON_MS
    status, body = await call(client, running, "POST", path="/clock", json={"speed": 1e9})
    assert status == 400
    assert "speed" in body["error"]


async def test_faults_come_and_go(running: Simulator, client: aiohttp.ClientSession) -> None:
    fault = {"kind": "empty_array", "venue": "kraken"}
    _, body = await call(client, running, "POST", path="/faults", json=[fault, fault])
    first, second = body["numbers"]
    async with client.get(running.base_url("kraken") + "/0/public/Time") as response:
        assert await response.json() == []
    _, body = await call(client, running, "GET", path="/faults")
    assert body[str(first)]["fault"]["kind"] == "empty_array"
    assert body[str(first)]["hits"] == 1
    assert (await call(client, running, "DELETE", path=f"/faults/{first}"))[0] == 200
    assert list(running.faults.all()) == [second]
    assert (await call(client, running, "DELETE", path="/faults"))[0] == 200
    assert running.faults.all() == {}
    assert (await call(client, running, "DELETE", path="/faults/99"))[0] == 404
    assert (await call(client, running, "POST", path="/faults", json={"kind": "x"}))[0] == 400


async def test_requests_are_counted_by_route_and_status(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    base = running.base_url("coinbase")
    for path in ("/products/BTC-USD/ticker", "/products/ETH-USD/ticker", "/products/NO-PE/ticker"):
        async with client.get(base + path) as response:
            await response.read()
    _, body = await call(client, running, "GET", path="/counters")
    count = body["coinbase"]
    assert count["routes"] == {"/products/{id}/ticker": {"200": 2, "404": 1}}
    assert (count["requests"], count["first_ms"], count["last_ms"]) == (3, NOON_MS, NOON_MS)
    assert count["in_flight_max"] == 1
    await call(client, running, "DELETE", path="/counters")
    assert running.counters.requests("coinbase") == 0


async def test_requests_during_a_ban_are_counted(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    url = running.base_url("binance") + "/api/v3/ping"

    async def status() -> int:
        async with client.get(url) as response:
            return response.status

    running.faults.add(Fault(kind="rate_limited", retry_after_s=30, times_max=1))
    assert [await status(), await status()] == [429, 200]
    assert running.counters.during_ban_count("binance") == 1
    running.clock.advance(30_000)
    await status()
    assert running.counters.during_ban_count("binance") == 1


async def test_the_truth_is_the_model_whatever_the_faults(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    running.faults.add(Fault(kind="poison", share=1.0, value=None))
    path = "/truth/kraken/BTC/USD"
    query = {"from_ms": str(NOON_MS - 3 * MINUTE_MS), "to_ms": str(NOON_MS)}
    _, body = await call(client, running, "GET", path=path, params=query)
    running.faults.clear()
    rows = kraken(running, "OHLC", pair="XBTUSD")["XXBTZUSD"][-4:]
    assert [ms // 1_000 for ms in body["open_ms"]] == [row[0] for row in rows]
    assert [Decimal(text) for text in body["volume"]] == [Decimal(row[6]) for row in rows]
    assert body["close"] == [row[4] for row in rows]
    assert (await call(client, running, "GET", path="/truth/kraken/NOPE"))[0] == 404
    assert (await call(client, running, "GET", path="/truth/nowhere/X"))[0] == 404


async def test_the_data_ports_know_nothing_of_control(
    running: Simulator, client: aiohttp.ClientSession
) -> None:
    for path in ("/counters", "/clock", "/faults"):
        async with client.get(running.base_url("kraken") + path) as response:
            assert response.status == 404


async def test_stopped_ports_are_closed_and_can_be_opened_again(
    make: Make, client: aiohttp.ClientSession
) -> None:
    simulator = make(markets_count=2)
    async with simulator:
        url = simulator.base_url("kraken")
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(url + "/0/public/Time")
    async with simulator, client.get(simulator.base_url("kraken") + "/0/public/Time") as response:
        assert response.status == 200


async def test_a_taken_port_is_an_error_and_leaves_nothing_open(
    running: Simulator, make: Make
) -> None:
    taken = int(running.base_url("kraken").rpartition(":")[2])
    with pytest.raises(OSError, match=str(taken)):
        await make(markets_count=2, ports={"binance": taken}).start()


def test_virtual_time_runs_at_its_speed() -> None:
    host_s = 100.0
    clock = VirtualClock(1_000, speed=60.0, monotonic=lambda: host_s)
    host_s = 101.0
    assert clock.now_ms() == 61_000
    clock.freeze()
    host_s = 150.0
    assert clock.now_ms() == 61_000
    clock.run_at(3_600.0)
    host_s = 150.5
    assert clock.now_ms() == 61_000 + 1_800_000
    clock.advance(-1_000_000)
    assert clock.now_ms() == 61_000 + 800_000


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"markets_count": 0}, "markets_count"),
        ({"markets_count": 5_001}, "markets_count"),
        ({"speed": 3_601.0}, "speed"),
        ({"venues": ("mtgox",)}, "venues"),
        ({"ports": {"mtgox": 1}}, "ports"),
    ],
)
def test_an_impossible_configuration_is_refused_by_name(
    settings: dict[str, Any], names: str
) -> None:
    with pytest.raises(BadRequest, match=names):
        Config(**settings)
