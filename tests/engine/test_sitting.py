"""What is judged is a function of the hearing, whatever is kept between slots (engine.judge)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.engine.world import MINUTE, START

from sigmawatch.domain.alert import Remembered, Rule, States
from sigmawatch.domain.alert_policy import NoData
from sigmawatch.domain.frame import Frame, Reason
from sigmawatch.domain.market import Market
from sigmawatch.domain.rule_settings import RuleSettings
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.ruling import Ruling
from sigmawatch.domain.series import Block, Series
from sigmawatch.engine.judge import Decisions, Hearing
from sigmawatch.engine.seats import Seats
from sigmawatch.engine.sitting import Brief, judge
from sigmawatch.engine.table import SeriesTable

SERIES = 12
VENUES = ("KRAKEN", "COINBASE", "BINANCE")
RULES = ("price > 6", "price > 5 for 2m", "stale or price < 2", "rank(sigma_abs, 10m) <= 2")
SLOTS = 60


def rule(number: int, text: str, *, version: int = 1) -> Rule:
    settings = RuleSettings(
        target=parse_target(["*:*/*"]), cooldown_ms=180_000, reminder_ms=240_000,
        no_data=[*NoData][number % 3], no_data_for_ms=120_000,
    )  # fmt: skip
    return Rule(id=number, name=f"rule-{number}", version=version, text=text, origin="api",
                settings=settings.encode(), enabled=True, created_ms=0, made_ms=0)  # fmt: skip


def ruling(number: int, text: str) -> Ruling:
    one = rule(number, text)
    return Ruling.of(one, [one], interval=MINUTE, ended=None)


def edited(before: Ruling, text: str) -> Ruling:
    newer = rule(before.rule.id, text, version=before.rule.version + 1)
    return Ruling.of(newer, [before.rule, newer], interval=MINUTE, ended=None)


class World:
    """Four price series a venue; small whole numbers that now and then are missing."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.table = SeriesTable(MINUTE, windows_ms=(600_000,))
        for number, venue in enumerate(VENUES, start=1):
            self.table.add_block(Block(id=number, venue=venue, metric="price", interval=MINUTE))
            for place in range(SERIES // 3):
                market = Market(venue=venue, base=f"A{place}", quote="USD", native=f"A{place}USD")
                self.table.add(Series(id=10 * number + place, market=market, metric="price",
                                      interval=MINUTE, block_id=number, place=place))  # fmt: skip
        self.states: dict[tuple[int, int], States] = {}
        self.memories: dict[tuple[int, int], Remembered] = {}
        self.outages = self.rng.random((SLOTS // 5 + 1, 3)) < 0.15

    def tell(self, slot: int) -> None:
        level = self.rng.integers(1, 9)  # most move together now and then: storms
        for number in range(1, 4):
            values = np.where(self.rng.random(4) < 0.5, level, self.rng.integers(1, 9, 4)) * 1.0
            away = self.rng.random(4) < 0.1
            away |= self.outages[(slot - START) // 5, number - 1]
            values[away] = np.nan
            marks = np.where(away, np.uint8(Reason.OUTAGE), np.uint8(0)).astype(np.uint8)
            self.table.apply(Frame(
                block_id=number, slot=slot, revision=61_000, open=False, marks=marks.tobytes(),
                recv_ms=MINUTE.open_ms(slot) + 61_000, values=values.astype("<f8").tobytes(),
            ))  # fmt: skip

    def hearing(self, slot: int, *, before: int | None) -> Hearing:
        return Hearing(board=self.table.close(slot), blocks=frozenset({1, 2, 3}), before=before,
                       awaited=frozenset(), states=self.states, memories=self.memories)  # fmt: skip

    def keep(self, decisions: Decisions) -> None:
        self.states |= {one.key: one for one in decisions.states}
        self.memories |= {one.key: one for one in decisions.memories}


@pytest.mark.parametrize("seed", range(2))
def test_what_is_kept_in_memory_changes_no_decision(seed: int) -> None:
    """A life that begins anew at every slot decides what one decides that lasts."""
    world, kept, before = World(seed), Seats(), None
    rulings = [ruling(number, text) for number, text in enumerate(RULES, start=1)]
    count = 0
    for slot in range(START, START + SLOTS):
        world.tell(slot)
        if slot - START == SLOTS // 2:
            rulings[0] = edited(rulings[0], "price > 4")
        if slot % 11 in (3, 4, 5):
            continue  # nobody was there to hear it
        hearing = world.hearing(slot, before=before)
        rows = np.arange(SERIES)
        brief = Brief(rulings=rulings, rows=dict.fromkeys(range(1, len(RULES) + 1), rows))
        anew = Seats()
        mine = judge(hearing, brief, slabs=world.table.slabs, seats=kept)
        theirs = judge(hearing, brief, slabs=world.table.slabs, seats=anew)
        assert kept.errors == anew.errors == {}
        assert theirs == mine
        again = judge(replace(hearing, states={**world.states, **{s.key: s for s in mine.states}}),
                      brief, slabs=world.table.slabs, seats=Seats())  # fmt: skip
        assert not again.episodes  # a slot that was heard is left as it is
        world.keep(mine)
        before, count = slot, count + len(mine.notices)
    assert count > 20
