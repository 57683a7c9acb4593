"""Who may ask for what: every operation of the OpenAPI document, by everybody (S01, S06, S57)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar.routes import HTTPRoute
from tests.security.callers import LOOPBACK, Known, calling
from tests.web.conftest import MOVES, TOKEN, World, a_world, reading
from tests.web.test_errors import judged

from sigmawatch.app.web import contract
from sigmawatch.app.web.openapi_access import handlers_of
from sigmawatch.domain.caller import Role, Scope


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    scope: Scope | None
    by_session: bool


def operations() -> Iterator[Operation]:
    document = msgspec.json.decode(contract().content)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            needs = operation["security"]
            schemes = {name: scopes for one in needs for name, scopes in one.items()}
            scope = Scope(schemes["key"][0]) if needs else None
            yield Operation(operation["operationId"], method.upper(), path, scope,
                            not needs or "session" in schemes)  # fmt: skip


ALL = list(operations())
NEEDY = [one for one in ALL if one.scope is not None]


@dataclass(frozen=True)
class Doors:
    """One program behind one door: who is known there, and clients from near and far."""

    world: World
    known: Known
    far: httpx.AsyncClient
    near: httpx.AsyncClient


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    """A program that may be asked for anything, also to change."""
    known = Known()
    async with (
        a_world(tmp_path_factory.mktemp("lived")) as world,
        calling(world, known) as far,
        calling(world, known, address=LOOPBACK) as near,
    ):
        await world.pass_slots(2, MOVES)
        yield Doors(world, known, far, near)


async def ask(client: httpx.AsyncClient, one: Operation, headers: dict[str, str]) -> httpx.Response:
    """Ask for it with a parameter and a body that nothing takes: what is admitted does nothing."""
    path = one.path + "?no_such_parameter=1"
    for name in ("{number}", "{id}"):
        path = path.replace(name, "999999")
    while "{" in path:
        path = f"{path.partition('{')[0]}no-such{path.partition('}')[2]}"
    if one.method == "GET":
        return await client.get(path, headers=headers)
    more = {"Content-Type": "application/json", "X-Sigmawatch": "1",
            "Sec-Fetch-Site": "same-origin"}  # fmt: skip
    return await client.request(one.method, path, headers=headers | more,
                                content=b'{"no_such_field": 1}')  # fmt: skip


def slug(answer: httpx.Response) -> str:
    kind = answer.headers.get("content-type", "")
    if not kind.startswith("application/problem+json"):
        return ""
    return str(answer.json()["type"].rpartition("/")[2])


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("one", NEEDY, ids=lambda one: one.id)
@reading
async def test_s01_nobody_is_told_who_they_are_before_anything_else(
    doors: Doors, one: Operation, near: bool
) -> None:
    """S01: "Request without credentials to each operation (from the first user on, and off loopback
    always): 401 problem, WWW-Authenticate, constant shape"."""
    answer = await ask(doors.near if near else doors.far, one, {})
    problem = judged(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    del problem["request_id"]
    assert problem == {
        "type": "/problems/unauthorized", "title": "Who asks?", "status": 401, "errors": [],
        "detail": "this needs a key or a login", "advice": problem["advice"],
    }  # fmt: skip


@pytest.mark.parametrize("one", [one for one in ALL if one.scope is None], ids=lambda one: one.id)
@reading
async def test_what_needs_no_scope_is_answered_to_anybody(doors: Doors, one: Operation) -> None:
    assert slug(await ask(doors.far, one, {})) not in {"unauthorized", "not-permitted"}


@pytest.mark.parametrize("one", NEEDY, ids=lambda one: one.id)
@reading
async def test_s06_each_role_and_each_key_may_what_its_scopes_say(
    doors: Doors, one: Operation
) -> None:
    """S06: "Read key does write; non-admin does admin (generated matrix): 403, nothing changed,
    audit entry". Scopes of roles: domain/caller.py."""
    assert one.scope is not None
    known = doors.known
    callers = {str(scope): (known.key(scope.name.replace("_", ""), scope), {scope})
               for scope in Scope}  # fmt: skip
    if one.by_session:
        callers |= {
            str(role): (known.log_in(role, user_id=number), set(role.scopes))
            for number, role in enumerate(Role, 1)
        }
    for name, (headers, scopes) in callers.items():
        known.denials.clear()
        answer = await ask(doors.far, one, headers)
        if {one.scope, Scope.ADMIN} & scopes:
            assert slug(answer) not in {"unauthorized", "not-permitted"}, (name, answer.text)
            assert known.denials == [], name
        else:
            problem = judged(answer, 403, "not-permitted")
            assert str(one.scope) in problem["detail"]
            assert [operation for _, operation in known.denials] == [f"{one.method} {one.id}"]


@reading
async def test_a_cookie_does_not_count_where_readings_are_taken(doors: Doors) -> None:
    """SECURITY.md, CSRF: "cookies are ignored on ingest endpoints"."""
    cookie = doors.known.log_in(Role.ADMIN)
    keyed = [one for one in NEEDY if not one.by_session]
    assert keyed
    for one in keyed:
        judged(await ask(doors.far, one, cookie), 401, "unauthorized")


@reading
async def test_s57_every_route_is_in_the_document_or_belongs_to_the_page(doors: Doors) -> None:
    """S57: "OpenAPI vs reality: undocumented endpoints, debug routes: none"."""
    documented = {one.id for one in ALL}
    page = {"show_page", "show_docs", "show_asset", "show_document"}
    beside = page | {"begin_login", "end_login"}  # to a provider and back, for browsers alone
    beside |= {"unsubscribe_by_mail"}  # of List-Unsubscribe, for programs that show mail
    assert set(handlers_of(doors.world.app)) - documented == beside
    for route in doors.world.app.routes:
        assert isinstance(route, HTTPRoute), route.path


@reading
async def test_every_handler_says_which_scope_it_needs(doors: Doors) -> None:
    """SECURITY.md, Authorization: "a new endpoint without an entry fails the build"."""
    for name, handler in handlers_of(doors.world.app).items():
        assert "scope" in handler.opt, f'{name} needs opt={{"scope": Scope.…}}'


@reading
async def test_the_command_line_may_everything_and_is_not_counted(doors: Doors) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = await doors.far.get("/api/v1/backups", headers=headers)
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


@reading
async def test_what_an_address_takes_is_told_to_anybody(doors: Doors) -> None:
    answer = await doors.far.options("/api/v1/rules/hot")
    assert answer.status_code == 204
    assert answer.headers.get_list("allow") == ["DELETE, GET, HEAD, OPTIONS, PUT"]
