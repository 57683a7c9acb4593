"""Decisions about a stream's connection: what to subscribe to next, when it is dead, how long to
wait. Pure: times (monotonic milliseconds) and chance are handed in; standard library only.

An open, even an acknowledged, connection may be dead (EXCHANGES.md 0.7), so every subscription is
followed from the request to its first word, and one that is refused or never answered is asked
again in a smaller company, later and later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sigmawatch.domain.stream import Channel, Declined, StreamTraits, Taken

ANSWER_MS = 10_000  # without a word for so long, a request was not heard
QUIET_FACTOR = 3  # a channel that is silent for so many of its longest pauses is dead
QUIET_MIN_MS = 10_000
RHYTHM_MIN = 20  # pieces of news that a rhythm is known from
PAUSE_HALVES_MS = 600_000.0
AGAIN_MS, AGAIN_MAX_MS = 1_000, 600_000
DOUBLINGS_MAX = 10
CONNECT_EVERY_MS = 1_000  # never sooner (RELIABILITY.md P17)
BACKOFF_MAX_MS = 60_000
DEAD_SHARE = 0.5

Key = tuple[Channel, str]


def backoff_ms(failures: int, *, chance: float) -> int:
    """How long to wait before connecting again after the `failures`-th life in a row that came to
    nothing: full jitter up to 60 s, as in "Exponential Backoff And Jitter" (M. Brooker, AWS
    Architecture Blog, 2015), and never below a second. chance: uniform in [0, 1)."""
    assert failures >= 0
    ceiling = min(CONNECT_EVERY_MS << min(failures, DOUBLINGS_MAX), BACKOFF_MAX_MS)
    return max(CONNECT_EVERY_MS, round(chance * ceiling))


@dataclass(slots=True)
class _Subscription:
    """asked_ms, taken_ms: when, None where not (yet). due_ms: not before. refusals: so far."""

    due_ms: int = 0
    asked_ms: int | None = None
    taken_ms: int | None = None
    refusals: int = 0
    heard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A subscription to send now."""

    id: int
    channel: Channel
    natives: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Subscriptions:
    """What one connection is asked for, and how far that is."""

    traits: StreamTraits
    refused_count: int = 0
    _all: dict[Key, _Subscription] = field(default_factory=dict)
    _requests: dict[int, Request] = field(default_factory=dict)
    _next_ms: int = 0

    def want(self, keys: Iterable[Key]) -> None:
        """These, and no others; as many of a channel as a connection carries."""
        counts: Counter[Channel] = Counter()
        chosen: dict[Key, _Subscription] = {}
        for key in keys:
            counts[key[0]] += 1
            if key[0] in self.traits.whole or counts[key[0]] <= self.traits.markets_max:
                chosen[key] = self._all.get(key) or _Subscription()
        self._all = chosen

    def due(self, now_ms: int) -> Request | None:
        """What to ask for now. One request at a time, no faster than the venue bears."""
        self._overdue(now_ms)
        if now_ms < self._next_ms:
            return None
        waiting = {
            key: one
            for key, one in self._all.items()
            if one.asked_ms is None and one.taken_ms is None and one.due_ms <= now_ms
        }
        if not waiting:
            return None
        (channel, _), first = next(iter(waiting.items()))
        alike = [native for (kind, native), one in waiting.items()
                 if kind is channel and one.refusals == first.refusals]  # fmt: skip
        few = max(1, self.traits.chunk_max >> min(first.refusals, DOUBLINGS_MAX))
        natives = tuple(alike if channel in self.traits.whole else alike[:few])
        request = Request(id=len(self._requests) + 1, channel=channel, natives=natives)
        self._requests[request.id] = request
        for native in natives:
            self._all[channel, native].asked_ms = now_ms
        self._next_ms = now_ms + self.traits.request_every_ms
        return request

    def taken(self, said: Taken, now_ms: int) -> list[Key]:
        """The venue has confirmed; which subscriptions that were not before."""
        fresh = [key for key in self._named(said) if self._all[key].taken_ms is None]
        for key in fresh:
            self._all[key].taken_ms = now_ms
        return fresh

    def declined(self, said: Declined, now_ms: int) -> None:
        """The venue has refused: asked again with fewer, later and later."""
        for key in self._named(said):
            if self._all[key].taken_ms is None:
                self._refuse(self._all[key], now_ms, final=said.final)

    def heard(self, channel: Channel, native: str) -> None:
        """Something was told of a market."""
        one = self._all.get((channel, native))
        if one is not None:
            one.heard = True

    def holds(self, channel: Channel, native: str) -> bool:
        """Whether a market's subscription is confirmed."""
        one = self._all.get((channel, native))
        return one is not None and one.taken_ms is not None

    @property
    def taken_count(self) -> int:
        return sum(one.taken_ms is not None for one in self._all.values())

    @property
    def wanted_count(self) -> int:
        return len(self._all)

    def covers(self, keys: Iterable[Key]) -> bool:
        """Whether all of these are among what is wanted, as far as a connection carries them."""
        return len(self._all) >= self.traits.markets_max or all(key in self._all for key in keys)

    @property
    def settled(self) -> bool:
        """Whether everything is confirmed or was refused."""
        return all(one.taken_ms is not None or one.refusals for one in self._all.values())

    def dead(self, now_ms: int) -> Channel | None:
        """A channel that should have spoken up by now and has not, for most of its markets: it was
        confirmed and is silent. One market alone may have nothing to tell."""
        for channel in sorted(self.traits.begins_with):
            mine = [one for (kind, _), one in self._all.items()
                    if kind is channel and one.taken_ms is not None]  # fmt: skip
            mute = [one for one in mine
                    if not one.heard and now_ms - (one.taken_ms or 0) >= ANSWER_MS]  # fmt: skip
            if mute and len(mute) >= DEAD_SHARE * len(mine):
                return channel
        return None

    def _named(self, said: Taken | Declined) -> list[Key]:
        """Which subscriptions an answer is about: those it names, those of its request, else all
        that wait for an answer."""
        channel, natives = said.channel, said.natives
        asked = self._requests.get(said.request or 0)
        if asked is not None:
            channel = channel or asked.channel
            natives = asked.natives if natives is None else natives
        if natives is None:
            return [key for key, one in self._all.items()
                    if one.asked_ms is not None and one.taken_ms is None
                    and channel in (None, key[0])]  # fmt: skip
        kinds = list(Channel) if channel is None else [channel]
        return [(kind, native) for kind in kinds for native in natives
                if (kind, native) in self._all]  # fmt: skip

    def _overdue(self, now_ms: int) -> None:
        for one in self._all.values():
            asked_ms = one.asked_ms
            if asked_ms is not None and one.taken_ms is None and now_ms - asked_ms >= ANSWER_MS:
                self._refuse(one, now_ms, final=False)

    def _refuse(self, one: _Subscription, now_ms: int, *, final: bool) -> None:
        one.asked_ms = None
        wait_ms = min(AGAIN_MS << min(one.refusals, DOUBLINGS_MAX), AGAIN_MAX_MS)
        one.due_ms = now_ms + (AGAIN_MAX_MS if final else wait_ms)
        one.refusals += 1
        self.refused_count += 1


@dataclass(slots=True)
class _Rhythm:
    """When a channel spoke last, how often it did, and its longest pause of late."""

    data_ms: int
    count: int = 0
    pause_ms: float = 0.0


@dataclass(slots=True, kw_only=True)
class Pulse:
    """When a connection, and each of its channels, last said something new."""

    traits: StreamTraits
    frame_ms: int
    _rhythms: dict[Channel, _Rhythm] = field(default_factory=dict)

    def beat(self, now_ms: int) -> None:
        """Any frame has come."""
        self.frame_ms = now_ms

    def data(self, channel: Channel, now_ms: int) -> None:
        """News has come on a channel. Old pauses fade with time, not with the number of frames: a
        burst of trades says nothing about the next quiet minute."""
        rhythm = self._rhythms.setdefault(channel, _Rhythm(now_ms))
        gap_ms = now_ms - rhythm.data_ms
        faded_ms = rhythm.pause_ms * 0.5 ** (gap_ms / PAUSE_HALVES_MS)
        rhythm.pause_ms = max(float(gap_ms), faded_ms)
        rhythm.data_ms, rhythm.count = now_ms, rhythm.count + 1

    def silent(self, now_ms: int, *, trading: bool) -> str | None:
        """Why the connection must be taken for dead; None where it need not. trading: whether the
        venue has anything to tell."""
        if now_ms - self.frame_ms >= self.traits.silence_ms:
            return f"no frame for {(now_ms - self.frame_ms) / 1_000:.0f} s"
        for channel, rhythm in self._rhythms.items() if trading else ():
            quiet_ms = now_ms - rhythm.data_ms
            usual_ms = max(QUIET_MIN_MS, QUIET_FACTOR * rhythm.pause_ms)
            if rhythm.count >= RHYTHM_MIN and quiet_ms >= usual_ms:
                return f"no {channel} for {quiet_ms / 1_000:.0f} s"
        return None
