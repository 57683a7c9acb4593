"""Slots of five seconds: long windows are of whole minutes, through gaps and restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.simulation.world import START_MS, World, a_double, a_world, configured

from sigmawatch.app.config import Track
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS, Interval

FIVE = Interval(5_000)
NAMES = ("KRAKEN:BTC/USD:price", "KRAKEN:ETH/USD:price")
AWAY_MS = 2 * HOUR_MS + 10 * MINUTE_MS  # longer than single slots are held
STATISTICS = (
    "window", "from", "to", "n", "expected", "coverage", "mean", "sigma_abs", "sigma_rel",
    "sigma_ret", "min", "max", "change_pct", "coarse",
)  # fmt: skip


async def of_six_hours(world: World) -> dict[str, dict[str, Any]]:
    rows = {
        name: await world.get(f"/metrics/{name.replace('/', '-')}", window="6h") for name in NAMES
    }
    return {name: {key: row[key] for key in STATISTICS} for name, row in rows.items()}


async def test_a_window_of_six_hours_is_the_same_after_a_gap_is_filled_and_after_a_restart(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 2: "a window longer than the raw ring (2 h) starts on a whole minute, as `from`
    says". Before the start, and while we were away, candles of a minute tell twelve slots."""
    markets = ("BTC/USD", "ETH/USD")
    track = Track(venue="kraken", markets=markets, metrics=("price",), every=FIVE)
    async with a_double(start_ms=START_MS + FIVE.ms // 2) as double:
        config = configured(double, tmp_path / "data", track=(track,), interval=FIVE)
        config = config.model_copy(update={"venues": {"kraken": config.venues["kraken"]}})
        async with a_world(double, config) as world:
            await world.begin()
            await world.pass_slots(30)
            whole = await of_six_hours(world)
        double.clock.advance(AWAY_MS + 2_000)
        async with a_world(double, config) as world:
            await world.begin()
            await world.pass_slots(17)
            filled = await of_six_hours(world)
        async with a_world(double, config) as world:
            await world.begin()
            again = await of_six_hours(world)
    for name in NAMES:
        assert whole[name]["n"] > 0.99 * whole[name]["expected"], name
        assert filled[name]["n"] > 0.99 * filled[name]["expected"], name
        assert filled[name]["coarse"] is True
        assert filled[name]["from"].endswith(":00.000Z") or filled[name]["from"].endswith(":00Z")
    assert filled[NAMES[0]]["mean"] != whole[NAMES[0]]["mean"]
    assert again == filled
