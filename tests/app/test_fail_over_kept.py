"""A fail-over that is long over: sealed, archived and exported it tells the same seams and venues.

docs/decisions/0035: "Ledgers, sealing, backups, exports, archives and previews needed no change".
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet  # type: ignore[import-untyped]
from tests.app.test_archiving import work_of
from tests.app.test_export import run
from tests.app.test_sealing import DAY, MINUTE, NOW, Rig

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.fail_over import markets_of
from sigmawatch.app.history_config import HistoryConfig
from sigmawatch.app.web.moments import rfc3339
from sigmawatch.domain.frame import Flag, Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.metric import SOURCE
from sigmawatch.domain.series import Series

DAYS = 5
FIRST = NOW - DAYS * DAY
SLOTS = DAYS * DAY
LEFT, BACK = DAY + 700, DAY + 760  # in a day that will be sealed
FORMULA = "failover(KRAKEN:BTC/USD, COINBASE:BTC/USD)"
VIEW = Market(venue="DERIVED", base="BTC", quote="USD", native="BTC/USD")
DERIVED = int(Flag.DERIVED)
SEAMS = (LEFT, BACK)


def told() -> Mapping[str, tuple[np.ndarray[tuple[int], np.dtype[np.float64]], bytes]]:
    """Values and marks of the view and of its `source`: 100 here, 500 there, a hole before."""
    every = np.arange(SLOTS)
    away = (every >= LEFT) & (every < BACK)
    price = np.where(away, 500.0, 100.0)
    price[LEFT - 2 : LEFT] = np.nan
    marks = np.full(SLOTS, Reason.OBSERVED | DERIVED, np.uint8)
    marks[LEFT - 2 : LEFT] = Reason.OUTAGE | DERIVED
    marks[list(SEAMS)] = Reason.SEAM | DERIVED
    choice = np.where(away, 2.0, 1.0)
    return {
        "price": (price, marks.tobytes()),
        SOURCE: (choice, bytes([Reason.OBSERVED | DERIVED]) * SLOTS),
    }


async def made(folder: Path) -> tuple[SqliteLedger, Mapping[str, Series]]:
    """A ledger in which a fail-over happened days ago."""
    ledger = await SqliteLedger.open(folder / "data", clock=VirtualClock(0))
    async with ledger.transaction() as transaction:
        series = {
            metric: await transaction.catalogue.add(
                VIEW, metric, interval=MINUTE, origin="api", formula=FORMULA
            )
            for metric in told()
        }
        for metric, (values, marks) in told().items():
            await transaction.frames.insert([
                Frame(
                    block_id=series[metric].block_id, slot=FIRST + at, revision=61_000,
                    recv_ms=MINUTE.open_ms(FIRST + at) + 61_000,
                    values=values[at : at + 1].astype("<f8").tobytes(), marks=marks[at : at + 1],
                )
                for at in range(SLOTS)
            ])  # fmt: skip
    return ledger, series


def rig_of(ledger: SqliteLedger, series: Mapping[str, Series]) -> Rig:
    return Rig(ledger, series=series["price"], history=HistoryConfig(raw_days=36_500), days=DAYS)


async def ready(rig: Rig, series: Mapping[str, Series]) -> Rig:
    rig.catalogue.put(blocks=await rig.ledger.blocks(), series=list(series.values()))
    return rig


def seams_of(marks: Sequence[str]) -> list[int]:
    return [at for at, words in enumerate(marks) if "seam" in words.split()]


async def test_a_sealed_fail_over_is_read_as_before_slot_by_slot_and_by_the_hour(
    tmp_path: Path,
) -> None:
    ledger, series = await made(tmp_path)
    try:
        rig = await ready(rig_of(ledger, series), series)

        async def read() -> list[object]:
            found: list[object] = []
            for one in series.values():
                values, marks = await rig.past.columns(one, from_slot=FIRST, to_slot=NOW)
                found += [values.tobytes(), marks.tobytes()]
                runs = await rig.past.runs(one, width_ms=60 * MINUTE.ms, from_slot=FIRST,
                                           to_slot=NOW)  # fmt: skip
                found += [runs.at.tobytes(), runs.last.tobytes()]
            return found

        before = await read()
        await rig.sealer.run_once()
        stored_count, oldest = await rig.stored()
        assert oldest > FIRST + BACK, "the days of the fail-over are frames no more"
        assert stored_count > 0
        assert await read() == before
        values, marks = await rig.past.columns(series["price"], from_slot=FIRST, to_slot=NOW)
        assert np.flatnonzero((marks & 0x0F) == Reason.SEAM).tolist() == list(SEAMS)
        assert values[[LEFT - 3, LEFT, BACK - 1, BACK]].tolist() == [100.0, 500.0, 500.0, 100.0]
        assert markets_of(series["price"]) == ["KRAKEN:BTC/USD", "COINBASE:BTC/USD"]
    finally:
        await ledger.close()


async def test_an_archived_fail_over_has_its_seams_and_its_source_beside_it(
    tmp_path: Path,
) -> None:
    ledger, series = await made(tmp_path)
    try:
        rig = await ready(rig_of(ledger, series), series)
        assert await work_of(rig, tmp_path / "archive").round()
    finally:
        await ledger.close()
    table = parquet.read_table(tmp_path / "archive").sort_by("time")
    slots = table["time"].to_numpy().astype("M8[ms]").astype(np.int64) // MINUTE.ms - FIRST
    names = np.array(table["name"].to_pylist())
    seams = np.array(["seam" in (words or "") for words in table["marks"].to_pylist()])
    values = table["value"].to_numpy(zero_copy_only=False)
    assert slots[seams].tolist() == list(SEAMS)
    assert set(names[seams]) == {f"DERIVED:{VIEW.pair}:price"}
    second = (names == f"DERIVED:{VIEW.pair}:{SOURCE}") & (values == 2.0)
    assert sorted(slots[second].tolist()) == list(range(LEFT, BACK))


@pytest.mark.parametrize("sealed", [False, True])
def test_an_exported_fail_over_has_its_seams_whether_it_is_sealed_or_not(
    tmp_path: Path, *, sealed: bool
) -> None:
    async def prepared() -> None:
        ledger, series = await made(tmp_path)
        try:
            if sealed:
                await (await ready(rig_of(ledger, series), series)).sealer.run_once()
        finally:
            await ledger.close()

    asyncio.run(prepared())
    span = ("--from", rfc3339(MINUTE.open_ms(FIRST)), "--to", rfc3339(MINUTE.open_ms(NOW)))
    done = run(tmp_path, *(f"derived:btc/usd:{metric}" for metric in told()), *span)
    assert (done.returncode, done.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    price = [row for row in rows if row["name"].endswith(":price")]
    source = [row for row in rows if row["name"].endswith(SOURCE)]
    assert seams_of([row["marks"] for row in price]) == list(SEAMS)
    assert [row["value"] for row in price[LEFT - 2 : LEFT + 1]] == ["", "", "500.0"]
    away = [at for at, row in enumerate(source) if float(row["value"]) == 2.0]
    assert away == list(range(LEFT, BACK))
