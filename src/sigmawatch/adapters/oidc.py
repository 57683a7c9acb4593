"""OpenID Connect: the authorization code flow with PKCE (OpenID Connect Core 1.0, 3.1; RFC 7636).

Everything is asked through the egress guard, which follows no redirect and takes 64 KB at most.
What the provider says of itself is kept for KEPT_MS; its keys too, and they are asked for once more
where a token is by another, no more often than every ANEW_MS. While it fails it is asked every
FAILED_MS, and by one attempt at a time. A token counts only with a signature
by one of those keys, in an algorithm of ALGORITHMS, from the issuer, for us, for this attempt, in
its time. Fulfils ports.identity.IdentityProvider.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sigmawatch.adapters.egress.addresses import Network
from sigmawatch.adapters.egress.destination import Opening
from sigmawatch.adapters.egress.guard import Egress
from sigmawatch.adapters.egress.http import Reply, Request
from sigmawatch.domain.errors import Invalid, NotProven, Refused, Unavailable
from sigmawatch.domain.window import HOUR_MS, MINUTE_MS
from sigmawatch.ports.clock import Clock
from sigmawatch.ports.identity import Proven, Sought

KEPT_MS = HOUR_MS
ANEW_MS = MINUTE_MS
FAILED_MS = 5_000
LEEWAY_S = 60  # between their clock and ours
SUBJECT_CHARS_MAX = 255  # OpenID Connect Core 2: "MUST NOT exceed 255 ASCII characters"
# Of RFC 7518: signatures alone. `none` is nobody's, and HS256 would take a public key for a secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
T = TypeVar("T")
# What comes of a document or a token that is not what it should be, whoever reads it.
UNREADABLE = (JoseError, msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What we are to the provider."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]


class Described(msgspec.Struct, frozen=True):
    """What a provider says of itself (OpenID Connect Discovery 1.0, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class OidcProvider:
    """One provider. egress: the way there."""

    def __init__(self, client: Client, egress: Egress, *, clock: Clock) -> None:
        self._client, self._egress, self._clock = client, egress, clock
        self._described: _Kept[Described] = _Kept(clock)
        self._keys: _Kept[KeySet] = _Kept(clock)

    @classmethod
    def of(
        cls, client: Client, openings: Iterable[tuple[Network, int]], *, clock: Clock
    ) -> OidcProvider:
        """openings: ranges and ports that the operator opened."""
        opened = [Opening(network=network, port=port) for network, port in openings]
        return cls(client, Egress(opened), clock=clock)

    async def address(self, sought: Sought, *, back_to: str) -> str:
        described = await self._description()
        challenge = _base64(hashlib.sha256(sought.verifier.encode()).digest())
        query = urlencode({
            "response_type": "code", "client_id": self._client.client_id,
            "redirect_uri": back_to, "scope": " ".join(self._client.scopes),
            "state": sought.state, "nonce": sought.nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        })  # fmt: skip
        at = described.authorization_endpoint
        return f"{at}{'&' if urlsplit(at).query else '?'}{query}"

    async def proven(self, code: str, sought: Sought, *, back_to: str) -> Proven:
        described = await self._description()
        token = await self._token(described, code, sought=sought, back_to=back_to)
        claims = await self._claims(token, described, nonce=sought.nonce)
        subject = claims["sub"]
        if not (isinstance(subject, str) and 0 < len(subject) <= SUBJECT_CHARS_MAX):
            raise NotProven("the provider's token names nobody")
        return Proven(issuer=self._client.issuer, subject=subject, claims=claims)

    async def _token(
        self, described: Described, code: str, *, sought: Sought, back_to: str
    ) -> str:  # fmt: skip
        """The ID token for a code."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back_to,
                "code_verifier": sought.verifier}  # fmt: skip
        headers = {"content-type": "application/x-www-form-urlencoded"}
        client_id, secret = self._client.client_id, self._client.client_secret
        if "client_secret_basic" in described.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        request = Request(body=urlencode(form).encode(), headers=headers)
        reply = await self._asked(described.token_endpoint, request)
        if reply.status == 400:  # RFC 6749, 5.2: of this code or of us, and their log says which
            raise NotProven("the provider does not take that code; sign in anew")
        if reply.status == 401:
            raise Refused("the provider does not know us: see client_id and client_secret")
        token = _document(reply, dict[str, Any], what="token").get("id_token")
        if not isinstance(token, str):
            raise Unavailable("the provider's answer holds no ID token: is `openid` in scopes?")
        return token

    async def _claims(self, token: str, described: Described, *, nonce: str) -> Mapping[str, Any]:
        """What a token says, once all of it holds (OpenID Connect Core 3.1.3.7)."""
        client_id = self._client.client_id
        registry = jwt.JWTClaimsRegistry(
            now=self._clock.now_ms() // 1_000, leeway=LEEWAY_S,
            iss={"essential": True, "value": described.issuer}, sub={"essential": True},
            aud={"essential": True, "value": client_id}, exp={"essential": True},
            iat={"essential": True}, nonce={"essential": True, "value": nonce},
        )  # fmt: skip
        claims = await self._signed(token, described)
        try:
            registry.validate(claims)
        except UNREADABLE as exc:
            raise NotProven(f"the provider's token does not hold: {_brief(exc)}") from None
        audience = claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if claims.get("azp", None if several else client_id) != client_id:
            raise NotProven("the provider's token was issued to somebody else")
        return claims

    async def _signed(self, token: str, described: Described) -> dict[str, Any]:
        """Of a key that we know; where it is by another one, of those of today."""
        keys = await self._key_set(described, kept_ms=KEPT_MS)
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except UNREADABLE:
            keys = await self._key_set(described, kept_ms=ANEW_MS)
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        except UNREADABLE as exc:
            raise NotProven(f"the provider's token is not signed by it: {_brief(exc)}") from None

    async def _key_set(self, described: Described, *, kept_ms: int) -> KeySet:
        async def asked_for() -> KeySet:
            reply = await self._asked(described.jwks_uri, Request(method="GET"))
            try:
                return KeySet.import_key_set(_document(reply, Any, what="keys"))
            except UNREADABLE as exc:
                raise Unavailable(f"the provider's keys cannot be read: {_brief(exc)}") from None

        return await self._keys.get(asked_for, kept_ms=kept_ms)

    async def _description(self) -> Described:
        return await self._described.get(self._described_anew, kept_ms=KEPT_MS)

    async def _described_anew(self) -> Described:
        at = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        reply = await self._asked(at, Request(method="GET"))
        found: Described = _document(reply, Described, what="description")
        if found.issuer != self._client.issuer:  # Discovery 4.3: "MUST be identical"
            raise Refused(f"{at} is of the issuer {found.issuer[:200]!r}, not of the one that is "
                          "configured")  # fmt: skip
        self._check(found.authorization_endpoint)
        return found

    async def _asked(self, url: str, request: Request) -> Reply:
        try:
            return await self._egress.send(url, request)
        except Invalid as exc:
            raise Refused(f"the provider's address may not be asked: {exc}") from None

    def _check(self, url: str) -> None:
        try:
            self._egress.destination(url)
        except Invalid as exc:
            raise Refused(f"the provider sends browsers where they may not go: {exc}") from None


class _Kept(Generic[T]):
    """One document: asked for by one at a time, and kept; that it failed, for FAILED_MS."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asking = asyncio.Lock()
        self._found: tuple[int, T] | None = None
        self._failed: tuple[int, str] | None = None

    async def get(self, ask: Callable[[], Awaitable[T]], *, kept_ms: int) -> T:
        """Raises what `ask` does; Unavailable again right after it was."""
        async with self._asking:
            now_ms = self._clock.monotonic_ms()
            if self._found is not None and now_ms - self._found[0] < kept_ms:
                return self._found[1]
            if self._failed is not None and now_ms - self._failed[0] < FAILED_MS:
                raise Unavailable(self._failed[1], retry_after_s=FAILED_MS / 1_000)
            try:
                self._found = now_ms, await ask()
            except Unavailable as exc:
                self._failed = self._clock.monotonic_ms(), str(exc)
                raise
            return self._found[1]


def _document(reply: Reply, shape: Any, *, what: str) -> Any:
    if reply.status != 200:
        raise Unavailable(f"the provider answered {reply.status} instead of its {what}")
    try:
        return msgspec.json.decode(reply.body, type=shape)
    except UNREADABLE:
        raise Unavailable(f"the provider's {what} cannot be read") from None


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _brief(exc: Exception) -> str:
    """What is wrong with a token, and nothing of what is in it."""
    return getattr(exc, "error", "") or type(exc).__name__
