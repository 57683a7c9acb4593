"""A venue that is down for half an hour, through the whole program: seams, rules, notices, restart.

The two venues' prices differ by a factor of five, so whatever crossed a seam would show.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.test_alerts import decided
from tests.simulation.world import MINUTE, NO_BACKFILL, World, a_double, a_world, configured, until

from sigmawatch.app.config import Config
from sigmawatch.domain.fail_over import PATIENCE
from sigmawatch.engine.freshness import FROZEN_SLOTS
from sigmawatch_simulator import Fault, Simulator

MARKETS = ("KRAKEN:BTC/USD", "COINBASE:BTC/USD")
VIEW = "DERIVED:BTC/USD:price"
OUT_SLOTS = 30
DOWN = Fault(kind="server_error", venue="kraken")
PRICES = [
    Fault(kind="poison", venue="kraken", markets=("BTC/USD",), value="100"),
    Fault(kind="poison", venue="coinbase", markets=("BTC/USD",), value="500"),
]


async def stitched(world: World) -> None:
    """Kraken's price, with Coinbase behind it; one rule about it, and no other."""
    body = {"market": MARKETS[0], "metrics": ["price"], "backups": [MARKETS[1]]}
    answer = await world.client.post("/api/v1/metrics", json=body)
    assert (answer.status_code, answer.json()["items"][0]["name"]) == (201, VIEW)
    for rule in world.program.rulebook.all:
        await world.program.rulebook.remove(rule.name)
    said = {"condition": "price > 3 * mean(1h)", "target": ["DERIVED:BTC/USD"]}
    await world.program.rulebook.put("three-times", said)


async def told(world: World, first: int, last: int) -> list[tuple[Any, str, bool]]:
    """Of the slots [first, last]: value, source, and whether a seam is there."""
    query = {"from": str(MINUTE.open_ms(first)), "to": str(MINUTE.open_ms(last + 1))}
    items = (await world.get(f"/metrics/{VIEW.replace('/', '-')}/records", **query))["items"]
    return [(one["value"], one["source"], "seam" in one.get("marks", ())) for one in items]


async def self_notices(world: World) -> list[str]:
    """What the program has said of itself about fail-over."""
    items = (await world.get("/inbox"))["items"]
    return [one["title"] for one in items if "shown from" in one["title"]]


@asynccontextmanager
async def begun(double: Simulator, config: Config) -> AsyncIterator[World]:
    async with a_world(double, config) as world:
        await until(lambda: len(world.program.catalogue.series) >= 27)
        await until(world.polled)
        yield world


@pytest.fixture(params=["embedded", "server"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Where everything is kept: a file, or a PostgreSQL server."""
    if request.param == "embedded":
        return {}
    return {"database": request.getfixturevalue("postgres_url")}


@pytest.mark.timeout(600)
async def test_half_an_hour_without_a_venue_has_two_seams_and_no_false_alert(
    tmp_path: Path, database: dict[str, str]
) -> None:
    """SEMANTICS.md 5: "a visible seam (`source` on each record); no return crosses a seam; rules
    are unknown until their windows hold one source"."""
    async with a_double() as double:
        config = configured(double, tmp_path / "data", backfill=NO_BACKFILL, **database)
        with double.faults.on(*PRICES), ExitStack() as outage:
            async with begun(double, config) as world:
                down = await until_down(world, outage)
            async with begun(double, config) as world:  # restarted while the venue is down
                await world.pass_slots(down + OUT_SLOTS - world.slot)
                before = await told(world, down, world.slot - 1)
                assert [one for one in before if one[2]] == [(500.0, MARKETS[1], True)]
                outage.close()
                await until_back(world, down, before=before)


async def test_a_venue_that_answers_the_same_for_ever_is_left_as_one_that_is_down(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 4, `frozen`; docs/decisions/0041."""
    async with a_double() as double:
        config = configured(double, tmp_path / "data", backfill=NO_BACKFILL)
        async with begun(double, config) as world:
            await stitched(world)
            await world.pass_slots(6)
            first = world.slot
            with double.faults.on(Fault(kind="frozen", venue="kraken", path="*/Ticker")):
                await world.pass_slots(30)
            shown = await told(world, first, world.slot - 1)
            (seam,) = [at for at, one in enumerate(shown) if one[2]]
            assert FROZEN_SLOTS < seam < len(shown) - 1
            assert {one[1] for one in shown[:seam]} == {MARKETS[0]}
            assert {one[1] for one in shown[seam:]} == {MARKETS[1]}
            assert (await world.venue("KRAKEN"))["state"] == "up", "it answers"
            assert len(await self_notices(world)) == 1


async def until_down(world: World, outage: ExitStack) -> int:
    """An hour goes by; the venue goes down, and is down for ten slots. The first of them."""
    await stitched(world)
    await world.pass_slots(62)
    down = world.slot
    outage.enter_context(world.double.faults.on(DOWN))
    await world.pass_slots(10)
    assert await told(world, down - 1, down + 2) == [
        (100.0, MARKETS[0], False), (None, MARKETS[0], False),
        (500.0, MARKETS[1], True), (500.0, MARKETS[1], False),
    ]  # fmt: skip
    (one,) = (await world.get("/fail-overs"))["items"]
    assert (one["source"], one["why"]) == (MARKETS[1], "not_read")
    row = await world.row(VIEW)
    assert (row["source"], row["seam"], row["change_pct"]) == (MARKETS[1], True, None)
    assert row["rank_reason"] == "seam"
    assert await decided(world) == []
    assert len(await self_notices(world)) == 1
    return down


async def until_back(world: World, down: int, *, before: list[tuple[Any, str, bool]]) -> None:
    """The venue comes back, and stays."""
    await world.pass_slots(PATIENCE.back_slots + 8)  # its circuit opens again by and by
    after = await told(world, down, world.slot - 1)
    assert after[: len(before)] == before
    seams = [at for at, one in enumerate(after) if one[2]]
    assert [after[at][:2] for at in seams] == [(500.0, MARKETS[1]), (100.0, MARKETS[0])]
    assert {one[:2] for one in after[seams[1] :]} == {(100.0, MARKETS[0])}
    assert await decided(world) == []
    (one,) = (await world.get("/fail-overs"))["items"]
    assert (one["source"], one["why"], one["since"] is not None) == (MARKETS[0], "first", True)
    await world.pass_slots(62)
    assert (await world.row(VIEW))["sigma_ret"] == 0.0
    assert await decided(world) == []
