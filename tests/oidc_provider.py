"""A provider of OpenID Connect on loopback: signs people in, well or as it is told to misbehave.

It checks what a good one checks: the redirect URI, the client's secret, and that whoever brings a
code knows the verifier of its challenge (RFC 7636, 4.6); a code is good once.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import BasicAuth, web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "sigmawatch", "a secret: with/+ all"
BACK_TO = "http://127.0.0.1:8000/login/oidc/callback"
Claims = dict[str, Any]


@cache
def rsa_key(kid: str, number: int = 0) -> RSAKey:
    """number: tells those of one name apart."""
    return RSAKey.generate_key(2048, parameters={"kid": kid}, private=True)


@cache
def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", parameters={"kid": kid}, private=True)


@dataclass(kw_only=True)
class Provider:
    """now_s: its clock. person: who signs in. twist: what it does to the claims; algorithm, key:
    what it signs with; other: documents that it tells in place of the right ones, by path."""

    now_s: Callable[[], int]
    port: int = 0
    back_to: str = BACK_TO
    person: Claims = field(default_factory=lambda: {
        "sub": "248289761001", "preferred_username": "Jane Doe", "groups": ["staff", "traders"],
    })  # fmt: skip
    twist: Callable[[Claims], Claims] = dict
    algorithm: str = "RS256"
    key: Any = None
    other: dict[str, Callable[[], Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    keys: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turn_keys("1")

    def turn_keys(self, name: str) -> None:
        """From now on it signs with those."""
        self.keys = [rsa_key(f"rsa-{name}"), ec_key(f"ec-{name}")]

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sign_in(self, address: str) -> dict[str, str]:
        """Somebody follows the address, and says yes: what the browser brings back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert address.startswith(f"{self.issuer}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert asked["redirect_uri"] == self.back_to
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def let_in(self, request: web.Request) -> web.Response:
        """Its page, where a browser says yes without being asked."""
        back = urlencode(self.sign_in(f"{self.issuer}{request.rel_url}"))
        raise web.HTTPFound(f"{self.back_to}?{back}")

    async def describe(self, _: web.Request) -> web.Response:
        return web.json_response({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        })  # fmt: skip

    async def tell_keys(self, _: web.Request) -> web.Response:
        return web.json_response(KeySet(self.keys).as_dict(private=False))

    async def give_token(self, request: web.Request) -> web.Response:
        given = dict(parse_qsl(await request.text()))
        known = BasicAuth.decode(request.headers["authorization"])
        quoted = urlencode({"": CLIENT_SECRET}).removeprefix("=")
        if (known.login, known.password) != (CLIENT_ID, quoted):
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self.codes.pop(given["code"], None)
        hashed = hashlib.sha256(given["code_verifier"].encode()).digest()
        challenge = _base64(hashed).decode()
        if asked is None or asked["code_challenge"] != challenge:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"id_token": self.token(asked["nonce"]), "token_type": "Bearer"})

    def token(self, nonce: str) -> str:
        now_s = self.now_s()
        claims = self.twist({
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now_s, "exp": now_s + 300,
            "nonce": nonce, **self.person,
        })  # fmt: skip
        if self.algorithm in {"none", "HS256"}:
            return self._badly_signed(claims)
        key = self.key or self.keys[0 if self.algorithm.startswith(("RS", "PS")) else 1]
        header = {"alg": self.algorithm}
        if key.kid:
            header["kid"] = key.kid
        return jwt.encode(header, claims, key, algorithms=[self.algorithm])

    def _badly_signed(self, claims: Claims) -> str:
        """Not at all, or with the public key for a secret, which a careless reader takes for
        good (RFC 8725, 2.1)."""
        head = json.dumps({"alg": self.algorithm, "kid": self.keys[0].kid}).encode()
        said = b".".join(map(_base64, (head, json.dumps(claims).encode())))
        public = self.keys[0].as_pem(private=False)
        signature = hmac.digest(public, said, "sha256") if self.algorithm == "HS256" else b""
        return f"{said.decode()}.{_base64(signature).decode()}"


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@asynccontextmanager
async def providing(now_s: Callable[[], int]) -> AsyncIterator[Provider]:
    """A provider that answers."""
    provider = Provider(now_s=now_s)

    @web.middleware
    async def misled(request: web.Request, handler: Any) -> web.StreamResponse:
        provider.asked.append(request.path)
        answer: web.StreamResponse
        told = provider.other.get(request.path)
        if told is None:
            answer = await handler(request)
            return answer
        found = told()
        answer = await found if asyncio.iscoroutine(found) else found
        return answer

    app = web.Application(middlewares=[misled])
    app.router.add_get("/.well-known/openid-configuration", provider.describe)
    app.router.add_get("/authorize", provider.let_in)
    app.router.add_get("/keys", provider.tell_keys)
    app.router.add_post("/token", provider.give_token)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server: Any = site._server
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        await runner.cleanup()
