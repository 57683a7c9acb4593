"""kill -9 while rules are judged and notices are sent (RELIABILITY.md P10, P11, P12).

The real program under the venue double's load: 510 series of one-second slots under 85 rules of a
`rules.toml`, told to webhooks that misbehave. Killed around the close of a slot or while something
is delivered, again and again; then everything heals and what is left is delivered. The judge is
alert_oracle.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.faults.alerted import stage
from tests.faults.hooks import Did
from tests.faults.tier import Finding, full_only, tell, times

KILLS = times(change=5, full=500)
EPISODES_MIN = times(change=50, full=10_000)
SLOTS = times(change=300, full=4_000)  # of waves; prices stand still then
CHANNELS = tuple(f"hook-{number}" for number in range(10))
DELETING, UNORDERED = ("-m", "tests.faults.deleting"), ("-m", "tests.faults.unordered")
CONTROL_LIVES = 3

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(times(change=900, full=7_200)),
    pytest.mark.skipif(sqlite3.sqlite_version_info < (3, 37), reason="sqlite3 cannot read STRICT"),
]


async def test_no_notice_is_lost_doubled_or_overtaken_whenever_we_are_killed(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 8: "Outbox exactly once; wire at least once, with one deterministic id"."""
    async with stage(tmp_path, channels=CHANNELS, slots=SLOTS) as ordeal:
        ordeal.hooks.faulty = True
        for _ in range(KILLS):
            await ordeal.live_and_die()
        backlog = ordeal.open_count()
        await ordeal.drain()
        result = ordeal.found()
        told = f"seed {ordeal.seed}, {KILLS} kills: {result.figures}"
        assert not result.wrong, f"{told}; {result.wrong}"[:4_000]
        assert result.episodes >= EPISODES_MIN, told
        assert any(one.did is not Did.ACCEPTED for one in ordeal.hooks.heard), told
        figures: dict[str, float] = {"kills": KILLS, "backlog": backlog, **result.figures}
        tell(Finding(
            promise="P10, P11, P12", fault="kill -9 while judging and sending; a bad receiver",
            seed=ordeal.seed, figures=figures | {"drained_s": round(ordeal.drained_s, 1)},
        ))  # fmt: skip


@full_only
@pytest.mark.parametrize(("program", "sign"), [(DELETING, "missing"), (UNORDERED, "disordered")])
async def test_the_check_above_notices_a_notifier_that_is(
    program: Sequence[str], sign: str, tmp_path: Path
) -> None:
    async with stage(tmp_path, channels=CHANNELS, slots=SLOTS) as ordeal:
        ordeal.hooks.faulty = True
        for _ in range(CONTROL_LIVES):
            await ordeal.live_and_die(program=program)
        await ordeal.drain(program=program)
        result = ordeal.found()
        assert result.wrong.get(sign), f"seed {ordeal.seed}: it was not noticed: {result.figures}"
        tell(Finding(
            promise="P11, P12", fault=f"a notifier that is broken: {program[-1]}", control=True,
            seed=ordeal.seed, figures={"kills": CONTROL_LIVES} | result.figures,
        ))  # fmt: skip
