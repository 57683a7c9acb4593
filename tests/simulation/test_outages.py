"""A venue that fails in part."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.world import a_double, a_world, configured

from sigmawatch_simulator import Fault


async def test_a_venue_without_candles_is_degraded_and_its_prices_go_on(tmp_path: Path) -> None:
    async with a_double() as double, a_world(double, configured(double, tmp_path / "data")) as made:
        await made.begin()
        await made.pass_slots(2)
        with double.faults.on(Fault(kind="server_error", venue="kraken", path="*/OHLC")):
            await made.pass_slots(1)
        run = await made.run_of("KRAKEN", made.slot - 1)
        assert (run["outcome"], run["updated"]) == ("partial", 6)
        assert (await made.venue("KRAKEN"))["state"] == "degraded"
        await made.pass_slots(4)
        assert (await made.venue("KRAKEN"))["state"] == "up"
        made.assert_nothing_bad_is_stored(since=made.slot - 5)
