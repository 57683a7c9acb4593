"""Hostile services, and what holds whatever they do (RELIABILITY.md P11, P12): nothing is lost,
nothing overtakes, nothing is told twice but what nobody could be sure of."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.notifying.world import ACCEPTED, START_MS, Service, World, a_world, notice

from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import Notice, NoticeKind, NoticeStatus
from sigmawatch.ports.channel import Answer, Sent

STATES = 12
CHANNELS = ("ops", "chat", "mail")
FIRING, REMINDER, RESOLVED = NoticeKind.FIRING, NoticeKind.REMINDER, NoticeKind.RESOLVED


@dataclass(kw_only=True)
class Hostile:
    """ "10 % 5xx after processing, 5 % hang-up, 5 % time-out", and what it took."""

    dice: random.Random
    healed: bool = False
    took: list[Message] = field(default_factory=list)
    unsaid: Counter[str] = field(default_factory=Counter)

    def __call__(self, message: Message) -> Sent:
        throw = 1.0 if self.healed else self.dice.random()
        if throw < 0.10:  # processed, and then refused
            self.took.append(message)
            self.unsaid[message.id] += 1
            return Sent(answer=Answer.LATER, detail="500")
        if throw < 0.15:
            return Sent(answer=Answer.LATER, detail="reset")
        if throw < 0.20:
            taken = self.dice.random() < 0.5
            self.took += [message] * taken
            self.unsaid[message.id] += taken
            return Sent(answer=Answer.LATER, detail="no answer", unsure=True)
        self.took.append(message)
        return ACCEPTED


def lives(dice: random.Random) -> Sequence[Sequence[Notice]]:
    """What slots decide: states that fire, are reminded of, and are over, again and again."""
    told: dict[int, tuple[int, int]] = {}  # state -> episode, notices of it
    slots = []
    for minute in range(15):
        at_ms = START_MS + 60_000 * minute
        decided: list[Notice] = []
        for state in range(1, STATES + 1):
            if dice.random() > 0.2:
                continue
            episode, count = told.get(state, (at_ms, 0))
            over = count > 0 and dice.random() < 0.5
            kind = FIRING if count == 0 else RESOLVED if over else REMINDER
            made = notice(kind, series_id=state, ordinal=count, at_ms=at_ms,
                          severity=dice.choice(("info", "critical")))  # fmt: skip
            decided.append(renamed(made, episode=f"1-{state}-{episode}"))
            told[state] = (episode, count + 1)
            if over:
                del told[state]
        slots.append(decided)
    return slots


def renamed(one: Notice, *, episode: str) -> Notice:
    return Notice(rule_id=one.rule_id, series_id=one.series_id, episode=episode, kind=one.kind,
                  ordinal=one.ordinal, channel=one.channel, decided_ms=one.decided_ms,
                  due_ms=one.due_ms, receipt=one.receipt)  # fmt: skip


def heard(service: Service, hostile: Hostile) -> list[str]:
    """Ids as they first came, a digest's in its place."""
    first: dict[str, None] = {}
    for message in hostile.took:
        if message.kind is NoticeKind.DIGEST:
            receipt = message.data["receipt"]
            assert isinstance(receipt, dict)
            first.update(dict.fromkeys(gist["id"] for gist in receipt["gists"]))
        else:
            first[message.id] = None
    return list(first)


@pytest.mark.parametrize("per_minute", [6_000.0, 8.0])
async def test_whatever_services_do_nothing_is_lost_and_nothing_overtakes(
    tmp_path: Path, per_minute: float
) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    routes = {name: list(CHANNELS) for name in ("info", "critical")}
    async with a_world(tmp_path / "data", routes=routes) as world:
        hostile = {name: Hostile(dice=dice) for name in CHANNELS}
        for name in CHANNELS:
            world.services.make(name, behaviour=hostile[name], per_minute=per_minute)
        decided: list[Notice] = []
        for notices in lives(dice):
            decided += notices
            await world.put(*notices)
            await world.settled(for_s=60)
        for one in hostile.values():
            one.healed = True
        for _ in range(40):  # drain
            await world.clock.advance_to_ms(world.clock.now_ms() + 60_000)
            await world.settled()
        for name in CHANNELS:
            await told_well(world, name, hostile[name], decided=decided, seed=seed)


async def told_well(
    world: World, name: str, hostile: Hostile, *, decided: Sequence[Notice], seed: int
) -> None:
    rows = {one.notice.id: one for one in await world.deliveries(name)}
    wanted = [one.id.removesuffix("*") + name for one in decided]
    assert set(wanted) <= rows.keys(), f"seed {seed}: every one is in the outbox"
    assert not [one for one in rows.values() if one.status.open], f"seed {seed}: none is stuck"
    ends = {one.status for one in rows.values()}
    assert ends <= {NoticeStatus.DELIVERED, NoticeStatus.MERGED}, f"seed {seed}"
    came = heard(world.services.by_name[name], hostile)
    reached = {one.removesuffix("*") for one in came}
    for one in wanted:
        merged = rows[one].status is NoticeStatus.MERGED and "over before" in rows[one].detail
        assert (one in reached) or merged, f"seed {seed}: {one} was lost"
    place = {one: at for at, one in enumerate(came)}
    by_state = defaultdict(list)
    for notice_ in decided:
        by_state[notice_.series_id].append(notice_.id.removesuffix("*") + name)
    for ids in by_state.values():
        places = [place[one] for one in ids if one in place]
        assert places == sorted(places), f"seed {seed}: something overtook"
    often = Counter(message.id for message in hostile.took)
    twice = {one: count - 1 for one, count in often.items() if count > 1}
    assert all(count <= hostile.unsaid[one] for one, count in twice.items()), f"seed {seed}"
