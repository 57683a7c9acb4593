"""What every ledger promises of questions that are answered once (ports.once)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from tests.contracts.conftest import Database

from sigmawatch.adapters.ledgers.ledger import SqlLedger
from sigmawatch.adapters.ledgers.repositories import SqlTransaction
from sigmawatch.ports.once import KEPT_MS, Answered, Asked

QUESTION = Asked(owner="key 7 abc", key="8e03978e", digest=b"\x01" * 16)


async def note(ledger: SqlLedger, asked: Asked = QUESTION) -> None:
    async with ledger.transaction() as transaction:
        await transaction.once.note(asked)


async def test_what_was_carried_out_is_known_after_a_restart_though_not_its_answer(
    database: Database,
) -> None:
    ledger = await database.open()
    assert await ledger.once.find(QUESTION.owner, QUESTION.key) is None
    await note(ledger)
    await ledger.close()
    ledger = await database.open()
    found = await ledger.once.find(QUESTION.owner, QUESTION.key)
    assert found == Answered(digest=QUESTION.digest, sealed=None)
    assert await ledger.once.find("key 8 abd", QUESTION.key) is None


async def test_an_answer_stays_whoever_notes_the_question_again(database: Database) -> None:
    ledger = await database.open()
    await note(ledger)
    async with ledger.transaction() as transaction:
        await transaction.once.answer(QUESTION, b"sealed")
    await note(ledger)
    found = await ledger.once.find(QUESTION.owner, QUESTION.key)
    assert found == Answered(digest=QUESTION.digest, sealed=b"sealed")


async def test_what_was_refused_after_all_is_forgotten_and_an_answer_never(
    database: Database,
) -> None:
    ledger = await database.open()
    answered = replace(QUESTION, key="k2")
    async with ledger.transaction() as transaction:
        await transaction.once.note(QUESTION)
        await transaction.once.answer(answered, b"sealed")
        for asked in (QUESTION, answered):
            await transaction.once.forget(asked)
    assert await ledger.once.find(QUESTION.owner, QUESTION.key) is None
    assert await ledger.once.find(answered.owner, answered.key) is not None


async def test_what_was_not_kept_was_not_carried_out(database: Database) -> None:
    ledger = await database.open()
    with suppress(ZeroDivisionError):
        async with ledger.transaction() as transaction:
            await transaction.once.note(QUESTION)
            raise ZeroDivisionError
    assert await ledger.once.find(QUESTION.owner, QUESTION.key) is None


async def test_questions_are_let_go_after_a_day(database: Database) -> None:
    ledger, begun_ms = await database.open(), database.clock.now_ms()
    await note(ledger)
    await database.clock.advance_to_ms(begun_ms + KEPT_MS - 1)
    assert await ledger.once.find(QUESTION.owner, QUESTION.key) is not None
    await database.clock.advance_to_ms(begun_ms + KEPT_MS)
    assert await ledger.once.find(QUESTION.owner, QUESTION.key) is None


async def test_the_oldest_goes_where_there_are_too_many(database: Database) -> None:
    """STYLE.md 11: "Everything has a limit"."""
    ledger = await database.open()
    for number in range(5):
        await database.clock.advance_to_ms(database.clock.now_ms() + 1)
        async with ledger.transaction() as transaction:
            assert isinstance(transaction, SqlTransaction)
            transaction.once.kept_max = 3
            await transaction.once.note(replace(QUESTION, key=f"k{number}"))
    found = [await ledger.once.find(QUESTION.owner, f"k{number}") for number in range(5)]
    assert [one is None for one in found] == [True, False, False, False, False]
