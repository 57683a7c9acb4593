"""SEMANTICS.md 7 once more, from its text alone and the slow way: nothing is kept but what was said
and what happened, and every slot looks through all of it again.

What the product remembers in a state (timers, what stood still, what is owed, how often) is counted
here from the record each time. Nothing of the product is used but names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sigmawatch.domain.alert_policy import Policy
from sigmawatch.domain.alert_turn import Reason, Said

LASTING = ("FIRING", "RECOVERING", "REOPENED")


@dataclass
class Chapter:
    """An episode: `ends` are the slots it was closed with, `bells` what was told of it."""

    opened: int
    reopenings: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    bells: list[tuple[int, str]] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)

    @property
    def believed(self) -> bool:
        words = [kind for _, kind in self.bells if kind in ("firing", "active_again", "over")]
        return bool(words) and words[-1] != "over"


class Chronicle:
    """Slots count from 0."""

    def __init__(self, policy: Policy) -> None:
        minute = policy.interval.ms
        self.slots_for = -(-policy.for_ms // minute)
        self.slots_clear = -(-policy.clear_for_ms // minute)
        self.slots_cooldown = -(-policy.cooldown_ms // minute)
        self.slots_reminder = -(-policy.reminder_ms // minute)
        self.slots_no_data = -(-policy.no_data_for_ms // minute)
        self.hour = 3_600_000 // minute
        self.policy = policy
        self.record: list[Said] = []
        self.phases: list[str] = []
        self.phase = "WARMUP"
        self.chapters: list[Chapter] = []
        self.reset = 0  # nothing before this slot is remembered
        self.anew = 0  # no timer began before this slot
        self.cooling = -1  # the slot the cooldown began with
        self.tellings: list[tuple[int, str, int, int]] = []
        self.accounts: list[tuple[int, int, int | None, str, int]] = []
        self.almosts: list[tuple[int, int]] = []
        self.late_ends: list[int] = []  # and words on flapping

    @property
    def now(self) -> int:
        return len(self.record) - 1

    @property
    def chapter(self) -> Chapter:
        return self.chapters[-1]

    # What was said, looked through backwards

    def true(self, slot: int) -> bool:
        return self.record[slot].condition == 1

    def clear(self, slot: int) -> bool:
        return self.record[slot].clear == 1 and not self.true(slot)

    def unknown(self, slot: int, *, lasting: bool) -> bool:
        said = self.record[slot]
        if lasting:
            return said.condition != 1 and said.clear == -1
        return said.condition == -1

    def unknown_slots(self, *, since: int = 0) -> int:
        """How many slots, this one the last, say nothing."""
        lasting, count = self.phase in LASTING, 0
        for slot in range(self.now, since - 1, -1):
            if not self.unknown(slot, lasting=lasting):
                break
            count += 1
        return count

    def held(self, *, clearing: bool) -> Iterator[int]:
        """The slots, this one first, at which the condition (the clear condition) held without a
        break; two unknown ones in a row are none."""
        first, gap = self.anew, 0
        for slot in range(self.now, first - 1, -1):
            if self.unknown(slot, lasting=clearing):
                gap += 1
                if gap > 2:
                    return
            elif self.clear(slot) if clearing else self.true(slot):
                gap = 0
                yield slot
            else:
                return

    def for_over(self) -> bool:
        return self.true(self.now) and len(list(self.held(clearing=False))) > self.slots_for

    def clear_for_over(self) -> bool:
        return len(list(self.held(clearing=True))) > self.slots_clear

    # A slot

    def judge(self, said: Said) -> None:
        self.record.append(said)
        ended = said.ended
        until = self.policy.valid_until_ms
        if ended is None and until is not None and self.now * self.policy.interval.ms >= until:
            ended = Reason.EXPIRED
        if ended is not None:
            self.vanish(ended)
        else:
            self.live(said)
        self.phases.append(self.phase)

    def vanish(self, reason: Reason) -> None:
        if self.phase in LASTING:
            self.account(reason)
        quiet = bool(int(self.record[-1].held) & 7)
        for chapter in self.chapters:
            if chapter.believed and not quiet:
                self.ring(chapter, "resolved")
            chapter.bells.append((self.now, "over"))
        self.phase, self.reset, self.anew = "WARMUP", self.now + 1, self.now + 1
        self.late_ends.clear()

    def live(self, said: Said) -> None:
        if said.acknowledged and self.chapters:
            self.chapter.seen.append(self.now)
        if said.edited:
            self.edit()
        for _ in range(5):
            before = self.phase
            getattr(self, "in_" + self.phase.lower())()
            if self.phase == before:
                break
        self.notify()

    def edit(self) -> None:
        if self.phase in LASTING:
            if self.true(self.now):
                return
            self.account(Reason.EDITED)
            self.chapter.ends.append(self.now)
        self.anew = self.now
        if self.phase != "COOLDOWN":
            self.phase = "WARMUP"

    def in_warmup(self) -> None:
        if not self.unknown(self.now, lasting=False):
            self.phase = "OK"

    def in_ok(self) -> None:
        opened = sum(chapter.opened >= self.reset for chapter in self.chapters)
        if not self.true(self.now) or opened >= (self.policy.max_triggers or 10**9):
            return
        if self.slots_for:
            self.phase = "PENDING"
        else:
            self.open()

    def in_pending(self) -> None:
        if self.for_over():
            self.open()
        elif not self.true(self.now):
            unknown = self.unknown_slots(since=self.anew)
            if unknown in (1, 2):
                return
            known = self.now - unknown
            since = self.began(known if unknown else self.now - 1)
            self.almosts.append((self.now, since))
            self.phase = "OK"

    def began(self, last: int) -> int:
        """The first slot of the run of true that ends with `last`, or just before it."""
        record, self.record = self.record, self.record[: last + 1]
        runs = list(self.held(clearing=False))
        self.record = record
        return runs[-1]

    def open(self) -> None:
        self.chapters.append(Chapter(self.now))
        self.phase = "FIRING"
        self.accounts.append((self.now, self.now, None, "", 0))

    def close(self, reason: Reason) -> None:
        self.account(reason)
        if self.phase != "REOPENED":
            self.cooling = self.now
        self.chapter.ends.append(self.now)
        self.phase, self.anew = "COOLDOWN", self.now + 1

    def account(self, reason: Reason) -> None:
        chapter = self.chapter
        self.accounts.append(
            (self.now, chapter.opened, self.now, reason, len(chapter.reopenings))
        )  # fmt: skip

    def without_data(self, policy: str) -> bool:
        silent = self.unknown_slots() > self.slots_no_data and self.unknown_slots() > 0
        return self.policy.no_data == policy and silent

    def in_firing(self) -> None:
        if self.without_data("ok"):
            self.close(Reason.NO_DATA)
        elif self.clear(self.now):
            if self.slots_clear:
                self.phase = "RECOVERING"
            else:
                self.close(Reason.CLEARED)

    def in_recovering(self) -> None:
        if self.without_data("ok"):
            self.close(Reason.NO_DATA)
        elif self.clear(self.now):
            if self.clear_for_over():
                self.close(Reason.CLEARED)
        elif self.unknown_slots() not in (1, 2):
            self.phase = "FIRING"

    def in_cooldown(self) -> None:
        if self.now - self.cooling >= self.slots_cooldown:
            running = self.unknown_slots(since=self.anew) <= 2 and self.still_true()
            self.phase = "PENDING" if running else "OK"
        elif self.for_over():
            self.chapter.reopenings.append(self.now)
            self.accounts.append(
                (self.now, self.chapter.opened, None, "", len(self.chapter.reopenings))
            )
            self.phase = "REOPENED"

    def still_true(self) -> bool:
        return bool(list(self.held(clearing=False)))

    def in_reopened(self) -> None:
        if self.without_data("ok"):
            self.close(Reason.NO_DATA)
        elif self.clear(self.now):
            self.close(Reason.CLEARED)
        elif self.now - self.cooling >= self.slots_cooldown and self.unknown_slots() not in (1, 2):
            self.phase = "FIRING"

    # What is told

    def ring(self, chapter: Chapter, kind: str) -> None:
        """A bell, and for an end the word that it is over."""
        ending = kind == "resolved"
        if ending and not self.policy.notify_resolved:
            return
        if ending and self.accounts[-1][0] == self.now and self.accounts[-1][3] == Reason.NO_DATA:
            kind = "no_data"
        ordinal = sum(word != "over" for _, word in chapter.bells)
        chapter.bells.append((self.now, kind))
        self.tellings.append((self.now, kind, chapter.opened, ordinal))

    def notify(self) -> None:
        if not self.record[-1].held:
            self.make_good()
        if not self.chapters or self.chapter.opened < self.reset:
            return
        if self.phase in LASTING and self.without_data("alert"):
            self.tell_of_data()
        if self.phase == "FIRING" and self.chapter.believed and self.slots_reminder:
            self.remind()
        self.tell_of_flapping()

    def make_good(self) -> None:
        for chapter in self.chapters:
            newest = chapter is self.chapter
            if chapter.believed and not (newest and self.phase in LASTING):
                self.ring(chapter, "resolved")
                chapter.bells.append((self.now, "over"))
                cooled = newest and self.phase == "COOLDOWN" and self.cooling < self.now
                if cooled or chapter.ends[-1] < self.now:
                    self.late_ends.append(self.now)
        if self.phase in ("FIRING", "RECOVERING") and not self.chapter.believed:
            again = any(kind == "firing" for _, kind in self.chapter.bells)
            self.ring(self.chapter, "active_again" if again else "firing")

    def tell_of_data(self) -> None:
        silent_since = self.now - self.unknown_slots() + 1
        if any(at >= silent_since and kind in ("no_data", "unheard") for at, kind in
               self.chapter.bells + self.unheard):  # fmt: skip
            return
        if self.record[-1].held:
            self.unheard.append((self.now, "unheard"))
        else:
            self.ring(self.chapter, "no_data")

    @property
    def unheard(self) -> list[tuple[int, str]]:
        return self.__dict__.setdefault("_unheard", [])  # type: ignore[no-any-return]

    def remind(self) -> None:
        if self.unknown_slots() or self.chapter.seen:
            return
        words = ("firing", "active_again", "reminder", "skipped")
        last = max(at for at, kind in self.chapter.bells + self.skipped if kind in words)
        if self.now - last >= self.slots_reminder:
            if self.record[-1].held:
                self.skipped.append((self.now, "skipped"))
            else:
                self.ring(self.chapter, "reminder")

    @property
    def skipped(self) -> list[tuple[int, str]]:
        return self.__dict__.setdefault("_skipped", [])  # type: ignore[no-any-return]

    def tell_of_flapping(self) -> None:
        times = [slot for chapter in self.chapters for slot in chapter.reopenings
                 if slot >= self.reset]  # fmt: skip
        began = None
        for place, slot in enumerate(times):
            if place and slot - times[place - 1] >= self.hour:
                began = None
            if began is None and place >= 4 and slot - times[place - 4] < self.hour:
                began = slot
        if began is None or self.now - times[-1] >= self.hour:
            return
        if any(self.now - at < self.hour for at in self.late_ends):
            return
        self.late_ends.append(self.now)
        if self.record[-1].held:
            return
        before = any(kind in ("flapping", "summary") and at >= began for at, kind, _, _ in
                     self.tellings)  # fmt: skip
        self.ring(self.chapter, "summary" if before else "flapping")
