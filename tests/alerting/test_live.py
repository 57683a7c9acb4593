"""Rules judged by the running tracker: what is durable of them, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.alerting.live import MINUTE, S0, T0, living

from sigmawatch.domain.notice import FANOUT, NoticeKind


@pytest.mark.parametrize(("value", "notices"), [(301.0, 1), (300.0, 0)])
async def test_three_times_the_hour_is_told_once_and_not_a_cent_less(
    tmp_path: Path, value: float, notices: int
) -> None:
    """The founding request, SEMANTICS.md 6: "value above 3x its own last hour", "Comparison is
    strict", "the judged slot is not in its own baseline"."""
    async with living(tmp_path, "KRAKEN:AAA", before=[(100.0,)] * 60) as live:
        await live.rule("price > 3 * mean(1h)")
        await live.pass_slot(S0, value)
        assert live.alerting.errors == {}
        told = await live.told()
        assert [(one.kind, one.slot) for one in told] == [(NoticeKind.FIRING, S0)] * notices
        assert len(await live.episodes()) == notices
        for one in told:
            assert (one.notice.channel, one.receipt.value) == (FANOUT, 301.0)
            assert [(each.text, each.value, each.coverage) for each in one.receipt.operands] == [
                ("price", 301.0, None), ("mean(1h)", 100.0, 1.0)
            ]  # fmt: skip
            assert one.receipt.series == "KRAKEN:AAA/USD price"
            assert one.receipt.unit == "USD"


async def test_an_episode_opens_and_closes_and_is_told_of_twice(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA", "KRAKEN:BBB") as live:
        await live.rule("price > 10")
        await live.pass_slots(S0, [(5.0, 5.0), (11.0, 5.0), (9.5, 5.0), (8.0, 5.0)])
        assert await live.line() == [("firing", 1), ("resolved", 3)]
        [episode] = await live.episodes()
        assert (episode.opened_ms, episode.closed_ms) == (
            MINUTE.open_ms(S0 + 1), MINUTE.open_ms(S0 + 3)
        )  # fmt: skip
        assert episode.reason == "the clear condition holds"
        assert (await live.ledger.alerts.judged_through())[MINUTE] == S0 + 3


async def test_states_and_their_timers_come_back_after_a_restart(tmp_path: Path) -> None:
    """SEMANTICS.md 7: "states, timers, cooldowns and outbox come back exactly"."""
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.rule("price > 10 for 3m", cooldown_ms=0)
        await live.pass_slots(S0, [(5.0,), (11.0,), (11.0,)])
        assert await live.line() == []
    async with living(tmp_path, now_ms=T0 + 3 * MINUTE.ms + 2_000) as live:
        await live.pass_slots(S0 + 3, [(11.0,), (11.0,), (5.0,)])
        assert await live.line() == [("firing", 4), ("resolved", 5)]


async def test_without_rules_a_slot_writes_nothing_of_its_own(tmp_path: Path) -> None:
    async with living(tmp_path, "KRAKEN:AAA") as live:
        await live.pass_slots(S0, [(5.0,), (11.0,)])
        assert await live.ledger.alerts.judged_through() == {}
        await live.rule("price > 10")
        await live.pass_slots(S0 + 2, [(11.0,)])
        assert await live.ledger.alerts.judged_through() == {MINUTE: S0 + 2}
        assert await live.line() == [("firing", 2)]
