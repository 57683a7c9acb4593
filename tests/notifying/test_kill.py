"""kill -9 while notices are sent: each is delivered, once but for what is counted as unsure."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contracts.samples import track
from tests.faults.tier import times
from tests.notifying.world import notice, settings_of
from tests.processes import started

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.domain.notice import NoticeKind, NoticeStatus

ROOT = Path(__file__).parents[2]
STATES = 40
KINDS = (NoticeKind.FIRING, NoticeKind.REMINDER, NoticeKind.ACTIVE_AGAIN)
KILLS = times(change=4, full=150)


async def prepared(folder: Path) -> set[str]:
    """An outbox with a notice of each kind for every state; the ids that channels are to get."""
    clock = VirtualClock(1)
    ledger = await SqliteLedger.open(folder, clock=clock)
    await track(ledger, "BTC")
    now_ms = round((time.time() - 1.7e9) * 1_000 * 99 + time.time() * 1_000) - 60_000
    notices = [
        replace(notice(kind, series_id=state, ordinal=place, version=2), due_ms=now_ms)
        for place, kind in enumerate(KINDS) for state in range(1, STATES + 1)
    ]  # fmt: skip
    async with ledger.transaction() as transaction:
        await transaction.rules.put("hot", text="price > 1", origin="api", enabled=True,
                                    settings=settings_of())  # fmt: skip
        await transaction.rules.put("hot", text="price > 1", origin="api", enabled=True,
                                    settings=settings_of("ops", "chat"))  # fmt: skip
        await transaction.outbox.put(notices)
    await ledger.close()
    return {replace(one, channel=name).id for one in notices for name in ("ops", "chat")}


def lived(folder: Path, log: Path, *, way: str, kill_after_s: float | None) -> bool:
    """One life; whether it came to its end."""
    with started(
        [sys.executable, "-m", "tests.notifying.child", str(folder), str(log), way],
        cwd=ROOT, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == b"started\n"
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            child.kill()
        return bool(child.stdout.read().endswith(b"done\n"))


async def killed_often(folder: Path, log: Path, *, way: str, dice: random.Random) -> None:
    for _ in range(KILLS):
        if lived(folder, log, way=way, kill_after_s=dice.uniform(0.0, 0.12)):
            return
    assert lived(folder, log, way=way, kill_after_s=None)


@pytest.mark.slow
async def test_every_notice_is_delivered_whenever_we_are_killed(tmp_path: Path) -> None:
    """RELIABILITY.md P11, P12: "0 rows stuck"; duplicates "at most the number of unknown outcomes";
    a reminder never before its firing."""
    seed = random.randrange(2**32)
    wanted = await prepared(tmp_path / "data")
    log = tmp_path / "log"
    await killed_often(tmp_path / "data", log, way="ours", dice=random.Random(seed))
    heard = [line.split()[1] for line in log.read_text().splitlines()]
    ledger = await SqliteLedger.open(tmp_path / "data", clock=VirtualClock(1))
    counts, unsure = await ledger.delivery.counts()
    attempts = {one.notice.id: one.attempts
                for one in await ledger.delivery.deliveries(limit=9_999)}  # fmt: skip
    await ledger.close()
    assert counts == {NoticeStatus.DELIVERED: 3 * len(KINDS) * STATES}, f"seed {seed}"
    assert set(heard) == wanted, f"seed {seed}"
    often = Counter(heard)
    assert all(often[one] <= attempts[one] for one in wanted), (
        "each was recorded before it was made"
    )
    refused = sum(attempts[one] - 1 for one in wanted)
    assert sum(often.values()) - len(wanted) <= refused, f"seed {seed}"
    assert unsure <= KILLS * 2, f"seed {seed}: at most what two lanes had under way"
    first = {one: heard.index(one) for one in wanted}
    for one in wanted:
        later = [other for other in wanted if other.split("-")[:3] == one.split("-")[:3]
                 and other.rsplit("-", 1)[1] == one.rsplit("-", 1)[1]
                 and int(other.split("-")[4]) > int(one.split("-")[4])]  # fmt: skip
        assert all(first[other] > first[one] for other in later), f"seed {seed}"


@pytest.mark.slow
async def test_the_check_above_notices_what_is_recorded_before_it_is_sent(tmp_path: Path) -> None:
    """RELIABILITY.md P11's control: "Delete row before send"."""
    dice = random.Random(1)
    for attempt in range(5):
        folder, log = tmp_path / f"data{attempt}", tmp_path / f"log{attempt}"
        wanted = await prepared(folder)
        await killed_often(folder, log, way="early", dice=dice)
        if wanted - {line.split()[1] for line in log.read_text().splitlines()}:
            return
    pytest.fail("a program that records too early lost nothing")
