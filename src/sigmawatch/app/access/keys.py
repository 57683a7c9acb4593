"""API keys: made, rotated and revoked. The key itself is told once, to whoever made it.

A user's key may never more than its user, and goes with them; a key that nobody's user made is the
installation's. Nobody can make a key that may more than they may themselves.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sigmawatch.app.access.ground import Ground
from sigmawatch.domain.account import User
from sigmawatch.domain.api_key import (
    KEYS_MAX,
    NETWORKS_MAX,
    OVERLAP_MAX_MS,
    SECRET_BITS,
    ApiKey,
    id_of,
    key_name,
    written,
)
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, CallerKind, Scope
from sigmawatch.domain.errors import Conflict, Invalid, NotFound

ID_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A key to make. user: whose; None for that of whoever makes it."""

    name: str
    scopes: frozenset[Scope]
    user: User | None = None
    networks: tuple[str, ...] = ()
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """token: the key as it is sent; it cannot be told again."""

    token: str
    key: ApiKey

    def __repr__(self) -> str:
        return f"MadeKey(key={self.key.id!r})"


def parse_networks(texts: Iterable[str]) -> tuple[str, ...]:
    """Addresses and networks in canonical form. Raises Invalid."""
    found = []
    for text in texts:
        try:
            found.append(str(ipaddress.ip_network(text.strip())))
        except ValueError:
            raise Invalid(f"{text[:60]!r} is no address or network", field="networks",
                          allowed="as 192.0.2.7, 10.0.0.0/8, 2001:db8::/32") from None  # fmt: skip
    if len(found) > NETWORKS_MAX:
        raise Invalid(f"at most {NETWORKS_MAX} networks", field="networks")
    return tuple(dict.fromkeys(found))


class Keys:
    """Changes are durable before they are seen."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def visible(self, caller: Caller) -> Sequence[ApiKey]:
        """Those of the caller's user, or all for an admin; the newest first."""
        found = [self._with_use(key) for key in self._ground.book.keys if _theirs(key, caller)]
        return sorted(found, key=lambda key: (key.made_ms, key.id), reverse=True)

    def find(self, key_id: str, *, by: Caller) -> ApiKey:
        """Raises NotFound, for another user's too."""
        found = self._ground.book.key(key_id)
        if found is None or not _theirs(found, by):
            raise NotFound(f"there is no key {key_id[:40]!r}", field="key",
                           allowed="GET /api/v1/keys lists them")  # fmt: skip
        return self._with_use(found)

    def _with_use(self, key: ApiKey) -> ApiKey:
        used_ms = max(key.used_ms or 0, self._ground.book.used_keys.get(key.id, 0))
        return replace(key, used_ms=used_ms or None)

    async def make(self, wanted: Wanted, *, by: Actor) -> MadeKey:
        """Raises Invalid for what the maker or the user may not themselves, Refused where others
        stand that were made under another pepper."""
        caller = by.caller
        user_id = caller.user_id if wanted.user is None else wanted.user.id
        if user_id != caller.user_id and not caller.may(Scope.ADMIN):
            raise Invalid("only an admin makes keys of others", field="user")
        may = caller.scopes if wanted.user is None else wanted.user.role.scopes
        beyond = [one for one in sorted(wanted.scopes) if one not in may or not caller.may(one)]
        if beyond and not (caller.may(Scope.ADMIN) and wanted.user is None):
            raise Invalid(f"a key never may more than its maker and its user: {beyond[0]}",
                          field="scopes", allowed=", ".join(sorted(may)))  # fmt: skip
        async with self._ground.changing:
            self._check_room()
            await self._ground.check_pepper(making=True)
            made = self._new(wanted, user_id)
            async with self._ground.ledger.transaction() as transaction:
                await transaction.access.put_pepper(self._ground.pepper.mark)
                await transaction.access.put_key(made.key)
                await transaction.audit.append(
                    by.did("key.make", f"key {made.key.id}", after=_said(made.key))
                )
            await self._ground.took(keys=[made.key])
            return made

    def _check_room(self) -> None:
        now_ms = self._ground.book.time.now_ms()
        if sum(key.holds(now_ms) for key in self._ground.book.keys) >= KEYS_MAX:
            raise Invalid(f"there are {KEYS_MAX:,} keys already", field="name",
                          allowed="revoke one that is not needed")  # fmt: skip

    def _new(self, wanted: Wanted, user_id: int | None) -> MadeKey:
        token = written(
            id_number=secrets.randbits(ID_BITS), secret_number=secrets.randbits(SECRET_BITS)
        )
        key_id = id_of(token)
        assert key_id is not None
        key = ApiKey(
            id=key_id, name=key_name(wanted.name), user_id=user_id,
            digest=self._ground.pepper.new_digest(token), scopes=wanted.scopes,
            networks=wanted.networks, made_ms=self._ground.book.time.now_ms(),
            expires_ms=wanted.expires_ms,
        )  # fmt: skip
        return MadeKey(token=token, key=key)

    async def rotate(self, key_id: str, *, overlap_ms: int, by: Actor) -> MadeKey:
        """A new one in its place, which lasts as long as it was to; the old one is good for
        `overlap_ms` more. Raises NotFound, Conflict where it is not good any more, Invalid."""
        if not 0 <= overlap_ms <= OVERLAP_MAX_MS:
            raise Invalid("too long an overlap", field="overlap", allowed="0s to 30d")
        async with self._ground.changing:
            old, now_ms = self.find(key_id, by=by.caller), self._ground.book.time.now_ms()
            if not old.holds(now_ms) or old.revoked_ms is not None:
                raise Conflict("it is revoked, rotated or over already", field="key")
            await self._ground.check_pepper(making=True)
            lasts_ms = None if old.expires_ms is None else old.expires_ms - old.made_ms
            made = self._new(
                Wanted(name=old.name, scopes=old.scopes, networks=old.networks,
                       expires_ms=None if lasts_ms is None else now_ms + lasts_ms),
                old.user_id,
            )  # fmt: skip
            ended = replace(old, revoked_ms=now_ms + overlap_ms)
            async with self._ground.ledger.transaction() as transaction:
                await transaction.access.put_pepper(self._ground.pepper.mark)
                await transaction.access.put_key(ended)
                await transaction.access.put_key(made.key)
                await transaction.audit.append(by.did(
                    "key.rotate", f"key {old.id} to {made.key.id}", before=_said(old),
                    after=_said(made.key),
                ))  # fmt: skip
            await self._ground.took(keys=[ended, made.key])
            return made

    async def revoke(self, key_id: str, *, by: Actor) -> ApiKey:
        """Now; again changes nothing. Raises NotFound."""
        async with self._ground.changing:
            key, now_ms = self.find(key_id, by=by.caller), self._ground.book.time.now_ms()
            if key.revoked_ms is not None and key.revoked_ms <= now_ms:
                return key
            revoked = replace(key, revoked_ms=now_ms)
            async with self._ground.ledger.transaction() as transaction:
                await transaction.access.put_key(revoked)
                await transaction.audit.append(by.did(
                    "key.revoke", f"key {key.id}", before=_said(key), after=_said(revoked)
                ))  # fmt: skip
            await self._ground.took(keys=[revoked])
            return revoked


def _theirs(key: ApiKey, caller: Caller) -> bool:
    if caller.may(Scope.ADMIN):
        return True
    return caller.kind is not CallerKind.ANONYMOUS and (
        caller.user_id is not None and key.user_id == caller.user_id
    )


def _said(key: ApiKey) -> dict[str, object]:
    return {"name": key.name, "user_id": key.user_id, "scopes": sorted(key.scopes),
            "networks": key.networks, "expires_ms": key.expires_ms,
            "revoked_ms": key.revoked_ms}  # fmt: skip
