"""kill -9 and power cuts at random moments of the ledger: what was told is there (RELIABILITY.md
P01, P03)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.endings import Endings
from tests.faults.tier import times

AT_ONE_PLACE = 20
UNTIL_RED = 10

pytestmark = [pytest.mark.faults, pytest.mark.timeout(times(change=300, full=3_600))]


@pytest.mark.parametrize(
    ("kind", "promise", "places"),
    [
        *[("kill", "P01", times(change=1, full=5))] * times(change=1, full=5),
        ("ext4", "P03", times(change=1, full=5)),
        ("xfs", "P03", times(change=1, full=5)),
    ],
)
async def test_what_was_told_is_there_after(
    kind: str, promise: str, places: int, tmp_path: Path
) -> None:
    """RELIABILITY.md P01: "0 acknowledged samples lost in >= 500 random kills at >= 2,000
    samples/s, 500 series"; P03: "0 acknowledged lost, `integrity ok`, in >= 100 cuts"."""
    lives = Endings(folder=tmp_path, kind=kind)
    for _ in range(places):
        await lives.endure(AT_ONE_PLACE)
        assert not lives.lost, f"seed {lives.seed}, ending {lives.endings}: {lives.words[:3]}"
    lives.tell(promise=promise)
    assert lives.told > 5 * lives.endings


@pytest.mark.parametrize(
    ("kind", "promise", "bug"),
    [("kill", "P01", "early"), ("ext4", "P03", "normal"), ("ext4", "P03", "off")],
)
async def test_the_check_above_notices(kind: str, promise: str, bug: str, tmp_path: Path) -> None:
    """RELIABILITY.md 1.3: "SQLite in WAL mode with `synchronous=NORMAL` loses acknowledged data in
    a power cut; `FULL` does not"."""
    lives = Endings(folder=tmp_path, kind=kind, bug=bug)
    await lives.endure(UNTIL_RED)
    lives.tell(promise=promise)
    assert lives.lost, f"seed {lives.seed}: {lives.endings} endings of a {bug} life lost nothing"
