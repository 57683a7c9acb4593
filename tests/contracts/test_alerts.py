"""What every ledger promises of rules, states and episodes (ports.alerts; SEMANTICS.md 7, 8)."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest
from tests.contracts.conftest import Database, PostgresDatabase, SqliteDatabase
from tests.contracts.samples import MINUTE, SLOT, frame, replayed, track

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.domain.alert import Acknowledgement, Episode, Remembered, Rule, Severity, States
from sigmawatch.domain.notice import Notice, NoticeKind

OPEN_MS = MINUTE.open_ms(SLOT)


async def rule(ledger: SqlLedger, name: str = "hot", text: str = "price > 1") -> Rule:
    async with ledger.transaction() as transaction:
        return await transaction.rules.put(
            name, text=text, settings="{}", origin="api", enabled=True
        )


def states(body: bytes = b"firing", *, slot: int = SLOT, version: int = 1) -> States:
    return States(rule_id=1, block_id=1, version=version, slot=slot, body=body)


def episode(*, series_id: int = 1, opened_ms: int = OPEN_MS) -> Episode:
    return Episode(rule_id=1, series_id=series_id, version=1, severity=Severity.WARNING,
                   opened_ms=opened_ms, told_ms=opened_ms)  # fmt: skip


def notice(
    kind: NoticeKind = NoticeKind.FIRING, *, series_id: int = 1, channel: str = "ops"
) -> Notice:
    of = episode(series_id=series_id).id
    return Notice(rule_id=1, series_id=series_id, episode=of, kind=kind, ordinal=0,
                  channel=channel, decided_ms=OPEN_MS, due_ms=OPEN_MS, receipt="{}")  # fmt: skip


async def ready(database: Database) -> SqlLedger:
    """A ledger with two series in block 1 and one rule."""
    ledger = await database.open()
    await track(ledger, "BTC", "ETH")
    await rule(ledger)
    return ledger


async def test_what_a_slot_decides_is_kept_whole_and_is_there_after_a_restart(
    database: Database,
) -> None:
    """SEMANTICS.md 8: "alert states, episodes and outbox rows of a slot are one transaction"."""
    ledger = await ready(database)
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states([states()])
        await transaction.alerts.put_episodes([episode()])
        await transaction.outbox.put([notice()])
        await transaction.alerts.judged(MINUTE, SLOT)
    await ledger.close()

    alerts = (await database.open()).alerts
    assert await alerts.states() == [states()]
    assert [one.episode for one in await alerts.episodes()] == [episode()]
    assert [one.notice for one in await alerts.deliveries()] == [notice()]
    assert await alerts.judged_through() == {MINUTE: SLOT}


async def test_a_slot_whose_decisions_fail_leaves_nothing_of_them(database: Database) -> None:
    ledger = await ready(database)

    async def torn() -> None:
        async with ledger.transaction() as transaction:
            await transaction.frames.insert([frame()])
            await transaction.alerts.put_states([states()])
            await transaction.alerts.put_episodes([episode()])
            await transaction.outbox.put([notice()])
            await transaction.alerts.judged(MINUTE, SLOT)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await torn()
    assert await replayed(ledger) == []
    assert await ledger.alerts.states() == []
    assert await ledger.alerts.episodes() == []
    assert await ledger.alerts.deliveries() == []
    assert await ledger.alerts.judged_through() == {}


async def test_two_programs_that_judge_the_same_slot_write_it_once(database: Database) -> None:
    """SCALE-OUT.md: what they write has deterministic ids and is inserted if absent."""
    ledger = await ready(database)
    for _ in range(2):
        async with ledger.transaction() as transaction:
            await transaction.alerts.put_states([states()])
            await transaction.alerts.put_episodes([episode()])
            await transaction.outbox.put([notice(), notice(channel="mail")])
            await transaction.alerts.judged(MINUTE, SLOT)
    assert len(await ledger.alerts.states()) == len(await ledger.alerts.episodes()) == 1
    assert [d.notice.channel for d in await ledger.alerts.deliveries()] == ["ops", "mail"]


async def test_who_is_behind_changes_nothing_that_was_judged_later(database: Database) -> None:
    ledger = await ready(database)
    closed = replace(episode(), told_ms=OPEN_MS + 120_000, closed_ms=OPEN_MS + 120_000, reason="x")
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states([states(b"later", slot=SLOT + 2)])
        await transaction.alerts.put_episodes([closed])
        await transaction.alerts.judged(MINUTE, SLOT + 2)
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states([states(b"earlier", slot=SLOT + 1)])
        await transaction.alerts.put_episodes([episode()])
        await transaction.alerts.judged(MINUTE, SLOT + 1)
    assert await ledger.alerts.states() == [states(b"later", slot=SLOT + 2)]
    assert [one.episode for one in await ledger.alerts.episodes()] == [closed]
    assert await ledger.alerts.judged_through() == {MINUTE: SLOT + 2}


async def test_of_one_slot_the_later_word_stands_and_an_end_stands_for_good(
    database: Database,
) -> None:
    """A reading opens an episode in the slot whose close may end it (docs/decisions/0022)."""
    ledger = await ready(database)
    ended = replace(episode(), closed_ms=OPEN_MS, reason="the clear condition holds")
    for body, account in ((b"a", episode()), (b"b", ended), (b"c", episode())):
        async with ledger.transaction() as transaction:
            await transaction.alerts.put_states([states(body)])
            await transaction.alerts.put_episodes([account])
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states([states(b"older", slot=SLOT - 1)])
    assert await ledger.alerts.states() == [states(b"c")]
    assert [one.episode for one in await ledger.alerts.episodes()] == [ended]


async def test_an_edited_rule_has_a_new_version_and_a_cosmetic_save_has_not(
    database: Database,
) -> None:
    """SEMANTICS.md 6: "Versions are immutable." """
    ledger = await database.open()
    first = await rule(ledger)
    assert await rule(ledger) == first
    second = await rule(ledger, text="price > 2")
    assert (second.id, second.version, second.created_ms) == (first.id, 2, first.created_ms)
    assert await ledger.alerts.rules() == [second]
    assert await ledger.alerts.versions(first.id) == [first, second]


async def test_a_removed_rules_id_is_never_used_again_and_its_states_wait_for_their_end(
    database: Database,
) -> None:
    ledger = await ready(database)
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states([states()])
        await transaction.alerts.put_episodes([episode()])
    async with ledger.transaction() as transaction:
        assert await transaction.rules.remove("hot")
        assert not await transaction.rules.remove("hot")
    assert await ledger.alerts.rules() == []
    assert [one.version for one in await ledger.alerts.versions(1)] == [1]
    assert await ledger.alerts.states() == [states()]
    assert len(await ledger.alerts.episodes()) == 1
    assert (await rule(ledger)).id == 2
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states([states(b"", slot=SLOT + 1)])
    assert await ledger.alerts.states() == []


async def test_what_is_remembered_of_a_rule_is_that_of_the_latest_slot(database: Database) -> None:
    ledger = await ready(database)
    told = [Remembered(rule_id=1, interval_ms=MINUTE.ms, slot=slot, body=body)
            for slot, body in ((SLOT, b"a"), (SLOT, b"b"), (SLOT - 1, b"c"))]  # fmt: skip
    for one in told:
        async with ledger.transaction() as transaction:
            await transaction.alerts.put_memories([one])
    await ledger.close()
    assert await (await database.open()).alerts.memories() == [told[1]]


async def test_lasting_episodes_are_those_not_closed_and_the_newest_come_first(
    database: Database,
) -> None:
    ledger = await ready(database)
    old = replace(episode(), told_ms=OPEN_MS + 60_000, closed_ms=OPEN_MS + 60_000)
    young = episode(series_id=2, opened_ms=OPEN_MS + 60_000)
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_episodes([old, young])
    assert [one.episode for one in await ledger.alerts.episodes()] == [young, old]
    assert [one.episode for one in await ledger.alerts.episodes(lasting=True)] == [young]
    before = await ledger.alerts.episodes(before_ms=OPEN_MS + 60_000)
    assert [one.episode for one in before] == [old]


async def test_an_acknowledgement_stays_whatever_is_told_of_the_episode_later(
    database: Database,
) -> None:
    ledger = await ready(database)
    me, other = Acknowledgement(by="me", at_ms=5), Acknowledgement(by="other", at_ms=6)
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_episodes([episode()])
        assert await transaction.alerts.acknowledge(episode().id, me)
        assert await transaction.alerts.acknowledge(episode().id, other)
        assert not await transaction.alerts.acknowledge("9-9-9", me)
        assert not await transaction.alerts.acknowledge("nonsense", me)
        await transaction.alerts.put_episodes([replace(episode(), told_ms=OPEN_MS + 60_000)])
    [kept] = await ledger.alerts.episodes()
    assert kept.acknowledged == me
    assert kept.episode.told_ms == OPEN_MS + 60_000


async def test_pages_of_episodes_miss_none_that_opened_in_the_same_slot(database: Database) -> None:
    ledger = await ready(database)
    opened = [(series_id, OPEN_MS + 60_000 * row) for row in range(3) for series_id in (1, 2)]
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_episodes(
            episode(series_id=series_id, opened_ms=at_ms) for series_id, at_ms in opened
        )
    found: list[str] = []
    while page := await ledger.alerts.episodes(after=found[-1] if found else None, limit=1):
        found += [one.episode.id for one in page]
    whole = await ledger.alerts.episodes(limit=10)
    assert found == [one.episode.id for one in whole]
    assert len(found) == 6
    assert await ledger.alerts.episode(found[3]) == whole[3]
    assert await ledger.alerts.episode("9-9-9") is await ledger.alerts.episode("no") is None


async def test_damaged_states_are_left_out_and_counted(database: Database) -> None:
    ledger = await ready(database)
    async with ledger.transaction() as transaction:
        await transaction.alerts.put_states([states()])
    await ledger.close()
    _damage_states(database)
    ledger = await database.open()
    assert await ledger.alerts.states() == []
    assert await ledger.alerts.states() == []
    assert ledger.damaged_count == 1


def _damage_states(database: Database) -> None:
    if isinstance(database, PostgresDatabase):
        database._execute("UPDATE rule_states SET body = set_byte(body, 0, 0)")
    else:
        assert isinstance(database, SqliteDatabase)
        connection = apsw.Connection(str(database.folder / "sigmawatch.db"))
        connection.execute("UPDATE rule_states SET slot = slot + 1")
        connection.close()
