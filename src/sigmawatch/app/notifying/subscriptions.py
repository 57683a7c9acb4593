"""The subscriptions of one program: who follows what, and who is to hear of a notice.

An address is told of nothing before who has it has said that they want it, by a link that only we
can have sent. Changes are durable before they are seen. Who is meant is found once per distinct
rule, watchlist and pattern, however many follow it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from sigmawatch.app.access.owning import check_theirs, visible
from sigmawatch.app.notifying.tokens import Purpose, Signer, named
from sigmawatch.app.notifying.wording import RANK, rated
from sigmawatch.app.watchlists import Watchlists
from sigmawatch.domain.announcement import Question
from sigmawatch.domain.audit import OURSELVES, Actor
from sigmawatch.domain.caller import Caller
from sigmawatch.domain.errors import Conflict, Invalid, NotFound
from sigmawatch.domain.notice import PROGRAM, SUBSCRIBER, Notice, NoticeKind
from sigmawatch.domain.receipt import Receipt
from sigmawatch.domain.subscription import Following, Follows, Subscription
from sigmawatch.domain.watchlist import Pattern, matcher, parse_pattern
from sigmawatch.domain.window import DAY_MS
from sigmawatch.ports.delivery import DeliveryStore
from sigmawatch.ports.ledger import Ledger
from sigmawatch.ports.zones import Zones

SUBSCRIPTIONS_MAX = 100_000
PER_ADDRESS_MAX = 100
CONFIRM_WITHIN_MS = 7 * DAY_MS
_SERIES = re.compile(r"([^:\s]+):([^/\s]+)/(\S+) (\S+)")


Meaning = Callable[[tuple[str, ...]], bool]  # whether (venue, base, quote, metric) is meant


@dataclass(slots=True)
class _Followers:
    """Confirmed subscriptions by what they follow."""

    rules: dict[str, list[Subscription]] = field(default_factory=lambda: defaultdict(list))
    lists: dict[str, list[Subscription]] = field(default_factory=lambda: defaultdict(list))
    patterns: dict[str, list[Subscription]] = field(default_factory=lambda: defaultdict(list))
    meant: dict[str, Meaning] = field(default_factory=dict)

    @classmethod
    def of(cls, subscriptions: Iterable[Subscription]) -> _Followers:
        found = cls()
        for one in subscriptions:
            match one.following.follows:
                case Follows.RULE:
                    found.rules[one.following.target].append(one)
                case Follows.WATCHLIST:
                    found.lists[one.following.target].append(one)
                case Follows.PATTERN:
                    found.patterns[one.following.target].append(one)
        found.meant = {text: meaning(parse_pattern(text)) for text in found.patterns}
        return found


def meaning(pattern: Pattern) -> Meaning:
    """`pattern.means`, prepared for being asked often."""
    matchers = tuple(map(matcher, (pattern.venue, pattern.base, pattern.quote, pattern.metric)))
    return lambda names: all(means(name) for means, name in zip(matchers, names, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where subscriptions are kept, and what time it is."""

    ledger: Ledger
    store: DeliveryStore
    now_ms: Callable[[], int]


class Subscriptions:
    """Makes, confirms, ends and finds them."""

    def __init__(
        self, keeping: Keeping, *, watchlists: Watchlists, signer: Signer, zones: Zones
    ) -> None:  # fmt: skip
        self._ledger = keeping.ledger
        self._store = keeping.store
        self._now_ms = keeping.now_ms
        self._watchlists = watchlists
        self._signer = signer
        self._zones = zones
        self._standing: dict[int, Subscription] = {}
        self._followers: _Followers | None = None

    async def recover(self) -> None:
        """Read them back."""
        self._standing = {one.id: one for one in await self._store.subscriptions()}
        self._followers = None

    @property
    def all(self) -> Sequence[Subscription]:
        """By number."""
        return list(self._standing.values())

    def visible(self, caller: Caller) -> Sequence[Subscription]:
        """Those that exist for a caller, by number."""
        return visible(self.all, caller)

    def standing(self, name: str) -> Subscription:
        """By its number or its name in the outbox. Raises NotFound."""
        number = name.removeprefix(SUBSCRIBER)
        found = self._standing.get(int(number)) if number.isdecimal() else None
        if found is None:
            raise NotFound(f"there is no subscription {number[:40]}", field="number")
        return found

    async def make(self, following: Following, *, by: Actor = OURSELVES) -> Subscription:
        """A new one, and the question to its address in the outbox. Raises Conflict, Invalid."""
        following = replace(following, owner_id=by.caller.user_id)
        same = [one for one in self._standing.values()
                if one.following.address == following.address]  # fmt: skip
        if any((one.following.follows, one.following.target)
               == (following.follows, following.target) for one in same):  # fmt: skip
            raise Conflict(f"this address follows {following.target} already", field="target")
        if len(same) >= PER_ADDRESS_MAX or len(self._standing) >= SUBSCRIPTIONS_MAX:
            raise Invalid("there are too many subscriptions already", field="address",
                          allowed=f"{PER_ADDRESS_MAX} an address")  # fmt: skip
        async with self._ledger.transaction() as transaction:
            made = await transaction.subscriptions.put(following)
            await transaction.outbox.put([_question(made)])
            await transaction.audit.append(
                by.did("subscription.add", f"subscription {made.id}", after=_said(made))
            )
        self._keep(made)
        return made

    async def confirm(self, token: str) -> Subscription:
        """By the link that its address got: once, within a week. Raises NotFound."""
        found = self._proven(Purpose.CONFIRM, token)
        if self._now_ms() >= found.made_ms + CONFIRM_WITHIN_MS:
            raise _no_link()
        async with self._ledger.transaction() as transaction:
            if not await transaction.subscriptions.confirm(found.id):
                raise _no_link()
        confirmed = Subscription(id=found.id, following=found.following, made_ms=found.made_ms,
                                 confirmed_ms=self._now_ms())  # fmt: skip
        self._keep(confirmed)
        return confirmed

    async def unsubscribe(self, token: str) -> None:
        """By the link in every message. Raises NotFound."""
        await self.end(self._proven(Purpose.UNSUBSCRIBE, token).id)

    async def end(self, number: int, *, by: Actor = OURSELVES) -> None:
        """Raises NotFound, NotPermitted."""
        found = self.standing(str(number))
        if not by.caller.sees(found.owner_id):
            raise NotFound(f"there is no subscription {number}", field="number")
        check_theirs(found, by, name=f"subscription {number}")
        async with self._ledger.transaction() as transaction:
            await transaction.subscriptions.end(found.id)
            await transaction.audit.append(
                by.did("subscription.end", f"subscription {found.id}", before=_said(found))
            )
        del self._standing[found.id]
        self._followers = None

    def token(self, purpose: Purpose, channel: str) -> str | None:
        """Of a subscription by its name in the outbox; None where there is none."""
        if not channel.startswith(SUBSCRIBER):
            return None
        try:
            found = self.standing(channel)
        except NotFound:
            return None
        return self._signer.token(purpose, found.id, made_ms=found.made_ms)

    def _keep(self, one: Subscription) -> None:
        self._standing[one.id] = one
        self._followers = None

    def _proven(self, purpose: Purpose, token: str) -> Subscription:
        number = named(token)
        found = None if number is None else self._standing.get(number)
        if found is None or not self._signer.holds(purpose, token, made_ms=found.made_ms):
            raise _no_link()
        return found

    # Who is to hear

    def muted(self, one: Subscription, *, now_ms: int) -> bool:
        """Whether one of its windows holds."""
        return any(window.holds(now_ms + self._zones.offset_ms(window.zone, now_ms))
                   for window in one.following.mute)  # fmt: skip

    def hearing(self, notice: Notice, receipt: Receipt) -> Sequence[Subscription]:
        """Confirmed subscriptions that mean a notice, each once, by number. What is about the
        program itself is not for subscribers."""
        if notice.rule_id == PROGRAM:
            return ()
        followers = self._followers = self._followers or _Followers.of(
            one for one in self._standing.values() if one.confirmed_ms is not None
        )
        names = [receipt.series, *(one.series for one in receipt.listed)]
        series = [parts for name in names if (parts := _parts(name))]
        found = {one.id: one for one in followers.rules.get(receipt.rule, ())}
        for text, following in followers.patterns.items():
            if any(map(followers.meant[text], series)):
                found.update((one.id, one) for one in following)
        for name, following in followers.lists.items():
            if any(pattern.means(parts) for pattern in self._patterns(name) for parts in series):
                found.update((one.id, one) for one in following)
        rank = RANK[rated(receipt.severity)]
        return [found[key] for key in sorted(found)
                if RANK[found[key].following.severity] <= rank]  # fmt: skip

    def _patterns(self, watchlist: str) -> Sequence[Pattern]:
        try:
            return self._watchlists.find(watchlist).patterns
        except NotFound:
            return ()  # it was removed; who follows it hears of nothing until it is there again


def _parts(series: str) -> tuple[str, str, str, str] | None:
    """Venue, base, quote and metric of a series as receipts name it."""
    match = _SERIES.fullmatch(series)
    return None if match is None else (match[1], match[2], match[3], match[4])


def _said(one: Subscription) -> dict[str, object]:
    return {"address": one.following.address, "target": one.following.told,
            "owner": one.owner_id}  # fmt: skip


def _no_link() -> NotFound:
    return NotFound("this link is none of ours, was used already, or is too old", field="token")


def _question(one: Subscription) -> Notice:
    receipt = Question(subscription=one.id, made_ms=one.made_ms, target=one.following.told)
    return Notice(
        rule_id=PROGRAM, series_id=0, episode=f"subscription-{one.id}", kind=NoticeKind.CONFIRM,
        ordinal=0, channel=one.channel, decided_ms=one.made_ms, due_ms=one.made_ms,
        receipt=msgspec.json.encode(receipt).decode(),
    )  # fmt: skip
