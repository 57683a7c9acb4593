"""Every notice can be explained: from its receipt, and from history."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from sigmawatch.adapters.clock import VirtualClock
from sigmawatch.adapters.ledgers.sqlite import SqliteLedger
from sigmawatch.app.config import Config
from sigmawatch.app.program import Program
from sigmawatch.app.wiring_replay import replaying
from sigmawatch.domain.errors import NotFound
from sigmawatch.domain.frame import Patch, Reason
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.window import MINUTE_MS

START_MS = 1_516_406_400_000
SERIES = "REPLAY:BTC/USD:price"
CLOSES = [100.0] * 60 + [301.0] * 3 + [100.0] * 20
LINE = "price > 3 * mean(1h) and value > 1.5 * median(20m)"


@asynccontextmanager
async def judged(tmp_path: Path, line: str = LINE) -> AsyncIterator[Program]:
    """A program that judged one rule over one market live."""
    tapes = tmp_path / "tapes"
    tapes.mkdir()
    rows = [[START_MS + n * MINUTE_MS, c, c, c, c, 1.0] for n, c in enumerate(CLOSES)]
    (tapes / "BTC_USD-1m.json").write_text(json.dumps(rows))
    ledger = await SqliteLedger.open(tmp_path / "data", clock=VirtualClock(0))
    settings = RuleSettings(target=parse_target(["*:*/*"]))
    async with ledger.transaction() as transaction:
        await transaction.rules.put(
            "hot", text=line, settings=settings.encode(), origin="api", enabled=True
        )
    await ledger.close()
    async with replaying(Config(), tapes, folder=tmp_path / "data") as replay:
        async for _ in replay.slots():
            pass
        yield replay.program


async def the_episode(program: Program) -> str:
    (one,) = await program.episodes.page()
    return one.stored.episode.id


async def test_every_number_of_a_decision_is_computed_again_from_history(tmp_path: Path) -> None:
    """"The receipt stores the inputs of the decision [...] and `explain` recomputes it from
    history" (SEMANTICS.md 7)."""  # fmt: skip
    async with judged(tmp_path) as program:
        explained = await program.explainer.explain(await the_episode(program))
    assert explained.agrees
    assert (explained.rule, explained.condition, explained.series) == ("hot", LINE, SERIES)
    firing, resolved = explained.notices
    assert [notice.kind for notice in explained.notices] == ["firing", "resolved"]
    told = {number.text: (number.then, number.now) for number in firing.numbers}
    assert told["price"] == (301.0, 301.0)
    assert told["mean(1h)"] == (100.0, 100.0)
    assert told["median(20m)"] == (100.0, 100.0)
    assert firing.reason == "the condition is true"
    assert resolved.at_ms == START_MS + 63 * MINUTE_MS
    assert {number.text: number.now for number in resolved.numbers}["price"] == 100.0


async def test_what_history_says_otherwise_now_is_shown(tmp_path: Path) -> None:
    async with judged(tmp_path) as program:
        (series,) = [one for one in program.catalogue.series if one.name == SERIES]
        slot = series.interval.slot(START_MS) + 30
        late = Patch(
            series_id=series.id, from_slot=slot, revision=slot + 40,
            values=np.array([160.0]).tobytes(), marks=bytes([Reason.OBSERVED]),
            recv_ms=program.clock.now_ms(),
        )  # fmt: skip
        await program.publish([late])
        explained = await program.explainer.explain(await the_episode(program))
    firing = explained.notices[0]
    assert not explained.agrees
    assert [n.text for n in firing.numbers if not n.agrees] == ["mean(1h)"]
    told = {number.text: (number.then, number.now) for number in firing.numbers}
    assert told["mean(1h)"] == (100.0, 101.0)


async def test_the_course_of_a_state_says_why_it_did_not_fire(tmp_path: Path) -> None:
    line = "price > 2 * mean(1h) for 5m"
    async with judged(tmp_path, line) as program:
        rule = program.rulebook.find("hot")
        course = await program.explainer.course(
            rule, SERIES, at_ms=START_MS + 63 * MINUTE_MS, slots=4
        )
        with pytest.raises(NotFound):
            await program.explainer.course(rule, "REPLAY:ETH/USD:price", at_ms=START_MS)
    assert [(moment.phase, moment.why) for moment in course] == [
        ("pending", "the condition is true, not yet for long enough"),
        ("pending", "the condition is true, not yet for long enough"),
        ("pending", "the condition is true, not yet for long enough"),
        ("ok", "the condition is not true"),
    ]
    (compared,) = course[0].compared
    assert compared[1:] == (301.0, ">", 200.0)


async def test_an_episode_that_never_was_is_not_explained(tmp_path: Path) -> None:
    async with judged(tmp_path) as program:
        with pytest.raises(NotFound, match="no episode"):
            await program.explainer.explain("1-1-1")
