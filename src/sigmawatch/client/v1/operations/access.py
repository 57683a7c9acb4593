"""What may be asked about access.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from sigmawatch.client.calls import Operation
from sigmawatch.client.v1.choices import AnyRole
from sigmawatch.client.v1.models import (
    AuditPage,
    AuditVerified,
    KeysPage,
    SetupToken,
    ShownKey,
    ShownSession,
    ShownUser,
    ToldKey,
    UsersPage,
)


class NewKeyBody(TypedDict):
    """What `add_key` takes."""

    name: str  # what it is for
    # read:metrics, read:alerts, write:rules, write:channels, write:ingest, admin
    scopes: Sequence[str]
    expires: NotRequired[str | datetime | None]  # a span from now as 90d, or RFC 3339; null: no end
    # addresses and networks from which it is good; none: anywhere
    networks: NotRequired[Sequence[str]]
    user: NotRequired[str | None]  # whose it is to be, by an admin; null: yours


class NewUserBody(TypedDict):
    """What `add_user` takes."""

    name: str  # 1 to 64 small letters, digits, and . _ @ + - but at its begin
    role: AnyRole  # reader, editor, admin
    password: str  # 12 to 256 characters, any at all


class PasswordBody(TypedDict):
    """What `set_user_password` takes."""

    password: str  # 12 to 256 characters, any at all


class RotationBody(TypedDict):
    """What `rotate_key` takes."""

    overlap: NotRequired[str]  # how long the old one is still good: 0s to 30d


class SetupBody(TypedDict):
    """What `set_up` takes."""

    token: str  # what `run` printed, and `setup.token` in the data folder holds
    name: str  # 1 to 64 small letters, digits, and . _ @ + - but at its begin
    password: str  # 12 to 256 characters, any at all


class UserBody(TypedDict):
    """What `change_user` takes."""

    role: NotRequired[AnyRole | None]  # reader, editor, admin
    disabled: NotRequired[bool | None]  # true: nobody logs in by it


class ListUsersQuery(TypedDict, total=False):
    """Of `list_users`; what is left out is as the server has it."""

    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before


class ListKeysQuery(TypedDict, total=False):
    """Of `list_keys`; what is left out is as the server has it."""

    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before


class ListAuditQuery(TypedDict, total=False):
    """Of `list_audit`; what is left out is as the server has it."""

    limit: int  # rows a page; else 100
    cursor: str  # next_cursor of the page before


SHOW_SESSION: Operation[ShownSession] = Operation(
    method="GET", path="/api/v1/session", answer=ShownSession
)
SET_UP: Operation[ShownSession] = Operation(
    method="POST", path="/api/v1/setup", answer=ShownSession
)
ISSUE_SETUP_TOKEN: Operation[SetupToken] = Operation(
    method="POST", path="/api/v1/setup/token", answer=SetupToken
)
LIST_USERS: Operation[UsersPage] = Operation(method="GET", path="/api/v1/users", answer=UsersPage)
ADD_USER: Operation[ShownUser] = Operation(method="POST", path="/api/v1/users", answer=ShownUser)
SHOW_USER: Operation[ShownUser] = Operation(
    method="GET", path="/api/v1/users/{name}", answer=ShownUser
)
CHANGE_USER: Operation[ShownUser] = Operation(
    method="PATCH", path="/api/v1/users/{name}", answer=ShownUser
)
SET_USER_PASSWORD: Operation[ShownUser] = Operation(
    method="PUT", path="/api/v1/users/{name}/password", answer=ShownUser
)
LIST_KEYS: Operation[KeysPage] = Operation(method="GET", path="/api/v1/keys", answer=KeysPage)
ADD_KEY: Operation[ToldKey] = Operation(method="POST", path="/api/v1/keys", answer=ToldKey)
SHOW_KEY: Operation[ShownKey] = Operation(
    method="GET", path="/api/v1/keys/{key_id}", answer=ShownKey
)
REVOKE_KEY: Operation[None] = Operation(
    method="DELETE", path="/api/v1/keys/{key_id}", answer=type(None)
)
ROTATE_KEY: Operation[ToldKey] = Operation(
    method="POST", path="/api/v1/keys/{key_id}/rotate", answer=ToldKey
)
LIST_AUDIT: Operation[AuditPage] = Operation(method="GET", path="/api/v1/audit", answer=AuditPage)
VERIFY_AUDIT: Operation[AuditVerified] = Operation(
    method="GET", path="/api/v1/audit/verification", answer=AuditVerified
)
