"""The Python client on a running program, over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import pytest
from tests.web.conftest import MOVES, World
from tests.web.test_server import serving

from sigmawatch.client import AsyncClient, Cache, Client, Problem, models

T = TypeVar("T")


@asynccontextmanager
async def below_a_path(app: Any) -> AsyncIterator[str]:
    """The address of an application that a proxy serves below /sigma."""

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        assert scope["path"].startswith("/sigma/")
        raw = scope["raw_path"].removeprefix(b"/sigma")
        path = scope["path"].removeprefix("/sigma")
        await app({**scope, "path": path, "raw_path": raw}, receive, send)

    async with serving(mounted) as (port, _):
        yield f"http://127.0.0.1:{port}/sigma"


async def blocking(url: str, asked: Callable[[Client], T], **more: Any) -> T:
    """What `asked` comes to in a thread, as the blocking client needs one of its own here."""

    def run() -> T:
        with Client(url, "", **more) as client:
            return asked(client)

    return await asyncio.to_thread(run)


async def test_both_clients_tell_what_the_program_tells(moving: World) -> None:
    told = await moving.get("/metrics", limit=3, sort="-sigma_rel")
    async with (
        serving(moving.app) as (port, _),
        AsyncClient(url := f"http://127.0.0.1:{port}") as b,
    ):
        one = await blocking(url, lambda a: a.list_metrics(limit=3, sort="-sigma_rel"))
        other = await b.list_metrics(limit=3, sort="-sigma_rel")
    assert one.sequence == other.sequence == told["sequence"]
    names = [row["name"] for row in told["items"]]
    assert [row.name for row in one.items] == [row.name for row in other.items] == names
    assert one.items[0].sigma_rel == told["items"][0]["sigma_rel"]


async def test_a_walk_tells_every_series_once_though_slots_close_meanwhile(moving: World) -> None:
    async with serving(moving.app) as (port, _), AsyncClient(f"http://127.0.0.1:{port}") as client:
        rows = []
        async for row in client.iter_metrics(limit=5):
            rows.append(row)
            if len(rows) == 7:
                await moving.pass_slots(1, MOVES)
    assert len({row.id for row in rows}) == len(rows) == 12
    assert len({row.slot for row in rows}) == 1


async def test_records_of_any_name_below_any_path(moving: World) -> None:
    def asked(client: Client) -> tuple[models.Records, int]:
        page = client.show_records("kraken:BTC/USD:price", from_="-5m")
        return page, len(list(client.iter_records("KRAKEN:BTC-USD:price", from_="-5m", limit=2)))

    async with below_a_path(moving.app) as url:
        page, count = await blocking(url, asked)
    assert page.name == "KRAKEN:BTC/USD:price"
    assert count == len(page.items) == 4
    assert page.to_pandas()["value"].notna().all()


async def test_a_table_walks_on_by_its_cursor(moving: World) -> None:
    def asked(client: Client) -> list[bytes]:
        first = client.list_metrics_as("csv", limit=8, fields=["slug"])
        assert first.next_cursor is not None
        second = client.list_metrics_as("csv", limit=8, fields=["slug"], cursor=first.next_cursor)
        assert second.next_cursor is None
        return [line for one in (first, second) for line in one.content.split(b"\r\n")[1:-1]]

    async with serving(moving.app) as (port, _):
        lines = await blocking(f"http://127.0.0.1:{port}", asked)
    assert len(set(lines)) == 12


async def test_what_is_made_is_changed_with_its_tag_and_removed(world: World) -> None:
    async with serving(world.app) as (port, _), AsyncClient(f"http://127.0.0.1:{port}") as client:
        made = await client.put_rule("hot", condition="price > 3 * mean(1h)", target=["kraken:*"])
        with pytest.raises(Problem) as caught:
            await client.put_rule("hot", condition="price > 4 * mean(1h)", target=["kraken:*"])
        assert caught.value.slug == "precondition-required"
        changed = await client.put_rule(
            "hot", condition="price > 4 * mean(1h)", target=["kraken:*"],
            severity=made.severity, if_match=made.etag,
        )  # fmt: skip
        assert changed.version == made.version + 1
        await client.remove_rule("hot", if_match=changed.etag)
        with pytest.raises(Problem) as caught:
            await client.show_rule("hot")
        assert caught.value.slug == "unknown-rule"


async def test_a_post_under_one_key_is_done_once(world: World) -> None:
    async with serving(world.app) as (port, _), AsyncClient(f"http://127.0.0.1:{port}") as client:
        made = [
            await client.add_silence(target=["kraken:*"], until="2h", idempotency_key="k")
            for _ in range(2)
        ]
        assert made[0].id == made[1].id
        assert len((await client.list_silences()).items) == 1


async def test_what_has_not_changed_comes_from_the_cache(moving: World) -> None:
    cache = Cache()

    def asked(client: Client) -> tuple[int, int]:
        return client.list_metrics().sequence, client.list_metrics().sequence

    async with serving(moving.app) as (port, _):
        before = await blocking(url := f"http://127.0.0.1:{port}", asked, cache=cache)
        await moving.pass_slots(1, MOVES)
        after = await blocking(url, asked, cache=cache)
    assert before[0] == before[1] < after[0] == after[1]


async def test_who_watches_has_what_the_program_has(moving: World) -> None:
    async with (
        serving(moving.app) as (port, _), AsyncClient(f"http://127.0.0.1:{port}") as client,
        aclosing(client.watch(metric="price")) as watched, asyncio.timeout(60),
    ):  # fmt: skip
        table = await anext(watched)
        assert len(table.columns.id) == 12
        for _ in range(3):
            await moving.pass_slots(1, MOVES)
            now = await client.show_snapshot(metric="price")
            while (table.epoch, table.sequence) != (now.epoch, now.sequence):
                table = await anext(watched)
            assert table.columns == now.columns


async def test_who_watches_by_blocking_does_too(moving: World) -> None:
    def asked(client: Client) -> bool:
        table = next(client.watch(metric="price"))
        return table.columns == client.show_snapshot(metric="price").columns

    async with serving(moving.app) as (port, _):
        assert await blocking(f"http://127.0.0.1:{port}", asked)
