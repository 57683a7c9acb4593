"""`/login/oidc`: a browser signs in by a provider, and has a session as after a password."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, providing
from tests.web.conftest import START_MS, World, a_world
from tests.web.test_access import PAGE, a_client, add


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with providing(lambda: START_MS // 1_000) as made:
        yield made


def _oidc(provider: Provider) -> Mapping[str, Any]:
    return {
        "issuer": provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "public_url": "http://127.0.0.1:8000", "roles": {"editor": ["traders"]},
    }  # fmt: skip


@pytest.fixture
async def signing(tmp_path: Path, provider: Provider) -> AsyncIterator[World]:
    """With an admin, and a provider on this machine, which the operator has opened."""
    egress = {"allow": [f"127.0.0.0/8:{provider.port}"]}
    async with a_world(tmp_path / "data", access={"oidc": _oidc(provider)}, egress=egress) as world:
        await add(world, "ada", "admin")
        yield world


async def begun(page: httpx.AsyncClient, provider: Provider) -> str:
    """The address to which the provider sends a browser back."""
    answer = await page.get("http://127.0.0.1:8000/login/oidc")
    assert answer.status_code == 302, answer.text
    assert "no-store" in answer.headers["cache-control"]
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Max-Age=600"} <= set(cookie.split("; "))
    back = {**provider.sign_in(answer.headers["location"]), "iss": provider.issuer}
    return f"http://127.0.0.1:8000/login/oidc/callback?{urlencode(back)}"


async def test_a_browser_signs_in_and_out(signing: World, provider: Provider) -> None:
    async with a_client(signing, **PAGE) as page:
        answer = await page.get(await begun(page, provider))
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        cookies = answer.headers.get_list("set-cookie")
        assert any("SameSite=strict" in one and "HttpOnly" in one for one in cookies)
        shown = (await page.get("/session")).json()
        assert (shown["kind"], shown["name"], shown["role"]) == ("user", "jane-doe", "editor")
        assert not any(name.endswith("-login") for name in page.cookies)
        assert (await page.delete("/session")).status_code == 204
        assert (await page.get("/session")).json()["kind"] == "anonymous"


async def test_who_is_not_signed_in_is_told_of_the_provider_once_it_lets_anybody_in(
    tmp_path: Path, provider: Provider
) -> None:
    async with a_world(tmp_path / "data", access={"oidc": _oidc(provider)}) as world:
        assert (await world.client.get("/api/v1/session")).json()["sign_in"] is None
        await add(world, "ada", "admin")
        told = (await world.client.get("/api/v1/session")).json()
        host = provider.issuer.removeprefix("http://")
        assert told["sign_in"] == {"name": host, "address": "/login/oidc"}
        assert told["kind"] == "anonymous"


async def test_the_answer_to_another_browsers_attempt_signs_nobody_in(
    signing: World, provider: Provider
) -> None:
    """Login CSRF: who is sent a link to somebody else's sign-in does not come in as them."""
    async with a_client(signing) as mine, a_client(signing) as theirs:
        link = await begun(mine, provider)
        for page in (theirs, mine):
            await begun(page, provider)  # its own, which is another one
            answer = await page.get(link)
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
            assert (await page.get("/session")).json()["kind"] == "anonymous"


async def test_what_the_provider_refused_is_said_and_never_shown_as_it_came(
    signing: World,
) -> None:
    """SECURITY.md S18: what is in the address is somebody else's text."""
    async with a_client(signing, accept="text/html") as page:
        query = urlencode({"error": "access_denied", "error_description": "<script>x</script>"})
        answer = await page.get(f"http://127.0.0.1:8000/login/oidc/callback?{query}")
    assert answer.status_code == 401
    assert "did not let you sign in" in answer.text
    assert "<script>" not in answer.text


async def test_without_a_provider_there_is_nothing_to_sign_in_by(world: World) -> None:
    for path in ("/login/oidc", "/login/oidc/callback?code=x&state=y"):
        assert (await world.client.get(path)).status_code == 404
