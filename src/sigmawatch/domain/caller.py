"""Who asks, and what they may: callers, roles and scopes.

    caller.may(Scope.WRITE_RULES)         whether the operation is theirs to ask for
    caller.sees(rule.owner_id)            whether the object exists for them; else it is 404
    caller.changes(rule.owner_id)         whether it is theirs to change

SECURITY.md, API keys (the scopes) and Authorization (owners). What a caller may follows from its
scopes alone: a role is a name for some. Imports domain.errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sigmawatch.domain.errors import Invalid


class Scope(StrEnum):
    """What a key may be made for; ADMIN holds every other one."""

    READ_METRICS = "read:metrics"
    READ_ALERTS = "read:alerts"
    WRITE_RULES = "write:rules"
    WRITE_CHANNELS = "write:channels"
    WRITE_INGEST = "write:ingest"
    ADMIN = "admin"


class Role(StrEnum):
    """What a user is. A reader reads; an editor changes what is their own; an admin everything."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def scopes(self) -> frozenset[Scope]:
        return _SCOPES[self]


_READS = frozenset({Scope.READ_METRICS, Scope.READ_ALERTS})
_SCOPES = MappingProxyType({
    Role.READER: _READS,
    Role.EDITOR: _READS | {Scope.WRITE_RULES, Scope.WRITE_CHANNELS, Scope.WRITE_INGEST},
    Role.ADMIN: frozenset(Scope),
})  # fmt: skip


class CallerKind(StrEnum):
    """By what somebody is known. LOCAL: from this machine while there is no user, and so nobody to
    be told apart. COMMAND_LINE: by the token in the data folder."""

    LOCAL = "local"
    ANONYMOUS = "anonymous"
    USER = "user"
    KEY = "key"
    COMMAND_LINE = "command_line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. user_id: the user, or the one whose key it is; a key of the installation has none.
    role: that user's. session: names the login that they came by. scopes: what they may, of a key
    never more than its user. name: as the audit log and those who read it call them."""

    kind: CallerKind
    user_id: int | None = None
    key_id: str | None = None
    role: Role | None = None
    session: str | None = None
    scopes: frozenset[Scope]
    name: str

    def __post_init__(self) -> None:
        assert (self.user_id is None) == (self.role is None)
        assert (self.key_id is not None) == (self.kind is CallerKind.KEY)
        assert self.user_id is not None or self.kind is not CallerKind.USER
        assert self.role is None or self.scopes <= self.role.scopes

    @classmethod
    def user(cls, user_id: int, *, role: Role, name: str, session: str | None = None) -> Caller:
        """Somebody who is logged in."""
        return cls(kind=CallerKind.USER, user_id=user_id, role=role, session=session,
                   scopes=role.scopes, name=name)  # fmt: skip

    @classmethod
    def anonymous(cls, scopes: Iterable[Scope] = ()) -> Caller:
        """Somebody without a credential, and what such may here."""
        return cls(kind=CallerKind.ANONYMOUS, scopes=frozenset(scopes), name="anonymous")

    def may(self, scope: Scope) -> bool:
        """Whether what needs `scope` is theirs to ask for."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def sees(self, owner_id: int | None) -> bool:
        """Whether what belongs to `owner_id` exists for them. None: it belongs to the installation
        (the file's, and what was made while there was no user), which everybody sees."""
        return owner_id in (None, self.user_id) or self.may(Scope.ADMIN)

    @property
    def viewer(self) -> int | None:
        """For whom the database is to look things up: None: all; a user; 0: what is nobody's."""
        return None if self.may(Scope.ADMIN) else self.user_id or 0

    def changes(self, owner_id: int | None) -> bool:
        """Whether what belongs to `owner_id` is theirs to change; the installation's is an
        admin's."""
        return (owner_id is not None and owner_id == self.user_id) or self.may(Scope.ADMIN)


LOCAL = Caller(kind=CallerKind.LOCAL, scopes=Role.ADMIN.scopes, name="local")
COMMAND_LINE = Caller(
    kind=CallerKind.COMMAND_LINE, scopes=Role.ADMIN.scopes, name="command line"
)  # fmt: skip


def parse_scopes(texts: Iterable[str]) -> frozenset[Scope]:
    """The scopes of these names. Raises Invalid, for none too."""
    given = list(texts)
    known = {str(scope): scope for scope in Scope}
    unknown = [text for text in given if text not in known]
    if unknown or not given:
        found = f"there is no scope {unknown[0][:40]!r}" if unknown else "at least one scope"
        raise Invalid(found, field="scopes", allowed=", ".join(known))
    return frozenset(known[text] for text in given)


def parse_role(text: str) -> Role:
    """The role of that name. Raises Invalid."""
    if text not in set(Role):
        raise Invalid(f"there is no role {text[:40]!r}", field="role", allowed=", ".join(Role))
    return Role(text)
