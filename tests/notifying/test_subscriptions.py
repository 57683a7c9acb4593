"""Who follows what is told, at an address of their own, and nobody else (SEMANTICS.md 8)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.notifying.world import START_MS, World, a_world, notice

from sigmawatch.app.notifying.tokens import Purpose, Signer
from sigmawatch.domain.account import User
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import COMMAND_LINE, Caller, Role
from sigmawatch.domain.errors import Conflict, Invalid, NotFound
from sigmawatch.domain.message import Message
from sigmawatch.domain.notice import FANOUT, NoticeKind, NoticeStatus
from sigmawatch.domain.subscription import Following, Subscription

ADA = "ada@example.org"
PUBLIC = {"public_url": "https://alerts.example.org"}


def mailed(world: World, address: str = ADA) -> list[Message]:
    found = world.services.mail.get(address)
    return [] if found is None else [message for _, message, _ in found.heard]


async def follows(world: World, target: str, *, address: str = ADA, severity: str = "info",
                  mute: tuple[str, ...] = ()) -> Subscription:  # fmt: skip
    """Asked, and confirmed by the token that only its address got."""
    subscriptions = world.notifying.subscriptions
    made = await world.notifying.subscribe(
        Following.of(address, target=target, severity=severity, mute=mute)
    )
    token = subscriptions.token(Purpose.CONFIRM, made.channel)
    assert token is not None
    return await subscriptions.confirm(token)


async def test_an_address_is_asked_and_told_of_nothing_until_it_says_yes(tmp_path: Path) -> None:
    async with a_world(tmp_path / "data", notify=PUBLIC) as world:
        await world.notifying.subscribe(Following.of(ADA, target="rule:hot"))
        await world.put(notice())
        await world.settled()
        [question] = mailed(world)
        assert question.title == "Confirm that you want alerts on rule:hot"
        assert question.link is not None
        [token] = parse_qs(urlsplit(question.link).query)["token"]
        await world.notifying.subscriptions.confirm(token)
        await world.put(notice(series_id=2))
        await world.settled()
        [_, told] = mailed(world)
        assert told.title.startswith("Firing: hot")
        with pytest.raises(NotFound):  # once
            await world.notifying.subscriptions.confirm(token)


async def test_a_link_is_good_for_its_own_purpose_and_subscription_and_for_a_week(
    world: World,
) -> None:
    subscriptions = world.notifying.subscriptions
    made = await world.notifying.subscribe(Following.of(ADA, target="rule:hot"))
    other = Signer(b"x" * 32)
    unsubscribe = subscriptions.token(Purpose.UNSUBSCRIBE, made.channel)
    confirm = subscriptions.token(Purpose.CONFIRM, made.channel)
    assert unsubscribe is not None
    assert confirm is not None
    forged = [
        unsubscribe, other.token(Purpose.CONFIRM, made.id, made_ms=made.made_ms),
        confirm.replace("1.", "2.", 1), confirm + "a", "", "1",
    ]  # fmt: skip
    for token in forged:
        with pytest.raises(NotFound):
            await subscriptions.confirm(token)
    await world.clock.advance_to_ms(START_MS + 7 * 86_400_000)
    with pytest.raises(NotFound):
        await subscriptions.confirm(confirm)


async def test_every_mail_holds_the_link_that_ends_it(tmp_path: Path) -> None:
    """RFC 8058: an https address that ends it by one POST."""
    async with a_world(tmp_path / "data", notify=PUBLIC) as world:
        await follows(world, "rule:hot")
        await world.put(notice())
        await world.settled()
        link = mailed(world)[-1].unsubscribe
        assert link is not None
        assert link.startswith("https://alerts.example.org/subscriptions/unsubscribe?token=")
        [token] = parse_qs(urlsplit(link).query)["token"]
        await world.notifying.subscriptions.unsubscribe(token)
        await world.put(notice(series_id=2))
        await world.settled()
        assert len(mailed(world)) == 2
        assert await world.ledger.delivery.subscriptions() == []


@pytest.mark.parametrize(
    ("target", "series", "hears"),
    [
        ("rule:hot", "KRAKEN:BTC/USD price", True),
        ("rule:cold", "KRAKEN:BTC/USD price", False),
        ("pattern:kraken:*/usd", "KRAKEN:BTC/USD price", True),
        ("pattern:kraken:*/usd", "KRAKEN:BTC/EUR price", False),
        ("pattern:*:BTC/*:price", "BINANCE:BTC/USDT traded_quote", False),
        ("watchlist:majors", "COINBASE:ETH/EUR price", True),
        ("watchlist:majors", "COINBASE:SOL/EUR price", False),
        ("watchlist:gone", "COINBASE:SOL/EUR price", False),
    ],
)
async def test_a_subscription_means_a_rule_a_pattern_or_a_watchlist(
    tmp_path: Path, target: str, series: str, hears: bool
) -> None:
    lists = [{"name": "majors", "items": ["*:ETH/*", "*:BTC/*"]}]
    async with a_world(tmp_path / "data", watchlists=lists) as world:
        await follows(world, target)
        await world.put(notice(series=series))
        await world.settled()
        assert len(mailed(world)) == 1 + hears


async def test_a_users_subscription_is_told_of_nothing_that_is_another_users(world: World) -> None:
    """SECURITY.md, S07: a pattern means series, and not whose rules they are judged by."""
    async with world.ledger.transaction() as transaction:
        for user in ("edi", "eve"):
            await transaction.access.put_user(
                User(name=user, role=Role.EDITOR, made_ms=START_MS, changed_ms=START_MS)
            )
        rule = await transaction.rules.put("hot", text="price > 1", settings="{}", origin="api",
                                           enabled=True)  # fmt: skip
        assert (await transaction.rules.give(rule, 1)).id == 1  # the rule of notice()
    subscriptions = world.notifying.subscriptions
    for address, user_id in (("edi@example.org", 1), ("eve@example.org", 2), (ADA, None)):
        caller = COMMAND_LINE
        if user_id is not None:
            caller = Caller.user(user_id, role=Role.EDITOR, name=address)
        made = await world.notifying.subscribe(
            Following.of(address, target="pattern:*:BTC/*"), by=Actor(caller=caller)
        )
        await subscriptions.confirm(subscriptions.token(Purpose.CONFIRM, made.channel) or "")
    await world.put(notice())
    await world.settled()
    told = {who: len(mailed(world, f"{who}@example.org")) - 1 for who in ("edi", "eve", "ada")}
    assert told == {"edi": 1, "eve": 0, "ada": 1}


async def test_less_than_what_a_subscriber_wants_to_hear_of_is_not_told(world: World) -> None:
    await follows(world, "rule:hot", severity="critical")
    await world.put(notice(severity="warning"), notice(series_id=2, severity="critical"))
    await world.settled()
    assert len(mailed(world)) == 2


async def test_who_follows_a_thing_in_three_ways_is_told_three_times_but_never_twice_by_one(
    world: World,
) -> None:
    await follows(world, "rule:hot")
    await follows(world, "pattern:*:BTC/*")
    with pytest.raises(Conflict):
        await follows(world, "rule:hot")
    await world.put(notice())
    await world.settled()
    assert len(mailed(world)) == 4


async def test_at_the_end_of_a_mute_what_still_fires_is_told_and_the_rest_is_not(
    world: World,
) -> None:
    await follows(world, "rule:hot", mute=("08:00-09:00 UTC",))
    await world.put(notice(), notice(series_id=2))
    await world.settled()
    await world.put(notice(NoticeKind.RESOLVED, series_id=2, ordinal=1, at_ms=START_MS + 60_000))
    for _ in range(20):
        await world.clock.advance_to_ms(world.clock.now_ms() + 200_000)
        await world.settled()
    assert [message.id for message in mailed(world)[1:]] == [notice(channel="@1").id]
    ends = await world.statuses("@1")
    assert ends[1:] == [NoticeStatus.DELIVERED, NoticeStatus.MERGED, NoticeStatus.MUTED]


async def test_without_a_public_address_the_mail_holds_a_code(world: World) -> None:
    await world.notifying.subscribe(Following.of(ADA, target="rule:hot"))
    await world.settled()
    [question] = mailed(world)
    code = question.lines[1].rsplit(" ", 1)[1]
    await world.notifying.subscriptions.confirm(code)


async def test_where_no_mail_can_be_sent_nobody_can_subscribe(world: World) -> None:
    world.services.mails = False
    with pytest.raises(Invalid, match="no mail can be sent"):
        await world.notifying.subscribe(Following.of(ADA, target="rule:hot"))
    assert await world.deliveries() == []


@pytest.mark.parametrize("address", ["ada", "ada@", "a@b", "a\n@b.org", "a@b.org\r\nBcc: x@y.org",
                                     "ada@exa mple.org", f"{'a' * 250}@b.org"])  # fmt: skip
def test_what_is_no_mail_address_is_refused(address: str) -> None:
    with pytest.raises(Invalid, match="no mail address"):
        Following.of(address, target="rule:hot")


@pytest.mark.parametrize("target", ["hot", "rule:", "rule:a b", "pattern:x", "user:ada", ""])
def test_what_cannot_be_followed_is_refused(target: str) -> None:
    with pytest.raises(Invalid):
        Following.of(ADA, target=target)


async def test_ten_thousand_subscribers_are_found_and_written_in_batches(world: World) -> None:
    """SEMANTICS.md 8: "10,000 subscribers do not slow a slot"; here a thousand and one."""
    count = 1_001
    async with world.ledger.transaction() as transaction:
        for number in range(count):
            target = ("rule:hot", "pattern:kraken:BTC/*", "pattern:*:ETH/*")[number % 3]
            following = Following.of(f"u{number}@example.org", target=target)
            made = await transaction.subscriptions.put(following)
            await transaction.subscriptions.confirm(made.id)
    await world.notifying.recover()
    await world.put(notice())
    await world.settled()
    [fanned, *_] = await world.deliveries(FANOUT)
    assert fanned.detail == "1 channels, 668 subscribers"
    await world.settled(for_s=5)
    assert sum(len(service.heard) for service in world.services.mail.values()) == 668
