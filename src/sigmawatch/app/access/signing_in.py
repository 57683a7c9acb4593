"""Signing in by somebody else's word: who a provider says it is becomes a user and a session.

A user is tied to issuer and subject, which are never anybody else's, and to nothing that people
may choose or that is given to others later: no name, no mail address. The tie is in the place of
the password, so who signs in by a provider has none here. What they may follows from what the
provider says at each sign-in.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass

import structlog

from sigmawatch.app.access.logins import Attempt, LoggedIn, Logins
from sigmawatch.app.access.users import Users
from sigmawatch.app.oidc_config import OidcConfig
from sigmawatch.domain.account import User, tie_to, user_name
from sigmawatch.domain.audit import Actor
from sigmawatch.domain.caller import Caller, CallerKind, Role
from sigmawatch.domain.errors import Conflict, Invalid, NotPermitted, NotProven
from sigmawatch.ports.identity import IdentityProvider, Proven, Sought

TOKEN_BYTES = 32
_CODE_CHARS_MAX = 2_048
_UNFIT = re.compile(r"[^a-z0-9._@+-]+", re.ASCII)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """address: where the browser goes. kept: what it keeps meanwhile."""

    address: str
    kept: str

    def __repr__(self) -> str:
        return "Begun()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A browser that came back. kept: what it kept."""

    state: str
    code: str
    kept: str
    address: str
    request_id: str = ""
    instead_of: Caller | None = None

    def __repr__(self) -> str:
        return f"Returned(address={self.address!r})"


class SignIns:
    """One provider's."""

    def __init__(
        self, provider: IdentityProvider, config: OidcConfig, *, users: Users, logins: Logins
    ) -> None:
        self._provider, self._config = provider, config
        self._users, self._logins = users, logins

    @property
    def provider(self) -> str:
        """What people call it."""
        return self._config.called

    async def begin(self) -> Begun:
        """Raises Conflict while there is no user, Unavailable, Refused."""
        if not self._users.all:
            raise Conflict("the first user, an admin, is made with the set-up token",
                           allowed="POST /api/v1/setup, or `sigmawatch user add`")  # fmt: skip
        parts = [secrets.token_urlsafe(TOKEN_BYTES) for _ in range(3)]
        sought = Sought(state=parts[0], nonce=parts[1], verifier=parts[2])
        address = await self._provider.address(sought, back_to=self._config.back_to)
        return Begun(address=address, kept=".".join(parts))

    async def finish(self, returned: Returned) -> LoggedIn:
        """Raises NotProven, NotPermitted, Conflict, Unavailable, Refused."""
        sought = _sought(returned)
        code = returned.code[:_CODE_CHARS_MAX]
        proven = await self._provider.proven(code, sought, back_to=self._config.back_to)
        role = self._config.role_of(proven.claims)
        by = Actor(request_id=returned.request_id, caller=Caller(
            kind=CallerKind.ANONYMOUS, scopes=frozenset(), name="sign-in"
        ))  # fmt: skip
        if role is None:
            log.warning("sign_in_refused", reason="no value of role_claim fits")
            raise NotPermitted("whoever you are there, nobody has given you a role here")
        user = await self._user(proven, role, by=by)
        return await self._logins.enter(user.id, Attempt(
            name=user.name, password="", address=returned.address,
            request_id=returned.request_id, instead_of=returned.instead_of,
        ))  # fmt: skip

    async def _user(self, proven: Proven, role: Role, *, by: Actor) -> User:
        """The one who is tied to that identity, as what they are today; a new one else."""
        tie = tie_to(proven.issuer, proven.subject)
        user = next((one for one in self._users.all if one.password == tie), None)
        if user is None:
            return await self._users.add_tied(self._free_name(proven, tie), role, tie=tie, by=by)
        if user.disabled:
            raise NotPermitted(f"{user.name} is disabled here")
        return await self._users.change(user.name, role=role, by=by)

    def _free_name(self, proven: Proven, tie: str) -> str:
        said = proven.claims.get(self._config.name_claim)
        text = _UNFIT.sub("-", said.lower()).strip("-._@+")[:50] if isinstance(said, str) else ""
        mark = tie[-8:]
        try:
            name = user_name(text)
        except Invalid:
            return f"oidc-{mark}"
        return name if self._users.named(name) is None else f"{name}-{mark}"


def _sought(returned: Returned) -> Sought:
    """What the browser set out with, where the answer is to that."""
    parts = returned.kept.split(".")
    if len(parts) != 3 or not all(parts):
        raise NotProven("this browser did not begin to sign in here, or too long ago: begin anew")
    if not hmac.compare_digest(parts[0].encode(), returned.state.encode()):
        raise NotProven("that is the answer to another attempt to sign in: begin anew")
    return Sought(state=parts[0], nonce=parts[1], verifier=parts[2])
