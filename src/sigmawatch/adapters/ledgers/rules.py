"""Rules in a ledger: the newest version of each beside all that ever were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sigmawatch.adapters.ledgers.session import Session, value
from sigmawatch.domain.alert import Rule

if TYPE_CHECKING:
    from sigmawatch.adapters.ledgers.repositories import SqlTransaction


class Rules:
    """Fulfils ports.alerts.RuleRepository."""

    def __init__(self, transaction: SqlTransaction) -> None:
        self._transaction = transaction
        self._sql = transaction.sql

    async def put(self, name: str, *, text: str, settings: str, origin: str, enabled: bool) -> Rule:
        row = {"name": name, "text": text, "settings": settings, "origin": origin,
               "enabled": int(enabled), "now_ms": self._transaction.clock.now_ms()}  # fmt: skip
        return await self._transaction.run(partial(self._put, row=row))

    def _put(self, session: Session, *, row: Mapping[str, object]) -> Rule:
        by_name, kept = {"name": row["name"]}, {"origin": row["origin"], "enabled": row["enabled"]}
        found = session.execute(self._sql["find_rule"], by_name).fetchone()
        if found is None:
            new = by_name | kept | {"now_ms": row["now_ms"]}
            rule_id, version, said = value(session.execute(self._sql["insert_rule"], new)), 0, None
        else:
            rule_id, version, said = found[0], found[1], (found[5], found[6])
        if said != (row["text"], row["settings"]):
            version += 1
            told = {key: row[key] for key in ("text", "settings", "now_ms")}
            session.execute(
                self._sql["insert_rule_version"], told | {"rule_id": rule_id, "version": version}
            )
        session.execute(self._sql["update_rule"], kept | {"rule_id": rule_id, "version": version})
        self._transaction.note_catalogue(session)
        found = session.execute(self._sql["find_rule"], by_name).fetchall()[0]
        rule_id, version, origin, enabled, created_ms, text, settings, made_ms, owner_id = found
        return Rule(id=rule_id, name=str(row["name"]), version=version, text=text,
                    settings=settings, origin=origin, enabled=bool(enabled),
                    created_ms=created_ms, made_ms=made_ms, owner_id=owner_id)  # fmt: skip

    async def give(self, rule: Rule, owner_id: int | None) -> Rule:
        row = {"rule_id": rule.id, "owner_id": owner_id}

        def work(session: Session) -> None:
            session.execute(self._sql["give_rule"], row).fetchall()
            self._transaction.note_catalogue(session)

        await self._transaction.run(work)
        return replace(rule, owner_id=owner_id)

    async def remove(self, name: str) -> bool:
        row = {"name": name, "now_ms": self._transaction.clock.now_ms()}

        def work(session: Session) -> bool:
            self._transaction.note_catalogue(session)
            return value(session.execute(self._sql["remove_rule"], row)) is not None

        return await self._transaction.run(work)


def read_rules(session: Session, sql: Mapping[str, str]) -> list[Rule]:
    """The newest version of every rule, by id."""
    return [_rule(row) for row in session.execute(sql["select_rules"])]


def read_versions(session: Session, sql: Mapping[str, str], *, rule_id: int) -> list[Rule]:
    """Every version of one rule, the oldest first."""
    rows = session.execute(sql["select_rule_versions"], {"rule_id": rule_id})
    return [_rule(row) for row in rows]


def _rule(row: Sequence[Any]) -> Rule:
    rule_id, name, version, text, settings, origin, enabled, created_ms, made_ms, owner_id = row
    return Rule(id=rule_id, name=name, version=version, text=text, settings=settings,
                origin=origin, enabled=bool(enabled), created_ms=created_ms,
                made_ms=made_ms, owner_id=owner_id)  # fmt: skip
