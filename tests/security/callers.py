"""Callers for the tests of the door: a world's program behind a door of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.web.conftest import TOKEN, World

from sigmawatch.app.access_config import AccessConfig, LimitsConfig
from sigmawatch.app.program import Program
from sigmawatch.app.web import create_app
from sigmawatch.domain.caller import Caller, CallerKind, Role, Scope

FAR, LOOPBACK = "203.0.113.7", "127.0.0.1"


def key_text(name: str) -> str:
    """A key's text, as long as a real one."""
    return f"sw_{name}_{'k' * 43}_000000"


def a_key(name: str, *scopes: Scope) -> Caller:
    return Caller(kind=CallerKind.KEY, key_id=name, scopes=frozenset(scopes), name=name)


@dataclass
class Known:
    """An access book of the test's own."""

    guarded: bool = True
    keys: dict[str, Caller] = field(default_factory=dict)
    sessions: dict[str, Caller] = field(default_factory=dict)
    exposed: list[str] = field(default_factory=list)
    denials: list[tuple[Caller, str]] = field(default_factory=list)

    def of_key(self, text: str, *, address: str) -> Caller | None:
        return self.keys.get(text)

    def of_session(self, token: str) -> Caller | None:
        return self.sessions.get(token)

    def holds(self, caller: Caller) -> bool:
        return True

    def expose(self, text: str) -> None:
        self.exposed.append(text)

    def denied(self, caller: Caller, operation: str) -> None:
        self.denials.append((caller, operation))

    def key(self, name: str, *scopes: Scope) -> dict[str, str]:
        """Make a key; the header that carries it."""
        self.keys[key_text(name)] = a_key(name, *scopes)
        return {"Authorization": f"Bearer {key_text(name)}"}

    def log_in(self, role: Role, *, user_id: int = 1) -> dict[str, str]:
        """Log somebody in; the cookie."""
        self.sessions[f"session-{user_id}"] = Caller.user(user_id, role=role, name=str(role))
        return {"Cookie": f"sigmawatch=session-{user_id}"}


class _Configured:
    """A program under another `[access]` and `[limits]`."""

    def __init__(self, program: Program, **tables: Any) -> None:
        self._program = program
        self.config = program.config.model_copy(update=tables)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)


def configured(
    world: World, *, access: dict[str, Any] | None = None, limits: dict[str, Any] | None = None
) -> Any:  # fmt: skip
    """The world's program under these tables."""
    return _Configured(
        world.program, access=AccessConfig(**access or {}),
        limits=LimitsConfig(**{"query_s": 60.0, **(limits or {})}),
    )  # fmt: skip


@asynccontextmanager
async def calling(
    world: World, known: Known | None = None, *, address: str = FAR,
    access: dict[str, Any] | None = None, limits: dict[str, Any] | None = None,
) -> AsyncIterator[httpx.AsyncClient]:  # fmt: skip
    """A client at `address` of the world's program."""
    program = configured(world, access=access, limits=limits)
    app: Any = create_app(program, token=TOKEN, book=known or Known())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
        yield client
