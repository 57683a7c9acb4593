"""What is answered about access.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from sigmawatch.client.model import Open, Page


class AuditVerified(Struct, frozen=True, kw_only=True):
    sound: bool  # Every row is as it was written.
    rows: int  # So many are, from the first on.
    newest_hash: str  # Of the last of them: kept elsewhere, it tells whether all was written anew.
    wrong_row: int | None = None  # The first that is not.
    reason: str | None = None  # What is wrong there.


class CallerKind(Open):
    LOCAL = "local"
    ANONYMOUS = "anonymous"
    USER = "user"
    KEY = "key"
    COMMAND_LINE = "command_line"


class Role(Open):
    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


class SetupToken(Struct, frozen=True, kw_only=True):
    token: str  # For `POST /setup`.
    valid_s: int  # How long.


class ShownDeed(Struct, frozen=True, kw_only=True):
    number: int  # Its place; there are no holes.
    at: datetime  # When.
    who: str  # Who did it.
    what: str  # What.
    about: str  # To what.
    request_id: str  # In which request.
    before: str  # SHA-256 of it before; empty: was not there.
    after: str  # SHA-256 of it after; empty: is not there.
    hash: str  # SHA-256 over the row before and this one.


class ShownKey(Struct, frozen=True, kw_only=True):
    id: str  # Its public id.
    name: str  # What it is for.
    user: str | None = None  # Whose; null: the installation's.
    scopes: list[str]  # What it may.
    networks: list[str]  # From where; empty: anywhere.
    state: str  # good, ending (rotated), revoked or expired.
    exposed: bool  # It was sent in an address: rotate it.
    made_at: datetime  # Made.
    expires_at: datetime | None = None  # Its end; null: none.
    revoked_at: datetime | None = None  # From when on it is not good.
    used_at: datetime | None = None  # Last used, within a minute.


class ShownSession(Struct, frozen=True, kw_only=True):
    kind: CallerKind  # By what you are known: local while there is no user.
    name: str  # As the audit log calls you.
    role: Role | None = None  # Of your user.
    scopes: list[str]  # What you may.
    expires_at: datetime | None = None  # When this login ends at the latest.
    guarded: bool  # A user exists, so who asks is told apart.
    demo: bool  # An invented market.
    # The provider by which people may sign in too, where one is configured and there is a user.
    sign_in: ShownSignIn | None = None


class ShownSignIn(Struct, frozen=True, kw_only=True):
    name: str  # What it is called.
    address: str  # Where a browser goes to begin, from the root of this server.


class ShownUser(Struct, frozen=True, kw_only=True):
    name: str  # By which they log in.
    role: Role  # What they may.
    disabled: bool  # Nobody logs in by it.
    made_at: datetime  # Made.
    changed_at: datetime  # Last changed.


class ToldKey(Struct, frozen=True, kw_only=True):
    key: str  # To be sent as `Authorization: Bearer`.
    about: ShownKey  # What is kept of it.


class AuditPage(Page[ShownDeed], frozen=True, kw_only=True):
    items: list[ShownDeed]  # The newest first.
    next_cursor: str | None = None  # For the page of older ones.


class KeysPage(Page[ShownKey], frozen=True, kw_only=True):
    items: list[ShownKey]  # The newest first.
    next_cursor: str | None = None  # For the next page; null on the last.


class UsersPage(Page[ShownUser], frozen=True, kw_only=True):
    items: list[ShownUser]  # By name.
    next_cursor: str | None = None  # For the next page; null on the last.
