"""Callers: what a role may, what a key may, whose objects exist for whom."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sigmawatch.domain.caller import (
    COMMAND_LINE,
    LOCAL,
    Caller,
    CallerKind,
    Role,
    Scope,
    parse_role,
    parse_scopes,
)
from sigmawatch.domain.errors import Invalid

READER = Caller.user(1, role=Role.READER, name="rea")
EDITOR = Caller.user(2, role=Role.EDITOR, name="edi")
ADMIN = Caller.user(3, role=Role.ADMIN, name="ada")


def a_key(*scopes: Scope, user: Caller | None = None) -> Caller:
    return Caller(
        kind=CallerKind.KEY, key_id="k7", scopes=frozenset(scopes), name="key k7",
        user_id=user.user_id if user else None, role=user.role if user else None,
    )  # fmt: skip


def test_every_role_may_what_the_one_below_it_may_and_more() -> None:
    for lower, higher in pairwise((Role.READER, Role.EDITOR, Role.ADMIN)):
        assert lower.scopes < higher.scopes


def test_the_scopes_are_those_of_the_security_document() -> None:
    # SECURITY.md: "scopes (read:metrics, read:alerts, write:rules, write:channels, write:ingest,
    # admin)"
    assert [str(scope) for scope in Scope] == [
        "read:metrics", "read:alerts", "write:rules", "write:channels", "write:ingest", "admin",
    ]  # fmt: skip


def test_a_key_may_what_it_was_made_for_alone_and_an_admins_everything() -> None:
    ingest = a_key(Scope.WRITE_INGEST, user=ADMIN)
    assert [scope for scope in Scope if ingest.may(scope)] == [Scope.WRITE_INGEST]
    assert all(a_key(Scope.ADMIN).may(scope) for scope in Scope)


def test_a_key_never_may_more_than_the_user_it_belongs_to() -> None:
    with pytest.raises(AssertionError):
        a_key(Scope.WRITE_RULES, user=READER)


def test_somebody_without_a_credential_may_what_the_configuration_opens() -> None:
    assert not any(Caller.anonymous().may(scope) for scope in Scope)
    assert Caller.anonymous([Scope.READ_METRICS]).may(Scope.READ_METRICS)


def test_what_belongs_to_another_user_does_not_exist_but_for_admins() -> None:
    # SECURITY.md: "owner id on every object, filtered in the data layer; foreign object = 404"
    assert not EDITOR.sees(1)
    assert not EDITOR.changes(1)
    for everybody in (ADMIN, LOCAL, COMMAND_LINE):
        assert everybody.sees(1)
        assert everybody.changes(1)


def test_a_key_of_an_admin_that_is_no_admins_key_sees_its_users_own() -> None:
    key = a_key(Scope.READ_ALERTS, user=ADMIN)
    assert key.sees(3)
    assert not key.sees(2)


def test_what_is_the_installations_is_seen_by_everybody_and_changed_by_admins() -> None:
    assert Caller.anonymous().sees(None)
    assert not EDITOR.changes(None)
    assert not Caller.anonymous().changes(None)
    assert ADMIN.changes(None)


def test_a_scope_or_role_nobody_knows_is_refused_with_those_there_are() -> None:
    assert parse_scopes(["admin", "read:alerts"]) == {Scope.ADMIN, Scope.READ_ALERTS}
    assert parse_role("editor") is Role.EDITOR
    with pytest.raises(Invalid) as scope:
        parse_scopes(["read:metrics", "root"])
    assert scope.value.allowed.startswith("read:metrics, ")
    with pytest.raises(Invalid, match="at least one"):
        parse_scopes([])
    with pytest.raises(Invalid) as role:
        parse_role("owner")
    assert role.value.allowed == "reader, editor, admin"
