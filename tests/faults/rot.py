"""A database of some days with everything in it, its truth, and what a reader of it is told.

All that is read is read as the program does. `judged` compares with the truth: a number is right,
or it is missing and damage is named that covers it; anything else is wrong or silent.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tests.contracts.samples import MINUTE, frame, market, patch, run

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.sealing import seal
from sigmawatch.domain.errors import SigmawatchError
from sigmawatch.domain.frame import MISSING, REASON_MASK, Flag, Frame, Patch
from sigmawatch.domain.rank_column import RankColumn, Standing
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import DAY_MS, HOUR_MS
from sigmawatch.ports.ledger import Damage

DAY = 1_440
FIRST = 20_139 * DAY
DAYS, SEALED_DAYS = 3, 2
END = FIRST + DAYS * DAY
STEP = 30  # slots between two frames
BASES = [f"C{number}" for number in range(5)]
METRICS = ("price", "traded_quote")
STANDING = Standing(metric="price", by="sigma_rel", window_ms=DAY_MS, interval=MINUTE)
FILLED = int(Flag.FILLED)
Key = tuple[str, object]  # what is told of: a kind, and which


async def made(folder: Path, *, seed: int = 1) -> None:
    """Three days of two blocks, two of them sealed; runs, ranks, a watchlist."""
    dice = random.Random(seed)
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0))
    async with ledger.transaction() as transaction:
        for metric in METRICS:
            for base in BASES:
                await transaction.catalogue.add(market(base), metric, interval=MINUTE, origin="api")
        await transaction.watchlists.put(Watchlist.of("mine", ["KRAKEN:*/USD"]))
        await transaction.ranks.put([_ranks(FIRST + hour * 60) for hour in range(24)])
    for slot in range(FIRST, END, STEP):
        said: list[Frame | Patch] = [*_frames(slot, dice), *_patches(slot, dice)]
        async with ledger.transaction() as transaction:
            await transaction.frames.insert(said)
            await transaction.runs.insert([run(MINUTE.open_ms(slot))])
    for block in await ledger.blocks():
        before_ms = MINUTE.open_ms(FIRST + SEALED_DAYS * DAY)
        for section in await ledger.sealing.unsealed(block, before_ms=before_ms):
            await seal(ledger.sealing, section)
        await ledger.sealing.clear(block, rows_max=10_000)
    await ledger.sealing.thin()
    await ledger.close()


def _frames(slot: int, dice: random.Random) -> Iterator[Frame]:
    for block_id in (1, 2):
        early = [dice.uniform(1, 9) for _ in BASES]
        yield frame(slot, block_id=block_id, values=early, late_slots=0)
        yield frame(slot, block_id=block_id, values=[one + 0.5 for one in early])


def _patches(slot: int, dice: random.Random) -> Iterator[Patch]:
    """As a back-fill makes them: of slots in which no frame says anything."""
    if slot % (4 * STEP) == 0:
        series_id = dice.randrange(1, 2 * len(BASES) + 1)
        values = [dice.uniform(1, 9) for _ in range(1, STEP)]
        yield patch(slot + 1, series_id=series_id, values=values, marks=[FILLED] * len(values),
                    made_slot=slot + 40)  # fmt: skip


def _ranks(slot: int) -> RankColumn:
    ids, ranks = np.arange(1, 13, dtype="<i8"), np.arange(1, 13, dtype="<u4")
    return RankColumn(standing=STANDING, slot=slot, of=12, peers=12, ids=ids.tobytes(),
                      ranks=ranks.tobytes())  # fmt: skip


@dataclass(kw_only=True)
class Told:
    """What a reader is told. values: series id -> float64 and marks of every slot. damage: what is
    named with it; refused: what could not be asked for at all, and why."""

    series: Mapping[int, Series] = field(default_factory=dict)
    values: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    hot: dict[str, Frame | Patch] = field(default_factory=dict)
    rollups: dict[int, dict[int, tuple[float, ...]]] = field(default_factory=dict)
    others: dict[Key, object] = field(default_factory=dict)
    damage: Sequence[Damage] = ()
    refused: dict[str, str] = field(default_factory=dict)


async def read(folder: Path, series: Mapping[int, Series] | None = None) -> Told:
    """Everything there is to read. series: what to ask for, else what the catalogue names."""
    told = Told()
    try:
        ledger = await SqliteLedger.open(folder, clock=VirtualClock(0))
    except SigmawatchError as error:
        told.refused["open"] = str(error)
        return told
    try:
        await _read_catalogue(ledger, told)
        await _read_others(ledger, told)
        await _read_hot(ledger, told)
        for one in (series or told.series).values():
            if told.series.get(one.id) == one:
                await _read_series(ledger, one, told)
        told.damage = ledger.damage
    finally:
        await ledger.close()
    return told


async def _read_catalogue(ledger: SqlLedger, told: Told) -> None:
    try:
        told.series = {one.id: one for one in await ledger.series()}
        told.others |= {("block", one.id): one for one in await ledger.blocks()}
    except SigmawatchError as error:
        told.refused["catalogue"] = str(error)


async def _read_others(ledger: SqlLedger, told: Told) -> None:
    try:
        told.others |= {("run", one.id): one for one in await ledger.runs(limit=10_000)}
    except SigmawatchError as error:
        told.refused["run"] = str(error)
    try:
        told.others |= {("watchlist", one.name): one for one in await ledger.watchlists()}
    except SigmawatchError as error:
        told.refused["watchlist"] = str(error)
    try:
        for slot in await ledger.rank_slots(STANDING, from_slot=FIRST, to_slot=END):
            column = await ledger.rank_column(STANDING, slot)
            if column is not None:
                told.others["rank column", slot] = column
    except SigmawatchError as error:
        told.refused["rank column"] = str(error)


async def _read_hot(ledger: SqlLedger, told: Told) -> None:
    try:
        async for batch in ledger.replay(from_ms=MINUTE.open_ms(FIRST + SEALED_DAYS * DAY)):
            told.hot |= {f"{type(item).__name__} {item.id}": item for item in batch}
    except SigmawatchError as error:
        told.refused["hot"] = str(error)


async def _read_series(ledger: SqlLedger, one: Series, told: Told) -> None:
    try:
        found = await ledger.stretch(one, from_slot=FIRST, to_slot=END)
        told.values[one.id] = (
            np.frombuffer(found.values, "<f8"), np.frombuffer(found.marks, np.uint8)
        )  # fmt: skip
        runs = await ledger.rollups(
            one, width_ms=HOUR_MS, from_ms=MINUTE.open_ms(FIRST), to_ms=MINUTE.open_ms(END)
        )
        told.rollups[one.id] = {
            at: (n, mean, low, high)
            for at, n, mean, low, high in zip(
                runs.at.tolist(), runs.n.tolist(), runs.mean.tolist(), runs.low.tolist(),
                runs.high.tolist(), strict=True,
            )
        }  # fmt: skip
    except SigmawatchError as error:
        told.refused[f"series {one.id}"] = str(error)


def judged(told: Told, truth: Told) -> list[str]:
    """What is wrong, or missing without a word; empty where everything is right or named."""
    if "open" in told.refused:
        return []
    return [*_judge_catalogue(told, truth), *_judge_values(told, truth), *_judge_hot(told, truth),
            *_judge_rollups(told, truth), *_judge_others(told, truth)]  # fmt: skip


def _named(told: Told, *kinds: str) -> bool:
    return any(one.what.split(" ")[0] in kinds for one in told.damage)


def _judge_catalogue(told: Told, truth: Told) -> Iterator[str]:
    flagged = "catalogue" in told.refused or _named(told, "series", "market", "block", "formula")
    for series_id, one in told.series.items():
        if truth.series.get(series_id) != one:
            yield f"wrong: {one}"
    for series_id in truth.series.keys() - told.series.keys():
        if not flagged:
            yield f"silent: series {series_id} is gone"


def _covered(told: Told, one: Series, slot: int) -> bool:
    """Whether damage is named that covers a slot of a series."""
    from_ms, until_ms = MINUTE.open_ms(slot), MINUTE.open_ms(slot + 1)
    return any(
        (each.series_id in (None, one.id)) and (each.block_id in (None, one.block_id))
        and (each.from_ms is None or each.from_ms < until_ms)
        and (each.until_ms is None or each.until_ms > from_ms)
        for each in told.damage
    )  # fmt: skip


def _judge_values(told: Told, truth: Told) -> Iterator[str]:
    for series_id, (values, marks) in told.values.items():
        right, why = truth.values[series_id]
        same = ((values == right) | (np.isnan(values) & np.isnan(right))) & (marks == why)
        for row in np.flatnonzero(~same).tolist():
            slot = FIRST + row
            if not np.isnan(values[row]) and values[row] != right[row]:
                yield f"wrong: series {series_id} slot {slot}: {values[row]} is {right[row]}"
            elif not _covered(told, truth.series[series_id], slot):
                yield f"silent: series {series_id} slot {slot} marked {marks[row]}, {why[row]}"


def _judge_hot(told: Told, truth: Told) -> Iterator[str]:
    if "hot" in told.refused:
        return
    for name, right in truth.hot.items():
        item = told.hot.get(name)
        if item == right:
            continue
        says = item is not None and any(mark & REASON_MASK < MISSING for mark in item.marks)
        if says:
            yield f"wrong: {name}"
        elif not _named(told, "frame", "patch", "link", "mark"):
            yield f"silent: {name}"
    for name in told.hot.keys() - truth.hot.keys():
        yield f"wrong: {name} was never written"


def _judge_rollups(told: Told, truth: Told) -> Iterator[str]:
    for series_id, runs in told.rollups.items():
        right = truth.rollups[series_id]
        for at in right.keys() | runs.keys():
            if at in runs and runs[at] != right.get(at):
                yield f"wrong: series {series_id} run {at}"
            elif at not in runs and not _covered(told, truth.series[series_id], at * 60):
                yield f"silent: series {series_id} run {at}"


def _judge_others(told: Told, truth: Told) -> Iterator[str]:
    for key in truth.others.keys() | told.others.keys():
        kind = key[0]
        if kind == "rank column" and key not in told.others:
            continue  # a flipped key may hide one; it follows from the values, which are all there
        if key in told.others and told.others[key] != truth.others.get(key):
            yield f"wrong: {key}"
        elif key not in told.others and not (kind in told.refused or "catalogue" in told.refused
                                             or _named(told, kind.split(" ")[0])):  # fmt: skip
            yield f"silent: {key}"


def flipped(file: Path, bit: int) -> None:
    """Flip one bit of a closed file."""
    with file.open("r+b") as handle:
        handle.seek(bit // 8)
        (byte,) = handle.read(1)
        handle.seek(bit // 8)
        handle.write(bytes([byte ^ (1 << bit % 8)]))
