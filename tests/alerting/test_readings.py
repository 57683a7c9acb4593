"""Rules `on: reading`: what a reading of the running slot does (docs/decisions/0022).

SEMANTICS.md 6: "State (rule, series) judges slot k once [...] `on: reading` evaluates each new
reading."
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.alerting.live import MINUTE, NAN, S0, T0, Live, living
from tests.alerting.test_holds import silence

from sigmawatch.domain.errors import StorageUnavailable
from sigmawatch.domain.rule_settings import On
from sigmawatch.ports.ledger import Transaction

HOUR = [(100.0, 100.0)] * 60
MS = MINUTE.ms


async def store(live: Live, slot: int, *prices: float, after_ms: int = 30_000) -> None:
    """A reading is durable, and the program is killed before anything follows from it."""
    frames = live.frames(slot, prices, reading_ms=slot * MS + after_ms)
    async with live.ledger.transaction(bulk=True) as transaction:
        await transaction.frames.insert(frames)


@asynccontextmanager
async def small_refused(
    real: Callable[..., AbstractAsyncContextManager[Transaction]], *, bulk: bool = False
) -> AsyncIterator[Transaction]:
    if not bulk:
        raise StorageUnavailable("no room")
    async with real(bulk=bulk) as transaction:
        yield transaction


async def test_a_reading_opens_an_episode_before_its_slot_has_closed(tmp_path: Path) -> None:
    """The value is the reading; "the running slot [...] never enters a statistic" (section 2)."""
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB", before=HOUR) as live:
        await live.rule("price > 3 * mean(1h)", on=On.READING)
        await live.pass_slot(S0, 100.0, 100.0)
        await live.read(S0 + 1, 301.0, 300.0)
        assert live.alerting.errors == {}
        assert live.board.slot == S0
        [told] = await live.told()
        assert (str(told.kind), told.slot - S0) == ("firing", 1)
        assert told.receipt.reading_ms == (S0 + 1) * MS + 30_000
        assert [(one.text, one.value) for one in told.receipt.operands] == [
            ("price", 301.0), ("mean(1h)", 100.0)
        ]  # fmt: skip
        [episode] = await live.episodes()
        assert (episode.opened_ms, episode.closed_ms) == (MINUTE.open_ms(S0 + 1), None)


async def test_what_a_reading_opened_its_slot_closes_where_it_ends_otherwise(
    tmp_path: Path,
) -> None:
    """The slot "judges [...] once" as ever, the episode is told of twice, and no more."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 1, 300.0)
        await live.read(S0 + 1, 100.0, after_ms=40_000)
        await live.read(S0 + 1, 300.0, after_ms=50_000)
        assert await live.line() == [("firing", 1)]
        await live.pass_slot(S0 + 1, 100.0)
        assert await live.line() == [("firing", 1), ("resolved", 1)]
        [episode] = await live.episodes()
        assert episode.opened_ms == episode.closed_ms == MINUTE.open_ms(S0 + 1)
        told = [one.receipt.reading_ms for one in await live.told()]
        assert told == [(S0 + 1) * MS + 30_000, None]


async def test_what_a_reading_opened_lasts_while_its_slots_say_so(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING, cooldown_ms=2 * MS)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 1, 300.0)
        await live.pass_slots(S0 + 1, [(300.0,), (300.0,), (100.0,)])
        await live.read(S0 + 4, 300.0)  # in its cooldown, which is for slots to say
        await live.pass_slots(S0 + 4, [(100.0,)])
        await live.read(S0 + 5, 300.0)  # the cooldown is over with the slot
        assert await live.line() == [("firing", 1), ("resolved", 3), ("firing", 5)]


async def test_without_a_cooldown_a_slot_opens_one_episode_whatever_it_is_read_as(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING, cooldown_ms=0)
        await live.pass_slot(S0, 100.0)
        for at, price in enumerate((300.0, 100.0, 300.0, 100.0), start=2):
            await live.read(S0 + 1, price, after_ms=10_000 * at)
        await live.pass_slot(S0 + 1, 100.0)
        await live.read(S0 + 2, 300.0)
        assert await live.line() == [("firing", 1), ("resolved", 1), ("firing", 2)]
        assert len(await live.episodes()) == 2


async def test_rules_that_do_not_ask_for_readings_hear_of_none(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", name="slow")
        await live.rule("price > 200 for 1m", name="lasting", on=On.READING)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 1, 300.0)
        assert await live.line() == []


async def test_a_reading_that_nobody_knows_for_sure_opens_nothing(tmp_path: Path) -> None:
    """A bad tick is held back (section 1), a baseline that is not covered is unknown."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 5) as live:
        await live.rule("price > 3 * mean(1h)", on=On.READING)
        await live.rule("price > 200", name="wild", on=On.READING)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 1, 5_000.0)
        assert await live.line() == []


async def test_readings_before_the_slot_before_has_closed_wait_for_it(tmp_path: Path) -> None:
    """Slots are heard in their order: what its predecessor says comes first."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING, cooldown_ms=0)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 2, 300.0, after_ms=500)
        assert await live.line() == []
        await live.pass_slot(S0 + 1, 250.0)
        assert await live.line() == [("firing", 1)]
        await live.pass_slot(S0 + 2, 250.0)
        assert await live.line() == [("firing", 1)]


async def test_a_spike_that_came_before_its_predecessor_had_closed_is_heard_afterwards(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING, cooldown_ms=0)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 2, 300.0, after_ms=500)
        await live.pass_slot(S0 + 1, 100.0)
        assert await live.line() == [("firing", 2)]
        await live.pass_slot(S0 + 2, 100.0)
        assert await live.line() == [("firing", 2), ("resolved", 2)]


@pytest.mark.parametrize("before", ["decided", "stored"])
async def test_a_kill_after_a_reading_loses_and_doubles_nothing(
    tmp_path: Path, before: str
) -> None:
    """SEMANTICS.md 7: "states [...] and outbox come back exactly. [...] Nothing is sent twice." The
    first life ends with the reading durable, and what it decided too, or not."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING)
        await live.pass_slot(S0, 100.0)
        if before == "decided":
            await live.read(S0 + 1, 300.0)
        else:
            await store(live, S0 + 1, 300.0)
    async with living(tmp_path, now_ms=T0 + MS + 40_000) as live:
        assert await live.line() == [("firing", 1)]
        await live.pass_slots(S0 + 1, [(100.0,), (100.0,)])
        assert await live.line() == [("firing", 1), ("resolved", 1)]


async def test_readings_of_a_slot_that_ended_while_we_were_down_are_heard_before_its_close(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING)
        await live.pass_slot(S0, 100.0)
        await store(live, S0 + 1, 300.0)
    async with living(tmp_path, now_ms=T0 + 4 * MS + 2_000) as live:
        await live.pass_slots(S0 + 4, [(100.0,), (100.0,)])
        assert await live.line() == [("firing", 1), ("resolved", 4)]


@pytest.mark.parametrize("lasting", [False, True])
async def test_readings_of_a_life_in_which_no_slot_closed_are_heard_by_the_next(
    tmp_path: Path, *, lasting: bool
) -> None:
    """Between two lives there are slots of which nobody knows anything; what was read after them
    counts, though the life that read it ended before any slot had closed. One that fires already
    goes on."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING, cooldown_ms=0)
        await live.pass_slot(S0, 300.0 if lasting else 100.0)
        await store(live, S0 + 4, 300.0)
        await store(live, S0 + 4, 100.0, after_ms=40_000)
    async with living(tmp_path, now_ms=T0 + 10 * MS + 2_000) as live:
        await live.pass_slots(S0 + 10, [(100.0,), (100.0,)])
        assert await live.line() == [("firing", 0 if lasting else 4), ("resolved", 4)]


async def test_what_a_reading_opens_in_a_mute_is_told_when_that_is_over_if_it_still_holds(
    tmp_path: Path,
) -> None:
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING)
        await live.pass_slot(S0, 100.0)
        await silence(live, until=S0 + 3)
        await live.read(S0 + 1, 300.0)
        await live.pass_slot(S0 + 1, 300.0)
        assert await live.line() == []
        await live.pass_slot(S0 + 2, 300.0)
        assert await live.line() == [("firing", 2)]


async def test_rank_and_windows_that_hold_the_slot_are_those_of_the_closed_one(
    tmp_path: Path,
) -> None:
    """SEMANTICS.md 2: "The running slot is shown live and never enters a statistic"."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200 and sigma_abs[10m] < 1", on=On.READING)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 1, 300.0)
        assert await live.line() == [("firing", 1)]


async def test_changes_and_crossings_are_of_the_reading(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("change_pct(15m) > 100 and crosses_above(250)", on=On.READING)
        await live.pass_slot(S0, 100.0)
        await live.read(S0 + 1, 200.0)
        assert await live.line() == []
        await live.read(S0 + 1, 300.0, after_ms=40_000)
        assert await live.line() == [("firing", 1)]


async def test_another_venue_confirms_with_its_newest_closed_slot(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", "COINBASE:AAA", before=[(100.0, 100.0)] * 60) as live:
        await live.rule("price > 101 and confirmed_by(COINBASE, 5)", target="KRAKEN:AAA/USD",
                        on=On.READING)  # fmt: skip
        await live.pass_slot(S0, 100.0, 100.0)
        await live.read(S0 + 1, 110.0, NAN)
        assert await live.line() == []
        await live.read(S0 + 1, 102.0, NAN, after_ms=40_000)
        assert await live.line() == [("firing", 1)]


async def test_an_excess_is_of_the_reading_over_how_the_market_had_moved(tmp_path: Path) -> None:
    names = [f"KRAKEN:{base}" for base in ("AAA", "BBB", "CCC", "DDD", "EEE")]
    async with living(tmp_path, *names, before=[(100.0,) * 5] * 60) as live:
        await live.rule("excess_change(15m) > 5", target="KRAKEN:AAA/USD:price", on=On.READING)
        await live.pass_slot(S0, *[110.0] * 5)
        await live.read(S0 + 1, 114.0, *[NAN] * 4)  # 14 %, of which 10 are everybody's
        assert await live.line() == []
        await live.read(S0 + 1, 116.0, *[NAN] * 4, after_ms=40_000)
        assert await live.line() == [("firing", 1)]


async def test_nothing_is_decided_by_readings_while_nothing_can_be_stored(tmp_path: Path) -> None:
    """SEMANTICS.md 8: "Nothing is shown or sent before it is synced to disk"; heard afterwards."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 200", on=On.READING)
        await live.pass_slot(S0, 100.0)
        vars(live.ledger)["transaction"] = partial(small_refused, live.ledger.transaction)
        await live.read(S0 + 1, 300.0)
        assert (await live.line(), await live.episodes()) == ([], [])
        del vars(live.ledger)["transaction"]
        await live.pass_slot(S0 + 1, 100.0)
        assert await live.line() == [("firing", 1), ("resolved", 1)]
