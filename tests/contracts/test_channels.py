"""What every ledger promises of channels (ports.channel_store; SECURITY.md, secrets)."""

from __future__ import annotations

from dataclasses import replace

from tests.contracts.conftest import Database

from sigmawatch.ports.channel_store import StoredChannel

OPS = StoredChannel(id="a1", name="ops", service="slack", sealed=b"\x01\x00sealed",
                    shown="hooks.slack.com …kenQ", made_ms=1_740_000_000_000)  # fmt: skip


async def test_a_channel_is_there_after_a_restart_and_can_be_sealed_anew(
    database: Database,
) -> None:
    ledger = await database.open()
    home = replace(OPS, id="b2", name="home", service="ntfy")
    for one in (OPS, home, replace(OPS, sealed=b"\x01other")):
        async with ledger.transaction() as transaction:
            await transaction.channels.put(one)
    await ledger.close()
    ledger = await database.open()
    assert await ledger.channels.channels() == [home, replace(OPS, sealed=b"\x01other")]
    async with ledger.transaction() as transaction:
        assert await transaction.channels.remove("home")
        assert not await transaction.channels.remove("home")
    assert [one.name for one in await ledger.channels.channels()] == ["ops"]


async def test_a_channel_is_disabled_once_until_it_is_enabled_or_removed(
    database: Database,
) -> None:
    """SEMANTICS.md 8: "410 disables the channel"; those of the configuration have no row."""
    ledger = await database.open()
    for reason in ("HTTP 410", "again"):
        async with ledger.transaction() as transaction:
            await transaction.channels.disable("ops", reason=reason)
    assert await ledger.channels.disabled() == {"ops": "HTTP 410"}
    async with ledger.transaction() as transaction:
        assert await transaction.channels.enable("ops")
        assert not await transaction.channels.enable("ops")
        await transaction.channels.put(OPS)
        await transaction.channels.disable("ops", reason="HTTP 410")
        await transaction.channels.remove("ops")
    assert await ledger.channels.disabled() == {}
