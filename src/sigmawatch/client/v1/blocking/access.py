"""The operations on access.

Written by `make docs` from the API's contract (scripts/client.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from sigmawatch.client.base import Asking
from sigmawatch.client.v1.models import (
    AuditPage,
    AuditVerified,
    KeysPage,
    SetupToken,
    ShownDeed,
    ShownKey,
    ShownSession,
    ShownUser,
    ToldKey,
    UsersPage,
)
from sigmawatch.client.v1.operations.access import (
    ADD_KEY,
    ADD_USER,
    CHANGE_USER,
    ISSUE_SETUP_TOKEN,
    LIST_AUDIT,
    LIST_KEYS,
    LIST_USERS,
    REVOKE_KEY,
    ROTATE_KEY,
    SET_UP,
    SET_USER_PASSWORD,
    SHOW_KEY,
    SHOW_SESSION,
    SHOW_USER,
    VERIFY_AUDIT,
    ListAuditQuery,
    ListKeysQuery,
    ListUsersQuery,
    NewKeyBody,
    NewUserBody,
    PasswordBody,
    RotationBody,
    SetupBody,
    UserBody,
)


class AccessOperations(Asking):
    """Blocks."""

    def show_session(self) -> ShownSession:
        """Who you are here.

        Whoever asks; without a credential too.

        `GET /api/v1/session`.
        """
        return self._ask(SHOW_SESSION.call())

    def set_up(
        self, *, idempotency_key: str | None = None, **body: Unpack[SetupBody]
    ) -> ShownSession:
        """Make the first admin.

        Once, with the token, from this machine or over TLS; and logs in. Afterwards there is
        nothing here (404).

        `POST /api/v1/setup`.
        """
        return self._ask(SET_UP.call(body=body, headers={"Idempotency-Key": idempotency_key}))

    def issue_setup_token(self, *, idempotency_key: str | None = None) -> SetupToken:
        """Issue the set-up token anew.

        By the command line on this machine alone (403).

        `POST /api/v1/setup/token`. Needs the scope `admin`.
        """
        return self._ask(ISSUE_SETUP_TOKEN.call(headers={"Idempotency-Key": idempotency_key}))

    def list_users(self, **query: Unpack[ListUsersQuery]) -> UsersPage:
        """All users.

        Disabled ones too.

        `GET /api/v1/users`. Needs the scope `admin`.
        """
        return self._ask(LIST_USERS.call(query=query))

    def iter_users(self, **query: Unpack[ListUsersQuery]) -> Iterator[ShownUser]:
        """Every row of `list_users`, page by page; `limit` is a page's."""
        return self._each(LIST_USERS.call(query=query))

    def add_user(
        self, *, idempotency_key: str | None = None, **body: Unpack[NewUserBody]
    ) -> ShownUser:
        """Make a user.

        The first one is an admin, and made with the set-up token (`POST /setup`) or by the
        command line on this machine (409).

        `POST /api/v1/users`. Needs the scope `admin`.
        """
        return self._ask(ADD_USER.call(body=body, headers={"Idempotency-Key": idempotency_key}))

    def show_user(self, name: str) -> ShownUser:
        """One user.

        Never the password, nor anything of it.

        `GET /api/v1/users/{name}`. Needs the scope `admin`.
        """
        return self._ask(SHOW_USER.call(name))

    def change_user(self, name: str, **body: Unpack[UserBody]) -> ShownUser:
        """Change or disable a user.

        They are logged out everywhere, and their keys may what they may now. The last admin
        stays one (409).

        `PATCH /api/v1/users/{name}`. Needs the scope `admin`.
        """
        return self._ask(CHANGE_USER.call(name, body=body))

    def set_user_password(self, name: str, **body: Unpack[PasswordBody]) -> ShownUser:
        """Set a user's password.

        They are logged out everywhere. One's own: `PUT /session/password`.

        `PUT /api/v1/users/{name}/password`. Needs the scope `admin`.
        """
        return self._ask(SET_USER_PASSWORD.call(name, body=body))

    def list_keys(self, **query: Unpack[ListKeysQuery]) -> KeysPage:
        """Your keys.

        An admin sees everybody's. Revoked and expired ones too.

        `GET /api/v1/keys`. Needs the scope `read:metrics`.
        """
        return self._ask(LIST_KEYS.call(query=query))

    def iter_keys(self, **query: Unpack[ListKeysQuery]) -> Iterator[ShownKey]:
        """Every row of `list_keys`, page by page; `limit` is a page's."""
        return self._each(LIST_KEYS.call(query=query))

    def add_key(self, *, idempotency_key: str | None = None, **body: Unpack[NewKeyBody]) -> ToldKey:
        """Make a key.

        It is told in this answer and never again. It may no more than you, and no more than
        its user, whatever becomes of them.

        `POST /api/v1/keys`. Needs the scope `read:metrics`.
        """
        return self._ask(ADD_KEY.call(body=body, headers={"Idempotency-Key": idempotency_key}))

    def show_key(self, key_id: str) -> ShownKey:
        """One key.

        By its public id. Another user's is not there (404).

        `GET /api/v1/keys/{key_id}`. Needs the scope `read:metrics`.
        """
        return self._ask(SHOW_KEY.call(key_id))

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key.

        At once; what it holds open is cut within 5 seconds. It stays in the list.

        `DELETE /api/v1/keys/{key_id}`. Needs the scope `read:metrics`.
        """
        return self._ask(REVOKE_KEY.call(key_id))

    def rotate_key(
        self, key_id: str, *, idempotency_key: str | None = None, **body: Unpack[RotationBody]
    ) -> ToldKey:
        """Replace a key.

        A new key that may the same; the old one is good for `overlap` more.

        `POST /api/v1/keys/{key_id}/rotate`. Needs the scope `read:metrics`.
        """
        return self._ask(
            ROTATE_KEY.call(key_id, body=body, headers={"Idempotency-Key": idempotency_key})
        )

    def list_audit(self, **query: Unpack[ListAuditQuery]) -> AuditPage:
        """What was done.

        Changes by whomever, logins, and what was refused to those who are known.

        `GET /api/v1/audit`. Needs the scope `admin`.
        """
        return self._ask(LIST_AUDIT.call(query=query))

    def iter_audit(self, **query: Unpack[ListAuditQuery]) -> Iterator[ShownDeed]:
        """Every row of `list_audit`, page by page; `limit` is a page's."""
        return self._each(LIST_AUDIT.call(query=query))

    def verify_audit(self) -> AuditVerified:
        """Whether the log is as it was written.

        Reads it from its first row: every row holds a hash over itself and the one before.

        `GET /api/v1/audit/verification`. Needs the scope `admin`.
        """
        return self._ask(VERIFY_AUDIT.call())
