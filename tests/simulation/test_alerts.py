"""The founding request through the whole program: venue, poll, slot, rule, outbox."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.world import NO_BACKFILL, World, a_double, a_world, configured

from sigmawatch_simulator import Fault


def priced(**prices: str) -> list[Fault]:
    """What the venue quotes of some markets."""
    return [
        Fault(kind="poison", venue="kraken", markets=(f"{base}/USD",), value=price)
        for base, price in prices.items()
    ]


async def decided(world: World) -> list[tuple[str, str]]:
    """Series and kinds of the notices that rules had decided, each once whoever is told."""
    names = {one.id: one.name for one in world.program.catalogue.series}
    rows = await world.program._ports.alerts.deliveries(open=False, limit=1_000)
    notices = [one.notice for one in rows if one.notice.rule_id > 0]
    each = {(one.series_id, one.kind, one.ordinal) for one in notices}
    return sorted((names[series_id], str(kind)) for series_id, kind, _ in each)


async def test_sixty_times_a_hundred_and_then_301_is_one_notice_and_300_none(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 6: "value above 3x its own last hour", "Comparison is strict"."""
    async with a_double() as double:
        config = configured(double, tmp_path, backfill=NO_BACKFILL)
        with double.faults.on(*priced(BTC="100", ETH="100")):
            async with a_world(double, config) as world:
                await tried(world)


async def tried(world: World) -> None:
    rulebook = world.program.rulebook
    await world.begin()
    for rule in rulebook.all:
        await rulebook.remove(rule.name)
    said = {"condition": "price > 3 * mean(1h)", "target": ["KRAKEN:BTC/USD", "KRAKEN:ETH/USD"]}
    await rulebook.put("three-times", said)
    await world.pass_slots(61)  # the first was half over when we came
    assert await decided(world) == []
    world.double.faults.clear()
    with world.double.faults.on(*priced(BTC="301", ETH="300")):
        await world.pass_slots(3)
        assert await decided(world) == [("KRAKEN:BTC/USD:price", "firing")]


async def test_a_spike_between_two_slots_is_told_of_at_once_and_over_with_its_slot(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 6: "`on: reading` evaluates each new reading"; the slot itself closes at 100."""
    async with a_double() as double:
        config = configured(double, tmp_path, backfill=NO_BACKFILL)
        with double.faults.on(*priced(BTC="100", ETH="100")):
            async with a_world(double, config) as world:
                await spiked(world)


async def spiked(world: World) -> None:
    rulebook = world.program.rulebook
    await world.begin()
    for rule in rulebook.all:
        await rulebook.remove(rule.name)
    target = ["KRAKEN:BTC/USD", "KRAKEN:ETH/USD"]
    await rulebook.put("three-times", {"condition": "price > 3 * mean(1h)", "target": target,
                                       "on": "reading"})  # fmt: skip
    await world.pass_slots(61)
    world.double.faults.clear()
    with world.double.faults.on(*priced(BTC="301", ETH="300")):
        await world.move_to_ms(world.interval.open_ms(world.slot) + 30_000)
        answer = await world.client.post("/api/v1/collect", json={})
        assert answer.status_code == 200, answer.text
        assert await decided(world) == [("KRAKEN:BTC/USD:price", "firing")]
    with world.double.faults.on(*priced(BTC="100", ETH="100")):
        await world.pass_slots(2)
    assert await decided(world) == [
        ("KRAKEN:BTC/USD:price", "firing"), ("KRAKEN:BTC/USD:price", "resolved")
    ]  # fmt: skip
    [episode] = (await world.get("/episodes"))["items"]
    assert episode["opened_at"] == episode["closed_at"]
    [fired, resolved] = (await world.get(f"/episodes/{episode['id']}/explain"))["notices"]
    assert (fired["read_at"] is not None, resolved["read_at"]) == (True, None)
    assert [(one["text"], one["then"], one["kept"]) for one in fired["numbers"]] == [
        ("price", 301.0, False), ("mean(1h)", 100.0, True)
    ]  # fmt: skip
    assert fired["agrees"]
