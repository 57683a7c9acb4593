"""The episodes and notices of the recorded markets, against an independent judge.

Real input (ten markets x ten days, Bittrex, January 2018) through the whole program: files, poll,
bus, database, table, judge, rows of the database. The judge (alert_reference.py) reads the raw
files with pandas, knows SEMANTICS.md only, and shares no code with the product. Two of the days
beside every change; all of them, some minutes of processor, with SIGMAWATCH_FAULTS=full.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.faults.tier import times
from tests.replay import alert_reference as reference

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.alerting.preview import Draft
from sigmawatch.app.alerting.previewed import Preview
from sigmawatch.app.config import Config
from sigmawatch.app.replay import Replay
from sigmawatch.app.wiring_replay import replaying
from sigmawatch.domain.notice import FANOUT
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.window import DAY_MS, MINUTE_MS
from sigmawatch.engine.trial import STORM, about

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "freqtrade-bittrex-1m-201801"
ROWS_MAX = 1_000_000
ALL_OF_THEM = ""  # whom a storm's notice is about
DAYS = times(change=2, full=10)
NEVER = "price > 3 * mean(1h)"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded markets at {RECORDED}"),
    pytest.mark.timeout(times(change=1_800, full=7_200)),
]


class Told(NamedTuple):
    """An episode; minutes since the epoch."""

    pair: str
    opened: int
    closed: int | None
    reopened: int


class Rows(NamedTuple):
    """What the database holds of one rule."""

    episodes: Counter[Told]
    notices: Counter[tuple[str, int, str]]  # pair, minute, kind


def settings_of(rule: reference.Rule) -> RuleSettings:
    clear = None
    if not rule.hysteresis:
        clear = f"not value > {rule.factor:g} * mean(1h)"
    return RuleSettings(target=parse_target(["replay:*/*"]), clear=clear,
                        cooldown_ms=rule.cooldown * MINUTE_MS)  # fmt: skip


async def make_rules(folder: Path) -> None:
    """Rules that were there before the first slot."""
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0))
    async with ledger.transaction() as transaction:
        for rule in reference.RULES:
            await transaction.rules.put(
                rule.name, text=rule.condition, settings=settings_of(rule).encode(),
                origin="api", enabled=True,
            )  # fmt: skip
    await ledger.close()


async def rows(folder: Path) -> Mapping[str, Rows]:
    """By rule, what was written."""
    ledger = await SqliteLedger.open(folder, clock=VirtualClock(0))
    names = {rule.id: rule.name for rule in await ledger.alerts.rules()}
    pairs = {one.id: one.market.pair for one in await ledger.series()}
    found = {name: Rows(Counter(), Counter()) for name in names.values()}
    for kept in await ledger.alerts.episodes(limit=ROWS_MAX):
        one = kept.episode
        closed = None if one.closed_ms is None else one.closed_ms // MINUTE_MS
        told = Told(pairs[one.series_id], one.opened_ms // MINUTE_MS, closed, one.reopened_count)
        found[names[one.rule_id]].episodes[told] += 1
    for delivery in await ledger.alerts.deliveries(open=False, limit=ROWS_MAX):
        notice = delivery.notice
        if notice.channel == FANOUT:
            storm = about(notice) == STORM
            pair = ALL_OF_THEM if storm else pairs[notice.series_id]
            key = (pair, notice.decided_ms // MINUTE_MS, notice.kind.value)
            found[names[notice.rule_id]].notices[key] += 1
    await ledger.close()
    return found


async def preview_of(replay: Replay, rule: reference.Rule) -> Preview:
    draft = Draft(condition=rule.condition, settings=settings_of(rule))
    return await replay.program.previews.preview(draft, over_ms=11 * DAY_MS)


def truth_of(rule: reference.Rule, recorded: Path) -> Rows:
    lives = reference.lives(rule, recorded)
    episodes = Counter(
        Told(one.pair, one.opened, one.closed, one.reopened)
        for life in lives.values() for one in life.episodes
    )  # fmt: skip
    return Rows(episodes, Counter(reference.gathered(lives.values())))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """The first days of every market."""
    candles = {file.name: json.loads(gzip.decompress(file.read_bytes()))
               for file in RECORDED.glob("*.json.gz")}  # fmt: skip
    end_ms = min(row[0] for rows in candles.values() for row in rows) + DAYS * DAY_MS
    folder = tmp_path / "recorded"
    folder.mkdir()
    for name, rows in candles.items():
        kept = json.dumps([row for row in rows if row[0] < end_ms])
        (folder / name).write_bytes(gzip.compress(kept.encode()))
    return folder


async def test_episodes_of_recorded_days_equal_those_of_an_independent_judge(
    tmp_path: Path, recorded: Path
) -> None:
    await make_rules(tmp_path)
    previews = {}
    async with replaying(Config(), recorded, folder=tmp_path) as replay:
        async for _ in replay.slots():
            pass
        for rule in reference.RULES:
            if rule.of == "price":
                previews[rule.name] = await preview_of(replay, rule)
    found = await rows(tmp_path)
    for rule in reference.RULES:
        truth, mine = truth_of(rule, recorded), found[rule.name]
        assert mine.episodes == truth.episodes, rule.name
        assert mine.notices == truth.notices, rule.name
        assert bool(truth.episodes) is (rule.condition != NEVER), "nothing is proven by nothing"
        if rule.name in previews:
            shown = Counter(
                Told(one.series.split(":")[1], one.opened_ms // MINUTE_MS,
                     None if one.closed_ms is None else one.closed_ms // MINUTE_MS,
                     one.reopened_count)
                for one in previews[rule.name].episodes
            )  # fmt: skip
            assert shown == truth.episodes, f"a preview of {rule.name}"
