"""Channels in a ledger: a row each, its settings sealed; and which are disabled, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sigmawatch.adapters.ledgers.session import Session
from sigmawatch.ports.channel_store import StoredChannel

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.alert_reads import Read
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


class Channels:
    """Fulfils ports.channel_store.ChannelRepository. Neighbours see the changes."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, channel: StoredChannel) -> None:
        row: dict[str, str | int | bytes | None] = {
            "id": channel.id, "name": channel.name, "service": channel.service,
            "sealed": channel.sealed, "shown": channel.shown, "made_ms": channel.made_ms,
            "owner_id": channel.owner_id,
        }  # fmt: skip
        await self._changed("put_channel", row)

    async def remove(self, name: str) -> bool:
        await self._changed("enable_channel", {"name": name})
        return await self._changed("remove_channel", {"name": name})

    async def disable(self, name: str, *, reason: str) -> None:
        row: dict[str, str | int | bytes | None] = {
            "name": name, "reason": reason, "now_ms": self._transaction.clock.now_ms(),
        }  # fmt: skip
        await self._changed("disable_channel", row)

    async def enable(self, name: str) -> bool:
        return await self._changed("enable_channel", {"name": name})

    async def _changed(self, statement: str, row: Mapping[str, str | int | bytes | None]) -> bool:
        """Whether it touched a row."""

        def work(session: Session) -> bool:
            touched = session.execute(self._sql[statement], row).fetchall()
            self._transaction.note_catalogue(session)
            return bool(touched)

        return await self._transaction.run(work)


class ChannelReads:
    """Fulfils ports.channel_store.ChannelStore."""

    def __init__(self, read: Read, *, sql: Mapping[str, str]) -> None:
        self._read = read
        self._sql = sql

    async def channels(self) -> Sequence[StoredChannel]:
        return await self._read(partial(_stored, sql=self._sql))

    async def disabled(self) -> Mapping[str, str]:
        return await self._read(
            lambda session: dict(session.execute(self._sql["select_disabled_channels"]).fetchall())
        )


def _stored(session: Session, sql: Mapping[str, str]) -> list[StoredChannel]:
    return [
        StoredChannel(id=row_id, name=name, service=service, sealed=bytes(sealed), shown=shown,
                      made_ms=made_ms, owner_id=owner_id)
        for row_id, name, service, sealed, shown, made_ms, owner_id in session.execute(
            sql["select_channels"]
        )
    ]  # fmt: skip
