"""Formula series as people define, read and remove them; the program keeps them over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from tests.app.doubles import MemoryVenue, market
from tests.engine.world import a_patch

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.app.config import Config
from sigmawatch.app.definitions import Definition
from sigmawatch.app.program import Program
from sigmawatch.app.sources import load_config
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import Conflict, Invalid, NotFound
from sigmawatch.domain.frame import Frame
from sigmawatch.domain.market import parse_market
from sigmawatch.domain.window import MINUTE_MS, Interval

MINUTE = Interval(MINUTE_MS)
S0 = 28_000_000
TRACK = """
[[track]]
venue = "kraken"
markets = ["BTC/USD", "ETH/USD"]
metrics = ["price", "volume_24h_base"]

"""


def written(folder: Path, *formulas: str) -> Config:
    path = folder / "sigmawatch.toml"
    tables = [f"[[derived]]\n{formula}\n" for formula in formulas]
    path.write_text(TRACK + "\n".join(tables))
    return load_config(path, environ={}, overrides={"data": folder / "data"})


@asynccontextmanager
async def program(config: Config, *, bases: tuple[str, ...] = ("BTC", "ETH")
                  ) -> AsyncIterator[Program]:  # fmt: skip
    clock = VirtualClock(S0 * MINUTE_MS + 1_000)
    venue = MemoryVenue(clock)
    venue.listed = [market(base) for base in bases]
    venue.prices = {f"{base}USD": 100.0 for base in bases}
    async with build(config, clock=clock, venues=[venue]) as made:
        await made.stations.list_all()
        yield made


def defined(made: Program) -> dict[str, tuple[str, str]]:
    return {one.name: (one.formula, one.origin) for one in made.catalogue.series if one.formula}


def spread(
    name: str = "SPREAD/USD", formula: str = "KRAKEN:BTC/USD / KRAKEN:ETH/USD"
) -> Definition:
    return Definition.of(name, formula, interval=MINUTE)


def a_frame(block_id: int, slot: int, *values: float) -> Frame:
    return Frame(
        block_id=block_id, slot=slot, revision=61_000, recv_ms=slot * MINUTE_MS + 61_000,
        values=np.array(values, "<f8").tobytes(), marks=bytes(len(values)),
    )  # fmt: skip


async def prices(made: Program, slot: int, *, btc: float, eth: float, killed: bool = False) -> None:
    """The slot's frame of both prices, then its close, unless we were killed before."""
    await made.publish([a_frame(made.catalogue.series[0].block_id, slot, btc, eth)])
    if not killed:
        await made.tracker.close_slot(MINUTE, slot)


async def told(made: Program, name: str, slot: int) -> float:
    (one,) = [each for each in made.catalogue.series if each.name == name]
    stretch = await made.stretch(one, from_slot=slot, to_slot=slot + 1)
    return float(np.frombuffer(stretch.values, "<f8")[0])


async def test_a_formula_of_the_file_is_a_series_that_the_file_manages(tmp_path: Path) -> None:
    config = written(tmp_path, 'name = "eth-btc"\nformula = "kraken:eth/usd/kraken:xbt/usd"')
    async with program(config) as made:
        text = "KRAKEN:ETH/USD / KRAKEN:BTC/USD"
        assert defined(made) == {"DERIVED:ETH/BTC:formula": (text, "file")}
        with pytest.raises(Conflict, match=r"sigmawatch\.toml"):
            await made.untrack(made.catalogue.series[-1])
        await prices(made, S0, btc=50_000.0, eth=2_500.0)
        assert await told(made, "DERIVED:ETH/BTC:formula", S0) == 0.05
        board = made.snapshot.boards[MINUTE_MS]
        (row,) = [row for row, one in enumerate(board.series) if one.formula]
        assert board.value[row] == 0.05


async def test_a_formula_comes_back_with_its_day_and_goes_with_its_line(tmp_path: Path) -> None:
    lines = 'name = "SPREAD/USD"\nformula = "KRAKEN:BTC/USD / KRAKEN:ETH/USD"\nmetric = "price"'
    async with program(written(tmp_path, lines)) as made:
        await prices(made, S0 - 1, btc=50_000.0, eth=2_500.0)
        series = made.catalogue.series[-1]
    async with program(written(tmp_path, lines)) as made:
        assert made.catalogue.series[-1] == series
        await made.tracker.refresh()
        assert await told(made, "DERIVED:SPREAD/USD:price", S0 - 1) == 20.0
    async with program(written(tmp_path)) as made:
        assert defined(made) == {}


async def test_another_formula_in_the_file_is_another_series_with_its_own_day(
    tmp_path: Path,
) -> None:
    name = 'name = "SPREAD/USD"\n'
    config = written(tmp_path, f'{name}formula = "KRAKEN:BTC/USD / KRAKEN:ETH/USD"')
    async with program(config) as made:
        await prices(made, S0 - 1, btc=50_000.0, eth=2_500.0)
        old = made.catalogue.series[-1]
    config = written(tmp_path, f'{name}formula = "KRAKEN:ETH/USD / KRAKEN:BTC/USD"')
    async with program(config) as made:
        assert made.catalogue.series[-1].id != old.id
        await made.tracker.refresh()
        assert await told(made, old.name, S0 - 1) == 0.05


async def test_a_formula_of_the_file_waits_for_what_it_reads(tmp_path: Path) -> None:
    config = written(
        tmp_path,
        'name = "TWICE/USD"\nformula = "2 * DERIVED:NEW/USD:formula"',
        'name = "NEW/USD"\nformula = "KRAKEN:SOL/USD + 1"',
    )
    async with program(config, bases=("BTC", "ETH", "SOL")) as made:
        (report,) = made.stations.reports()
        assert report.unresolved["DERIVED:NEW/USD:formula"].startswith("KRAKEN:SOL/USD:price is")
        assert report.unresolved["DERIVED:TWICE/USD:formula"].startswith("DERIVED:NEW/USD:formula")
        await made.track(parse_market("KRAKEN:SOL/USD"), ["price"])
        assert list(defined(made)) == ["DERIVED:NEW/USD:formula", "DERIVED:TWICE/USD:formula"]
        assert made.stations.reports()[0].unresolved == {}


async def test_formulas_of_the_file_that_read_each_other_wait_for_ever_and_say_why(
    tmp_path: Path,
) -> None:
    table = 'name = "{}/USD"\nformula = "{}"'
    before = [table.format(name, "KRAKEN:BTC/USD") for name in "AB"]
    async with program(written(tmp_path, *before)) as made:
        assert len(defined(made)) == 2
    after = [table.format(one, f"DERIVED:{other}/USD:formula") for one, other in ("AB", "BA")]
    async with program(written(tmp_path, *after)) as made:
        assert defined(made)["DERIVED:A/USD:formula"][0] == "DERIVED:B/USD:formula"
        assert made.stations.reports()[0].unresolved == {
            "DERIVED:B/USD:formula": "DERIVED:B/USD:formula would be computed from itself"
        }


async def test_what_a_formula_reads_cannot_be_removed_before_it(tmp_path: Path) -> None:
    async with program(written(tmp_path), bases=("BTC", "ETH", "SOL")) as made:
        (sol,) = await made.track(parse_market("KRAKEN:SOL/USD"), ["price"])
        one = await made.define(spread(formula="KRAKEN:SOL/USD * 2"))
        with pytest.raises(
            Conflict, match="DERIVED:SPREAD-USD:formula is computed from KRAKEN:SOL"
        ):
            await made.untrack(sol)
        await made.untrack(one)
        await made.untrack(sol)


async def test_a_volume_in_the_reference_brings_its_source_and_keeps_it(tmp_path: Path) -> None:
    async with program(written(tmp_path), bases=("BTC", "ETH", "SOL")) as made:
        volumes = await made.track(parse_market("KRAKEN:SOL/USD"), ["volume_24h_ref"])
        assert [one.metric for one in volumes] == ["volume_24h_quote", "volume_24h_ref"]
        with pytest.raises(Conflict, match="volume_24h_ref is computed from"):
            await made.untrack(volumes[0])


@pytest.mark.parametrize(
    ("name", "formula", "error", "words"),
    [
        ("A/B", "KRAKEN:BTC/EUR", NotFound, "KRAKEN:BTC/EUR:price is not tracked every 1m"),
        ("A/B", "composite(XMR/USD)", NotFound, "needs a venue whose price and volume_24h_base"),
        ("SPREAD/USD", "KRAKEN:BTC/USD", Conflict, "is KRAKEN:BTC/USD / KRAKEN:ETH/USD; remove"),
        ("SPREAD/USD", "2 * DERIVED:SPREAD/USD:formula", Invalid, "computed from itself"),
        ("KRAKEN:A/B", "KRAKEN:BTC/USD", Invalid, "is no name for a formula"),
        ("AB", "KRAKEN:BTC/USD", Invalid, "is no name for a formula"),
    ],
)
async def test_a_formula_that_cannot_be_had_is_refused_with_what_to_do(
    tmp_path: Path, name: str, formula: str, error: type[Invalid], words: str
) -> None:
    async with program(written(tmp_path)) as made:
        await made.define(spread())
        with pytest.raises(error, match=words) as caught:
            await made.define(spread(name, formula))
        assert error is not NotFound or "KRAKEN:" in caught.value.allowed


async def test_the_same_definition_again_is_the_series_that_stands(tmp_path: Path) -> None:
    async with program(written(tmp_path)) as made:
        assert await made.define(spread()) == await made.define(spread())


async def test_a_composite_needs_one_venue_and_lets_the_others_go(tmp_path: Path) -> None:
    async with program(written(tmp_path)) as made:
        await made.define(spread(formula="composite(BTC/USD)"))
        made.config._source = None
        with pytest.raises(Conflict, match="is computed from KRAKEN:BTC-USD:volume_24h_base"):
            await made.untrack(made.catalogue.series[1])


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('name = "A/B"\nformula = "KRAKEN:BTC/USD +"', "derived[0].formula"),
        ('name = "AB"\nformula = "KRAKEN:BTC/USD"', "derived[0].name"),
        ('name = "A/B"\nformula = "KRAKEN:BTC/USD"\nmetric = "traded_ref"', "derived[0].metric"),
    ],
)
def test_a_formula_of_the_file_that_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, lines: str, problem: str
) -> None:
    with pytest.raises(Invalid) as caught:
        written(tmp_path, lines)
    assert str(caught.value).startswith(f"{problem}: ")


def test_a_formula_defined_twice_is_told(tmp_path: Path) -> None:
    lines = 'name = "A/B"\nformula = "KRAKEN:BTC/USD"'
    with pytest.raises(Invalid, match="A/B:formula every 1m"):
        written(tmp_path, lines, lines)


async def test_a_slot_waits_for_what_venues_tell_and_not_for_what_follows_from_it(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 2: "closes when its frame is committed or at the close deadline"."""
    lines = 'name = "SPREAD/USD"\nformula = "KRAKEN:BTC/USD / KRAKEN:ETH/USD"'
    async with program(written(tmp_path, lines)) as made, asyncio.TaskGroup() as group:
        closer = group.create_task(made.tracker.close_for_ever())
        assert isinstance(made.clock, VirtualClock)
        await made.clock.advance_to_ms((S0 + 1) * MINUTE_MS + 1_000, turns=20)
        blocks = {one.block_id for one in made.catalogue.series if not one.derived}
        await made.publish([a_frame(block_id, S0, 50_000.0, 2_500.0) for block_id in blocks])
        async with asyncio.timeout(60):  # of ours; the clock of the program stands still
            while made.snapshot.boards[MINUTE_MS].slot < S0:
                await made.changed(made.snapshot.sequence)
        assert await told(made, "DERIVED:SPREAD/USD:formula", S0) == 20.0
        closer.cancel()


async def test_venues_are_not_asked_for_what_we_compute(tmp_path: Path) -> None:
    async with program(written(tmp_path), bases=("BTC", "ETH", "SOL")) as made:
        (before,) = await made.stations.collect()
        await made.track(parse_market("KRAKEN:SOL/USD"), ["volume_24h_ref"])
        await made.define(spread())
        (after,) = await made.stations.collect()
        assert after.expected == before.expected + 1


async def test_what_is_derived_reads_the_same_in_memory_on_disk_and_after_a_restart(
    tmp_path: Path,
) -> None:
    """RELIABILITY.md P07: "history == engine", of derived series too."""
    lines = 'name = "SPREAD/USD"\nformula = "mean(KRAKEN:BTC/USD, 5m) / KRAKEN:ETH/USD"'
    rng = np.random.default_rng(3)
    config = written(tmp_path, lines)
    async with program(config) as made:
        series = made.catalogue.series
        for slot in range(S0 - 30, S0):
            values = rng.uniform(1_000.0, 2_000.0, 2)
            frame = a_frame(series[0].block_id, slot, *values.tolist())
            late = [a_patch(slot - int(back), rng.uniform(1_000.0, 2_000.0, 2).tolist(), int(mark),
                            series_id=series[int(which)].id, made_slot=slot)
                    for back, mark, which in zip(rng.integers(2, 9, 2), rng.choice([0, 0x80, 2], 2),
                                                 rng.choice([0, 2], 2), strict=True)]  # fmt: skip
            if rng.random() < 0.8:
                await made.publish([frame])
            await made.tracker.close_slot(MINUTE, slot)
            await made.publish([*late, frame] if rng.random() < 0.5 else [frame])
            await made.tracker.refresh()
        hot = await made.stretch(series[-1], from_slot=S0 - 40, to_slot=S0)
        ledger = made._ports.history
        assert await ledger.stretch(series[-1], from_slot=S0 - 40, to_slot=S0) == hot
        assert np.isfinite(np.frombuffer(hot.values, "<f8")).sum() > 20
    async with program(config) as made:
        await made.tracker.refresh()
        assert await made.stretch(series[-1], from_slot=S0 - 40, to_slot=S0) == hot


async def test_what_was_committed_before_a_kill_is_derived_after_the_restart(
    tmp_path: Path,
) -> None:
    """RELIABILITY.md P01: the readings of a slot are durable before it is derived and closed."""
    lines = 'name = "SPREAD/USD"\nformula = "KRAKEN:BTC/USD / KRAKEN:ETH/USD"'
    spans = []
    for name, killed in (("whole", False), ("killed", True)):
        (tmp_path / name).mkdir()
        async with program(written(tmp_path / name, lines)) as made:
            await prices(made, S0 - 2, btc=50_000.0, eth=2_500.0)
            await prices(made, S0 - 1, btc=51_000.0, eth=2_400.0, killed=killed)
        async with program(written(tmp_path / name, lines)) as made:
            await made.tracker.refresh()
            series = made.catalogue.series[-1]
            spans.append(await made.stretch(series, from_slot=S0 - 3, to_slot=S0))
    assert spans[0] == spans[1]
    assert np.frombuffer(spans[1].values, "<f8")[-1] == 51_000.0 / 2_400.0
