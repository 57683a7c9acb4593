"""Who a command asks: a tracker elsewhere, the program that holds its data folder, or one opened
for it alone.

All speak the same API, so every command prints the same from each.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from sigmawatch.app.cli import running
from sigmawatch.app.cli.api import ApiClient, in_process
from sigmawatch.app.cli.client import Client
from sigmawatch.app.cli.judging import workable
from sigmawatch.app.cli.options import Elsewhere
from sigmawatch.app.config import Config
from sigmawatch.app.web import create_app
from sigmawatch.app.wiring import build
from sigmawatch.client.http_async import AsyncHttp
from sigmawatch.domain.errors import Invalid, Refused, Unavailable

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 300.0  # a collection waits for its venues


@asynccontextmanager
async def connected(place: Config | Elsewhere) -> AsyncIterator[Client]:
    """A client of the tracker elsewhere, or of the program that holds `place.data`, else of one
    opened for this block.

    Raises InUse where a process holds the folder but does not answer, ConfigProblems, Invalid for
    what is no address.
    """
    if isinstance(place, Elsewhere):
        async with _at(place) as client:
            yield client
        return
    config = place
    note = running.find(config.data)
    if note is not None and await _answers(note):
        async with over_http(note) as client:
            yield client
        return
    workable(config)
    async with build(config) as program:
        token = secrets.token_urlsafe(32)
        yield ApiClient(in_process(create_app(program, token=token)), key=token)


@asynccontextmanager
async def running_program(place: Config | Elsewhere) -> AsyncIterator[ApiClient]:
    """A client of the tracker elsewhere, or of the program that runs on `place.data`. Raises
    Refused where none does, Invalid for what is no address."""
    if isinstance(place, Elsewhere):
        async with _at(place) as client:
            yield client
        return
    config = place
    note = running.find(config.data)
    if note is None or not await _answers(note):
        raise Refused(f"no program runs on {config.data}: start one with `sigmawatch run`")
    async with over_http(note) as client:
        yield client


@asynccontextmanager
async def _at(place: Elsewhere) -> AsyncIterator[ApiClient]:
    transport = AsyncHttp(timeout_s=ANSWER_TIMEOUT_S)
    try:
        client = ApiClient(transport, url=place.url, key=place.key)
    except ValueError as exc:
        raise Invalid(f"SIGMAWATCH_URL and SIGMAWATCH_KEY: {exc}") from exc
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def over_http(note: running.Running) -> AsyncIterator[ApiClient]:
    """A client of a running program."""
    # Its certificate is the one in the note, whoever signed it and for whichever name.
    known = aiohttp.Fingerprint(bytes.fromhex(note.fingerprint)) if note.fingerprint else True
    transport = AsyncHttp(timeout_s=ANSWER_TIMEOUT_S, connect_s=CONNECT_TIMEOUT_S, tls=known)
    client = ApiClient(transport, url=note.url, key=note.token)
    try:
        yield client
    finally:
        await client.close()


async def _answers(note: running.Running) -> bool:
    """Whether the note is true: a process id may have been given to another program."""
    async with over_http(note) as client:
        try:
            await client.get("")
        except Unavailable:
            return False
        return True
