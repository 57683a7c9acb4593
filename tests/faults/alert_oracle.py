"""What the episodes and notices of a data folder must be, from its frames alone; what became of
them, by the outbox; what arrived, by the receiver's log. No code of the product.

The life is SEMANTICS.md 7 for a rule `price > 200` (tests/faults/waves.py), without `for`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tests.faults.episodes import Rows, frames
from tests.faults.hooks import Did, Heard
from tests.faults.waves import COOLDOWN_SLOTS, RULES, SLOT_MS, Ruled

LIMIT = 200.0
CLEAR = 180.0  # "`>` b − 0.1|b|"; clear is not(price > 180)
FANOUT = "*"
REFUSALS = {Did.FAILED, Did.MISBEHAVED}  # known to have come to nothing, or counted as unsure
ENDS = {"delivered", "dead", "merged", "muted", "expired", "cancelled"}

Told = tuple[str, str, int, str]  # episode, kind, ordinal, channel


class Word(NamedTuple):
    """What is told of an episode. slot: in which that is decided."""

    opened: int
    kind: str
    ordinal: int
    slot: int


class Reminders(NamedTuple):
    """How often somebody is reminded of what fires, up to a slot."""

    every_slots: int
    last_slot: int


NO_REMINDERS = Reminders(every_slots=1, last_slot=-1)


def life(
    prices: Iterable[tuple[int, float]], *, reminders: Reminders = NO_REMINDERS
) -> Iterator[Word]:
    """The words on one state. prices: slots in order, NaN or no slot at all where nothing is known:
    then nothing is told ("our own loss of connectivity suppresses"), and "cooldown always runs"."""
    phase, opened, closed, ordinal, told = "ok", -1, -1, 0, -1
    for slot, price in prices:
        if math.isnan(price):
            continue
        cooled = slot - closed >= COOLDOWN_SLOTS
        if phase == "cooldown" and cooled:  # "cooldown over | ok"
            phase = "ok"
        if phase == "ok" and price > LIMIT:  # "true, `for` = 0 | firing"
            phase, opened, ordinal, told = "firing", slot, 1, slot
            yield Word(opened, "firing", 0, slot)
        elif phase == "cooldown" and price > LIMIT:  # "same episode, counted, not notified"
            phase = "reopened"
        elif phase == "reopened" and price <= CLEAR:  # "cooldown (not extended)"
            phase = "ok" if cooled else "cooldown"
        elif phase == "reopened" and cooled:  # "one notice 'active again'"
            phase, ordinal, told = "firing", ordinal + 1, slot
            yield Word(opened, "active_again", ordinal - 1, slot)
        elif phase == "firing" and price <= CLEAR:  # "clear holds | cooldown"
            phase, closed, ordinal = "cooldown", slot, ordinal + 1
            yield Word(opened, "resolved", ordinal - 1, slot)
        elif phase == "firing" and told + reminders.every_slots <= slot <= reminders.last_slot:
            ordinal, told = ordinal + 1, slot  # "firing ... *reminder* when due"
            yield Word(opened, "reminder", ordinal - 1, slot)


class Found(NamedTuple):
    """What is wrong, and how much there was. duplicates: notices that came more than once, as often
    as they did; unsure: attempts of which nobody knows the outcome."""

    episodes: int
    expected: int
    delivered: int
    merged: int
    heard: int
    duplicates: int
    unsure: int
    missing: list[Told]
    extra: list[Told]
    torn: list[tuple[str, bool]]
    stuck: list[tuple[str, str]]
    unheard: list[str]
    too_often: list[str]
    disordered: list[tuple[str, str]]

    @property
    def wrong(self) -> Mapping[str, Sequence[Any]]:
        """By its name, all that is."""
        lists = {name: value for name, value in self._asdict().items() if isinstance(value, list)}
        return {name: value for name, value in lists.items() if value}

    @property
    def figures(self) -> dict[str, int]:
        counts = {name: value for name, value in self._asdict().items() if isinstance(value, int)}
        return counts | {"wrong": sum(map(len, self.wrong.values()))}


class _Row(NamedTuple):
    id: int
    rule_id: int
    series_id: int
    episode: str
    kind: str
    ordinal: int
    channel: str
    decided_ms: int
    status: str
    detail: str
    unsure: int

    @property
    def name(self) -> str:
        return f"{self.episode}-{self.kind}-{self.ordinal}-{self.channel}"

    @property
    def told(self) -> Told:
        return self.episode, self.kind, self.ordinal, self.channel


def found(
    rows: Rows, *, rules: Mapping[str, Ruled], heard: Sequence[Heard],
    reminders: Reminders = NO_REMINDERS,
) -> Found:  # fmt: skip
    """Compare what was decided up to the slot through which everything is judged, and what became
    of it once nothing is under way any more."""
    outbox = [_Row(*row) for row in rows(
        "SELECT id, rule_id, series_id, episode, kind, ordinal, channel, decided_ms, status, "
        "detail, unsure FROM outbox ORDER BY id"
    )]  # fmt: skip
    numbers: dict[int, str] = dict(rows("SELECT id, name FROM rules"))
    ours = [
        row
        for row in outbox
        if numbers.get(row.rule_id, "").startswith(RULES) and row.episode.split("-")[1].isdigit()
    ]  # fmt: skip - not of a venue
    [(slot,)] = rows("SELECT slot FROM judged WHERE interval_ms = 1000")
    every = dict(_expected(rows, rules, reminders=reminders))
    expected = {told for told, decided in every.items() if decided <= slot}
    kept = {row.told for row in ours}
    came = Counter(one.id for one in heard)
    failed = Counter(one.id for one in heard if one.did in REFUSALS)
    hooks = {one.channel for one in heard}
    sent = [row for row in outbox if row.channel in hooks]
    return Found(
        episodes=sum(1 for told in expected if told[1] == "firing" and told[3] == FANOUT),
        expected=len(expected),
        delivered=sum(row.status == "delivered" for row in sent),
        merged=sum(row.status == "merged" for row in sent),
        heard=len(heard),
        duplicates=sum(count - 1 for count in came.values()),
        unsure=sum(row.unsure for row in sent),
        missing=sorted(expected - kept),
        extra=sorted(kept - every.keys()),
        torn=_torn(rows, ours, rules=[id for id, name in numbers.items() if name in rules]),
        stuck=[(row.name, row.status) for row in outbox if not _ended(row)],
        unheard=[row.name for row in sent if row.status == "delivered" and not came[row.name]],
        too_often=[row.name for row in sent
                   if came[row.name] > 1 + failed[row.name] + row.unsure],
        disordered=_disordered(sent, heard),
    )  # fmt: skip


def _ended(row: _Row) -> bool:
    return row.status in ENDS and (row.status == "delivered" or bool(row.detail))


def _expected(
    rows: Rows, rules: Mapping[str, Ruled], *, reminders: Reminders
) -> Iterator[tuple[Told, int]]:
    """Every word to the channels of its rule, and the slot in which it is decided."""
    made = {name: (id, created_ms // SLOT_MS)
            for id, name, created_ms in rows("SELECT id, name, created_ms FROM rules")}  # fmt: skip
    places = {
        f"{venue}:{base}/{quote}": (id, block_id, place)
        for id, venue, base, quote, block_id, place in rows(
            "SELECT s.id, m.venue, m.base, m.quote, s.block_id, s.place FROM series s "
            "JOIN markets m ON m.id = s.market_id"
        )
    }
    known = frames(rows)
    for name, ruled in rules.items():
        rule_id, first_slot = made[name]
        for series_id, block_id, place in (places[one] for one in ruled.series):
            prices = ((slot, values[place]) for slot, values in known.get(block_id, ())
                      if slot >= first_slot and place < len(values))  # fmt: skip
            for word in life(prices, reminders=reminders):
                episode = f"{rule_id}-{series_id}-{word.opened * SLOT_MS}"
                for channel in (FANOUT, *ruled.channels):
                    yield (episode, word.kind, word.ordinal, channel), word.slot


def _torn(rows: Rows, ours: Sequence[_Row], *, rules: Sequence[int]) -> list[tuple[str, bool]]:
    """Episodes that do not say what their notices say; of each, whether it lasts."""
    kept = rows("SELECT rule_id, series_id, opened_ms, closed_ms FROM episodes")
    lasting = {(f"{rule}-{series}-{opened}", end is None)
               for rule, series, opened, end in kept if rule in rules}  # fmt: skip
    opened = {row.episode for row in ours if row.kind == "firing"}
    last = {row.episode: row.kind for row in ours if row.channel == FANOUT}
    return sorted(lasting ^ {(name, last[name] != "resolved") for name in opened if name in last})


def _disordered(sent: Sequence[_Row], heard: Sequence[Heard]) -> list[tuple[str, str]]:
    """ "Nothing overtakes a retry": to one channel of one state, what was decided later never comes
    before what was decided earlier, not even once more."""
    rows = {row.name: row for row in sent}
    came = defaultdict[tuple[int, int, str], list[_Row]](list)
    for one in heard:
        if one.id in rows:
            row = rows[one.id]
            came[row.rule_id, row.series_id, row.channel].append(row)
    return [(before.name, after.name) for each in came.values()
            for before, after in pairwise(each) if after.id < before.id]  # fmt: skip
