"""The access book: who is who, in memory. The door asks it at every request; nothing here waits.

It holds what is stored (`take`) and notes what is to be stored (`used`, `exposed`, `denials`): the
program brings both together (app.access.access). What is revoked is revoked with the return of the
call that did it, in other programs on the database within two seconds. Fulfils
app.web.door.credentials.Access.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sigmawatch.app.access.time import AccessTime
from sigmawatch.domain.account import Session, User
from sigmawatch.domain.api_key import ApiKey, id_of
from sigmawatch.domain.caller import Caller, CallerKind, Scope
from sigmawatch.ports.access import Pepper

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
DENIALS_MAX = 32  # that wait to be stored: who floods us does not fill the disk
_NO_DIGEST = bytes(32)


def session_hash(token: str) -> bytes:
    """What is kept of a session's id: it has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A key as it is looked at. caller: None where its user may nothing."""

    key: ApiKey
    caller: Caller | None
    networks: tuple[Network, ...]


class AccessBook:
    """Every user, session and key."""

    def __init__(self, pepper: Pepper, *, time: AccessTime) -> None:
        self.time = time
        self._pepper = pepper
        self.users: Mapping[int, User] = {}
        self.sessions: dict[bytes, Session] = {}
        self._held: dict[str, _Held] = {}
        self._callers: dict[bytes, Caller] = {}  # by session
        self.used_sessions: dict[bytes, int] = {}
        self.used_keys: dict[str, int] = {}
        self.exposed: set[str] = set()
        self.denials: dict[tuple[str, str], Caller] = {}

    def take(
        self, users: Iterable[User], *, sessions: Iterable[Session], keys: Iterable[ApiKey]
    ) -> None:
        """From now on these are all."""
        self.users = {user.id: user for user in users}
        self.sessions = {one.hash: one for one in sessions}
        self._callers = {}
        self._held = {key.id: self._hold(key) for key in keys}

    def put(
        self, *, users: Iterable[User] = (), sessions: Iterable[Session] = (),
        keys: Iterable[ApiKey] = (),
    ) -> None:  # fmt: skip
        """These are so now; all others stay."""
        changed = {user.id: user for user in users}
        if changed:
            self.users = {**self.users, **changed}
            self._callers = {}
            theirs = [held.key for held in self._held.values() if held.key.user_id in changed]
            self._held.update((key.id, self._hold(key)) for key in theirs)
        self.sessions.update((one.hash, one) for one in sessions)
        self._held.update((key.id, self._hold(key)) for key in keys)

    def _hold(self, key: ApiKey) -> _Held:
        networks = tuple(map(ipaddress.ip_network, key.networks))
        name = f"key {key.id} ({key.name})"
        if key.user_id is None:
            caller = Caller(kind=CallerKind.KEY, key_id=key.id, scopes=key.scopes, name=name)
            return _Held(key=key, caller=caller, networks=networks)
        user = self.users.get(key.user_id)
        if user is None or user.disabled:
            return _Held(key=key, caller=None, networks=networks)
        scopes = key.scopes & user.role.scopes
        if Scope.ADMIN in key.scopes:
            scopes = user.role.scopes
        caller = Caller(kind=CallerKind.KEY, key_id=key.id, user_id=user.id, role=user.role,
                        scopes=scopes, name=f"{name} of {user.name}")  # fmt: skip
        return _Held(key=key, caller=caller, networks=networks)

    # Asking

    @property
    def guarded(self) -> bool:
        """Whether there is a user: from then on nobody is believed without a credential."""
        return bool(self.users)

    @property
    def keys(self) -> Iterable[ApiKey]:
        return [held.key for held in self._held.values()]

    def key(self, key_id: str) -> ApiKey | None:
        held = self._held.get(key_id)
        return None if held is None else held.key

    def of_key(self, text: str, *, address: str) -> Caller | None:
        """Whose key it is, from that address; None for none that is good now."""
        held = self._proven(text)
        if held is None or held.caller is None:
            return None
        now_ms = self.time.now_ms()
        if not held.key.holds(now_ms) or not _within(address, held.networks):
            return None
        self.used_keys[held.key.id] = now_ms
        return held.caller

    def of_session(self, token: str) -> Caller | None:
        """Who is logged in by that cookie; None for nobody."""
        hashed = session_hash(token)
        caller = self._logged_in(hashed)
        if caller is not None:
            self.used_sessions[hashed] = self.time.now_ms()
        return caller

    def holds(self, caller: Caller) -> bool:
        """Whether what a caller came by is still good, and still means the same: to be asked now
        and then by whoever answers for long."""
        match caller.kind:
            case CallerKind.KEY:
                held = self._held.get(caller.key_id or "")
                good = held is not None and held.key.holds(self.time.now_ms())
                return good and held is not None and held.caller == caller
            case CallerKind.USER:
                return self._logged_in(bytes.fromhex(caller.session or "")) == caller
            case CallerKind.LOCAL:
                return not self.guarded
        return True

    def expose(self, text: str) -> None:
        """That key was sent where others read it."""
        held = self._proven(text)
        if held is not None and held.key.exposed_ms is None:
            self.exposed.add(held.key.id)

    def denied(self, caller: Caller, operation: str) -> None:
        """A caller asked for what is not theirs; the same is noted once until it is stored."""
        if len(self.denials) < DENIALS_MAX:
            self.denials[caller.name, operation] = caller

    def known_from(self, user_id: int, address: str) -> bool:
        """Whether a user has logged in from there within the last days."""
        return any(one.user_id == user_id and one.address == address
                   for one in self.sessions.values())  # fmt: skip

    def last_use_ms(self, session: Session) -> int:
        return max(session.used_ms, self.used_sessions.get(session.hash, 0))

    def _proven(self, text: str) -> _Held | None:
        """The key that is written so, good or not. One of an unknown id costs the same."""
        key_id = id_of(text)
        digest = None if key_id is None else self._pepper.digest(text)
        if key_id is None or digest is None:
            return None
        held = self._held.get(key_id)
        right = hmac.compare_digest(digest, held.key.digest if held else _NO_DIGEST)
        return held if right else None

    def _logged_in(self, hashed: bytes) -> Caller | None:
        session = self.sessions.get(hashed)
        if session is None or not self._good(session):
            return None
        if (caller := self._callers.get(hashed)) is not None:
            return caller
        user = self.users.get(session.user_id)
        if user is None or user.disabled:
            return None
        made = Caller.user(user.id, role=user.role, name=user.name, session=hashed.hex())
        self._callers[hashed] = made
        return made

    def _good(self, session: Session) -> bool:
        used_ms = self.last_use_ms(session)
        if used_ms != session.used_ms:
            session = Session(
                hash=session.hash, user_id=session.user_id, address=session.address,
                made_ms=session.made_ms, used_ms=used_ms, ended_ms=session.ended_ms,
            )  # fmt: skip
        return session.holds(self.time.now_ms())


@lru_cache(maxsize=4_096)
def _within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address is in one of them; an IPv4 one in IPv6's clothes is itself."""
    if not networks:
        return True
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in network for network in networks)
