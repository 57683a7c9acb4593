"""Users, sessions, keys and the audit log in a ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sigmawatch.adapters.ledgers.session import Session as Connection
from sigmawatch.adapters.ledgers.session import value
from sigmawatch.domain.account import Session, User
from sigmawatch.domain.api_key import ApiKey
from sigmawatch.domain.audit import FIRST, Deed, Row
from sigmawatch.domain.caller import Role, Scope

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.alert_reads import Read
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction

AUDIT_COUNT = {"key": "audit"}
ACCESS_TIME = {"key": "access_ms"}
PEPPER = {"key": "pepper"}
_END = 2**62


class Access:
    """Fulfils ports.access.AccessRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put_user(self, user: User) -> User:
        row = {"name": user.name, "role": str(user.role), "password": user.password,
               "disabled": int(user.disabled), "changed_ms": user.changed_ms}  # fmt: skip

        def work(connection: Connection) -> int:
            self._transaction.note_catalogue(connection)
            if user.id:
                connection.execute(self._sql["update_user"], row | {"id": user.id}).fetchall()
                return user.id
            new = row | {"made_ms": user.made_ms}
            number: int = value(connection.execute(self._sql["insert_user"], new))
            return number

        number = await self._transaction.run(work)
        return User(id=number, name=user.name, role=user.role, password=user.password,
                    disabled=user.disabled, made_ms=user.made_ms,
                    changed_ms=user.changed_ms)  # fmt: skip

    async def put_session(self, session: Session) -> None:
        row = {"hash": session.hash, "user_id": session.user_id, "address": session.address,
               "made_ms": session.made_ms, "used_ms": session.used_ms,
               "ended_ms": session.ended_ms}  # fmt: skip
        await self._changed("put_session", row)

    async def put_key(self, key: ApiKey) -> None:
        row = {"id": key.id, "name": key.name, "user_id": key.user_id, "digest": key.digest,
               "scopes": json.dumps(sorted(key.scopes)), "networks": json.dumps(key.networks),
               "made_ms": key.made_ms, "expires_ms": key.expires_ms, "revoked_ms": key.revoked_ms,
               "exposed_ms": key.exposed_ms, "used_ms": key.used_ms}  # fmt: skip
        await self._changed("put_key", row)

    async def touch(
        self, *, sessions: Mapping[bytes, int], keys: Mapping[str, int], now_ms: int
    ) -> None:
        used = [{"hash": one, "used_ms": used_ms} for one, used_ms in sessions.items()]
        called = [{"id": one, "used_ms": used_ms} for one, used_ms in keys.items()]

        def work(connection: Connection) -> None:
            connection.executemany(self._sql["touch_session"], used)
            connection.executemany(self._sql["touch_key"], called)
            known = value(connection.execute(self._sql["select_mark"], ACCESS_TIME)) or 0
            if now_ms > known:
                connection.execute(self._sql["set_mark"], {**ACCESS_TIME, "value": now_ms})

        await self._transaction.run(work)

    async def prune(self, *, sessions_before_ms: int) -> None:
        row = {"before_ms": sessions_before_ms}
        prune = self._sql["prune_sessions"]
        await self._transaction.run(lambda connection: connection.execute(prune, row).fetchall())

    async def put_pepper(self, mark: int) -> None:
        await self._changed("set_mark", {**PEPPER, "value": mark})

    async def _changed(self, statement: str, row: Mapping[str, object]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(self._sql[statement], row).fetchall()
            self._transaction.note_catalogue(connection)

        await self._transaction.run(work)


class Audit:
    """Fulfils ports.access.AuditRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def append(self, deed: Deed) -> Row:
        return await self._transaction.run(partial(self._append, deed=deed))

    def _append(self, connection: Connection, *, deed: Deed) -> Row:
        """Writers come one after the other, whichever program they are in: so do numbers."""
        newest = connection.execute(self._sql["select_audit_end"]).fetchall()
        number, hashed = newest[0] if newest else (0, FIRST)
        row = Row.after(bytes(hashed), deed, number=number + 1,
                        at_ms=self._transaction.clock.now_ms())  # fmt: skip
        connection.execute(self._sql["insert_audit"], {
            "number": row.number, "at_ms": row.at_ms, "who": deed.who, "what": deed.what,
            "about": deed.about, "request_id": deed.request_id, "before": deed.before,
            "after": deed.after, "hash": row.hash,
        })  # fmt: skip
        count = {**AUDIT_COUNT, "number": 1}
        connection.execute(self._sql["add_to_mark"], count).fetchall()
        return row


class AccessReads:
    """Fulfils ports.access.AccessStore."""

    def __init__(self, read: Read, *, sql: Mapping[str, str]) -> None:
        self._read = read
        self._sql = sql

    async def users(self) -> Sequence[User]:
        return [_user(row) for row in await self._rows("select_users")]

    async def sessions(self) -> Sequence[Session]:
        return [_session(row) for row in await self._rows("select_sessions")]

    async def keys(self) -> Sequence[ApiKey]:
        return [_key(row) for row in await self._rows("select_keys")]

    async def pepper(self) -> int:
        return await self._mark(PEPPER)

    async def time_ms(self) -> int:
        return await self._mark(ACCESS_TIME)

    async def audit(self, *, before: int | None = None, limit: int = 100) -> Sequence[Row]:
        bounds = {"before": _END if before is None else before, "rows": limit}
        return [_row(row) for row in await self._rows("select_audit", bounds)]

    async def audit_after(self, number: int, *, limit: int) -> Sequence[Row]:
        bounds = {"after": number, "rows": limit}
        return [_row(row) for row in await self._rows("select_audit_after", bounds)]

    async def audit_count(self) -> int:
        return await self._mark(AUDIT_COUNT)

    async def _rows(
        self, name: str, bindings: Mapping[str, int] | None = None
    ) -> Sequence[Sequence[Any]]:
        statement = self._sql[name]
        return await self._read(
            lambda connection: connection.execute(statement, bindings).fetchall()
        )

    async def _mark(self, key: Mapping[str, str]) -> int:
        statement = self._sql["select_mark"]
        return await self._read(
            lambda connection: value(connection.execute(statement, key)) or 0
        )  # fmt: skip


def _user(row: Sequence[Any]) -> User:
    number, name, role, password, disabled, made_ms, changed_ms = row
    return User(id=number, name=name, role=Role(role), password=password, disabled=bool(disabled),
                made_ms=made_ms, changed_ms=changed_ms)  # fmt: skip


def _session(row: Sequence[Any]) -> Session:
    hashed, user_id, address, made_ms, used_ms, ended_ms = row
    return Session(hash=bytes(hashed), user_id=user_id, address=address, made_ms=made_ms,
                   used_ms=used_ms, ended_ms=ended_ms)  # fmt: skip


def _key(row: Sequence[Any]) -> ApiKey:
    key_id, name, user_id, digest, scopes, networks, *times = row
    made_ms, expires_ms, revoked_ms, exposed_ms, used_ms = times
    return ApiKey(id=key_id, name=name, user_id=user_id, digest=bytes(digest),
                  scopes=frozenset(map(Scope, json.loads(scopes))),
                  networks=tuple(json.loads(networks)), made_ms=made_ms, expires_ms=expires_ms,
                  revoked_ms=revoked_ms, exposed_ms=exposed_ms, used_ms=used_ms)  # fmt: skip


def _row(row: Sequence[Any]) -> Row:
    number, at_ms, who, what, about, request_id, before, after, hashed = row
    deed = Deed(who=who, what=what, about=about, request_id=request_id, before=before, after=after)
    return Row(number=number, at_ms=at_ms, deed=deed, hash=bytes(hashed))
