"""Behind nginx and HAProxy, by the very lines of docs/how-to/access.md. Skipped where they are not
installed."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from tests.processes import started
from tests.security.callers import Known, configured
from tests.security.test_http import SMUGGLED
from tests.security.wire import exchanged, request, served
from tests.web.conftest import World

from sigmawatch.app.web import create_app
from sigmawatch.domain.caller import Scope

MANUAL = Path(__file__).parents[2] / "docs/how-to/access.md"
ACCESS = {"behind_proxy": True, "proxies": ["127.0.0.1"], "mode": "open-read"}
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{port}; {told} }}
}}
"""


def told(language: str) -> str:
    """What the manual says."""
    found = re.search(rf"```{language}\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def installed(name: str) -> str:
    """Where it is; without it the test is skipped."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"no {name} here: apt install {name}")
    return found


def command(name: str, folder: Path, *, port: int, ours: int) -> list[str]:
    """How `name` is started at `port`, in front of us."""
    found = installed(name)
    text = told(name).replace("127.0.0.1:8000", f"127.0.0.1:{ours}")
    file = folder / "proxy.conf"
    if name == "nginx":
        file.write_text(NGINX.format(folder=folder, port=port, told=text), "utf-8")
        user = ["-g", "user root;"] if os.geteuid() == 0 else []  # its worker writes here
        return [found, "-p", str(folder), "-c", str(file), *user]
    file.write_text(re.sub(r"bind .*", f"bind 127.0.0.1:{port}", text), "utf-8")
    return [found, "-db", "-f", str(file)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port: int = made.getsockname()[1]
        return port


@asynccontextmanager
async def behind(
    name: str, world: World, *, folder: Path, known: Known, a_minute: int = 6_000
) -> AsyncIterator[int]:  # fmt: skip
    """The port of a proxy in front of the world's program."""
    installed(name)  # before anything is open
    program = configured(world, access=ACCESS, limits={"anonymous_per_minute": a_minute})
    async with served(create_app(program, book=known)) as (ours, _):
        port = free_port()
        log = (folder / "said").open("wb")
        with log, started(
            command(name, folder, port=port, ours=ours), stdout=log, stderr=subprocess.STDOUT
        ) as process:  # fmt: skip
            async with asyncio.timeout(60):
                while not await _answers(port):
                    assert process.poll() is None, (folder / "said").read_text("utf-8")
            yield port


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        await asyncio.sleep(0.01)
        return False
    writer.close()
    return True


def client(port: int, address: str = "127.0.0.3") -> aiohttp.ClientSession:
    """Somebody who is not the proxy."""
    return aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(local_addr=(address, 0)),
        timeout=aiohttp.ClientTimeout(total=60),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
async def test_who_comes_through_a_proxy_is_who_they_are(
    world: World, tmp_path: Path, name: str
) -> None:
    """S15: "Spoofed X-Forwarded-For/Proto/Host: ignored (limits count the peer)"; the stream is
    read as it is written, and lines that are pushed are taken as they come."""
    known = Known()
    key = known.key("ingest", Scope.WRITE_INGEST)
    await world.pass_slots(1)
    place = behind(name, world, folder=tmp_path, known=known, a_minute=40)
    async with place as port, client(port) as mine, client(port, "127.0.0.4") as theirs:
        assert (await mine.get("/api/v1/users")).status == 401, "nobody there is this machine"
        async with mine.get("/api/v1/stream") as stream:
            first = await stream.content.readuntil(b"\n\n")  # while it goes on
            assert b"event: hello" in first
        body = b'{"market": "BTC/USD", "value": 1}\n' * 5 + b" " * 900_000 + b"\n"
        answer = await mine.post("/api/v1/samples", data=io.BytesIO(body * 3), headers={
            **key, "Content-Type": "application/x-ndjson",
        })  # fmt: skip
        assert (answer.status, (await answer.json())["taken"]) == (200, 15)
        asked = [
            (await mine.get("/healthz", headers={"X-Forwarded-For": f"10.0.0.{n}"})).status
            for n in range(50)
        ]
        assert set(asked) == {200, 429}
        assert asked[-1] == 429
        assert (await theirs.get("/healthz")).status == 200


@pytest.mark.parametrize("name", ["nginx", "haproxy"])
async def test_s42_nobody_is_answered_what_another_asked_behind_a_proxy(
    world: World, tmp_path: Path, name: str
) -> None:
    """S42: "behind haproxy and nginx no desync"."""
    asked = request("GET /healthz HTTP/1.1", "Host: localhost", "Connection: close")
    async with behind(name, world, folder=tmp_path, known=Known()) as port:
        for what, smuggled in SMUGGLED.items():
            assert b"/hidden" not in await said(port, smuggled), what
            assert (await exchanged(port, asked)).endswith(b'{"status":"ok"}'), what


async def said(port: int, sent: bytes) -> bytes:
    """Everything that comes, of somebody who has no more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(60):
            writer.write(sent)
            writer.write_eof()
            with suppress(ConnectionError):
                return await reader.read()
            return b""
    finally:
        writer.close()
