"""A bit flips in a closed database: nothing wrong is told, nothing is missing without a word
(RELIABILITY.md P07).

Everything there is to read is read as the program reads it, and compared with what was written
(rot.py); a few times by the whole program, over REST.
"""

from __future__ import annotations

import random
import shutil
import zlib
from collections import Counter
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest
from tests.faults.lives import alive
from tests.faults.rot import END, FIRST, Told, flipped, judged, made, read
from tests.faults.tier import Finding, tell, times
from tests.faults.trusting import trusting

FLIPS = times(change=500, full=2_000)
LIVES = times(change=1, full=12)
FLIPS_UNTIL_RED = 200

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1_500)]


class Rot:
    """One database, its truth, and copies of it in which one bit is flipped."""

    def __init__(self, folder: Path, truth: Told) -> None:
        self.truth = truth
        self.seed = random.randrange(2**32)
        self._made, self._copy = folder / "made", folder / "copy"
        self._dice = random.Random(self.seed)
        self._bits = 8 * (self._made / "sigmawatch.db").stat().st_size

    def flip(self) -> tuple[Path, int]:
        """A copy, and the bit that is flipped in it."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._made, self._copy)
        bit = self._dice.randrange(self._bits)
        flipped(self._copy / "sigmawatch.db", bit)
        return self._copy, bit


@pytest.fixture
async def rot(tmp_path: Path) -> Rot:
    await made(tmp_path / "made")
    truth = await read(tmp_path / "made")
    assert not truth.damage
    assert not truth.refused
    return Rot(tmp_path, truth)


async def test_whatever_bit_flips_each_value_is_right_or_damage_is_named(rot: Rot) -> None:
    """RELIABILITY.md P07: "0 wrong values served; damage reported by series + time range; other
    ranges still served"."""
    found: Counter[str] = Counter()
    for _ in range(FLIPS):
        folder, bit = rot.flip()
        told = await read(folder, rot.truth.series)
        wrong = judged(told, rot.truth)
        assert not wrong, f"seed {rot.seed}, bit {bit}: {wrong[:3]} of {len(wrong)}"
        found["refused"] += "open" in told.refused
        found["named"] += bool(told.damage) and "open" not in told.refused
        found["unharmed"] += not told.damage and not told.refused
    tell(Finding(
        promise="P07", fault="a bit of the closed database is flipped",
        seed=rot.seed, figures={"flips": FLIPS, "wrong": 0, "silent": 0, **found},
    ))  # fmt: skip
    assert found["named"] > FLIPS // 40
    assert found["refused"] < FLIPS // 10


async def test_the_check_above_notices_a_ledger_that_believes_what_it_reads(rot: Rot) -> None:
    for flip in range(1, FLIPS_UNTIL_RED + 1):
        folder, _ = rot.flip()
        try:
            with trusting():
                told = await read(folder, rot.truth.series)
        except (AssertionError, LookupError, RuntimeError, ValueError, OverflowError, zlib.error):
            continue  # it fell over what it believed
        if any(one.startswith("wrong") for one in judged(told, rot.truth)):
            tell(Finding(
                promise="P07", fault="the same, without checksums", control=True,
                seed=rot.seed, figures={"flips_until_red": flip},
            ))  # fmt: skip
            return
    pytest.fail(f"seed {rot.seed}: {FLIPS_UNTIL_RED} flips, and nothing wrong was told")


CONFIG = "".join(
    f"[venues.{name}]\nenabled = false\n" for name in ("kraken", "coinbase", "binance")
)


async def test_over_rest_too_each_value_is_right_or_missing(rot: Rot, tmp_path: Path) -> None:
    told_count = 0
    for _ in range(LIVES):
        folder, bit = rot.flip()
        while "open" in (await read(folder, rot.truth.series)).refused:
            folder, bit = rot.flip()
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        folder.rename(tmp_path / "data")
        (tmp_path / "sigmawatch.toml").write_text(CONFIG)
        async with alive(tmp_path) as life, aiohttp.ClientSession(life.url) as session:
            for series_id in rot.truth.series:
                rows = await _records(session, series_id)
                right = rot.truth.values[series_id][0]
                for slot, value in rows.items():
                    told_count += 1
                    assert value == right[slot - FIRST], (rot.seed, bit, series_id, slot)
    figures = {"flips": LIVES, "values_told": told_count}
    tell(Finding(promise="P07", fault="the same, over REST", figures=figures, seed=rot.seed))
    assert told_count


async def _records(session: aiohttp.ClientSession, series_id: int) -> dict[int, float]:
    """Slot -> value, of one series."""
    query = {"from": str(FIRST * 60_000), "to": str(END * 60_000), "format": "json"}
    async with session.get(f"/api/v1/metrics/{series_id}/records", params=query) as answer:
        if answer.status == 404:
            return {}  # left out of the catalogue; the check above has it named
        assert answer.status == 200, await answer.text()
        items = (await answer.json())["items"]
    return {
        _slot(item["time"]): item["value"] for item in items if item["value"] is not None
    }  # fmt: skip


def _slot(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 60
