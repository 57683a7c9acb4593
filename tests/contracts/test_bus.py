"""What every bus promises (ports.bus; SCALE-OUT.md 5.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar, cast

import pytest
from tests.contracts.samples import frame, patch, run

from sigmawatch.adapters.buses.local import Limits, LocalBus
from sigmawatch.domain.errors import Busy, NotFound, Unavailable
from sigmawatch.domain.frame import Frame
from sigmawatch.ports.bus import Answer, Bus, Item, Message

PART = "p"
T = TypeVar("T")


def items(*slots: int) -> list[Item]:
    return [frame(slot) for slot in slots]


def slots_of(messages: Sequence[Message]) -> list[int]:
    return [item.slot for m in messages for item in m.items if isinstance(item, Frame)]


@asynccontextmanager
async def reading(iterator: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """A reader that goes away, for good, when the block ends."""
    try:
        yield iterator
    finally:
        await cast("AsyncGenerator[T]", iterator).aclose()


async def begun(work: Coroutine[object, object, int]) -> asyncio.Task[int]:
    """A task that has run as far as it gets by itself."""
    task = asyncio.create_task(work)
    await turn()
    return task


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def ended(iterator: AsyncIterator[Sequence[Message]]) -> None:
    """Ask for the next batch, which is how a reader says that it committed the last; then go."""
    asking = asyncio.ensure_future(anext(iterator))
    await turn()
    asking.cancel()
    await asyncio.wait([asking])


async def test_a_publication_returns_once_its_reader_has_asked_for_more(bus: Bus) -> None:
    publishing = await begun(bus.publish(PART, items(1)))
    async with reading(bus.frames(PART)) as reader:
        [message] = await anext(reader)
        await turn()
        assert not publishing.done(), "the reader may still be committing it"
        asking = asyncio.ensure_future(anext(reader))
        assert await publishing == message.sequence == 1
        asking.cancel()
        await asyncio.wait([asking])


async def test_what_waits_comes_as_one_group_in_order_up_to_a_bound(bus: Bus) -> None:
    publishing = [await begun(bus.publish(PART, items(slot, slot + 100))) for slot in range(4)]
    async with reading(bus.frames(PART)) as reader:
        first, second = await anext(reader), await anext(reader)
        assert [m.sequence for m in (*first, *second)] == [1, 2, 3, 4]
        assert [len(first), len(second)] == [3, 1]
        assert slots_of([*first, *second]) == [0, 100, 1, 101, 2, 102, 3, 103]
        await turn()
        assert [task.done() for task in publishing] == [True, True, True, False]
        await ended(reader)
    assert await asyncio.gather(*publishing) == [1, 2, 3, 4]


async def test_everything_that_is_published_arrives_once_and_in_order(bus: Bus) -> None:
    seen: list[int] = []

    async def read() -> None:
        async for messages in bus.frames(PART):
            seen.extend(m.sequence for m in messages)

    reader = asyncio.create_task(read())
    async with asyncio.timeout(60):
        sequences = [await bus.publish(PART, items(slot)) for slot in range(100)]
    assert sequences == seen == list(range(1, 101))
    reader.cancel()
    await asyncio.wait([reader])


async def test_partitions_do_not_wait_for_each_other(bus: Bus) -> None:
    stuck = await begun(bus.publish("a", items(1)))
    publishing = await begun(bus.publish("b", items(2)))
    async with reading(bus.frames("b")) as reader:
        [message] = await anext(reader)
        assert (message.partition, message.sequence, slots_of([message])) == ("b", 1, [2])
        await ended(reader)
    assert await publishing == 1
    assert not stuck.done()
    stuck.cancel()


async def test_an_item_published_again_is_delivered_once(bus: Bus) -> None:
    first = await begun(bus.publish(PART, items(1, 2)))
    again = await begun(bus.publish(PART, items(2, 1)))
    more = await begun(bus.publish(PART, [*items(2, 3, 3), run(5), patch(marks=[0])]))
    async with reading(bus.frames(PART)) as reader:
        messages = await anext(reader)
        assert [[item.id for item in m.items] for m in messages] == [
            [frame(1).id, frame(2).id],
            [frame(3).id, run(5).id, patch(marks=[0]).id],
        ]
        await ended(reader)
    assert [await first, await again, await more] == [1, 1, 2]
    assert await bus.publish(PART, items(1)) == 1, "known, and committed already"


async def test_a_full_backlog_is_busy_and_recovers(bus: Bus) -> None:
    publishing = [await begun(bus.publish(PART, items(slot))) for slot in range(4)]
    with pytest.raises(Busy):
        await bus.publish(PART, items(4))
    async with reading(bus.frames(PART)) as reader:
        assert slots_of([*await anext(reader), *await anext(reader)]) == [0, 1, 2, 3]
        await ended(reader)
        await asyncio.gather(*publishing)
    later = await begun(bus.publish(PART, items(4)))
    assert not later.done()
    later.cancel()


async def test_a_commit_that_takes_too_long_is_busy_and_can_be_waited_for_again() -> None:
    bus = LocalBus(limits=Limits(publish_timeout_s=0.01))
    with pytest.raises(Busy, match=r"0\.01 s"):
        await bus.publish(PART, items(1))
    again = await begun(bus.publish(PART, items(1)))
    async with reading(bus.frames(PART)) as reader:
        [message] = await anext(reader)
        assert slots_of([message]) == [1]
        await ended(reader)
    assert await again == 1


async def test_a_cancelled_publication_holds_nobody_up(bus: Bus) -> None:
    cancelled = await begun(bus.publish(PART, items(1)))
    waiting = await begun(bus.publish(PART, items(2)))
    cancelled.cancel()
    async with reading(bus.frames(PART)) as reader:
        assert slots_of(await anext(reader)) == [1, 2]
        await ended(reader)
    assert await waiting == 2
    assert cancelled.cancelled()


async def test_when_the_reader_goes_its_publishers_hear_it_and_the_next_one_takes_over(
    bus: Bus,
) -> None:
    one, two = [await begun(bus.publish(PART, items(slot))) for slot in (1, 2)]
    async with reading(bus.frames(PART)) as reader:
        assert slots_of(await anext(reader)) == [1, 2]
        three = await begun(bus.publish(PART, items(3)))
    for task in (one, two, three):
        with pytest.raises(Unavailable, match="went away"):
            await task
    again = await begun(bus.publish(PART, items(3)))
    async with reading(bus.frames(PART, since=1)) as reader:
        assert [m.sequence for m in await anext(reader)] == [2, 3], "1 was committed after all"
        await ended(reader)
    assert await again == 3


async def test_a_reader_cancelled_while_it_waits_leaves_the_partition_free(bus: Bus) -> None:
    async def read() -> int:
        async for messages in bus.frames(PART):
            return messages[0].sequence
        raise AssertionError

    reader = await begun(read())
    reader.cancel()
    await asyncio.wait([reader])
    publishing = await begun(bus.publish(PART, items(1)))
    assert await read() == 1
    publishing.cancel()


async def test_a_new_reader_takes_over_from_one_that_still_believes_it_reads(bus: Bus) -> None:
    publishing = await begun(bus.publish(PART, items(1)))
    async with reading(bus.frames(PART)) as old, reading(bus.frames(PART)) as new:
        assert slots_of(await anext(old)) == [1]
        assert slots_of(await anext(new)) == [1], "the old one never said that it committed"
        with pytest.raises(Unavailable):
            await anext(old)
        assert not publishing.done()
        await ended(new)
    assert await publishing == 1


async def test_a_reader_that_waits_hears_at_once_that_another_one_took_over(bus: Bus) -> None:
    async with reading(bus.frames(PART)) as old, reading(bus.frames(PART)) as new:
        waits = [asyncio.ensure_future(anext(old)), asyncio.ensure_future(anext(new))]
        publishing = await begun(bus.publish(PART, items(1)))
        with pytest.raises(Unavailable, match="took this partition over"):
            await waits[0]
        assert slots_of(await waits[1]) == [1]
        await ended(new)
    assert await publishing == 1


async def test_a_reader_gets_what_is_retained_and_then_what_comes(bus: Bus) -> None:
    async def read() -> int:
        return sum([len(messages) async for messages in bus.frames(PART)])

    reader = await begun(read())
    for slot in range(5):
        await bus.publish(PART, items(slot))
    reader.cancel()
    await asyncio.wait([reader])
    coming = await begun(bus.publish(PART, items(5)))
    async with reading(bus.frames(PART)) as late:
        assert [m.sequence for m in await anext(late)] == [4, 5, 6], "the last 2, then the new one"
    await asyncio.wait([coming])
    assert isinstance(coming.exception(), Unavailable)


async def test_what_is_no_longer_retained_is_forgotten() -> None:
    """A bus that runs for years holds what waits and what it retains, nothing else."""
    bus = LocalBus(limits=Limits(retained_max=2))

    async def read() -> int:
        return sum([len(messages) async for messages in bus.frames(PART)])

    reader = await begun(read())
    for slot in range(5):
        assert await bus.publish(PART, items(slot)) == slot + 1
    assert await bus.publish(PART, items(4)) == 5, "known"
    assert await bus.publish(PART, items(0)) == 6, "forgotten: the database knows it"
    log = bus._partitions[PART]
    assert (len(log._messages), len(log._known), len(log._publishers)) == (2, 2, 0)
    reader.cancel()
    await asyncio.wait([reader])


async def test_the_tap_shows_what_is_published_and_drops_the_oldest() -> None:
    bus = LocalBus(limits=Limits(live_max=2))
    async with reading(bus.live()) as tap, reading(bus.live()) as quick:
        asking = [asyncio.ensure_future(anext(tap)), asyncio.ensure_future(anext(quick))]
        await turn()
        tasks = [await begun(bus.publish(PART, items(0)))]
        assert [slots_of([await one]) for one in asking] == [[0], [0]], "before it is durable"
        tasks += [await begun(bus.publish(PART, items(slot))) for slot in (1, 2)]
        assert slots_of([await anext(quick)]) == [1]
        tasks += [
            await begun(bus.publish("other", items(3))),
            await begun(bus.publish(PART, items(1))),
        ]
        assert slots_of([await anext(tap), await anext(tap)]) == [2, 3]
        assert slots_of([await anext(quick), await anext(quick)]) == [2, 3]
    assert bus.dropped_count == 1
    for task in tasks:
        task.cancel()


async def test_the_newest_state_of_a_key_wins_and_a_slow_reader_skips(bus: Bus) -> None:
    await bus.emit_state("a", b"1")
    await bus.emit_state("b", b"1")
    async with reading(bus.states()) as states:
        assert await anext(states) == ("a", b"1")
        for state in (b"2", b"3"):
            await bus.emit_state("a", state)
        await bus.emit_state("b", b"2")
        assert [await anext(states), await anext(states)] == [("a", b"3"), ("b", b"2")]
        asking = asyncio.ensure_future(anext(states))
        await turn()
        assert not asking.done()
        await bus.emit_state("c", b"1")
        assert await asking == ("c", b"1")


async def test_a_lease_is_held_by_one_at_a_time_first_come_first_served(bus: Bus) -> None:
    order: list[str] = []
    release = asyncio.Event()

    async def hold(name: str) -> int:
        async with bus.lease("feed", holder=name, ttl_s=5):
            order.append(name)
            if name == "first":
                await release.wait()
            return len(order)

    first, second, third = [await begun(hold(name)) for name in ("first", "second", "third")]
    async with bus.lease("another", holder="x", ttl_s=5):
        assert order == ["first"]
    second.cancel()
    release.set()
    assert [await first, await third] == [1, 2]
    assert order == ["first", "third"]


async def test_a_holder_that_is_cancelled_lets_the_next_one_in(bus: Bus) -> None:
    async def hold() -> int:
        async with bus.lease("feed", holder="x", ttl_s=5):
            await asyncio.Event().wait()
        return 0

    holder = await begun(hold())
    holder.cancel()
    async with asyncio.timeout(60), bus.lease("feed", holder="y", ttl_s=5):
        assert holder.done()


async def test_members_are_those_alive_and_what_they_say_of_themselves(bus: Bus) -> None:
    assert await bus.members() == {"me": {"roles": ("tracker",)}}


async def double(question: Answer) -> Answer:
    value = question["value"]
    assert isinstance(value, int)
    if value < 0:
        raise NotFound("no such value", field="value")
    return {"value": 2 * value}


async def test_a_question_is_answered_by_whoever_serves_it(bus: Bus) -> None:
    async with bus.serve("double", double):
        assert await bus.ask("double", {"value": 4}, timeout_s=5) == {"value": 8}
        with pytest.raises(NotFound, match="no such value") as raised:
            await bus.ask("double", {"value": -1}, timeout_s=5)
        assert raised.value.field == "value"
    with pytest.raises(Unavailable, match="nobody"):
        await bus.ask("double", {"value": 4}, timeout_s=5)


async def test_a_question_without_an_answer_in_time_is_unavailable(bus: Bus) -> None:
    async def never(question: Answer) -> Answer:
        await asyncio.Event().wait()
        return question

    async with bus.serve("never", never):
        with pytest.raises(Unavailable, match=r"0\.01 s"):
            await bus.ask("never", {}, timeout_s=0.01)


@pytest.mark.parametrize("limits", [Limits(backlog_bytes_max=1), Limits(backlog_age_max_s=0.0)])
async def test_what_waits_is_bounded_in_bytes_and_in_time(limits: Limits) -> None:
    """RELIABILITY.md P25: "buffered <= 60 s or 100 MB, then back-pressure"."""
    bus = LocalBus(limits=limits)
    waiting = await begun(bus.publish(PART, items(1)))
    with pytest.raises(Busy, match="1 messages wait"):
        await bus.publish(PART, items(2))
    async with reading(bus.frames(PART)) as reader:
        await anext(reader)
        await ended(reader)
    await waiting
    later = await begun(bus.publish(PART, items(2)))
    assert not later.done(), "taken: there is room again"
    later.cancel()
