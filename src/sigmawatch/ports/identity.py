"""Who says who somebody is, where it is not us: a provider of OpenID Connect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """One attempt to sign in, as its browser carries it. All are random: state ties the answer to
    this browser, nonce the token to this attempt, verifier the code to us (RFC 7636)."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Who it is. subject: unique at its issuer, and never somebody else's (OpenID Connect Core 2).
    claims: what the issuer says beside."""

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)


class IdentityProvider(Protocol):
    """Asked over the network, each time within bounds."""

    async def address(self, sought: Sought, *, back_to: str) -> str:
        """Where the browser is to go. back_to: where it is to come back. Raises Unavailable, and
        Refused where the provider cannot be used."""
        ...

    async def proven(self, code: str, sought: Sought, *, back_to: str) -> Proven:
        """Whom the code that came back is of. Raises NotProven, Unavailable, Refused."""
        ...
