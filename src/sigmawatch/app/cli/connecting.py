"""Who a command asks: the program that holds its data folder, or one opened for it alone.

Both speak the same API, so every command prints the same from both.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from sigmawatch.app.cli import running
from sigmawatch.app.cli.client import ApiClient, Client, Question, in_process
from sigmawatch.app.cli.judging import workable
from sigmawatch.app.config import Config
from sigmawatch.app.web import create_app
from sigmawatch.app.wiring import build
from sigmawatch.domain.errors import Unavailable

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 300.0  # a collection waits for its venues


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Client]:
    """A client of the program that holds `config.data`, else of one opened for this block.

    Raises InUse where a process holds the folder but does not answer, ConfigProblems.
    """
    note = running.find(config.data)
    if note is not None and await _answers(note):
        async with over_http(note) as client:
            yield client
        return
    workable(config)
    async with build(config) as program:
        token = secrets.token_urlsafe(32)
        yield ApiClient(in_process(create_app(program, token=token), token=token))


@asynccontextmanager
async def over_http(note: running.Running) -> AsyncIterator[ApiClient]:
    """A client of a running program."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
    headers = {"Authorization": f"Bearer {note.token}", "Content-Type": "application/json"}
    # Its certificate is the one in the note, whoever signed it and for whichever name.
    known = aiohttp.Fingerprint(bytes.fromhex(note.fingerprint)) if note.fingerprint else True
    async with aiohttp.ClientSession(note.url, timeout=timeout, headers=headers) as session:

        async def speak(question: Question) -> tuple[int, bytes]:
            matching = {"If-Match": question.if_match} if question.if_match else {}
            asked = session.request(
                question.method, question.target, data=question.body, headers=matching, ssl=known
            )
            try:
                async with asked as answer:
                    return answer.status, await answer.read()
            except (aiohttp.ClientError, TimeoutError) as exc:
                raise Unavailable(f"the program at {note.url} does not answer: {exc}") from exc

        yield ApiClient(speak)


async def _answers(note: running.Running) -> bool:
    """Whether the note is true: a process id may have been given to another program."""
    async with over_http(note) as client:
        try:
            await client.get("")
        except Unavailable:
            return False
        return True
