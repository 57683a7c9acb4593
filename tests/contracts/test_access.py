"""What every ledger promises of users, sessions, keys, owners and the audit log (ports.access)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.contracts.conftest import Database
from tests.contracts.test_channels import OPS

from sigmawatch.domain.account import Session, User
from sigmawatch.domain.api_key import ApiKey
from sigmawatch.domain.audit import FIRST, Deed, Row, Verifier
from sigmawatch.domain.caller import Role, Scope
from sigmawatch.domain.rule_target import parse_target
from sigmawatch.domain.silence import Silence
from sigmawatch.domain.subscription import Following
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.ports.access import AccessRepository

NOW_MS = 1_740_000_000_000
ADA = User(name="ada", role=Role.ADMIN, password="$argon2id$x", made_ms=NOW_MS, changed_ms=NOW_MS)
KEY = ApiKey(id="3k9x0q2m7p1a", name="ci", user_id=None, digest=b"\x00\xff" * 16,
             scopes=frozenset({Scope.READ_METRICS, Scope.WRITE_INGEST}), networks=("10.0.0.0/8",),
             made_ms=NOW_MS)  # fmt: skip


async def test_users_sessions_and_keys_are_there_after_a_restart(database: Database) -> None:
    ledger = await database.open()
    async with ledger.transaction() as transaction:
        ada = await transaction.access.put_user(ADA)
        bob = await transaction.access.put_user(replace(ADA, name="bob", role=Role.READER))
        at_home = Session(hash=b"\x01\x00", user_id=ada.id, address="::1", made_ms=1, used_ms=1)
        await transaction.access.put_session(at_home)
        await transaction.access.put_key(KEY)
        await transaction.access.put_key(replace(KEY, id="b" * 12, user_id=bob.id))
    async with ledger.transaction() as transaction:
        bob = await transaction.access.put_user(replace(bob, disabled=True, changed_ms=NOW_MS + 1))
        await transaction.access.put_session(replace(at_home, ended_ms=5))
        await transaction.access.put_key(replace(KEY, revoked_ms=7, exposed_ms=6))
    await ledger.close()
    ledger = await database.open()
    assert await ledger.access.users() == [replace(ADA, id=1), bob]
    assert bob.id == 2
    assert await ledger.access.sessions() == [replace(at_home, ended_ms=5)]
    keys = {key.id: key for key in await ledger.access.keys()}
    assert keys[KEY.id] == replace(KEY, revoked_ms=7, exposed_ms=6)
    assert keys["b" * 12].user_id == bob.id


async def test_when_something_was_used_is_noted_and_never_goes_back(database: Database) -> None:
    # SECURITY.md, S63: "expiry also checked against stored high-water time"
    ledger = await database.open()
    assert await ledger.access.time_ms() == 0
    async with ledger.transaction() as transaction:
        ada = await transaction.access.put_user(ADA)
        one = Session(hash=b"\x01", user_id=ada.id, address="::1", made_ms=1, used_ms=1)
        await transaction.access.put_session(one)
        await transaction.access.put_key(KEY)
    for at_ms in (NOW_MS + 9, NOW_MS):
        async with ledger.transaction() as transaction:
            await transaction.access.touch(
                sessions={b"\x01": at_ms}, keys={KEY.id: at_ms}, now_ms=at_ms
            )
    assert await ledger.access.time_ms() == NOW_MS + 9
    assert [found.used_ms for found in await ledger.access.sessions()] == [NOW_MS + 9]
    assert [found.used_ms for found in await ledger.access.keys()] == [NOW_MS + 9]
    async with ledger.transaction() as transaction:
        await transaction.access.prune(sessions_before_ms=2)
    assert await ledger.access.sessions() == []


async def test_every_change_of_access_is_seen_by_neighbours_but_not_every_use(
    database: Database,
) -> None:
    """Revocation is effective within 5 s in every program (SECURITY.md, API keys)."""
    ledger = await database.open()
    versions = [await ledger.catalogue_version()]
    if versions == [None]:
        return  # nobody else can be on this database
    changes: list[Callable[[AccessRepository], Awaitable[object]]] = [
        lambda access: access.put_user(ADA),
        lambda access: access.put_session(
            Session(hash=b"\x01", user_id=1, address="", made_ms=1, used_ms=1)
        ),
        lambda access: access.put_key(KEY),
        lambda access: access.touch(sessions={}, keys={KEY.id: 5}, now_ms=5),
    ]
    for change in changes:
        async with ledger.transaction() as transaction:
            await change(transaction.access)
        versions.append(await ledger.catalogue_version())
    first, *rest = (version or 0 for version in versions)
    assert [version - first for version in rest] == [1, 2, 3, 3]


async def test_the_audit_log_numbers_and_chains_what_is_appended(database: Database) -> None:
    # SECURITY.md: "Audit log: append-only, hash-chained, who/what/when/request id/before-after
    # digest"
    ledger = await database.open()
    deeds = [Deed(who="ada", what="key.make", about=f"key {n}", request_id=f"r{n}", after="ff")
             for n in range(3)]  # fmt: skip
    for deed in deeds[:2]:
        async with ledger.transaction() as transaction:
            await transaction.audit.append(deed)
    await ledger.close()
    ledger = await database.open()
    async with ledger.transaction() as transaction:
        await transaction.audit.append(deeds[2])
    found = await ledger.access.audit_after(0, limit=10)
    assert [row.deed for row in found] == deeds
    assert [row.number for row in await ledger.access.audit(before=3, limit=1)] == [2]
    assert found[0] == Row.after(FIRST, deeds[0], number=1, at_ms=found[0].at_ms)
    verifier = Verifier()
    assert verifier.feed(found)
    assert await ledger.access.audit_count() == 3
    assert verifier.ended(written=3).wrong is None


async def test_what_was_not_committed_is_not_in_the_audit_log(database: Database) -> None:
    ledger = await database.open()
    try:
        async with ledger.transaction() as transaction:
            await transaction.audit.append(Deed(who="ada", what="x", about="y"))
            raise LookupError
    except LookupError:
        pass
    assert await ledger.access.audit() == []
    assert await ledger.access.audit_count() == 0


async def test_whose_something_is_is_there_after_a_restart(database: Database) -> None:
    """SECURITY.md: "owner id on every object"."""
    ledger = await database.open()
    async with ledger.transaction() as transaction:
        rule = await transaction.rules.put("hot", text="value > 1", settings="{}", origin="api",
                                           enabled=True)  # fmt: skip
        await transaction.rules.give(rule, 7)
        await transaction.silences.add(Silence(
            target=parse_target(["KRAKEN:*/*"]), from_ms=NOW_MS, until_ms=NOW_MS + 9, by="ada",
            owner_id=7,
        ))  # fmt: skip
        await transaction.channels.put(replace(OPS, owner_id=7))
        await transaction.watchlists.put(Watchlist.of("majors", ["*:BTC/*"], owner_id=7))
        await transaction.watchlists.put(Watchlist.of("minors", ["*:XRP/*"]))
        await transaction.subscriptions.put(
            replace(Following.of("ada@example.org", target="rule:hot"), owner_id=7)
        )
    async with ledger.transaction() as transaction:  # an edit leaves it as it was
        await transaction.rules.put("hot", text="value > 2", settings="{}", origin="api",
                                    enabled=True)  # fmt: skip
    await ledger.close()
    ledger = await database.open()
    assert [rule.owner_id for rule in await ledger.alerts.rules()] == [7]
    assert [one.owner_id for one in await ledger.alerts.silences(after_ms=0)] == [7]
    assert [one.owner_id for one in await ledger.channels.channels()] == [7]
    assert [one.owner_id for one in await ledger.watchlists()] == [7, None]
    followed = await ledger.delivery.subscriptions()
    assert [one.following.owner_id for one in followed] == [7]
    assert not ledger.damaged_count
